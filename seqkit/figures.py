"""Small figures as SVG, without any library: a reliability diagram, and a learning curve."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from seqkit.colours import colours

WIDTH, HEIGHT = 420, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 24, 28, 44
BLUE, ORANGE, GREY, INK = "#1f4e9e", "#c85014", "#999999", "#444444"
SQUARE, GLYPH = 22, 8
"""Pixels of a square of a heat map, and of a letter beside it."""
TICKS = 5
"""About so many ticks stand on an axis."""

Number = int | float
Point = tuple[Number, Number]


@dataclass(frozen=True)
class Axes:
    """A frame with an axis across and one up, each from its least value to its greatest."""

    across: Point
    up: Point

    def x(self, value: Number) -> float:
        """Where a value stands across, in pixels."""
        return LEFT + share(value, self.across) * (WIDTH - LEFT - RIGHT)

    def y(self, value: Number) -> float:
        """Where a value stands upwards, in pixels from the top."""
        return HEIGHT - BOTTOM - share(value, self.up) * (HEIGHT - TOP - BOTTOM)

    def drawn(self, across: str, up: str) -> Iterator[str]:
        """The axes with their ticks and what they are called."""
        floor, wall = HEIGHT - BOTTOM, LEFT
        yield line((wall, floor), (WIDTH - RIGHT, floor), INK)
        yield line((wall, TOP), (wall, floor), INK)
        for tick in ticks(*self.across):
            yield line((self.x(tick), floor), (self.x(tick), floor + 4), INK)
            yield words(f"{tick:g}", self.x(tick), floor + 17)
        for tick in ticks(*self.up):
            yield line((wall, self.y(tick)), (WIDTH - RIGHT, self.y(tick)), "#e4e4e4")
            yield words(f"{tick:g}", wall - 6, self.y(tick) + 4, "end")
        yield words(across, (wall + WIDTH - RIGHT) / 2, HEIGHT - 8)
        middle = (TOP + floor) / 2
        yield words(up, 14, middle, more=f' transform="rotate(-90 14 {middle:g})"')


def reliability(rows: Sequence[tuple[Number, Number, int]]) -> str:
    """A reliability diagram. rows: confidence and share of right answers in percent, and answers.

    A point stands for a bin, the larger the more answers are in it; below the diagonal, confidence
    promises too much.
    """
    axes = Axes((0.0, 100.0), (0.0, 100.0))
    most = max((size for _, _, size in rows), default=1)
    corners = (axes.x(0), axes.y(0)), (axes.x(100), axes.y(100))
    parts = [
        *axes.drawn("confidence, %", "right, %"),
        line(*corners, GREY, ' stroke-dasharray="4"'),
    ]
    places = [(axes.x(sure), axes.y(right)) for sure, right, _ in rows]
    for (x, y), (sure, right, size) in zip(places, rows, strict=True):
        radius = 2.5 + 6.5 * math.sqrt(size / most)
        told = f"{size:,} answers: {sure:.1f}% sure, {right:.1f}% right"
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{ORANGE}" '
            f'fill-opacity="0.75"><title>{told}</title></circle>'
        )
        parts.append(words(f"{size:,}", x, y - radius - 3))
    return svg("reliability diagram", parts)


def curve(points: Sequence[Point], across: str, up: str, best: Number | None = None) -> str:
    """A line through points. best: where across the chosen one stands, which is marked."""
    axes = Axes(*(limits([point[axis] for point in points]) for axis in (0, 1)))
    places = [(axes.x(x), axes.y(y)) for x, y in points]
    parts = [*axes.drawn(across, up), path(places, BLUE)]
    for (x, y), (there, value) in zip(places, points, strict=True):
        chosen = there == best
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{5 if chosen else 2.5}" '
            f'fill="{ORANGE if chosen else BLUE}"><title>{value:.6g}</title></circle>'
        )
    return svg(f"{up} by {across}", parts)


def heat_map(rows: Sequence[str], columns: Sequence[str], shares: Sequence[Sequence[float]]) -> str:
    """A square for each row and column, by its share of 0 to 1; names beside and above."""
    left = 16 + GLYPH * max(map(len, rows), default=0)
    top = 16 + GLYPH * max(map(len, columns), default=0)
    parts = []
    for place, name in enumerate(columns):
        x = left + (place + 0.5) * SQUARE
        turned = f' transform="rotate(-90 {x:g} {top - 6:g})"'
        parts.append(words(name, x, top - 2, "start", turned))
    for place, (name, across) in enumerate(zip(rows, shares, strict=True)):
        y = top + place * SQUARE
        parts.append(words(name, left - 6, y + 0.7 * SQUARE, "end"))
        for at, value in enumerate(across):
            told = escape(f"{name} \u2190 {columns[at]}: {value:.2f}")
            box = f'x="{left + at * SQUARE:g}" y="{y:g}" width="{SQUARE}" height="{SQUARE}"'
            parts.append(f'<rect {box} fill="{colours(value)[0]}"><title>{told}</title></rect>')
    size = (left + SQUARE * len(columns) + 8, top + SQUARE * len(rows) + 8)
    return svg("heat map", parts, size)


def svg(title: str, parts: Sequence[str], size: tuple[int, int] = (WIDTH, HEIGHT)) -> str:
    """A picture of its parts."""
    wide, high = size
    edges = f'width="{wide}" height="{high}" viewBox="0 0 {wide} {high}"'
    inside = "\n".join(parts)
    named = f"<title>{escape(title)}</title>"
    return f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {edges}>{named}\n{inside}\n</svg>'


def line(start: Point, end: Point, colour: str, more: str = "") -> str:
    """A straight line."""
    (x1, y1), (x2, y2) = start, end
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}"{more}/>'


def path(places: Sequence[Point], colour: str) -> str:
    """A line through places."""
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return f'<polyline points="{corners}" fill="none" stroke="{colour}" stroke-width="1.8"/>'


def words(text: str, x: Number, y: Number, anchor: str = "middle", more: str = "") -> str:
    """Words in a picture."""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{INK}"'
    return f"<text {place}{more}>{escape(text)}</text>"


def share(value: Number, ends: Point) -> float:
    """Where a value stands between two ends, from 0 to 1."""
    low, high = ends
    return (value - low) / (high - low)


def limits(values: Sequence[Number]) -> Point:
    """The ends of an axis that holds values, a little room included; never the same value twice."""
    low, high = min(values), max(values)
    room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return low - room, high + room


def ticks(low: Number, high: Number) -> list[float]:
    """Round numbers between two ends: steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [round(place * step, 12) for place in range(first, last + 1)]
