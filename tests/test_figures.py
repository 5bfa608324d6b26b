"""Figures as SVG: well formed, points where they belong, round ticks."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.figures import Axes, curve, limits, reliability, ticks

SVG = "{http://www.w3.org/2000/svg}"


def circles(picture: str) -> list[tuple[float, float, float]]:
    """The points of a picture: across, down, and how large."""
    found = ElementTree.fromstring(picture).iter(f"{SVG}circle")
    return [tuple(float(one.attrib[name]) for name in ("cx", "cy", "r")) for one in found]  # type: ignore[misc]


def texts(picture: str) -> list[str]:
    """The words of a picture."""
    return [one.text or "" for one in ElementTree.fromstring(picture).iter(f"{SVG}text")]


def test_bins_stand_at_confidence_and_share_of_right() -> None:
    picture = reliability([(25.0, 0.0, 1), (75.0, 100.0, 100), (100.0, 50.0, 25)])
    axes = Axes((0.0, 100.0), (0.0, 100.0))
    first, second, third = circles(picture)
    assert first[:2] == pytest.approx((axes.x(25), axes.y(0)), abs=0.1)
    assert second[:2] == pytest.approx((axes.x(75), axes.y(100)), abs=0.1)
    assert first[2] < third[2] < second[2]
    assert {"confidence, %", "right, %", "1", "100", "25"} <= set(texts(picture))
    assert "100 answers: 75.0% sure, 100.0% right" in picture


def test_everything_stays_in_the_picture() -> None:
    picture = reliability([(0.0, 0.0, 10_000), (100.0, 100.0, 123_456)])
    assert all(x - r > 0 and x + r < 420 and y - r - 3 - 9 > 0 for x, y, r in circles(picture))


def test_a_diagram_of_nothing_has_its_axes() -> None:
    assert circles(reliability([])) == []
    assert "100" in texts(reliability([]))


def test_a_curve_marks_the_best() -> None:
    picture = curve([(10, 1.0), (20, 3.0), (30, 2.0)], "updates", "dev <f1>", best=20)
    (_, _, small), (x, y, large), (_, lower, _) = circles(picture)
    assert large > small
    assert 52 < x < 420
    assert y < lower
    assert {"updates", "dev <f1>"} <= set(texts(picture))
    assert len(re.findall(r"[\d.]+,[\d.]+", picture.partition("polyline")[2])) == 3


@pytest.mark.parametrize("value", [0.0, 93.5, -2.0, 1e-9])
def test_a_curve_of_one_value_is_drawn(value: float) -> None:
    assert len(circles(curve([(1, value), (2, value)], "updates", "loss"))) == 2


@settings(max_examples=60)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=9))
def test_ticks_are_few_and_inside(values: list[float]) -> None:
    low, high = limits(values)
    assert low < min(values) <= max(values) < high
    found = ticks(low, high)
    assert 2 <= len(found) <= 6
    assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in found)


def test_ticks_are_round() -> None:
    assert ticks(0, 100) == [0, 20, 40, 60, 80, 100]
    assert ticks(0.013, 0.087) == [0.02, 0.04, 0.06, 0.08]
    assert ticks(-3, 4) == [-2, 0, 2, 4]
