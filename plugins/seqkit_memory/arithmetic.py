"""Two marked numbers among many: their sum (Hochreiter & Schmidhuber 1997, 4), or product (5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.random import RandomState

from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Row

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float32


def adding(random: RandomState, length: int) -> Row:
    """Numbers from -1 to 1, and half of one plus a quarter of the sum of the two marked ones."""
    series, one, other = marked(random, length, -1.0, 0.0)
    return {"series": series, "target": 0.5 + (one + other) / 4}


def multiplication(random: RandomState, length: int) -> Row:
    """Numbers from 0 to 1, and the product of the two marked ones."""
    series, one, other = marked(random, length, 0.0, 1.0)
    return {"series": series, "target": one * other}


def marked(
    random: RandomState, length: int, low: float, neutral: float
) -> tuple[Float32[np.ndarray, "time 2"], float, float]:
    """Random numbers beside markers, and the two numbers that are marked.

    low: the least number; the greatest is 1. neutral: the number of a first step that is marked.
    """
    steps = random.randint(length, length + length // 10 + 1)
    first, second = random.randint(10), random.randint(length // 2 - 1)
    second += second >= first  # counted among the steps that are not marked yet
    series = np.zeros((steps, 2), np.float32)
    series[:, 0] = random.uniform(low, 1.0, steps)
    series[[0, -1], 1] = -1
    series[[first, second], 1] = 1
    if series[0, 1] == 1:
        series[0, 0] = neutral
    return series, float(series[first, 0]), float(series[second, 0])
