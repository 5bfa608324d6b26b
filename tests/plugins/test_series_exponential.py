"""Holt and Winters, against their equations step by step, and the search for their weights."""

from __future__ import annotations

import numpy as np
import pytest

from seqkit_series.exponential import Smoothing

RNG = np.random.default_rng(3)
SEASON = np.array([1.2, 0.8, 1.1, 0.9])
SERIES = [
    (50 + np.arange(length)) * np.resize(SEASON, length) * RNG.uniform(0.95, 1.05, length)
    for length in (17, 8, 30)
]


def by_hand(
    y: np.ndarray, season: int, multiplicative: bool, weights: tuple[float, ...], ahead: int
) -> list[float]:
    """The equations of Winters (1960) as they are written, one number after the other."""
    alpha, beta, gamma = weights
    first = sum(y[:season]) / season
    trend = (sum(y[season : 2 * season]) / season - first) / season
    line = [first + trend * (place - (season - 1) / 2) for place in range(season)]
    shape = [
        y[place] / line[place] if multiplicative else y[place] - line[place]
        for place in range(season)
    ]
    level = line[-1]
    for time in range(season, len(y)):
        old = shape[time % season]
        expected = level + trend
        bare = y[time] / old if multiplicative else y[time] - old
        risen = alpha * bare + (1 - alpha) * expected
        seen = y[time] / expected if multiplicative else y[time] - expected
        shape[time % season] = gamma * seen + (1 - gamma) * old
        trend = beta * (risen - level) + (1 - beta) * trend
        level = risen
    found = []
    for step in range(1, ahead + 1):
        line_ahead, factor = level + step * trend, shape[(len(y) + step - 1) % season]
        found.append(line_ahead * factor if multiplicative else line_ahead + factor)
    return found


@pytest.mark.parametrize("multiplicative", [False, True])
@pytest.mark.parametrize("season", [1, 4])
def test_forecasts_are_those_of_the_equations(season: int, multiplicative: bool) -> None:
    weights = [(0.3, 0.1, 0.5), (0.9, 0.4, 0.05)]
    smoothing = Smoothing(season, multiplicative)
    found = smoothing.forecasts(SERIES, 6, np.array(weights))
    for trial, chosen in enumerate(weights):
        for row, y in enumerate(SERIES):
            wanted = by_hand(y, season, multiplicative, chosen, 6)
            np.testing.assert_allclose(found[trial, row], wanted, rtol=1e-12)


def test_a_series_of_line_and_season_is_forecast_without_an_error() -> None:
    time = np.arange(24.0)
    added = 10 + 2 * time + np.resize([3.0, -1.0, -2.0], 24)
    found = Smoothing(3).forecasts([added[:18]], 6, np.array([[0.5, 0.5, 0.5]]))[0, 0]
    np.testing.assert_allclose(found, added[18:], rtol=1e-9)


def test_the_weights_that_are_found_are_the_best_near_and_the_same_each_time() -> None:
    y = SERIES[2]
    histories = [y[:end] for end in range(10, 28)]
    futures = np.array([y[end : end + 2] for end in range(10, 28)])
    smoothing = Smoothing(4, True)
    best = smoothing.fit(histories, futures)
    assert best == smoothing.fit(histories, futures)
    sizes = np.array([one.mean() for one in histories])[:, None]

    def loss(weights: tuple[float, ...]) -> float:
        errors = smoothing.forecasts(histories, 2, np.array([weights]))[0] - futures
        return float(np.square(errors / sizes).sum())

    near = [
        tuple(
            float(np.clip(weight + move * (number == place), 0, 1))
            for number, weight in enumerate(best)
        )
        for place in range(3)
        for move in (-0.02, 0.02)
    ]
    assert loss(best) <= min(map(loss, near))
    assert loss(best) < loss((0.05, 0.05, 0.05))


def test_what_it_has_no_room_for_is_known() -> None:
    assert Smoothing().fits(np.ones(2))
    assert not Smoothing().fits(np.ones(1))
    assert not Smoothing(12).fits(np.ones(23))
    assert not Smoothing(2, True).fits(np.array([1.0, 2.0, 0.0, 3.0]))
    assert Smoothing(2).fits(np.array([1.0, 2.0, 0.0, 3.0]))


def test_a_constant_series_stays_what_it_is() -> None:
    for multiplicative in (False, True):
        smoothing, flat = Smoothing(4, multiplicative), np.full(12, 7.0)
        weights = smoothing.fit([flat[:8], flat[:9]], np.full((2, 1), 7.0))
        found = smoothing.forecasts([flat], 3, np.array([weights]))
        np.testing.assert_allclose(found, 7.0, rtol=1e-9)
