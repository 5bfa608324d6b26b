"""The best paths in order, against all paths sorted by their scores."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit_labels.nbest import n_best_paths
from seqkit_labels.viterbi import best_paths

Weights = tuple[np.ndarray, np.ndarray, np.ndarray]


def case(
    seed: int, lengths: list[int], labels: int, forbidden: float
) -> tuple[np.ndarray, np.ndarray, Weights]:
    """Emissions, lengths and weights; label 0 is never forbidden."""
    random = np.random.default_rng(seed)
    emissions = random.normal(0, 1, (len(lengths), max(lengths, default=0), labels))
    first, pair, last = (random.normal(0, 1, (labels,) * axes) for axes in (1, 2, 1))
    for weight in (first, pair, last):
        weight[random.random(weight.shape) < forbidden] = -np.inf
    first[0], pair[:, 0], last[0] = 0.1, 0.2, 0.3
    return emissions, np.array(lengths, np.int64), (first, pair, last)


def ranked(
    emissions: np.ndarray, length: int, weights: Weights
) -> list[tuple[float, tuple[int, ...]]]:
    """All possible paths of one row with their scores, best first."""
    first, pair, last = weights
    found = []
    for path in product(range(emissions.shape[1]), repeat=length):
        score = sum(emissions[t, label] for t, label in enumerate(path))
        if path:
            score += first[path[0]] + last[path[-1]]
        score += sum(pair[a, b] for a, b in pairwise(path))
        if score > -np.inf:
            found.append((float(score), path))
    return sorted(found, key=lambda one: -one[0])


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    lengths=st.lists(st.integers(0, 4), max_size=3),
    labels=st.integers(1, 3),
    best=st.sampled_from([1, 2, 5, 90]),
    forbidden=st.sampled_from([0.0, 0.5]),
)
def test_they_are_the_best_of_all_paths(
    seed: int, lengths: list[int], labels: int, best: int, forbidden: float
) -> None:
    emissions, sizes, weights = case(seed, lengths, labels, forbidden)
    paths, scores = n_best_paths(emissions, sizes, *weights, best)
    assert paths.shape == (len(lengths), best, max(lengths, default=0))
    for row, length in enumerate(lengths):
        wanted = ranked(emissions[row], length, weights)[:best]
        found = [tuple(path[:length].tolist()) for path in paths[row, : len(wanted)]]
        assert found == [path for _, path in wanted]
        np.testing.assert_allclose(scores[row, : len(wanted)], [score for score, _ in wanted])
        assert np.isneginf(scores[row, len(wanted) :]).all()
        assert not paths[row, :, length:].any()


@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_the_first_is_the_best_path_where_scores_are_equal_too(spread: float) -> None:
    random = np.random.default_rng(4)
    emissions = np.round(spread * random.normal(0, 1, (20, 12, 4))).astype(np.float32)
    lengths = random.integers(0, 13, 20)
    first, last = np.round(random.normal(0, spread, (2, 4))).astype(np.float32)
    pair = np.round(random.normal(0, spread, (4, 4))).astype(np.float32)
    paths, _ = n_best_paths(emissions, lengths, first, pair, last, 3)
    assert (paths[:, 0] == best_paths(emissions, lengths, first, pair, last)).all()


def test_a_row_has_the_same_paths_alone_and_in_a_batch() -> None:
    emissions, lengths, weights = case(6, [9, 0, 4, 9, 1], 4, 0.3)
    paths, scores = n_best_paths(emissions, lengths, *weights, 6)
    for row, length in enumerate(lengths.tolist()):
        alone, score = n_best_paths(
            emissions[row : row + 1, :length], lengths[row : row + 1], *weights, 6
        )
        assert (alone[0] == paths[row, :, :length]).all()
        np.testing.assert_allclose(score[0], scores[row])


def test_small_differences_of_long_texts_are_kept_in_single_precision() -> None:
    random = np.random.default_rng(9)
    emissions = 1000 + random.integers(0, 64, (1, 600, 3)) / 64  # exact in single precision
    weights = [random.integers(0, 64, (3,) * axes) / 64 for axes in (1, 2, 1)]
    lengths = np.array([600])
    wanted, exact = n_best_paths(emissions, lengths, weights[0], weights[1], weights[2], 4)
    first, pair, last = (each.astype(np.float32) for each in weights)
    paths, scores = n_best_paths(emissions.astype(np.float32), lengths, first, pair, last, 4)
    assert (paths == wanted).all()
    np.testing.assert_allclose(scores - scores[0, 0], exact - exact[0, 0], atol=1e-6)
