"""Energies of a recording in bands of the mel scale, window by window."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from seqkit.errors import DataError
from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Float32, Float64

CHUNK = 4096
"""Windows that are transformed at once."""
KNEE, STEP = 1000.0, 200 / 3
"""Slaney's scale: linear up to the knee, a mel for each step; logarithmic above."""
RATIO = math.log(6.4) / 27


@dataclass(frozen=True)
class Bands:
    """How a recording is heard; the fields are the settings of `log_mel`."""

    filters: int
    window: float
    hop: float
    lowest: float
    highest: float | None
    scale: str
    floor: float

    def at(self, rate: float) -> Filters:
        """The filters for a rate. Raises DataError where it is too low for them."""
        size, hop = (round(part * rate / 1000) for part in (self.window, self.hop))
        highest = self.highest or rate / 2
        if hop < 1 or highest > rate / 2 or self.lowest >= highest:
            raise DataError(
                f"log_mel: recordings of {rate:g} samples a second have no bands from "
                f"{self.lowest:g} to {highest:g} Hz every {self.hop:g} ms. Give recordings with "
                "their rate (a wav, or Frames(values, rate)), or set 'highest' to half of it."
            )
        weights = triangles(
            self.filters, fourier_size(size), rate, self.lowest, highest, self.scale
        )
        deaf = np.flatnonzero(~weights.any(axis=1))
        if len(deaf):
            raise DataError(
                f"log_mel: {self.filters} filters are too many for windows of {self.window:g} ms "
                f"at {rate:g} samples a second: number {deaf[0] + 1} hears nothing. Set 'filters' "
                "lower, or 'window' higher."
            )
        return Filters(size, hop, weights, self.floor)


@final
class Filters:
    """The filters for one rate. size, hop: of windows, in samples."""

    def __init__(
        self, size: int, hop: int, weights: Float64[np.ndarray, "band bin"], floor: float
    ) -> None:
        self.size, self.hop, self.floor = size, hop, floor
        self.weights = weights.T.astype(np.float32)
        self.hann = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)

    def steps(self, samples: int) -> int:
        """How many windows a recording of so many samples has."""
        return 1 + -(-max(0, samples - self.size) // self.hop) if samples else 0

    def energies(self, values: Float32[np.ndarray, " time"]) -> Float32[np.ndarray, "step band"]:
        """The logarithm of the energy in each band, a row for each window."""
        steps = self.steps(len(values))
        whole = np.zeros((steps - 1) * self.hop + self.size if steps else self.size, np.float32)
        whole[: len(values)] = values
        windows = np.lib.stride_tricks.sliding_window_view(whole, self.size)[:: self.hop][:steps]
        parts = [
            np.log(np.maximum(self.power(windows[begin : begin + CHUNK]), self.floor))
            for begin in range(0, max(steps, 1), CHUNK)
        ]
        return np.concatenate(parts)

    def power(self, windows: Float32[np.ndarray, "step size"]) -> Float32[np.ndarray, "step band"]:
        """The energy of windows in each band."""
        spectrum = np.fft.rfft(windows * self.hann, fourier_size(self.size))
        found: Float32[np.ndarray, "step band"] = (spectrum.real**2 + spectrum.imag**2).astype(
            np.float32
        ) @ self.weights
        return found


def fourier_size(size: int) -> int:
    """The next power of two."""
    return 1 << max(0, size - 1).bit_length()


def triangles(
    filters: int, size: int, rate: float, lowest: float, highest: float, scale: str
) -> Float64[np.ndarray, "band bin"]:
    """The weight of each bin of a Fourier transform in each band.

    Corners are evenly spaced in mel; a band rises from one to the next and falls to the one after.
    """
    to_mel, to_hertz = (htk, from_htk) if scale == "htk" else (slaney, from_slaney)
    ends = to_mel(np.array([lowest, highest]))
    corners = to_hertz(np.linspace(ends[0], ends[1], filters + 2))
    bins = np.arange(size // 2 + 1) * rate / size
    left, middle, right = (corners[begin : begin + filters, None] for begin in range(3))
    rising, falling = (bins - left) / (middle - left), (right - bins) / (right - middle)
    found = np.maximum(0.0, np.minimum(rising, falling))
    weights: Float64[np.ndarray, "band bin"] = (
        found if scale == "htk" else found * (2 / (right - left))
    )
    return weights


def htk(hertz: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """O'Shaughnessy's mel, as HTK has it."""
    return 2595 * np.log10(1 + hertz / 700)


def from_htk(mel: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """The inverse of `htk`."""
    return 700 * (10 ** (mel / 2595) - 1)


def slaney(hertz: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Mel as in Slaney's Auditory Toolbox (1998): linear, and logarithmic from 1000 Hz on."""
    above = KNEE / STEP + np.log(np.maximum(hertz, KNEE) / KNEE) / RATIO
    return np.where(hertz < KNEE, hertz / STEP, above)


def from_slaney(mel: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """The inverse of `slaney`."""
    above = KNEE * np.exp(RATIO * (np.maximum(mel, KNEE / STEP) - KNEE / STEP))
    return np.where(mel < KNEE / STEP, mel * STEP, above)
