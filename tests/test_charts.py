"""Line charts: the same bytes each time, read on white, on black, and by the colour-blind."""

from __future__ import annotations

import itertools
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqkit.charts import APART, COLOURS, GREY, Line, line_chart, spans_decades, spread

CURVES = [
    Line("rnn", [(10, 50.0), (20, 60.0)]),
    Line("lstm $x$ <b>", [(10, 55.0), (20, 90.0), (30, 95.0)]),
]


def texts(svg: bytes) -> list[str]:
    """What is written in a chart."""
    root = ElementTree.fromstring(svg)
    return ["".join(node.itertext()).strip() for node in root.iter() if node.tag.endswith("}text")]


def test_a_chart_names_its_lines_and_axes() -> None:
    found = texts(line_chart(CURVES, "training examples", "dev $accuracy$", "toy: encode"))
    assert {"rnn", "lstm $x$ <b>", "training examples", "dev $accuracy$", "toy: encode"} <= set(
        found
    )


def test_the_same_lines_give_the_same_bytes_without_a_date() -> None:
    svg = line_chart(CURVES, "a", "b")
    assert svg == line_chart(CURVES, "a", "b")
    assert svg != line_chart(CURVES[:1], "a", "b")
    assert b"dc:date" not in svg


def test_nothing_is_painted_behind_the_lines() -> None:
    svg = line_chart(CURVES, "a", "b").decode()
    assert "fill: #ffffff" not in svg
    assert "fill: none" in svg


def test_each_name_has_one_colour_and_a_second_line_of_it_is_dashed() -> None:
    first, again = Line("a", [(0, 1), (1, 2)]), Line("a", [(0, 2), (1, 3)], dashed=True)
    svg = line_chart([first, again, Line("b", [(0, 1), (1, 1)])], "x", "y").decode()
    assert texts(svg.encode()).count("a") == 1
    assert f"stroke: {COLOURS[0]}" in svg
    assert f"stroke: {COLOURS[1]}" in svg
    assert COLOURS[2] not in svg
    assert svg.count("stroke-dasharray: 6") == 1


@pytest.mark.parametrize(
    ("values", "logarithmic"),
    [
        ([1.0, 101.0], True),
        ([1.0, 99.0], False),
        ([0.0, 1e6], False),
        ([-1.0, 1e6], False),
        ([5.0], False),
    ],
)
def test_values_over_more_than_two_decades_are_drawn_on_a_logarithmic_axis(
    values: list[float], logarithmic: bool
) -> None:
    assert spans_decades(values) is logarithmic
    lines = [Line("a", list(enumerate(values)))]
    drawn, other = (line_chart(lines, "x", "y", logarithmic=way) for way in (None, not logarithmic))
    assert drawn == line_chart(lines, "x", "y", logarithmic=logarithmic)
    assert drawn != other


def test_no_values_span_nothing() -> None:
    assert spans_decades([]) is False


def test_what_a_logarithmic_axis_cannot_show_is_left_out() -> None:
    lines = [Line("a", [(0, 1.0), (1, 0.0), (2, 1e-3)]), Line("none", [(0, 0.0)])]
    svg = line_chart(lines, "x", "y", logarithmic=True)
    assert svg == line_chart(
        [Line("a", [(0, 1.0), (2, 1e-3)]), Line("none", [])], "x", "y", logarithmic=True
    )
    assert "none" not in texts(svg)


def test_without_matplotlib_a_chart_is_an_import_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError):
        line_chart(CURVES, "a", "b")


@given(st.lists(st.floats(-0.05, 1.05), max_size=30).map(sorted))
def test_names_keep_their_order_and_their_distance(heights: list[float]) -> None:
    found = spread(heights)
    assert len(found) == len(heights)
    apart = min(APART, 1 / max(1, len(heights) - 1))
    assert all(b - a >= apart - 1e-9 for a, b in itertools.pairwise(found))
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in found)


def test_names_that_are_apart_stay_where_they_are() -> None:
    assert spread([0.1, 0.5, 0.9]) == [0.1, 0.5, 0.9]
    assert spread([0.2, 0.2]) == pytest.approx([0.2, 0.2 + APART])


def linear(colour: str) -> np.ndarray:
    """Linear red, green and blue of #rrggbb (IEC 61966-2-1)."""
    values = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def luminance(colour: str) -> float:
    return float(np.array([0.2126, 0.7152, 0.0722]) @ linear(colour))


@pytest.mark.parametrize("colour", [*COLOURS, GREY])
def test_each_colour_stands_out_on_white_and_on_a_dark_page(colour: str) -> None:
    """WCAG 2.1, 1.4.11: graphics have a contrast of 3 to 1."""
    assert 1.05 / (luminance(colour) + 0.05) >= 3
    assert (luminance(colour) + 0.05) / (luminance("#0d1117") + 0.05) >= 3


SEEN = {
    "all": np.eye(3),
    "no red": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "no green": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}
"""How linear colours are seen (Machado et al. 2009, severity 1)."""


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear red, green and blue, under D65."""
    matrix = np.array(
        [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    )
    x, y, z = np.cbrt(matrix @ np.clip(rgb, 0, 1) / [0.9505, 1.0, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("seen", sorted(SEEN))
def test_any_two_colours_are_told_apart_by_the_colour_blind_too(seen: str) -> None:
    found = [lab(SEEN[seen] @ linear(colour)) for colour in COLOURS]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(found, 2)) > 25
