"""Prefix beam search, against all texts scored one by one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit_ctc.grams import Grams, count
from seqkit_ctc.paths import log_probability
from seqkit_ctc.prefixes import Spoken, beam_search

WIDE = 10_000


def drawn(steps: int, labels: int, seed: int) -> np.ndarray:
    values = np.random.default_rng(seed).normal(0, 1.5, (steps, labels))
    found: np.ndarray = values - np.logaddexp.reduce(values, axis=1, keepdims=True)
    return found


def every_text(scores: np.ndarray, spoken: Spoken | None = None) -> list[tuple[float, list[int]]]:
    """All texts that fit, best first: their sums over all ways, and what a language model adds."""
    found = []
    for size in range(len(scores) + 1):
        for text in itertools.product(range(1, scores.shape[1]), repeat=size):
            total = log_probability(scores, text)
            if total > -np.inf:
                ends = [*text, 0]
                added = 0.0
                for place, label in enumerate(ends if spoken else []):
                    assert spoken is not None
                    bonus = spoken.bonus if label else 0.0
                    heard = spoken.grams.following(text[:place])[label]
                    added += spoken.weight * float(heard) + bonus
                found.append((total + added, list(text)))
    return sorted(found, reverse=True)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), steps=st.integers(0, 5), labels=st.integers(2, 4))
def test_a_beam_that_drops_nothing_is_exact(seed: int, steps: int, labels: int) -> None:
    scores = drawn(steps, labels, seed)
    found, wanted = beam_search(scores, WIDE), every_text(scores)
    assert [text for text, _ in found] == [text for _, text in wanted]
    np.testing.assert_allclose([total for _, total in found], [total for total, _ in wanted])


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 999),
    order=st.integers(1, 3),
    weight=st.floats(0, 2),
    bonus=st.floats(-1, 2),
)
def test_with_a_language_model_too(seed: int, order: int, weight: float, bonus: float) -> None:
    grams = Grams(count([[1, 2], [2, 2, 1], [3]], order), order, 4)
    spoken = Spoken(grams, weight, bonus)
    scores = drawn(4, 4, seed)
    found, wanted = beam_search(scores, WIDE, spoken), every_text(scores, spoken)
    np.testing.assert_allclose([total for _, total in found], [total for total, _ in wanted])
    assert found[0][0] == wanted[0][1]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_narrow_beam_keeps_so_many_and_never_counts_too_much(size: int) -> None:
    scores = drawn(7, 4, 3)
    found = beam_search(scores, size)
    assert len(found) == size
    assert len({tuple(text) for text, _ in found}) == size
    for text, total in found:
        assert total <= log_probability(scores, text) + 1e-9


def test_a_beam_finds_a_text_of_many_ways_that_the_likeliest_way_misses() -> None:
    scores = np.log(np.array([[0.6, 0.4], [0.6, 0.4]]))  # blank, a: "" has .36, "a" .64
    [(best, total), *_] = beam_search(scores, 2)
    assert best == [1]
    assert np.exp(total) == pytest.approx(0.64)


def test_impossible_labels_are_never_written() -> None:
    with np.errstate(divide="ignore"):
        scores = np.log(np.array([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]]))
    assert [text for text, _ in beam_search(scores, WIDE)] == [[1]]
