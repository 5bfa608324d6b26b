"""The n-gram model: counts, and probabilities that sum to one."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit_ctc.grams import Grams, count

TEXTS = [[1, 2, 2], [1, 2], [3], [], [2, 1, 2]]


def probability(
    order: int, texts: list[list[int]], labels: int, context: list[int], label: int
) -> float:
    """Witten and Bell's formula, from the texts themselves."""
    found = 1 / labels
    for size in range(order):
        history = ([0] * order + context)[len(context) + order - size :] if size else []
        follow: Counter[int] = Counter()
        for text in texts:
            padded = [0] * (order - 1) + text + [0]
            for place in range(order - 1, len(padded)):
                if padded[place - size : place] == history:
                    follow[padded[place]] += 1
        if follow:
            found = (follow[label] + len(follow) * found) / (follow.total() + len(follow))
    return found


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_probabilities_are_those_of_the_formula(order: int) -> None:
    grams = Grams(count(TEXTS, order), order, 5)
    for context in ([], [1], [2, 2], [1, 2], [4, 1], [4, 4, 4], [3, 1, 2, 2]):
        found = np.exp(grams.following(context))
        wanted = [probability(order, TEXTS, 5, context, label) for label in range(5)]
        np.testing.assert_allclose(found, wanted, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(
    texts=st.lists(st.lists(st.integers(1, 4), max_size=5), min_size=1, max_size=5),
    order=st.integers(1, 4),
    context=st.lists(st.integers(1, 4), max_size=5),
)
def test_what_may_follow_sums_to_one_and_nothing_is_impossible(
    texts: list[list[int]], order: int, context: list[int]
) -> None:
    found = np.exp(Grams(count(texts, order), order, 5).following(context))
    assert found.sum() == pytest.approx(1)
    assert found.min() > 0


def test_a_run_that_training_has_is_likelier_than_one_it_has_not() -> None:
    grams = Grams(count(TEXTS, 3), 3, 5)
    after = grams.following([1])
    assert after.argmax() == 2
    assert after[2] > after[4]
