"""One number by which scores are divided, so that confidence is right as often as it says.

Temperature scaling (Guo et al. 2017), fitted on a split that was not trained on. Above 1 the
temperature makes less sure, below 1 more; the order of scores, and so every answer, stays.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from seqkit.settings import CHECK_SHAPES
from seqkit_labels.gold import counted

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Bool, Float

LEAST, MOST = 0.1, 10.0
"""Temperatures that are tried."""
GRID = 13
"""Temperatures that are tried first, evenly apart in their logarithms."""
NARROW = 0.005
"""How near in its logarithm the temperature is found."""
BINS = 10
"""Of the calibration error, as in the metric `calibration`."""
UNFITTED = "temperature stays 1: there is no text whose labels training has seen"
FEWEST = 50
"""Answers on which a temperature is fitted; of fewer, chance would have its way."""
CERTAIN = 1e-6
"""How near to 0 and 1 a probability comes in a loss."""


def search(loss: Callable[[float], float]) -> float:
    """The temperature with the least loss: of a grid, then by golden section (Kiefer 1953).

    1.0 where nothing is better, also where the loss is no number.
    """
    span = math.log(MOST / LEAST) / (GRID - 1)
    grid = [math.log(LEAST) + span * place for place in range(GRID)]
    tried = {where: loss(math.exp(where)) for where in grid}
    middle = min(grid, key=lambda where: (math.isnan(tried[where]), tried[where]))
    low, high = max(middle - span, grid[0]), min(middle + span, grid[-1])
    golden = (math.sqrt(5) - 1) / 2
    left, right = high - golden * (high - low), low + golden * (high - low)
    at_left, at_right = loss(math.exp(left)), loss(math.exp(right))
    while high - low > NARROW:
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - golden * (high - low)
            at_left = loss(math.exp(left))
        else:
            low, left, at_left = left, right, at_right
            right = low + golden * (high - low)
            at_right = loss(math.exp(right))
    found = math.exp((low + high) / 2)
    return found if loss(found) < loss(1.0) else 1.0


def calibration_error(
    confidence: Float[np.ndarray, " answer"], right: Bool[np.ndarray, " answer"]
) -> float:
    """Expected calibration error in percent, as the metric `calibration` has it; 0 of nothing."""
    place = np.clip(np.ceil(confidence * BINS) - 1, 0, BINS - 1).astype(int)
    gaps = np.bincount(place, confidence - right, BINS)
    return float(100 * np.abs(gaps).sum() / max(len(confidence), 1))


def log_loss(confidence: Float[np.ndarray, " answer"], right: Bool[np.ndarray, " answer"]) -> float:
    """Mean of minus the logarithm of the probability that was given to being right, or wrong."""
    sure = np.clip(confidence, CERTAIN, 1 - CERTAIN)
    return float(-np.log(np.where(right, sure, 1 - sure)).mean())


def fit_temperature(
    confidence: Callable[[float], Float[np.ndarray, " answer"]],
    right: Bool[np.ndarray, " answer"],
    texts: int,
    of: str,
    loss: Callable[[float], float] | None = None,
) -> tuple[float, str]:
    """A temperature, and a line that says what it is worth.

    confidence: of the answers at a temperature. right: which answers are. texts, of: how many there
    are, and what is answered, for the line. loss: what is to be least (default: the answers' log
    loss). The temperature stays 1 where another one has no less loss and calibration error.
    """
    if not len(right):
        return 1.0, UNFITTED
    if len(right) < FEWEST:
        return 1.0, f"temperature stays 1: {len(right)} answers of dev are too few to fit one on"
    found = search(loss or (lambda value: log_loss(confidence(value), right)))
    before, after = (calibration_error(confidence(value), right) for value in (1.0, found))
    if found == 1.0 or after > before:
        return 1.0, (
            f"temperature stays 1: no other makes confidence better on {counted(texts, 'text')}, "
            f"where the calibration error of {of} is {before:.1f}%"
        )
    return found, (
        f"temperature {found:.2f} fitted on {counted(texts, 'text')}: calibration error of {of} "
        f"{before:.1f}% → {after:.1f}%"
    )
