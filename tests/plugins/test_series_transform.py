"""Logarithms and differences: what is forecast where nothing is left to be learnt."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.errors import DataError
from seqkit_frames.differencing import differenced
from seqkit_series.transform import Transform, operator


def test_the_weights_are_those_of_the_polynomial() -> None:
    assert operator([]).tolist() == []
    assert operator([1]).tolist() == [1.0]
    assert operator([1, 3]).tolist() == [-1.0, 1.0, 0.0, 1.0]
    assert operator([1, 1]).tolist() == [-1.0, 2.0]


def test_logarithms_with_both_differences_are_the_ratio_formula() -> None:
    y = np.random.default_rng(1).uniform(50, 90, 30)
    transform = Transform(True, [1, 12])
    history = transform.forward(y[:, None], "x")
    found = transform.back(transform.anchor(history, 2, "x"))[:, 0]
    first = y[-1] * y[-12] / y[-13]
    assert found == pytest.approx([first, first * y[-11] / y[-12]], rel=1e-12)


@settings(max_examples=30, deadline=None)
@given(
    lags=st.lists(st.integers(1, 4), max_size=3),
    ahead=st.integers(1, 6),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_differences_of_what_is_forecast_are_nought(
    lags: list[int], ahead: int, seed: int
) -> None:
    history = np.random.default_rng(seed).normal(size=(sum(lags) + 2, 2))
    found = Transform(False, lags).anchor(history, ahead, "x")
    if not lags:
        assert not found.any()
        return
    left = differenced(np.concatenate([history, found]), lags)[-ahead:]
    np.testing.assert_allclose(left, 0.0, atol=1e-9)


def test_what_cannot_be_transformed_is_told() -> None:
    with pytest.raises(DataError) as caught:
        Transform(True).forward(np.array([1.0, -2.0]), "here")
    assert str(caught.value) == (
        "here: -2 has no logarithm. Leave `log` out, or add a constant to the series."
    )
    with pytest.raises(DataError) as caught:
        Transform(False, [1, 12]).anchor(np.ones((12, 1)), 1, "here")
    assert str(caught.value) == (
        "here: a history of 12 steps is too short for differences at 1, 12, which need 13. "
        "Give a longer one."
    )


def test_without_logarithms_numbers_stay_and_the_largest_have_an_exponential() -> None:
    values = np.array([-1.0, 5.0])
    assert Transform().forward(values, "x") is values
    assert Transform().back(values) is values
    assert np.isfinite(Transform(True).back(np.array([1e9]))).all()
