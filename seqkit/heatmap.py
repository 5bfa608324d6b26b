"""An inspection in a terminal: a row for each piece, a column for each measurement, by colour."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.style import Style
from rich.table import Table
from rich.text import Text

from seqkit import storage
from seqkit.abilities import Attended
from seqkit.colours import colours
from seqkit.errors import ModelError
from seqkit.figures import heat_map
from seqkit.inspection import GRADIENT, Inspection, Part

DECADES = 3.0
"""The least that a logarithmic scale spans: within it, a gradient does not look like vanishing."""
WIDEST = 20
"""Columns of the screen that a piece takes at most."""
ENDLESS = 10_000
"""Columns where there is no terminal to fit into."""

Cell = tuple[str, float | None]
"""A number as it is shown, and where it stands on its column's scale, from 0 to 1."""


def print_inspection(inspection: Inspection, pieces: int, as_json: bool) -> None:
    """Prints an inspection: as JSON, or as tables, which are not folded outside a terminal."""
    if as_json:
        print(json.dumps(inspection.plain(), ensure_ascii=False))  # noqa: T201  the command's output
    else:
        console = Console(width=None if sys.stdout.isatty() else ENDLESS, highlight=False)
        show_inspection(inspection, console, pieces)


def draw_attention(inspection: Inspection, file: str) -> None:
    """Writes where the decoder looked as SVG. Raises ModelError where it does not show that."""
    attended = inspection.attended
    if attended is None:
        raise ModelError(
            "inspect: --svg draws where a decoder looked, but this one does not show it. Leave it "
            "out, or inspect a model whose decoder is attention."
        )
    written, read = ([plain(one) for one in names] for names in (attended.written, attended.read))
    drawn = heat_map(written, read, attended.weights)
    storage.write_file(Path(file), drawn.encode())


def show_inspection(inspection: Inspection, console: Console, pieces: int) -> None:
    """Shows answers, loss, and a table for each part, of the first so many pieces."""
    for name, answer in inspection.answers.items():
        answered = f"{name}: {answer.get('value', answer)}"
        console.print(Text(answered), no_wrap=True, overflow="ellipsis")
    if inspection.loss is None:
        console.print(Text(inspection.against), soft_wrap=True)
    else:
        told = f"loss {inspection.loss:.4g} against {inspection.against}"
        console.print(Text(told), soft_wrap=True)
    for part in inspection.parts:
        console.print()
        console.print(Text(title(part, inspection.parts), style="bold"), soft_wrap=True)
        for table in tables(part, console.width, pieces):
            console.print(table)
    if inspection.attended:
        console.print()
        console.print(Text("where the decoder looked", style="bold"))
        for table in alignment(inspection.attended, console.width, pieces):
            console.print(table)
    if not inspection.parts and not inspection.attended:
        console.print("there is no piece to show")
    longest = max((len(part.pieces) for part in inspection.parts), default=0)
    if longest > pieces:
        console.print(f"\nthe first {pieces} of {longest} pieces; --pieces shows more")


def title(part: Part, others: Sequence[Part]) -> str:
    """What is shown: encoder and part, with its input and step where there are several."""
    words = [part.encoder]
    if len({other.step for other in others}) > 1:
        words[0] += f" (encoder {part.step})"
    if len({other.input for other in others}) > 1:
        words.append(part.input)
    return ", ".join([*words, part.name])


def tables(part: Part, room: int, pieces: int) -> Iterator[Table]:
    """A part's table, or several where its columns need more room than there is."""
    columns = [(name, cells(name, values[:pieces])) for name, values in part.series.items()]
    return side_by_side(part.pieces[:pieces], columns, room)


def alignment(attended: Attended, room: int, pieces: int) -> Iterator[Table]:
    """A row for each written piece, a column for each that was read."""
    columns = [
        (plain(piece), [(f"{row[place]:.2f}", row[place]) for row in attended.weights[:pieces]])
        for place, piece in enumerate(attended.read[:pieces])
    ]
    return side_by_side(attended.written[:pieces], columns, room)


