"""Temperatures: the search, the calibration error, and when a temperature is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit_labels.reliability import Calibration
from seqkit_labels.temperature import (
    LEAST,
    MOST,
    calibration_error,
    fit_temperature,
    log_loss,
    search,
)


@settings(max_examples=30, deadline=None)
@given(best=st.floats(0.12, 8.0), width=st.floats(0.2, 5.0))
def test_the_search_finds_the_least_of_a_curve_with_one_valley(best: float, width: float) -> None:
    found = search(lambda value: abs(math.log(value / best)) ** 1.5 / width)
    assert found == pytest.approx(1.0 if abs(math.log(best)) < 0.005 else best, rel=0.02)


def test_it_finds_the_best_valley_of_several() -> None:
    found = search(lambda value: -math.exp(-8 * math.log(value / 3) ** 2) - 0.5 * (value < 0.3))
    assert found == pytest.approx(3, rel=0.01)


def test_a_temperature_is_bounded() -> None:
    assert search(lambda value: value) == pytest.approx(LEAST, rel=0.01)
    assert search(lambda value: -value) == pytest.approx(MOST, rel=0.01)


@pytest.mark.parametrize(
    "loss", [lambda _: 1.0, lambda _: math.nan, lambda value: (value - 1) ** 2]
)
def test_where_nothing_is_better_it_is_one(loss: object) -> None:
    assert search(loss) == pytest.approx(1.0, abs=1e-3)  # type: ignore[arg-type]


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_the_calibration_error_is_that_of_the_metric(pairs: list[tuple[float, bool]]) -> None:
    sure, right = (np.array(side) for side in zip(*pairs, strict=True))
    metric = Calibration()
    words = {"value": ["a"] * len(pairs), "confidence": sure.tolist()}
    gold = {"value": ["a" if one else "b" for one in right.tolist()]}
    wanted = metric.value(metric.counts(words, gold))
    assert calibration_error(sure, right.astype(bool)) == pytest.approx(wanted, abs=1e-9)


def test_the_log_loss_is_binary_cross_entropy() -> None:
    sure, right = np.array([0.9, 0.2, 0.6]), np.array([True, False, False])
    wanted = torch.nn.functional.binary_cross_entropy(
        torch.from_numpy(sure), torch.from_numpy(right.astype(float))
    )
    assert log_loss(sure, right) == pytest.approx(wanted.item())
    assert log_loss(np.array([1.0, 0.0]), np.array([False, True])) == pytest.approx(13.8, abs=0.1)


def drawn(true: float, count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and which of two labels was right, drawn with scores divided by the temperature."""
    random = np.random.default_rng(1)
    scores = random.normal(0, 6, count)
    sure = 1 / (1 + np.exp(-np.abs(scores) / true))
    return np.abs(scores), random.random(count) < sure


@pytest.mark.parametrize("true", [0.5, 2.5])
def test_scores_that_are_off_by_a_factor_get_that_factor(true: float) -> None:
    scores, right = drawn(true)
    found, line = fit_temperature(
        lambda value: 1 / (1 + np.exp(-scores / value)), right, 9, "words"
    )
    assert found == pytest.approx(true, rel=0.1)
    assert line.startswith(
        f"temperature {found:.2f} fitted on 9 texts: calibration error of words "
    )
    before, after = (float(part.split("%")[0]) for part in line.rpartition("words ")[2].split("→ "))
    assert after < 1.5 < before


def test_a_temperature_that_makes_the_calibration_error_greater_is_refused() -> None:
    sure, right = np.full(100, 0.9), np.arange(100) < 90
    found, line = fit_temperature(
        lambda value: sure**value, right, 1, "spans", lambda value: abs(value - 2)
    )
    assert found == 1.0
    assert line == (
        "temperature stays 1: no other makes confidence better on 1 text, where the calibration "
        "error of spans is 0.0%"
    )


def test_few_answers_tell_nothing() -> None:
    scores, right = drawn(3.0, 49)
    found, line = fit_temperature(
        lambda value: 1 / (1 + np.exp(-scores / value)), right, 9, "words"
    )
    assert found == 1.0
    assert line == "temperature stays 1: 49 answers of dev are too few to fit one on"


def test_without_gold_that_can_be_judged_it_stays() -> None:
    found = fit_temperature(lambda _: np.zeros(0), np.zeros(0, bool), 0, "words")
    assert found == (1.0, "temperature stays 1: there is no text whose labels training has seen")
