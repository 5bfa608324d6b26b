"""Confidence is fitted once, after training, with the chosen weights, and saved with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import seqkit
from seqkit.calibration import calibrate
from seqkit.experiment import Silent
from seqkit.pipeline import Pipeline
from seqkit.stages import Decoder


class Lines(Silent):
    """Keeps what a run says."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def said(self, line: str) -> None:
        self.lines.append(line)

    def ended(self) -> None:
        self.lines.append("trained")


def run(toy: Path, name: str, **settings: Any) -> tuple[seqkit.Run, list[str]]:
    watch = Lines()
    given = {"evaluate.bootstrap": 0, "train.epochs": 6, **settings}
    made = seqkit.run(toy, out=toy.parent / name, set=given, watch=watch)
    return made, watch.lines[watch.lines.index("trained") + 1 :]


def temperature(pipeline: Pipeline) -> float:
    return pipeline.network.get_buffer("decoder.temperature").item()


def dev(pipeline: Pipeline, toy: Path) -> list[Any]:
    from seqkit.data import read_rows, trained

    rows = read_rows(trained(pipeline.recipe), "dev", toy.parent)
    return [pipeline.example(row, "dev") for row in rows]


def test_it_is_fitted_after_training_and_saved(toy: Path) -> None:
    made, lines = run(toy, "run")
    pipeline = made.load()
    [line] = [line for line in lines if "temperature" in line]
    assert line.startswith(("temperature stays 1", f"temperature {temperature(pipeline):.2f} "))
    assert line.startswith("temperature stays 1") == (temperature(pipeline) == 1)
    fitted = temperature(pipeline)
    assert calibrate(pipeline, dev(pipeline, toy)) == [line]
    assert temperature(pipeline) == fitted


def test_it_sees_the_chosen_weights_and_is_asked_once(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seqkit_labels.word_crf import CRF

    seen = []
    fit = CRF.calibrate

    def spying(self: CRF, batches: Any) -> list[str]:
        held = list(batches)
        seen.append((self.scores.linear.weight.clone(), self.training, len(held)))
        self.temperature.fill_(3.0)
        return fit(self, held)

    monkeypatch.setattr(CRF, "calibrate", spying)
    made, _ = run(toy, "run")
    [(weights, training, batches)] = seen
    saved: Any = made.load().network.decoder
    assert torch.equal(weights, saved.scores.linear.weight)
    assert not training
    assert batches == 1


def test_a_run_that_is_killed_before_its_end_is_calibrated_the_same(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, lines = run(toy, "whole")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("seqkit.runs.finish", killed)
        with pytest.raises(KeyboardInterrupt):
            run(toy, "killed")
    again, later = run(toy, "killed")
    assert later == lines
    name = "pipeline/weights.safetensors"
    assert (again.folder / name).read_bytes() == (whole.folder / name).read_bytes()


def test_it_can_be_turned_off(toy: Path) -> None:
    made, lines = run(toy, "run", **{"decode.calibrate": False})
    assert not [line for line in lines if "temperature" in line]
    assert temperature(made.load()) == 1


def test_a_decoder_that_cannot_be_calibrated_is_left_as_it_is(toy: Path) -> None:
    pipeline = run(toy, "run")[0].load()

    class Other(torch.nn.Module):
        """Has no confidence."""

    other: Any = Other()
    decoder: Decoder = other
    pipeline.network.decoder = decoder
    assert calibrate(pipeline, []) == []