def side_by_side(
    pieces: Sequence[str], columns: Sequence[tuple[str, Sequence[Cell]]], room: int
) -> Iterator[Table]:
    """Named columns beside pieces, in as many tables as their widths need."""
    shown = [plain(piece) for piece in pieces]
    widths = [width(name, column) for name, column in columns]
    first = min(WIDEST, max((Text(piece).cell_len for piece in shown), default=0)) + 1
    for places in blocks(widths, room - first):
        table = Table(box=None, padding=0, pad_edge=False, header_style="bold")
        table.add_column(width=first, no_wrap=True, overflow="ellipsis")
        for at in places:
            words = Text("\n".join(f"{word} " for word in columns[at][0].split()))
            table.add_column(words, width=widths[at], justify="right", vertical="bottom")
        for row, piece in enumerate(shown):
            numbers = (painted(*columns[at][1][row], widths[at]) for at in places)
            table.add_row(Text(piece), *numbers)
        yield table


def plain(piece: str) -> str:
    """A piece that cannot be seen as it is, quoted."""
    return piece if piece.isprintable() and piece.strip() else repr(piece)


def blocks(widths: Sequence[int], room: int) -> list[list[int]]:
    """The places of columns in groups that have room side by side; at least one in each."""
    groups: list[list[int]] = []
    left = 0
    for at, wide in enumerate(widths):
        if not groups or wide > left:
            groups.append([])
            left = room
        groups[-1].append(at)
        left -= wide
    return groups


def width(name: str, column: Sequence[Cell]) -> int:
    """How wide a column is: its numbers and its name's longest word fit, with a blank around."""
    words = (Text(word).cell_len for word in name.split())
    return max(*words, *(len(shown) for shown, _ in column), 1) + 2


def cells(name: str, values: Sequence[float]) -> list[Cell]:
    """A column's numbers, on a scale of its own.

    Gradients, and numbers above zero that span many decades, are on a logarithmic scale; what lies
    from 0 to 1, as gates and shares do, is on that scale; all else from 0, or from the least below
    it, to the largest.
    """
    known = [value for value in values if math.isfinite(value)]
    low, high = min(known, default=0.0), max(known, default=1.0)
    logarithmic = low > 0 and high > low * 10**DECADES
    if name == GRADIENT or logarithmic:
        above = [math.log10(value) for value in known if value > 0]
        top = max(above, default=0.0)
        scale = (min([*above, top - DECADES]), top)
        return [(number(value), place(log(value), *scale)) for value in values]
    if low >= 0 and high <= 1:
        return [(f"{value:.2f}", place(value, 0.0, 1.0)) for value in values]
    return [(number(value), place(value, min(low, 0.0), high)) for value in values]


def log(value: float) -> float:
    """The decimal logarithm; of what has none, nothing less."""
    return math.log10(value) if value > 0 else value if math.isnan(value) else -math.inf


def place(value: float, low: float, high: float) -> float | None:
    """Where a value stands from low (0) to high (1); None for what is no number."""
    if math.isnan(value):
        return None
    return min(1.0, max(0.0, (value - low) / (high - low))) if high > low else 0.0


def number(value: float) -> str:
    """A number in at most seven characters: 0, 0.0120, 12.3, 3.1e-07."""
    if value == 0:
        return "0"
    if not math.isfinite(value) or 1e-3 <= abs(value) < 1e3:
        return f"{value:#.3g}".rstrip(".")
    return f"{value:.1e}"


def painted(shown: str, at: float | None, wide: int) -> Text:
    """A number on its colour, black or white, whichever can be read."""
    return Text(f"{shown} ".rjust(wide), style="" if at is None else style(at))


def style(at: float) -> Style:
    """The colours of a place on the scale."""
    ground, ink = colours(at)
    return Style(color=ink, bgcolor=ground)
