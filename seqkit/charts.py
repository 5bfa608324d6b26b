"""Line charts as SVG, by matplotlib: the same bytes for the same lines, on white and on black."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INSTALL = "pip install 'seqkit[plots]'"
COLOURS = ("#5589f5", "#f66718", "#2e6d67", "#7c1ff9", "#579cc5", "#759460")
"""Told apart by those who see red and green alike too; each stands out on white and on black."""
MARKERS = ("o", "s", "^", "D", "v")
GREY = "#808080"
DECADES = 2.0
"""Values that span more than so many powers of ten are drawn on a logarithmic axis."""
MARKED = 12
"""About so many points of a line have a mark."""
APART = 0.055
"""The least distance of two names at the lines' ends, as a share of the height."""


Number = int | float


@dataclass(frozen=True)
class Line:
    """A named line; lines of one name have one colour."""

    name: str
    points: Sequence[tuple[Number, Number]]
    dashed: bool = False


def line_chart(
    lines: Sequence[Line], across: str, up: str, note: str = "", logarithmic: bool | None = None
) -> bytes:
    """Lines as SVG, each with its name at its end.

    across, up: what the axes are. note: a line above. logarithmic: the axis upwards; else where
    values span more than two decades. Values that such an axis cannot show are left out. Raises
    ImportError where matplotlib is not installed.
    """
    import matplotlib
    from matplotlib.figure import Figure

    stream = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "seqkit", "svg.fonttype": "none"}):
        figure = Figure(figsize=(7.2, 4.2))
        axes = figure.add_subplot()
        draw(axes, lines, logarithmic)
        axes.set_xlabel(across, color=GREY, parse_math=False)
        axes.set_ylabel(up, color=GREY, parse_math=False)
        axes.set_title(note, color=GREY, parse_math=False, fontsize=10, loc="left")
        figure.savefig(
            stream,
            format="svg",
            bbox_inches="tight",
            transparent=True,
            metadata={"Date": None},
        )
    return stream.getvalue()


def draw(axes: Axes, lines: Sequence[Line], logarithmic: bool | None) -> None:
    """Draws lines, axes and names."""
    if logarithmic is None:
        logarithmic = spans_decades([value for line in lines for _, value in line.points])
    if logarithmic:
        axes.set_yscale("log")
    names = list(dict.fromkeys(line.name for line in lines))
    ends: dict[str, tuple[Number, Number]] = {}
    for line in lines:
        points = [point for point in line.points if point[1] > 0 or not logarithmic]
        number = names.index(line.name)
        axes.plot(
            [across for across, _ in points],
            [up for _, up in points],
            color=COLOURS[number % len(COLOURS)],
            linestyle="--" if line.dashed else "-",
            linewidth=1.8,
            marker=MARKERS[number % len(MARKERS)],
            markersize=4,
            markevery=-(-len(points) // MARKED) or 1,
        )
        if points:
            ends.setdefault(line.name, points[-1])
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        axes.spines[side].set_color(GREY)
    axes.tick_params(colors=GREY, which="both", labelsize=9)
    axes.grid(axis="y", color=GREY, alpha=0.25, linewidth=0.6)
    axes.margins(x=0.02)
    axes.xaxis.set_major_formatter("{x:,.10g}")
    write_names(axes, ends, names)


def write_names(axes: Axes, ends: dict[str, tuple[Number, Number]], names: Sequence[str]) -> None:
    """Writes each line's name beside its end, far enough from the next."""
    from matplotlib.lines import Line2D

    axes.get_ylim()  # settles the limits, which the transformation reads
    heights = {
        name: float(axes.transAxes.inverted().transform(axes.transData.transform(end))[1])
        for name, end in ends.items()
    }
    order = sorted(heights, key=lambda name: heights[name])
    places = spread([heights[name] for name in order])
    for name, height in zip(order, places, strict=True):
        number = names.index(name)
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
        mark = Line2D([1.02], [height], color=colour, marker=marker, markersize=4, clip_on=False)
        mark.set_transform(axes.transAxes)
        axes.add_artist(mark)  # unlike plot, it leaves the limits as they are
        text = axes.text(1.035, height, name, color=colour, va="center", parse_math=False)
        text.set_transform(axes.transAxes)


def spread(heights: Sequence[float]) -> list[float]:
    """Rising heights from 0 to 1, moved until APART is between them, where there is room for it."""
    apart = min(APART, 1.0 / max(1, len(heights) - 1))
    found: list[float] = []
    for height in heights:
        found.append(max(height, found[-1] + apart) if found else max(height, 0.0))
    for place in reversed(range(len(found))):
        top = 1.0 if place + 1 == len(found) else found[place + 1] - apart
        found[place] = min(found[place], top)
    return found


def spans_decades(values: Sequence[Number]) -> bool:
    """Whether values, all above zero, span more than two powers of ten."""
    low, high = min(values, default=1.0), max(values, default=1.0)
    return low > 0 and math.log10(high / low) > DECADES
