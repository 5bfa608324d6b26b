"""One HTML page that needs nothing but itself: headings, tables, figures. All text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from seqkit.abilities import Tabulation

STYLE = """\
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1c1c1c; background: #fff;
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; border-bottom: 1px solid #ddd; }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
p { margin: .4rem 0; }
.quiet, figcaption, caption { color: #666; font-size: .85rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .88rem; }
th, td { padding: .2rem .6rem; text-align: left; vertical-align: top; }
th { border-bottom: 1px solid #999; font-weight: 600; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
tr:nth-child(even) td { background: #f6f6f6; }
table.matrix td { text-align: right; padding: .15rem .4rem; background: none; }
table.matrix th { padding: .15rem .4rem; border: 0; font-weight: 500; }
table.matrix tr:first-child th { vertical-align: bottom; }
table.matrix tr:first-child th:not(:first-child) { writing-mode: vertical-rl;
  transform: rotate(180deg); padding: .4rem .15rem; }
pre { background: #f6f6f6; padding: .8rem; overflow-x: auto; font-size: .82rem; }
mark { background: #d6e6ff; padding: 0 .15rem; }
mark small { color: #444; }
.entry { margin: .7rem 0; }
figure { margin: .6rem 0; display: inline-block; }
svg { max-width: 100%; height: auto; font: 12px system-ui, sans-serif; }
details > summary { cursor: pointer; color: #1f4e9e; }
@media print { body { max-width: none; margin: 0; } h2, h3 { break-after: avoid; }
  figure, tr { break-inside: avoid; } .wide { overflow: visible; } }
"""
SHOWN = 25
"""Rows of a table that are shown at once; a click shows the rest."""


def page(title: str, parts: Iterable[str]) -> str:
    """The page."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def heading(text: str, level: int = 2) -> str:
    """A heading."""
    return f"<h{level}>{escape(text)}</h{level}>"


def paragraph(text: str, quiet: bool = False) -> str:
    """A paragraph."""
    kind = ' class="quiet"' if quiet else ""
    return f"<p{kind}>{escape(text)}</p>"


def figure(svg: str, caption: str = "") -> str:
    """A picture, with what it shows below it."""
    below = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    return f"<figure>{svg}{below}</figure>"


def tabulation(table: Tabulation) -> str:
    """A metric's table; a matrix is coloured, and of many rows the first are shown at once."""
    if table.figure == "matrix":
        return matrix(table)
    first = table.rows[0] if table.rows else ()
    right = [not isinstance(value, str) for value in first]
    cells = [[cell(value) for value in row] for row in table.rows]
    shown = rows(table.columns, cells[:SHOWN], right)
    if len(cells) <= SHOWN:
        return shown
    rest = rows(table.columns, cells[SHOWN:], right)
    left = len(cells) - SHOWN
    return f"{shown}<details><summary>{left:,} more</summary>{rest}</details>"


def rows(
    headings: Sequence[str], cells: Sequence[Sequence[str]], right: Sequence[bool] = ()
) -> str:
    """A table. right: the columns that are set to the right."""
    marks = [*right, *[False] * (len(headings) - len(right))]
    head = "".join(td("th", text, mark) for text, mark in zip(headings, marks, strict=True))
    lines = (
        "".join(td("td", text, mark) for text, mark in zip(row, marks, strict=True))
        for row in cells
    )
    body = "".join(f"<tr>{line}</tr>\n" for line in lines)
    return f'<div class="wide"><table>\n<tr>{head}</tr>\n{body}</table></div>'


def td(tag: str, text: str, right: bool) -> str:
    """A cell."""
    kind = ' class="number"' if right else ""
    return f"<{tag}{kind}>{escape(text)}</{tag}>"


def matrix(table: Tabulation) -> str:
    """A table whose numbers are coloured by their share of the row; the diagonal is blue."""
    head = "".join(f"<th>{escape(title)}</th>" for title in table.columns)
    lines = []
    for place, (name, *numbers) in enumerate(table.rows):
        known = [float(number) for number in numbers if not isinstance(number, str)]
        total = sum(known) or 1.0
        inside = "".join(
            shaded(number, number / total, place == column)
            for column, number in enumerate(numbers)
            if not isinstance(number, str)
        )
        lines.append(f"<tr><th>{escape(str(name))}</th>{inside}</tr>\n")
    body = "".join(lines)
    return f'<div class="wide"><table class="matrix">\n<tr>{head}</tr>\n{body}</table></div>'


def shaded(number: int | float, share: float, diagonal: bool) -> str:
    """A cell, darker the greater its share is."""
    colour = "31, 78, 158" if diagonal else "200, 80, 20"
    depth = min(1.0, 0.12 + 0.75 * share) if number else 0.0
    ink = "#fff" if depth > 0.55 else "#1c1c1c" if number else "#bbb"
    style = f"background: rgba({colour}, {depth:.2f}); color: {ink}"
    return f'<td style="{style}">{cell(number) if number else "·"}</td>'


def cell(value: str | int | float) -> str:
    """What a cell shows: two decimals of a number that is no count."""
    if isinstance(value, str):
        return value
    return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"


def marked(text: str, spans: Iterable[Sequence[int | str]]) -> str:
    """A text with its spans marked, each with its label; spans past its end are left out."""
    parts, at = [], 0
    for start, end, label in sorted(spans, key=lambda span: int(span[0])):
        first, last = int(start), int(end)
        if last <= len(text) and first >= at:
            inside = f"{escape(text[first:last])} <small>{escape(str(label))}</small>"
            parts += [escape(text[at:first]), f"<mark>{inside}</mark>"]
            at = last
    return "".join([*parts, escape(text[at:])])


def entry(title: str, lines: Iterable[str]) -> str:
    """A few lines of HTML below a title."""
    inside = "".join(f"<div>{one}</div>" for one in lines)
    return f'<div class="entry"><span class="quiet">{escape(title)}</span>{inside}</div>'


def preformatted(text: str) -> str:
    """A text as it stands."""
    return f"<pre>{escape(text)}</pre>"
