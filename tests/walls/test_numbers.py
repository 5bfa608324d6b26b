"""Frames in, numbers out, without a tokeniser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import seqkit
from seqkit.plugins import registry
from seqkit.stages import Frames
from seqkit.testing import check_stage, example

RECIPE = """
seqkit: 1
name: series
data: {use: waves, text: FIELD, gold: mean}
embed: {use: scaled}
decode: {use: number}
train: {epochs: 20, batch: {rows: 8}, optimiser: {use: adam, rate: 0.05},
        stop: {on: error, patience: 5}}
evaluate: {metrics: [error], bootstrap: 0}
"""


@pytest.mark.parametrize(("field", "channels"), [("list", 1), ("array", 2)])
def test_a_number_is_learnt_from_frames(
    write: Callable[..., Path], tmp_path: Path, field: str, channels: int
) -> None:
    run = seqkit.run(write(RECIPE.replace("FIELD", field)), out=tmp_path / "run")
    history = [record["dev"]["error"] for record in run.metrics["train"]["history"]]
    assert run.metrics["dev"]["error"]["value"] == min(history) < 1.0
    pipeline = run.load()
    assert pipeline.learnt["embed"]["text"]["mean"].shape == (channels,)
    level = np.full((3, channels), 70.0, np.float32)
    level[:, 1:] *= -1
    series = level[:, 0].tolist() if channels == 1 else level
    given = [series, Frames(level), {"text": series}]
    values = [answer["mean"]["value"] for answer in pipeline(given)]
    assert values == pytest.approx([values[0]] * 3)
    assert values[0] == pytest.approx(70.0, abs=2.0)
    (empty,) = pipeline([Frames(np.zeros((0, channels), np.float32))])
    assert np.isfinite(empty["mean"]["value"])


def test_stages_of_numbers_keep_the_contract() -> None:
    series = [np.arange(size, dtype=np.float32)[:, None] for size in (3, 1, 6, 4)]
    examples = [example(Frames(one), gold=float(one.mean())) for one in series]
    check_stage(registry().find("embedder", "scaled").factory, examples=examples)
    check_stage(registry().find("decoder", "number").factory, examples=examples)
    pairs = [({"value": 1.0}, {"value": 2.5}), ({"value": 3.0}, {"value": 3.0})]
    check_stage(registry().find("metric", "error").factory, examples=pairs)
    check_stage(registry().find("source", "waves").factory)
