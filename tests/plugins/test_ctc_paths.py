"""Ways through the steps, against all of them counted one by one."""

from __future__ import annotations

import itertools
from collections import defaultdict

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from seqkit_ctc.paths import aligned, best_path, log_probability


def drawn(steps: int, labels: int, seed: int = 1) -> np.ndarray:
    values = np.random.default_rng(seed).normal(0, 1.5, (steps, labels))
    found: np.ndarray = values - np.logaddexp.reduce(values, axis=1, keepdims=True)
    return found


def collapsed(path: tuple[int, ...]) -> tuple[int, ...]:
    """A way as the text that it stands for: runs are one label, and blanks are left out."""
    return tuple(label for label, _ in itertools.groupby(path) if label)


def every_text(scores: np.ndarray) -> dict[tuple[int, ...], list[tuple[float, tuple[int, ...]]]]:
    """By text, all its ways with their log-probabilities."""
    found = defaultdict(list)
    for path in itertools.product(range(scores.shape[1]), repeat=len(scores)):
        total = sum(scores[step, label] for step, label in enumerate(path))
        found[collapsed(path)].append((float(total), path))
    return dict(found)


@pytest.mark.parametrize(("steps", "labels"), [(1, 3), (4, 3), (6, 2), (5, 4)])
def test_the_probability_of_a_text_is_the_sum_over_all_its_ways(steps: int, labels: int) -> None:
    scores = drawn(steps, labels)
    texts = every_text(scores)
    for text, ways in texts.items():
        wanted = np.logaddexp.reduce([total for total, _ in ways])
        assert log_probability(scores, list(text)) == pytest.approx(wanted, abs=1e-10)
    whole = [log_probability(scores, list(text)) for text in texts]
    assert np.logaddexp.reduce(whole) == pytest.approx(0, abs=1e-10)


def test_it_is_what_torch_trains() -> None:
    scores = drawn(9, 5)
    loss = F.ctc_loss(
        torch.from_numpy(scores)[:, None],
        torch.tensor([[2, 2, 4, 1]]),
        torch.tensor([9]),
        torch.tensor([4]),
        reduction="none",
    )
    assert log_probability(scores, [2, 2, 4, 1]) == pytest.approx(-float(loss), rel=1e-9)


def test_a_text_that_does_not_fit_is_impossible() -> None:
    assert log_probability(drawn(2, 3), [1, 1]) == -np.inf
    assert log_probability(drawn(0, 3), [1]) == -np.inf
    assert log_probability(drawn(0, 3), []) == 0.0


@pytest.mark.parametrize("seed", range(4))
def test_the_best_path_is_the_text_of_the_likeliest_way(seed: int) -> None:
    scores = drawn(5, 3, seed)
    ways = [(way, text) for text, every in every_text(scores).items() for way in every]
    assert tuple(best_path(scores)) == max(ways)[1]
    assert best_path(scores[:0]) == []


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), steps=st.integers(1, 6), labels=st.integers(2, 3))
def test_a_text_is_aligned_to_its_likeliest_way(seed: int, steps: int, labels: int) -> None:
    scores = drawn(steps, labels, seed)
    for text, ways in every_text(scores).items():
        _, path = max(ways)
        runs, start = [], 0
        for label, run in itertools.groupby(path):
            end = start + len(list(run))
            runs += [(start, end)] if label else []
            start = end
        assert aligned(scores, list(text)) == runs
