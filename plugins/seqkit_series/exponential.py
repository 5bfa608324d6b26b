"""Exponential smoothing with trend and season (Holt 1957, Winters 1960), of many series at once.

Level, trend and season follow each observation y[t] with weights alpha, beta and gamma:

    additive        l' = alpha (y - s) + (1 - alpha)(l + b)   s' = gamma (y - l - b) + (1 - gamma) s
    multiplicative  l' = alpha  y / s  + (1 - alpha)(l + b)   s' = gamma y / (l + b) + (1 - gamma) s

and b' = beta (l' - l) + (1 - beta) b in both; s is the season's value one season before. A forecast
h steps ahead is (l + h b) + s, or times s (Hyndman & Athanasopoulos 2021, 8.3). Without a season
this is Holt's method. The start is the first season's mean and spread, and the trend between the
first two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float64

    Histories = Sequence[Float64[np.ndarray, " _"]]  # each as long as it is

GRID = (0.05, 0.2, 0.4, 0.6, 0.8)
"""Weights that are tried first, each with each."""
FIRST, LAST = 0.1, 0.005
"""By how much weights are then changed, at first and at last."""
FITTED = 200
"""Histories on which the weights are fitted, at most, evenly taken."""
TINY = 1e-12
"""Nothing is divided by less."""


@dataclass(frozen=True)
class Smoothing:
    """Holt's method, or with a season Holt and Winters'. season: its steps; 1 for none."""

    season: int = 1
    multiplicative: bool = False

    @property
    def least(self) -> int:
        """The fewest observations to start from."""
        return 2 * self.season

    def fits(self, history: Float64[np.ndarray, " time"]) -> bool:
        """Whether a history is long enough and, where seasons multiply, above zero."""
        long = len(history) >= self.least
        return long and (not self.multiplicative or bool((history > 0).all()))

    def fit(
        self, histories: Histories, futures: Float64[np.ndarray, "series ahead"]
    ) -> tuple[float, float, float]:
        """The weights alpha, beta, gamma with the least squared error of forecasts.

        Errors are in units of each history's mean size. The search goes over a grid, and from its
        best point by single steps that are halved: the same data give the same weights.
        """
        some = np.linspace(0, len(histories) - 1, min(FITTED, len(histories))).astype(int)
        taken, wanted = [histories[row] for row in some], futures[some]
        sizes = np.array([max(np.abs(one).mean(), TINY) for one in taken])[:, None]

        def losses(weights: Float64[np.ndarray, "trial 3"]) -> Float64[np.ndarray, " trial"]:
            errors = (self.forecasts(taken, wanted.shape[1], weights) - wanted) / sizes
            total: Float64[np.ndarray, " trial"] = np.square(errors).sum(axis=(1, 2))
            return total

        gammas = GRID if self.season > 1 else (0.0,)
        grid = np.array(list(product(GRID, GRID, gammas)))
        tried = losses(grid)
        best, loss, step = grid[tried.argmin()], tried.min(), FIRST
        moves = np.concatenate([np.eye(3), -np.eye(3)])
        while step >= LAST:
            near = (best + step * moves).clip(0.0, 1.0)
            near[:, 2] *= self.season > 1
            tried = losses(near)
            if tried.min() < loss:
                best, loss = near[tried.argmin()], tried.min()
            else:
                step /= 2
        alpha, beta, gamma = best.tolist()
        return alpha, beta, gamma

    def forecasts(
        self, histories: Histories, ahead: int, weights: Float64[np.ndarray, "trial 3"]
    ) -> Float64[np.ndarray, "trial series ahead"]:
        """What each trial of weights forecasts for each history, all of which must fit."""
        lengths = np.array([len(one) for one in histories])
        values = np.zeros((len(histories), lengths.max()))
        for row, one in enumerate(histories):
            values[row, : len(one)] = one
        alpha, beta, gamma = weights.T[:, :, None]
        level, trend, seasons = (
            np.repeat(part[None], len(weights), 0) for part in self.start(values)
        )
        for time in range(self.season, values.shape[1]):
            going, place = time < lengths, time % self.season
            now, season = values[:, time], seasons[:, :, place]
            expected = level + trend
            if self.multiplicative:
                bare, seen = now / apart(season), now / apart(expected)
            else:
                bare, seen = now - season, now - expected
            risen = alpha * bare + (1 - alpha) * expected
            trend = np.where(going, beta * (risen - level) + (1 - beta) * trend, trend)
            seasons[:, :, place] = np.where(going, gamma * seen + (1 - gamma) * season, season)
            level = np.where(going, risen, level)
        steps = np.arange(ahead)
        places = (lengths[:, None] + steps) % self.season
        ahead_seasons = np.take_along_axis(seasons, places[None].repeat(len(weights), 0), 2)
        found: Float64[np.ndarray, "trial series ahead"]
        lines = level[:, :, None] + trend[:, :, None] * (steps + 1)
        found = lines * ahead_seasons if self.multiplicative else lines + ahead_seasons
        return found

    def start(
        self, values: Float64[np.ndarray, "series time"]
    ) -> tuple[
        Float64[np.ndarray, " series"],
        Float64[np.ndarray, " series"],
        Float64[np.ndarray, "series season"],
    ]:
        """Level and trend at the end of the first season, and its shape without them."""
        length = self.season
        one, two = values[:, :length], values[:, length : 2 * length]
        trend = (two.mean(1) - one.mean(1)) / length
        middle = (length - 1) / 2
        line = one.mean(1)[:, None] + trend[:, None] * (np.arange(length) - middle)
        shape = one / apart(line) if self.multiplicative else one - line
        return line[:, -1], trend, shape


def apart(values: Float64[np.ndarray, "*any"]) -> Float64[np.ndarray, "*any"]:
    """Values that are no divisor of nothing: those next to zero are moved away from it."""
    return np.where(np.abs(values) < TINY, TINY, values)
