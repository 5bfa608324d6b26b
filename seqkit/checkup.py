"""The data doctor's report in a terminal: the worst first, sizes, then what each stage says."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from seqkit.findings import Report, Size, Told

ENDLESS = 10_000
"""Columns where there is no terminal to fit into."""
HANGING = 2
"""Columns that the further lines of a finding are indented by."""
COLOURS = {"error": "bold red", "warning": "yellow"}


def print_report(report: Report, as_json: bool) -> None:
    """Prints a report: as JSON, or as tables, which are not folded outside a terminal."""
    if as_json:
        print(json.dumps(report.plain(), ensure_ascii=False, indent=1))  # noqa: T201  the command's output
    else:
        console = Console(width=None if sys.stdout.isatty() else ENDLESS, highlight=False)
        show_report(report, console)


def show_report(report: Report, console: Console) -> None:
    """Shows the verdict, errors and warnings, the sizes of the splits, and the notes by stage."""
    errors, warnings = report.of("error"), report.of("warning")
    verdict = ", ".join(
        counted(len(found), name)
        for found, name in ((errors, "error"), (warnings, "warning"))
        if found
    )
    console.print(Text(f"{report.name}: {verdict or 'nothing wrong'}", style="bold"))
    if errors or warnings:
        show_rows([(told.level, *place(told)) for told in (*errors, *warnings)], console)
    if report.sizes:
        console.print()
        console.print(lengths(report.sizes))
    notes = report.of("note")
    for stage in sorted(dict.fromkeys(told.stage for told in notes), key=bool):
        console.print()
        console.print(Text(stage or "examples", style="bold"))
        own = [told for told in notes if told.stage == stage]
        show_rows([(f"{told.split:5}", told.text) for told in own], console)


def place(told: Told) -> tuple[str, str]:
    """A finding's split, and its text after the stage that it is of."""
    return told.split, f"{told.stage}: {told.text}" if told.stage else told.text


def show_rows(rows: Sequence[tuple[str, ...]], console: Console) -> None:
    """Shows rows whose last column is folded to the room there is; what repeats is left out."""
    widths = [max(map(len, column)) + 2 for column in list(zip(*rows, strict=True))[:-1]]
    room = max(20, console.width - sum(widths) - HANGING)
    before: list[str] = []
    for *words, text in rows:
        first, *rest = Text(text).wrap(console, room)
        cells = ["" if words == before else word for word in words]
        before = words
        shown = [
            Text(cell.ljust(width), style=COLOURS.get(cell, "dim") if cell else "")
            for cell, width in zip(cells, widths, strict=True)
        ]
        below = [Text.assemble(" " * (sum(widths) + HANGING), line) for line in rest]
        for line in (Text.assemble(*shown, first), *below):
            line.rstrip()
            console.print(line, soft_wrap=True)


def lengths(sizes: Sequence[Size]) -> Table:
    """A row for each split and input."""
    several = len({size.input for size in sizes}) > 1
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("split")
    if several:
        table.add_column("input")
    unit = sizes[0].unit
    for title in ("examples", "seen before", unit, "shortest", "median", "mean", "95%", "longest"):
        table.add_column(title, justify="right")
    for size in sizes:
        numbers = (size.examples, size.repeated, size.total, size.least, size.median, size.mean)
        cells = [f"{number:,}" for number in (*numbers, size.most95, size.most)]
        table.add_row(size.split, *([Text(size.input)] if several else []), *cells)
    return table


def counted(count: int, noun: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
