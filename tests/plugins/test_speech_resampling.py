"""Another rate: sines stay sines, what cannot be heard is gone, and the size is right."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit_speech import resampling
from seqkit_speech.resampling import resampled

RATES = [(16000, 8000), (8000, 16000), (44100, 8000), (8000, 11025), (22050, 16000), (48000, 44100)]


def sine(hertz: float, rate: int, seconds: float = 0.2) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate).astype(np.float32)


@pytest.mark.parametrize(("rate", "wanted"), RATES)
@pytest.mark.parametrize("hertz", [200.0, 3000.0])
def test_a_sine_is_the_same_sine_at_another_rate(rate: int, wanted: int, hertz: float) -> None:
    found, whole = resampled(sine(hertz, rate), rate, wanted), sine(hertz, wanted)
    edge = wanted // 50
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[edge:-edge], whole[edge : len(found) - edge], atol=2e-3)


def test_what_the_new_rate_cannot_hold_is_gone() -> None:
    found = resampled(sine(5000, 16000), 16000, 8000)
    assert np.abs(found[200:-200]).max() < 2e-3


@settings(max_examples=40, deadline=None)
@given(
    size=st.integers(0, 50),
    rate=st.integers(1, 40),
    wanted=st.integers(1, 40),
    level=st.floats(-1, 1),
)
def test_there_are_as_many_samples_as_the_time_takes(
    size: int, rate: int, wanted: int, level: float
) -> None:
    found = resampled(np.full(size, level, np.float32), rate, wanted)
    assert len(found) == math.ceil(size * wanted / rate)
    assert np.isfinite(found).all()


def test_a_constant_stays_the_same_far_from_the_ends() -> None:
    found = resampled(np.full(4000, 0.5, np.float32), 8000, 11025)
    np.testing.assert_allclose(found[500:-500], 0.5, atol=1e-6)


def test_parts_come_out_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(1).normal(size=900).astype(np.float32)
    whole = resampled(noise, 8000, 11025)
    monkeypatch.setattr(resampling, "CHUNK", 7)
    assert np.array_equal(resampled(noise, 8000, 11025), whole)
    assert resampled(noise, 8000, 8000) is noise
