"""State that is carried over contiguous text, in windows."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import seqkit
from seqkit.batching import Streams
from seqkit.errors import Interrupted
from seqkit.experiment import Silent
from seqkit.optimisers import BatchSettings
from seqkit.pipeline import build
from seqkit.plugins import registry
from seqkit.recipe import read_recipe
from seqkit.table import Table
from seqkit.testing import check_stage
from seqkit.training import Step

RECIPE = """
seqkit: 1
name: language
data: {use: jsonl, train: train.jsonl, dev: dev.jsonl, text: words}
tokenise: {use: words}
embed: {use: lookup, width: 8}
encode: {use: memory, width: 16}
decode: {use: next}
train: {epochs: 4, batch: {streams: 2, window: 5}, optimiser: {use: adam, rate: 0.02}, save: 0}
"""


def rows(count: int, seed: int) -> list[dict[str, list[str]]]:
    """Lines that count on: `<s> a b c`, `<s> d e`; the next line goes on where the last ended."""
    draw, at, found = random.Random(seed), 0, []
    for _ in range(count):
        size = draw.randint(0, 4)
        found.append({"words": ["<s>", *("abcde"[(at + step) % 5] for step in range(size))]})
        at += size
    return found


class Stop(Silent):
    """Asks the run to stop, as Ctrl-C does, after a step."""

    def __init__(self, at: int) -> None:
        self.at = at

    def stepped(self, step: Step) -> None:
        if step.number == self.at:
            os.kill(os.getpid(), signal.SIGINT)


def test_windows_with_carried_state_equal_the_whole_sequence(write: Callable[..., Path]) -> None:
    every = rows(7, 1)
    pipeline = build(read_recipe(write(RECIPE, train=every, dev=rows(2, 2))), every)
    examples = [pipeline.example(row, "row") for row in every]
    table = Table.stack([pipeline.prepare(one) for one in examples])
    streams = Streams(table, pipeline.along_time, BatchSettings(streams=2, window=5))
    whole = Streams(table, pipeline.along_time, BatchSettings(streams=2, window=10_000))
    ((batch, _, _),) = list(whole)
    loss, _, after = pipeline.network(batch)
    total, count, states = 0.0, 0, None
    for window, _, continues in streams:
        part, _, states = pipeline.network(window, states if continues else None)
        total, count = total + float(part.total.detach()), count + int(part.count)
    assert len(streams) > 1
    assert states is not None
    assert total == pytest.approx(float(loss.total.detach()), abs=1e-4)
    assert count == int(loss.count) == sum(len(row["words"]) for row in every)
    for key in after:
        for one, other in zip(after[key], states[key], strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-5)


def test_training_over_streams_resumes_exactly(write: Callable[..., Path], tmp_path: Path) -> None:
    path = write(RECIPE, train=rows(20, 1), dev=rows(4, 2))
    straight = seqkit.run(path, out=tmp_path / "straight")
    history = [record["loss"] for record in straight.metrics["train"]["history"]]
    assert history[-1] < history[0]
    for stop in (2, 5):
        with pytest.raises(Interrupted, match=f"stopped after update {stop}"):
            seqkit.run(path, out=tmp_path / "broken", watch=Stop(stop))
    resumed = seqkit.run(path, out=tmp_path / "broken")
    one, other = straight.load(), resumed.load()
    weights = dict(other.network.named_parameters())
    for name, weight in one.network.named_parameters():
        assert torch.equal(weight, weights[name]), name
    text = ["<s>", "a", "b"]
    assert one([text]) == other([text])


def test_a_stage_that_windows_cannot_cut_is_refused(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    recipe = RECIPE.replace("{use: next}", "{use: classifier}").replace(
        "text: words", "gold: words"
    )
    labels = [{"text": "a b", "words": "x"}, {"text": "c", "words": "y"}]
    with pytest.raises(seqkit.SeqkitError, match="decode/label has no row for each piece"):
        seqkit.run(write(recipe, train=labels, dev=labels), out=tmp_path / "run")


def test_the_stages_of_a_language_model_keep_the_contract() -> None:
    check_stage(registry().find("encoder", "memory").factory)
    check_stage(registry().find("decoder", "next").factory)
