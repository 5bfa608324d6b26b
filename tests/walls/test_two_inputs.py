"""Several named inputs, and an encoder that is handed all of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import seqkit
from seqkit.errors import DataError
from seqkit.plugins import registry
from seqkit.testing import check_stage

NAMES = ["anna", "ben", "carl", "dora", "emil", "fay"]
HEAD = """
seqkit: 1
name: reading
data: {use: jsonl, train: train.jsonl, dev: dev.jsonl,
       text: {passage: passage, question: question}, gold: answer}
"""
SHARED = """
tokenise: {use: words}
embed: {use: lookup, width: 16}
encode: {use: alignment, width: 24}
"""
OWN = """
tokenise: {passage: {use: words}, question: {use: characters}}
embed: {passage: {use: lookup, width: 10}, question: {use: lookup, width: 6}}
encode:
  - {passage: {use: bilstm, width: 12}, question: {use: bilstm, width: 8}}
  - {use: alignment, width: 24}
  - {use: bilstm, width: 6}
"""
TAIL = """
decode: {use: classifier, over: passage}
train: {epochs: EPOCHS, batch: {rows: 8}, optimiser: {use: adam, rate: 0.03}}
evaluate: {metrics: [accuracy], bootstrap: 0}
"""


def rows(count: int, seed: int) -> list[dict[str, str]]:
    """Whether somebody is in a list of names."""
    draw, found = random.Random(seed), []
    for _ in range(count):
        there = draw.sample(NAMES, draw.randint(1, 4))
        asked = draw.choice(NAMES)
        answer = "yes" if asked in there else "no"
        found.append({"passage": " ".join(there), "question": asked, "answer": answer})
    return found


@pytest.mark.parametrize(
    ("stages", "epochs"),
    [pytest.param(SHARED, 12, marks=pytest.mark.slow), (OWN, 1)],
    ids=["shared", "own"],
)
def test_two_inputs_are_read_together(
    write: Callable[..., Path], tmp_path: Path, stages: str, epochs: int
) -> None:
    recipe = HEAD + stages + TAIL.replace("EPOCHS", str(epochs))
    path = write(recipe, train=rows(200, 1), dev=rows(40, 2))
    run = seqkit.run(path, out=tmp_path / "run")
    pipeline = run.load()
    asked: list[dict[str, Any]] = [*rows(9, 3), {"passage": "", "question": ""}]
    together = pipeline(asked)
    for one, answer in zip(asked, together, strict=True):
        (alone,) = pipeline([one])
        assert alone["answer"]["value"] == answer["answer"]["value"]
        assert alone["answer"]["confidence"] == pytest.approx(
            answer["answer"]["confidence"], abs=2e-4
        )
    assert set(run.samples[0]["text"]) == {"passage", "question"}
    if stages == SHARED:
        assert run.metrics["dev"]["accuracy"]["value"] > 80
        assert len(set(map(id, pipeline.tokenisers.values()))) == 1


def test_an_input_that_is_not_given_is_named(write: Callable[..., Path], tmp_path: Path) -> None:
    recipe = HEAD + SHARED + TAIL.replace("EPOCHS", "1")
    pipeline = seqkit.run(
        write(recipe, train=rows(9, 1), dev=rows(2, 2)), out=tmp_path / "r"
    ).load()
    with pytest.raises(DataError, match="text 0: lacks the input 'question'"):
        pipeline([{"passage": "anna"}])


def test_the_joint_encoder_keeps_the_contract() -> None:
    check_stage(registry().find("encoder", "alignment").factory)
