"""What is forecast with nothing learnt, or next to nothing: the rows beside every score.

The last value again, that of a season before, the decoder's own transform with nothing added, and
exponential smoothing. Their quantiles are those of their errors in training.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from seqkit.settings import CHECK_SHAPES
from seqkit_series.exponential import TINY, Smoothing
from seqkit_series.transform import Transform

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float64

    Histories = Sequence[Float64[np.ndarray, "_ target"]]  # each as long as it is
    Forecast = tuple[
        Float64[np.ndarray, "ahead target"], Mapping[str, Float64[np.ndarray, "ahead target"]]
    ]

WHERE = "forecast"
"""How messages begin."""
AT_ONCE = 512
"""Histories that are smoothed side by side."""
Weights = Mapping[str, Sequence[Sequence[float]]]
"""By method with weights, alpha, beta and gamma for each target."""


@dataclass(frozen=True)
class SimpleMethods:
    """The simple methods for series of a kind. season: its steps, None where there is none."""

    transform: Transform
    season: int | None = None

    def smoothings(self) -> dict[str, Smoothing]:
        """The methods with weights, by name."""
        if not self.season:
            return {"Holt": Smoothing()}
        return {
            "Holt-Winters additive": Smoothing(self.season),
            "Holt-Winters multiplicative": Smoothing(self.season, True),
        }

    def fit(
        self,
        histories: Histories,
        futures: Float64[np.ndarray, "example ahead target"],
        levels: Sequence[float],
    ) -> dict[str, Any]:
        """The weights of the methods that have some, and the quantiles of all methods' errors.

        Errors are in the transform's unit. It is JSON. A method that a history has no room for is
        left out.
        """
        weights: dict[str, Any] = {}
        for name, smoothing in self.smoothings().items():
            targets = range(futures.shape[2])
            if all(smoothing.fits(one[:, target]) for one in histories for target in targets):
                weights[name] = [
                    list(
                        smoothing.fit([one[:, target] for one in histories], futures[:, :, target])
                    )
                    for target in targets
                ]
        made = self.forecasts(histories, futures.shape[1], weights)
        truth = self.transform.forward(futures, WHERE)
        errors = {
            name: np.quantile(truth - self.forward(found), levels, axis=0).tolist()
            for name, found in made.items()
        }
        return {"weights": weights, "levels": list(levels), "errors": errors}

    def answers(
        self, histories: Histories, ahead: int, learnt: Mapping[str, Any]
    ) -> dict[str, list[Forecast]]:
        """By method of training, the forecast of each history and its quantiles by level."""
        found: dict[str, list[Forecast]] = {}
        for name, values in self.forecasts(histories, ahead, learnt["weights"]).items():
            if name not in learnt["errors"]:
                continue
            moved = self.forward(values)
            quantiles = {
                f"{level:g}": self.transform.back(moved + np.array(error))
                for level, error in zip(learnt["levels"], learnt["errors"][name], strict=True)
            }
            found[name] = [
                (value, {level: every[row] for level, every in quantiles.items()})
                for row, value in enumerate(values)
            ]
        return found

    def forward(
        self, values: Float64[np.ndarray, "example ahead target"]
    ) -> Float64[np.ndarray, "example ahead target"]:
        """Forecasts in the transform's unit; one below zero is given a logarithm."""
        least = values.clip(min=TINY) if self.transform.log else values
        return self.transform.forward(least, WHERE)

    def forecasts(
        self, histories: Histories, ahead: int, weights: Weights
    ) -> dict[str, Float64[np.ndarray, "example ahead target"]]:
        """The forecasts of each method that all histories have room for, in the data's unit."""
        found = {}
        methods: dict[str, tuple[int, Callable[..., Any]]] = {"naive": (1, naive)}
        if self.season:
            methods["seasonal naive"] = (self.season, partial(seasonal, season=self.season))
        if self.transform.differences:
            methods["transform alone"] = (sum(self.transform.differences), self.untaught)
        shortest = min(map(len, histories))
        for name, (least, method) in methods.items():
            if shortest >= least:
                found[name] = np.stack([method(one, ahead) for one in histories])
        for name, smoothing in self.smoothings().items():
            made = smoothed(smoothing, histories, ahead, weights.get(name, ()))
            if made is not None:
                found[name] = made
        return found

    def untaught(
        self, history: Float64[np.ndarray, "time target"], ahead: int
    ) -> Float64[np.ndarray, "ahead target"]:
        """The forecast of the transform where all differences stay 0."""
        moved = self.transform.forward(history, WHERE)
        return self.transform.back(self.transform.anchor(moved, ahead, WHERE))


def naive(
    history: Float64[np.ndarray, "time target"], ahead: int
) -> Float64[np.ndarray, "ahead target"]:
    """The last value, at each step ahead."""
    return history[-1:].repeat(ahead, 0)


def seasonal(
    history: Float64[np.ndarray, "time target"], ahead: int, season: int
) -> Float64[np.ndarray, "ahead target"]:
    """The value of the same step of the last season that was observed."""
    return history[len(history) - season + np.arange(ahead) % season]


def smoothed(
    smoothing: Smoothing, histories: Histories, ahead: int, weights: Sequence[Sequence[float]]
) -> Float64[np.ndarray, "example ahead target"] | None:
    """The forecasts of exponential smoothing; None without weights, or room in a history."""
    columns = []
    for target, chosen in enumerate(weights):
        series = [one[:, target] for one in histories]
        if not all(map(smoothing.fits, series)):
            return None
        trial = np.array([chosen])
        parts = (series[begin : begin + AT_ONCE] for begin in range(0, len(series), AT_ONCE))
        columns.append(
            np.concatenate([smoothing.forecasts(part, ahead, trial)[0] for part in parts])
        )
    return np.stack(columns, 2) if columns else None
