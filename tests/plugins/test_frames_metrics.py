"""squared_error and within: values, signatures, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seqkit_frames
from seqkit.errors import DataError
from seqkit.stages import Metric
from seqkit.testing import check_stage

NUMBER = st.floats(-100, 100)
PAIRS = [({"value": 0.5}, {"value": 0.25}), ({"value": 1.0}, {"value": 1.0})]


@pytest.mark.parametrize("factory", [seqkit_frames.squared_error, seqkit_frames.within])
def test_a_metric_keeps_the_contract(factory: Any) -> None:
    assert isinstance(factory(), Metric)
    check_stage(factory, examples=PAIRS)


def test_signatures_say_what_was_measured() -> None:
    assert seqkit_frames.squared_error().signature == "mean squared error"
    assert seqkit_frames.within().signature == "within tolerance:0.04"
    assert seqkit_frames.within(tolerance=1.5).signature == "within tolerance:1.5"
    assert not seqkit_frames.squared_error().higher_is_better
    assert seqkit_frames.within().higher_is_better


@settings(deadline=None)
@given(
    pairs=st.lists(
        st.lists(st.tuples(NUMBER, NUMBER), min_size=3, max_size=3), min_size=1, max_size=5
    ),
    tolerance=st.floats(0.5, 100),
)
def test_lists_of_numbers_are_scored_as_written_out(pairs: Any, tolerance: float) -> None:
    squared, within = seqkit_frames.squared_error(), seqkit_frames.within(tolerance=tolerance)
    answers = [tuple({"value": list(side)} for side in zip(*pair, strict=True)) for pair in pairs]
    means = [sum((one - other) ** 2 for one, other in pair) / 3 for pair in pairs]
    near = [all(abs(one - other) <= tolerance for one, other in pair) for pair in pairs]
    totals = [np.sum([m.counts(*pair) for pair in answers], axis=0) for m in (squared, within)]
    assert squared.value(totals[0]) == pytest.approx(sum(means) / len(pairs))
    assert within.value(totals[1]) == pytest.approx(100 * sum(near) / len(pairs))


def test_an_error_as_large_as_the_tolerance_is_within_it() -> None:
    metric = seqkit_frames.within(tolerance=0.25)
    found = [metric.counts({"value": value}, {"value": 1.0})[0] for value in (0.75, 1.25, 0.7, 1.3)]
    assert found == [1, 1, 0, 0]
    assert metric.counts({"value": float("nan")}, {"value": 1.0}).tolist() == [0, 1]


@pytest.mark.parametrize("name", ["squared_error", "within"])
def test_nothing_scores_nothing(name: str) -> None:
    assert getattr(seqkit_frames, name)().value(np.zeros(2)) == 0.0


@pytest.mark.parametrize("name", ["squared_error", "within"])
def test_answers_that_cannot_be_compared_are_refused(name: str) -> None:
    metric = getattr(seqkit_frames, name)()
    with pytest.raises(DataError) as caught:
        metric.counts({"value": [1.0, 2.0]}, {"value": [1.0, 2.0, 3.0]})
    assert str(caught.value) == (
        f"{name}: 2 numbers in the answer, but 3 in the gold. Compare answers to the same examples."
    )
    for answer, gold in (("N", "V"), ({"a": 1}, {"a": 2})):
        with pytest.raises(DataError) as caught:
            metric.counts({"value": answer}, {"value": gold})
        assert str(caught.value) == (
            f"{name}: compares numbers, but the gold is {gold!r}. Use the metric 'accuracy'."
        )
