"""What of a series is left to be learnt: logarithms, and the forecast that its differences stay 0.

With the operator B for one step back, differences at lags k and m are (1 - B^k)(1 - B^m) y (Box &
Jenkins 1970). Where they are 0 ahead, a step is a sum of earlier ones: at lags 1 and 12,
y[t] = y[t-1] + y[t-12] - y[t-13]; of logarithms, that is the ratio y[t-1] y[t-12] / y[t-13].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seqkit.errors import DataError
from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float64

LARGEST = 700.0
"""What is beyond it has no exponential in float64."""


@dataclass(frozen=True)
class Transform:
    """Between the unit of the data and that in which a forecaster learns.

    log: whether that is logarithms. differences: the lags at which differences are taken.
    """

    log: bool = False
    differences: Sequence[int] = ()

    def forward(
        self, values: Float64[np.ndarray, "*step target"], where: str
    ) -> Float64[np.ndarray, "*step target"]:
        """Numbers as the forecaster takes them. Raises DataError where one has no logarithm."""
        if not self.log:
            return values
        if not (values > 0).all():
            raise DataError(
                f"{where}: {float(values[values <= 0][0]):g} has no logarithm. "
                "Leave `log` out, or add a constant to the series."
            )
        found: Float64[np.ndarray, "*step target"] = np.log(values)
        return found

    def back(self, values: Float64[np.ndarray, "*step"]) -> Float64[np.ndarray, "*step"]:
        """Numbers of the forecaster in the unit of the data."""
        if not self.log:
            return values
        found: Float64[np.ndarray, "*step"] = np.exp(values.clip(max=LARGEST))
        return found

    def anchor(
        self, history: Float64[np.ndarray, "time target"], ahead: int, where: str
    ) -> Float64[np.ndarray, "ahead target"]:
        """The steps ahead where all differences stay 0; without differences, 0.

        history: transformed. Raises DataError where it is too short for the differences.
        """
        weights, found = operator(self.differences), np.zeros((ahead, history.shape[1]))
        begin = len(history) - len(weights)
        if begin < 0:
            raise DataError(
                f"{where}: a history of {len(history)} steps is too short for differences at "
                f"{', '.join(map(str, self.differences))}, which need {len(weights)}. "
                "Give a longer one."
            )
        seen = np.concatenate([history[begin:], found])
        for step in range(len(weights), len(seen) if self.differences else 0):
            seen[step] = weights @ seen[step - len(weights) : step]
        return seen[len(weights) :]


def operator(lags: Sequence[int]) -> Float64[np.ndarray, " lag"]:
    """The weights of the earlier steps, the earliest first, where the differences at lags are 0."""
    polynomial = np.ones(1)
    for lag in lags:
        factor = np.zeros(lag + 1)
        factor[0], factor[lag] = 1.0, -1.0
        polynomial = np.convolve(polynomial, factor)
    return -polynomial[:0:-1]
