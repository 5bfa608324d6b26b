"""Windows over series: what was observed, and what came after it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, final

import numpy as np

from seqkit.abilities import Numbered
from seqkit.errors import DataError
from seqkit.stages import Row, Source
from seqkit_series.observations import Columns, Observed, Placed, read_series
from seqkit_series.times import FORMS, read_time

SPLITS = ("train", "dev", "test")


@dataclass(frozen=True)
class Shape:
    """What a window is: see the factory. targets: how many of the first columns are forecast.

    known: how many of the last columns are known ahead.
    """

    history: int
    ahead: int = 1
    stride: int = 1
    expanding: bool = False
    targets: int = 1
    known: int = 0


@dataclass(frozen=True)
class Parting:
    """Which steps of a series are forecast in which split: see the factory."""

    held_out: Mapping[Literal["dev", "test"], int] = field(default_factory=dict)
    until: Mapping[Literal["train", "dev"], str | int] = field(default_factory=dict)

    def steps(self, split: str, one: Observed, ahead: int) -> tuple[int, int]:
        """The first step that a split forecasts, and the one after its last.

        Raises DataError where there are fewer than are forecast at once.
        """
        if self.held_out:
            dev, test = self.held_out.get("dev", 0), self.held_out.get("test", 0)
            ends = [len(one.values) - test - dev, len(one.values) - test, len(one.values)]
        elif self.until:
            train = place_of(one, self.until["train"])
            dev = place_of(one, self.until["dev"]) if "dev" in self.until else train
            ends = [train, dev, len(one.values)]
        else:
            return 0, len(one.values)
        number, setting = SPLITS.index(split), "held_out" if self.held_out else "until"
        begin, end = max((0, *ends)[number], 0), ends[number]
        if end - begin < ahead:
            raise DataError(
                f"{named(one)}{split} has {max(end - begin, 0)} of its {len(one.values)} steps, "
                f"but {ahead} are forecast at once. Change `{setting}`, or give more rows."
            )
        return begin, end


@final
class Windows:
    """Reads series from a table and cuts windows from them. The arguments are those of `series`."""

    def __init__(
        self, table: Source, columns: Columns, shape: Shape, parting: Parting, gaps: bool
    ) -> None:
        self.table, self.columns, self.shape = table, columns, shape
        self.parting, self.gaps = parting, gaps

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]:
        """Yields the windows of a split, series by series, in the order of time.

        Raises DataError for a cell, a column or a time that is wrong, and where rows are too few.
        """
        shape = self.shape
        for one in self.series(split, place):
            begin, end = self.parting.steps(split, one, shape.ahead)
            first = max(begin, shape.history)
            if first + shape.ahead > end:
                raise DataError(short(one, end, shape.history, shape.ahead))
            for origin in range(first, end - shape.ahead + 1, shape.stride):
                yield self.window(one, origin)

    def prospects(self, place: Path) -> Iterator[Row]:
        """Yields all windows of a file, whatever split they are of, and the one at its end.

        What comes after that one is not known, so it has no future. There is none where columns
        would have to be known ahead.
        """
        shape = self.shape
        for one in self.series("test", place):
            rows = len(one.values)
            if rows < shape.history + bool(shape.known) * shape.ahead:
                raise DataError(short(one, rows, shape.history, bool(shape.known) * shape.ahead))
            for origin in range(shape.history, rows - shape.ahead + 1):
                yield self.window(one, origin)
            if not shape.known:
                yield self.window(one, rows)

    def series(self, split: str, place: Path | str | None) -> list[Observed]:
        """The series of a file. Raises DataError."""
        return read_series(placed(self.table, split, place), self.columns, self.gaps)

    def window(self, one: Observed, origin: int) -> Row:
        """The window before a step; its future where it is known."""
        shape = self.shape
        begin = 0 if shape.expanding else origin - shape.history
        history = one.values[begin:origin].astype(np.float32)
        if shape.known:
            ahead = one.values[begin + shape.ahead : origin + shape.ahead, -shape.known :]
            history[:, -shape.known :] = ahead
        row: dict[str, Any] = {"history": history, "series": one.name, "step": origin + 1}
        future = one.values[origin : origin + shape.ahead, : shape.targets]
        if len(future) == shape.ahead:
            row["future"] = (future if shape.targets > 1 else future[:, 0]).tolist()
        if origin < len(one.times):
            row["time"] = one.times[origin].text
        return row


def placed(table: Source, split: str, place: Path | str | None) -> Iterator[Placed]:
    """The rows of a table, each with where it stands."""
    if isinstance(table, Numbered):
        for line, row in table.numbered(split, place):
            yield f"{place}:{line}", row
    else:
        for count, row in enumerate(table.read(split, place), 1):
            yield f"{place}: row {count}", row


def named(one: Observed) -> str:
    """How a message about a series begins: its file, and its name where it has one."""
    file = one.wheres[0].rpartition(":")[0]
    return f"{file}: series '{one.name}': " if one.name else f"{file}: "


def short(one: Observed, rows: int, history: int, ahead: int) -> str:
    """What is said of a series, or of what a split has of it, that has no room for a window."""
    if len(one.values) == 1:
        return f"{named(one)}has one observation, which is no series yet. Give more rows."
    has = f"{rows} rows" + ("" if rows == len(one.values) else " until its part of the file ends")
    return (
        f"{named(one)}has {has}, but a history of {history} and {ahead} ahead need "
        f"{history + ahead}. Give more rows, or a shorter history."
    )


def place_of(one: Observed, until: str | int) -> int:
    """How many steps of a series are up to a time. Raises DataError for one of another kind."""
    wanted = read_time(str(until))
    if wanted is None:
        raise DataError(f"{named(one)}until: '{until}' is no time. Write {FORMS}.")
    kind = one.times[0].kind
    if kind != wanted.kind:
        month = read_time(f"{until}"[:7]) if kind == "month" else None
        if month is None or month.kind != "month":
            raise DataError(
                f"{named(one)}until: '{until}' is not written as the times are, such as "
                f"{one.times[0].text}. Write it alike."
            )
        wanted = month
    return sum(time.place <= wanted.place for time in one.times)
