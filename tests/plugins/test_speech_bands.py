"""Energies in mel bands, against the formulas written out in float64."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.errors import DataError
from seqkit_speech import bands
from seqkit_speech.bands import Bands, Filters, triangles


def plan(**settings: Any) -> Bands:
    given: dict[str, Any] = {
        "filters": 10,
        "window": 25.0,
        "hop": 10.0,
        "lowest": 20.0,
        "highest": None,
        "scale": "htk",
        "floor": 1e-10,
    }
    return Bands(**{**given, **settings})


def mel_of(hertz: float, scale: str) -> float:
    """Both scales as torchaudio and librosa document them."""
    if scale == "htk":
        return 2595 * math.log10(1 + hertz / 700)
    return 15 + 27 * math.log(hertz / 1000) / math.log(6.4) if hertz >= 1000 else 3 * hertz / 200


def hertz_of(mel: float, scale: str) -> float:
    if scale == "htk":
        return 700 * (10 ** (mel / 2595) - 1)
    return 1000 * math.exp(math.log(6.4) * (mel - 15) / 27) if mel >= 15 else 200 * mel / 3


def bank(filters: int, size: int, rate: float, low: float, high: float, scale: str) -> np.ndarray:
    """The filter bank, bin by bin: area-normalised for slaney, as librosa's default."""
    first, last = mel_of(low, scale), mel_of(high, scale)
    ends = [hertz_of(first + (last - first) * n / (filters + 1), scale) for n in range(filters + 2)]
    found = np.zeros((filters, size // 2 + 1))
    for band in range(filters):
        left, middle, right = ends[band : band + 3]
        for number in range(size // 2 + 1):
            hertz = number * rate / size
            if left < hertz <= middle:
                found[band, number] = (hertz - left) / (middle - left)
            elif middle < hertz < right:
                found[band, number] = (right - hertz) / (right - middle)
        found[band] *= 2 / (right - left) if scale == "slaney" else 1
    return found


@pytest.mark.parametrize("scale", ["htk", "slaney"])
@pytest.mark.parametrize(("rate", "size", "low"), [(8000.0, 256, 20.0), (16000.0, 512, 0.0)])
def test_filters_are_those_of_the_formula(rate: float, size: int, low: float, scale: str) -> None:
    found = triangles(12, size, rate, low, rate / 2, scale)
    np.testing.assert_allclose(found, bank(12, size, rate, low, rate / 2, scale), atol=1e-12)


@pytest.mark.parametrize("scale", ["htk", "slaney"])
@pytest.mark.parametrize("samples", [1, 199, 200, 201, 280, 281, 1000])
def test_energies_are_those_of_the_formula(samples: int, scale: str) -> None:
    rate, size, hop, fourier = 8000.0, 200, 80, 256
    values = np.random.default_rng(samples).normal(0, 0.1, samples)
    steps = 1 + max(0, math.ceil((samples - size) / hop))
    whole = np.zeros(size + (steps - 1) * hop)
    whole[:samples] = values
    weights = bank(10, fourier, rate, 20.0, 4000.0, scale)
    turns = np.exp(-2j * np.pi * np.outer(np.arange(fourier // 2 + 1), np.arange(size)) / fourier)
    hann = np.sin(np.pi * np.arange(size) / size) ** 2
    wanted = [
        np.log(np.maximum(weights @ np.abs(turns @ (whole[at : at + size] * hann)) ** 2, 1e-10))
        for at in range(0, steps * hop, hop)
    ]
    filters = plan(scale=scale).at(rate)
    found = filters.energies(values.astype(np.float32))
    assert found.dtype == np.float32
    assert len(found) == filters.steps(samples) == steps
    np.testing.assert_allclose(found, wanted, atol=2e-4)


@settings(max_examples=30, deadline=None)
@given(samples=st.integers(0, 700))
def test_every_sample_is_in_a_window_and_no_window_is_all_beyond_the_end(samples: int) -> None:
    filters = plan().at(8000.0)
    steps = filters.steps(samples)
    assert (steps == 0) == (samples == 0)
    assert samples <= max(0, steps - 1) * filters.hop + filters.size
    assert not steps or (steps - 1) * filters.hop < samples


def test_silence_is_the_floor_and_nothing_has_no_step() -> None:
    filters = plan(floor=1e-6).at(8000.0)
    assert np.allclose(filters.energies(np.zeros(300, np.float32)), math.log(1e-6))
    assert filters.energies(np.zeros(0, np.float32)).shape == (0, 10)


def test_parts_come_out_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(1).normal(size=2000).astype(np.float32)
    filters: Filters = plan().at(8000.0)
    whole = filters.energies(values)
    monkeypatch.setattr(bands, "CHUNK", 3)
    np.testing.assert_allclose(filters.energies(values), whole, atol=1e-5)


def test_a_tone_is_loudest_in_the_band_that_it_lies_in() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(4000) / 8000).astype(np.float32)
    loudest = plan(filters=20).at(8000.0).energies(tone)[10].argmax()
    mel = np.linspace(mel_of(20, "htk"), mel_of(4000, "htk"), 22)
    assert mel[loudest] < mel_of(1000, "htk") < mel[loudest + 2]


@pytest.mark.parametrize(
    ("settings", "rate", "message"),
    [
        (
            {},
            1.0,
            "log_mel: recordings of 1 samples a second have no bands from 20 to 0.5 Hz every 10 "
            "ms. Give recordings with their rate (a wav, or Frames(values, rate)), or set "
            "'highest' to half of it.",
        ),
        (
            {"highest": 5000.0},
            8000.0,
            "log_mel: recordings of 8000 samples a second have no bands from 20 to 5000 Hz every "
            "10 ms. Give recordings with their rate (a wav, or Frames(values, rate)), or set "
            "'highest' to half of it.",
        ),
        (
            {"filters": 80, "window": 15.0},
            8000.0,
            "log_mel: 80 filters are too many for windows of 15 ms at 8000 samples a second: "
            "number 1 hears nothing. Set 'filters' lower, or 'window' higher.",
        ),
    ],
)
def test_what_cannot_be_heard_at_a_rate_is_told(
    settings: dict[str, Any], rate: float, message: str
) -> None:
    with pytest.raises(DataError) as caught:
        plan(**settings).at(rate)
    assert str(caught.value) == message
