"""Mean and deviation of many series beside those of all their steps at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqkit.moments import Moments

SERIES = st.lists(st.integers(0, 6), min_size=1, max_size=6).filter(any)


@given(SERIES, st.integers(0, 2**32 - 1), st.sampled_from([0.0, 1e6]))
def test_many_series_have_the_moments_of_all_their_steps(
    sizes: list[int], seed: int, level: float
) -> None:
    rng = np.random.default_rng(seed)
    series = [level + rng.normal(0, [1.0, 3.0], (size, 2)) for size in sizes]
    moments = Moments(2)
    for values in series:
        moments.add(values)
    learnt, steps = moments.learnt(), np.concatenate(series)
    np.testing.assert_allclose(learnt["mean"], steps.mean(axis=0), rtol=1e-12)
    wanted = steps.std(axis=0) if len(steps) > 1 else [1.0, 1.0]
    np.testing.assert_allclose(learnt["deviation"], wanted, rtol=1e-6)


def test_a_channel_that_never_changes_has_the_deviation_one() -> None:
    moments = Moments(2)
    moments.add(np.array([[5.0, 0.0], [5.0, 2.0]], np.float32))
    assert moments.learnt() == {"mean": [5.0, 1.0], "deviation": [1.0, 1.0]}
    assert moments.learnt(added=3.0)["deviation"] == pytest.approx([3**0.5, 2.0])


def test_nothing_at_all_has_mean_nought_and_deviation_one() -> None:
    assert Moments(1).learnt() == {"mean": [0.0], "deviation": [1.0]}
