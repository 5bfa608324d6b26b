"""From the scores of both ends to spans: against brute force, with ties, and the threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit_answers.choosing import LOW, Scores, best_candidates, best_threshold, candidates


def scores(lengths: list[int], none: float | None = None, time: int | None = None) -> Scores:
    torch.manual_seed(3)
    time = time or max(lengths)
    real = torch.arange(time) < torch.tensor(lengths).unsqueeze(1)
    starts, ends = (torch.randn(len(lengths), time).masked_fill(~real, LOW) for _ in range(2))
    nothing = torch.full((len(lengths),), LOW if none is None else none)
    return Scores(starts, ends, nothing, nothing, torch.tensor(lengths))


@pytest.mark.parametrize("none", [None, 0.7])
@pytest.mark.parametrize("longest", [1, 2, 9])
def test_probabilities_are_those_of_all_spans_that_are_short_enough(
    longest: int, none: float | None
) -> None:
    given_scores = scores([4, 1, 3], none)
    for row, found in enumerate(candidates(given_scores, longest)):
        length = int(given_scores.lengths[row])
        starts, ends = given_scores.starts[row].double(), given_scores.ends[row].double()
        spans = {
            (i, j): float((starts[i] + ends[j]).exp())
            for i in range(length)
            for j in range(i, min(i + longest, length))
        }
        total = sum(spans.values()) + (0 if none is None else np.exp(2 * none))
        assert len(found) == length * longest + 1
        for place, likely in enumerate(np.exp(found[:-1]).tolist()):
            i, more = divmod(place, longest)
            assert likely == pytest.approx(spans.get((i, i + more), 0.0) / total, rel=1e-5)
        refused = 0.0 if none is None else np.exp(2 * none) / total
        assert np.exp(found[-1]) == pytest.approx(refused, rel=1e-5)


def test_padding_changes_no_candidate() -> None:
    torch.manual_seed(3)
    whole = scores([3])
    padded = torch.nn.functional.pad(whole.starts, (0, 4), value=LOW)
    ends = torch.nn.functional.pad(whole.ends, (0, 4), value=LOW)
    wide = Scores(padded, ends, whole.no_start, whole.no_end, whole.lengths)
    np.testing.assert_allclose(candidates(whole, 5)[0], candidates(wide, 5)[0], rtol=1e-6)


def test_a_row_without_a_piece_has_no_span() -> None:
    empty = Scores(*(torch.zeros(1, 0),) * 2, *(torch.zeros(1),) * 2, torch.tensor([0]))
    assert candidates(empty, 3)[0].tolist() == [0.0]


def test_the_best_come_first_and_of_equal_ones_the_first() -> None:
    likely = np.array([-3.0, -1.0, -1.0 + 1e-7, LOW, -2.0])
    assert best_candidates(likely, 9) == [1, 2, 4, 0]
    assert best_candidates(likely, 1) == [1]
    assert best_candidates(np.array([LOW]), 2) == []


def right_with(threshold: float, above: Any, spans: Any, none: Any) -> int:
    """How many answers are right with a threshold."""
    return sum(n if a > threshold else s for a, s, n in zip(above, spans, none, strict=True))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-4, 4), st.sampled_from([(0, 0), (0, 1), (1, 0)])), max_size=12)
)
def test_no_threshold_is_better_than_the_fitted_one(rows: list[Any]) -> None:
    above = np.array([above / 2 for above, _ in rows])
    spans, none = (np.array([bool(pair[n]) for _, pair in rows], np.bool_) for n in (0, 1))
    found, line = best_threshold(above, spans, none)
    reached = right_with(found, above, spans, none)
    for cut in np.arange(-3, 3, 0.25):
        assert right_with(cut, above, spans, none) <= reached
    if found == 0.0:
        assert line.startswith("threshold stays 0: no other makes more of ")
    else:
        assert reached > right_with(0.0, above, spans, none)


def test_the_threshold_says_what_it_did() -> None:
    above = np.array([0.5, 1.5, -1.0])
    found, line = best_threshold(
        above, np.array([True, False, True]), np.array([False, True, False])
    )
    assert found == 1.0
    assert line == "threshold 1.00 fitted on 3 answers of dev: right 66.7% → 100.0%"
