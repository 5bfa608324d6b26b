"""Another rate of samples, by a windowed sinc."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float32, Float64

ZEROS = 16
"""Zero crossings of the sinc on each side."""
ROLL_OFF = 0.945
"""Where the pass band ends, as a share of the lower of the two Nyquist frequencies."""
CHUNK = 2**16


def resampled(
    values: Float32[np.ndarray, " time"], rate: int, wanted: int
) -> Float32[np.ndarray, " resampled"]:
    """A recording at another rate, ceil(time * wanted / rate) samples.

    Each output sample is a weighted sum of the inputs around it, the weights a sinc under a Hann
    window, cut off below the lower of the two Nyquist frequencies (Smith, Digital Audio Resampling,
    2002). Of output samples, every one of `wanted / gcd` phases has weights of its own.
    """
    if rate == wanted or not len(values):
        return values
    divisor = math.gcd(rate, wanted)
    up, down = wanted // divisor, rate // divisor
    weights, reach = phases(up, down)
    size = -(-len(values) * up // down)
    around = np.pad(values, (reach, reach + 1)).astype(np.float32)
    found = np.empty(size, np.float32)
    for begin in range(0, size, CHUNK):
        places = np.arange(begin, min(begin + CHUNK, size))
        taken = (places * down // up)[:, None] + np.arange(2 * reach + 1)
        found[begin : begin + CHUNK] = np.einsum("tk,tk->t", around[taken], weights[places % up])
    return found


@lru_cache(maxsize=8)
def phases(up: int, down: int) -> tuple[Float64[np.ndarray, "phase tap"], int]:
    """The weights of each phase of the output, and how many inputs they reach to each side."""
    cutoff = ROLL_OFF * min(1.0, up / down)
    reach = math.ceil(ZEROS / cutoff)
    past = (np.arange(up) * down % up) / up
    distance = np.arange(-reach, reach + 1) - past[:, None]
    window = np.cos(np.pi * np.clip(distance / (reach + 1), -1, 1) / 2) ** 2
    weights = cutoff * np.sinc(cutoff * distance) * window
    return weights / weights.sum(axis=1, keepdims=True), reach
