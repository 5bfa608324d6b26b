"""What training does not hear."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit_speech.hearing import Masks
from seqkit_speech.masking import Masking


@settings(max_examples=50, deadline=None)
@given(
    steps=st.integers(0, 12),
    seed=st.integers(0, 999),
    times=st.none() | st.tuples(st.integers(1, 3), st.integers(1, 20)),
    bands=st.none() | st.tuples(st.integers(1, 3), st.integers(1, 20)),
)
def test_stretches_are_the_mean_of_their_band_and_all_else_stays(
    steps: int, seed: int, times: tuple[int, int] | None, bands: tuple[int, int] | None
) -> None:
    values = np.random.default_rng(seed).normal(size=(steps, 5)).astype(np.float32)
    masking = Masking(times and Masks(*times), bands and Masks(*bands))
    found = masking.masked(values, np.random.default_rng(seed))
    assert found.dtype == np.float32
    if not steps:
        return
    changed = found != values
    means = np.broadcast_to(values.mean(axis=0), values.shape)
    assert np.array_equal(found[changed], means[changed])
    whole_steps, whole_bands = changed.all(axis=1), changed.all(axis=0)
    inside = whole_steps[:, None] | whole_bands
    if steps > 1:  # of one step, the mean is the value
        assert not (changed & ~inside).any()
        assert changed[inside].all()
    if not bands:  # bands may cover all steps
        assert whole_steps.sum() <= (times[0] * times[1] if times else 0)


def test_masks_are_drawn_from_the_generator_alone_and_reach_all_places() -> None:
    values = np.arange(60, dtype=np.float32).reshape(12, 5)
    masking = Masking(Masks(1, 4), Masks(1, 2))
    one, other = (masking.masked(values, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(one, other)
    hidden = np.zeros(values.shape, bool)
    longest = 0
    rng = np.random.default_rng(1)
    for _ in range(300):
        changed = Masking(Masks(1, 4)).masked(values, rng) != values
        hidden |= changed
        longest = max(longest, int(changed.all(axis=1).sum()))
    assert hidden.all()
    assert longest == 4
    assert not Masking().any
    assert Masking(bands=Masks(1, 1)).any
