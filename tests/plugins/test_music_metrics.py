"""Scores of notes: likelihood by step or by piece, and frame accuracy."""

from __future__ import annotations

import numpy as np
import pytest

from seqkit.errors import DataError
from seqkit.stages import Answer
from seqkit_music.metrics import FrameAccuracy, StepNll

LONG: Answer = {"value": [[60], [60, 64], []], "surprise": [1.0, 2.0, 6.0]}
SHORT: Answer = {"value": [[72]], "surprise": [5.0]}
NONE: Answer = {"value": [], "surprise": []}


def test_nats_are_a_mean_over_steps_or_over_pieces() -> None:
    for mean, wanted in (("steps", 14 / 4), ("pieces", (3 + 5) / 2)):
        metric = StepNll(mean)  # type: ignore[arg-type]  # both are right ones
        totals = sum(metric.counts(one, {}) for one in (LONG, SHORT, NONE))
        assert metric.value(np.asarray(totals)) == pytest.approx(wanted)
        assert metric.signature == f"nll unit:nats steps:2..T mean:{mean}"
        assert metric.value(metric.counts(NONE, {})) == 0.0


def test_frame_accuracy_counts_right_notes_among_all() -> None:
    gold = {"value": [[60], [64, 67], [50]]}
    metric = FrameAccuracy()
    counts = metric.counts(LONG, gold)
    assert counts.tolist() == [2, 5]  # right 60 and 64; wrong 60; missed 67 and 50
    assert metric.value(counts) == 40.0
    assert metric.value(metric.counts(NONE, NONE)) == 0.0


def test_answers_of_other_decoders_are_told() -> None:
    with pytest.raises(DataError, match=r"^step_nll: the answers tell no surprise\. Decode with"):
        StepNll("steps").counts({"value": "A"}, {"value": "A"})
    for value in ("A", ["A", "B"]):
        with pytest.raises(DataError, match=r"^frame_accuracy: compares the notes of each step"):
            FrameAccuracy().counts({"value": value}, {"value": value})
    with pytest.raises(DataError, match=r"^frame_accuracy: 3 steps in the answer, but 1 in the"):
        FrameAccuracy().counts(LONG, SHORT)
