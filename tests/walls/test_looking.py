"""Looking into encoders of third parties, of several inputs and golds, and of numbers."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqkit
from seqkit.data import read_rows, trained
from seqkit.errors import ModelError
from seqkit.experiment import Silent
from seqkit.pipeline import build
from seqkit.plugins import registry
from seqkit.recipe import read_recipe
from seqkit.testing import check_stage

WAVES = """
seqkit: 1
name: series
data: {use: waves, text: FIELD, gold: mean}
embed: {use: scaled}
encode: {use: elman, width: 6}
decode: {use: number}
train: {epochs: 2, batch: {rows: 8}, watch: gradients}
evaluate: {metrics: [error], bootstrap: 0}
"""
READING = """
seqkit: 1
name: reading
data: {use: jsonl, train: train.jsonl, text: {passage: passage, question: question}, gold: answer}
tokenise: {use: words}
embed: {use: lookup, width: 4}
encode: STEPS
decode: {use: classifier, over: passage}
train: {batch: {rows: 8}}
"""
TRAVEL = """
seqkit: 1
name: travel
data: {use: jsonl, train: train.jsonl, text: words, gold: {slots: tags, intent: wish}}
tokenise: {use: words}
embed: {use: lookup, width: 4}
encode: {use: elman, width: 4}
decode: {use: pair, slots: {use: crf}, intent: {use: classifier, pool: mean}}
train: {batch: {rows: 8}}
"""


class Said(Silent):
    """Keeps the lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def said(self, line: str) -> None:
        self.lines.append(line)


def built(path: Path) -> seqkit.Pipeline:
    """The pipeline of a recipe, untrained."""
    recipe = read_recipe(path)
    return build(recipe, list(read_rows(trained(recipe), "train", path.parent)))


def test_an_encoder_of_a_third_party_keeps_the_contract() -> None:
    check_stage(registry().find("encoder", "elman").factory)


def test_a_model_of_numbers_is_watched_and_inspected(
    write: Callable[..., Path], tmp_path: Path, command: Callable[..., tuple[int, str, str]]
) -> None:
    watch = Said()
    path = write(WAVES.replace("FIELD", "list"))
    run = seqkit.run(path, out=tmp_path / "run", watch=watch)
    assert [line.partition(":")[0] for line in watch.lines] == ["data", *["gradients, cell"] * 2]
    profiles = [record["gradients"]["cell"] for record in run.metrics["train"]["history"]]
    assert [len(one) for one in profiles] == [len(profiles[0])] * 2
    assert all(value > 0 for profile in profiles for value in profile)
    code, out, err = command("inspect", run.folder, "[70.5, 71, 69.25]", "--json", "--gold", "70")
    assert (code, err) == (0, "")
    found = json.loads(out)
    [part] = found["parts"]
    assert (part["encoder"], part["part"]) == ("elman", "cell")
    assert part["pieces"] == ["70.5", "71", "69.25"]
    assert list(part["series"]) == ["norm", "gradient"]
    assert found["against"] == "the given gold"
    own = run.load().inspect([70.5, 71.0, 69.25])
    assert own.loss == pytest.approx(0.0, abs=1e-9)
    code, out, err = command("inspect", run.folder, "seventy")
    assert (code, out) == (2, "")
    assert err.startswith("inspect: the model takes text: not JSON (Expecting value")


def test_frames_of_several_channels_are_counted(write: Callable[..., Path]) -> None:
    found = built(write(WAVES.replace("FIELD", "array"))).inspect(np.ones((2, 2)))
    assert found.parts[0].pieces == ("frame 1", "frame 2")


def reading(write: Callable[..., Path], steps: str) -> seqkit.Pipeline:
    draw, names = random.Random(1), ["anna", "ben", "carl"]
    rows = [
        {"passage": " ".join(names[:count]), "question": draw.choice(names), "answer": answer}
        for count, answer in zip((1, 2, 3, 2), ("yes", "no", "yes", "no"), strict=True)
    ]
    return built(write(READING.replace("STEPS", steps), train=rows))


def test_each_input_and_step_is_shown_and_joint_encoders_are_run_as_they_are(
    write: Callable[..., Path],
) -> None:
    steps = "[{use: elman, width: 4}, {use: alignment, width: 6}, {use: elman, width: 4}]"
    given = {"passage": "anna ben", "question": "carl"}
    found = reading(write, steps).inspect(given)
    told = [(part.encoder, part.step, part.input, part.pieces) for part in found.parts]
    assert told == [
        ("elman", 1, "passage", ("anna", "ben")),
        ("elman", 1, "question", ("carl",)),
        ("elman", 3, "passage", ("anna", "ben")),
        ("elman", 3, "question", ("carl",)),
    ]
    gradients = [max(part.series["gradient"]) for part in found.parts]
    assert min(gradients[:3]) > 0
    assert gradients[3] == 0  # the decoder reads the passage alone


def test_encoders_that_cannot_be_looked_into_are_named(write: Callable[..., Path]) -> None:
    pipeline = reading(write, "[{use: alignment, width: 6}, {use: memory}]")
    with pytest.raises(ModelError, match=r"no encoder of 'reading' \(alignment, memory\) can be"):
        pipeline.inspect({"passage": "anna", "question": "ben"})


def test_several_golds_are_a_mapping(write: Callable[..., Path]) -> None:
    rows: list[dict[str, Any]] = [
        {"words": ["fly", "to", "rome"], "tags": ["O", "O", "B-CITY"], "wish": "fly"},
        {"words": ["stay", "in", "oslo"], "tags": ["O", "O", "B-CITY"], "wish": "stay"},
    ]
    pipeline = built(write(TRAVEL, train=rows))
    own = pipeline.inspect(["fly", "to", "oslo"])
    assert own.against == "the model's own answer"
    golds = {"slots": own.answers["slots"]["value"], "intent": own.answers["intent"]["value"]}
    assert pipeline.inspect(["fly", "to", "oslo"], gold=golds).loss == own.loss
    other = "fly" if golds["intent"] == "stay" else "stay"
    found = pipeline.inspect(["fly", "to", "oslo"], gold={**golds, "intent": other})
    assert found.loss is not None
    assert own.loss is not None
    assert found.loss > own.loss
