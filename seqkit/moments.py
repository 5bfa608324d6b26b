"""Mean and spread of each channel of many series, for stages that scale what they are given."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import numpy as np

from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Float64

    from seqkit.stages import Learnt


@final
class Moments:
    """Mean and spread of each channel over all steps, added up a series at a time.

    The sums stay exact where the mean is large beside the deviation (Chan, Golub & LeVeque 1979).
    """

    def __init__(self, channels: int) -> None:
        self.steps = 0
        self.mean: Float64[np.ndarray, " channel"] = np.zeros(channels)
        self.squares: Float64[np.ndarray, " channel"] = np.zeros(channels)

    def add(self, values: Float[np.ndarray, "time channel"]) -> None:
        """Takes in one series."""
        if not len(values):
            return
        before, self.steps = self.steps, self.steps + len(values)
        mean = values.mean(axis=0, dtype=np.float64)
        apart = mean - self.mean
        self.squares += ((values - mean) ** 2).sum(axis=0)
        self.squares += apart**2 * (before * len(values) / self.steps)
        self.mean += apart * (len(values) / self.steps)

    def learnt(self, added: float = 0.0) -> Learnt:
        """Mean and deviation by channel; a channel that never changes has the deviation 1.

        added: to each variance, so that what hardly changes is not made large.
        """
        deviation = np.sqrt(self.squares / max(self.steps, 1) + added)
        deviation[deviation == 0] = 1.0
        return {"mean": self.mean.tolist(), "deviation": deviation.tolist()}
