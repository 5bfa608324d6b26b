"""Series of numbers in the rows of a table, checked cell by cell."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from seqkit.errors import DataError, nearest
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Row
from seqkit_series.times import FORMS, Time, aligned, read_time, told, usual_step

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float64

Placed = tuple[str, Row]
"""A row, and where it stands: `file:line`, or `file: row 3` where lines are not known."""


@dataclass(frozen=True)
class Columns:
    """Which columns of a table are read.

    numbers: those with numbers, in the order of the channels. time, by: those that say when and of
    which series a row is, where there are such.
    """

    numbers: Sequence[str]
    time: str | None = None
    by: str | None = None

    def every(self) -> list[str]:
        """All of them."""
        return [*self.numbers, *(name for name in (self.time, self.by) if name)]


@dataclass(frozen=True)
class Observed:
    """One series. name: what says so in messages. wheres: by row where it stands."""

    name: str
    values: Float64[np.ndarray, "time column"]
    times: Sequence[Time] = ()
    wheres: Sequence[str] = ()


@dataclass
class Growing:
    """A series while its rows are read."""

    values: list[list[float]] = field(default_factory=list)
    times: list[Time] = field(default_factory=list)
    wheres: list[str] = field(default_factory=list)


def read_series(rows: Iterable[Placed], columns: Columns, gaps: bool) -> list[Observed]:
    """The series of a table, in the order in which they begin.

    gaps: whether steps may be missing in time. Raises DataError with file, line and column for a
    column that is not there, a cell that is no finite number or no time, and times that do not rise
    or leave steps out.
    """
    found: dict[str, Growing] = {}
    for where, row in rows:
        check_columns(where, row, columns)
        series = found.setdefault(str(row[columns.by]) if columns.by else "", Growing())
        series.values.append([number(row[name], where, name) for name in columns.numbers])
        series.wheres.append(where)
        if columns.time:
            series.times.append(time(row[columns.time], where, columns.time))
    made = []
    for name, series in found.items():
        times = aligned(series.times)
        if columns.time:
            check_times(times, series.wheres, columns.time, gaps)
        made.append(Observed(name, np.array(series.values, np.float64), times, series.wheres))
    return made


def check_columns(where: str, row: Row, columns: Columns) -> None:
    """Raises DataError where a row lacks a column."""
    for name in columns.every():
        if name not in row:
            raise DataError(f"{where}: has no column '{name}'. {nearest(name, map(str, row))}")


def number(cell: Any, where: str, column: str) -> float:
    """A cell's number. Raises DataError for a gap, a text, and what is not finite."""
    at = f"{where}: column '{column}'"
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        raise DataError(f"{at}: the cell is empty. Fill the gap, or begin after it.")
    try:
        if isinstance(cell, bool) or (isinstance(cell, str) and "_" in cell):
            raise ValueError
        found = float(cell)
    except (TypeError, ValueError):
        raise DataError(
            f"{at}: {cell!r:.40} is no number. Mend the cell, or name another column."
        ) from None
    if not math.isfinite(found):
        raise DataError(f"{at}: {cell!s:.40} is no finite number. Fill the gap, or begin after it.")
    return found


def time(cell: Any, where: str, column: str) -> Time:
    """A cell's time. Raises DataError where it is none."""
    found = read_time(str(cell))
    if found is None:
        shown = f"{str(cell)!r:.40}"
        raise DataError(f"{where}: column '{column}': {shown} is no time. Write {FORMS}.")
    return found


def check_times(times: Sequence[Time], wheres: Sequence[str], column: str, gaps: bool) -> None:
    """Raises DataError where times do not rise, are of two kinds, or leave steps out."""
    usual = usual_step(times)
    for before, after, where in zip(times, times[1:], wheres[1:], strict=False):
        at = f"{where}: column '{column}': {after.text} comes after {before.text}"
        if after.kind != before.kind:
            raise DataError(f"{at}, which is written otherwise. Write all times alike.")
        step = after.place - before.place
        if step <= 0:
            raise DataError(f"{at}. Sort the rows by time, and give each time once.")
        if not gaps and not math.isclose(step, usual, rel_tol=1e-6):
            raise DataError(
                f"{at}, but steps are of {told(usual, after.kind)}. Fill the gap, or set "
                "`gaps: true` where times may be left out."
            )
