"""Rows from the variables of a MATLAB file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np

from seqkit.errors import DataError, nearest
from seqkit.matlab import Unread, variables
from seqkit.stages import Frames, Row


@final
class Matlab:
    """Reads one row an item. The arguments are the settings of `matlab`; rows: `time: rows`.

    Raises DataError, which names the file, for variables that are missing, unlike in their number
    of items, or no series.
    """

    def __init__(
        self,
        fields: Mapping[str, str],
        names: Mapping[str, str],
        rows: bool,
        folds: int | None,
        fold: int,
    ) -> None:
        self.fields, self.names, self.rows = fields, names, rows
        self.folds, self.fold = folds, fold

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]:
        """Yields the rows of a split, and `item`, their number in the file from 0."""
        if place is None:
            raise DataError(f"data.{split}: no file is named. Name one in the recipe.")
        if self.folds and split == "dev":
            raise DataError(
                "data.dev: 'folds' makes train and test of one file. Take dev out of train, such "
                "as `dev: 10%`."
            )
        path = Path(place)
        found = load(path, [*self.fields.values(), *self.names.values()])
        columns = {field: self.column(path, field, found) for field in self.fields}
        first = next(iter(self.fields))
        for field, items in columns.items():
            if len(items) != len(columns[first]):
                raise DataError(
                    f"{path}: '{self.fields[field]}' has {len(items):,} items, but "
                    f"'{self.fields[first]}' {len(columns[first]):,}. Name variables that belong "
                    "together."
                )
        for item, values in enumerate(zip(*columns.values(), strict=True)):
            if not self.folds or (item % self.folds == self.fold) == (split == "test"):
                yield {**dict(zip(columns, values, strict=True)), "item": item}

    def column(self, path: Path, field: str, found: Mapping[str, np.ndarray]) -> list[Any]:
        """The values of one field."""
        variable = self.fields[field]
        values = [
            plain(item, f"{path}: item {number:,} of '{variable}'", self.rows)
            for number, item in enumerate(items(found[variable]), 1)
        ]
        if field not in self.names:
            return values
        names = [plain(item, f"{path}: '{field}'") for item in items(found[self.names[field]])]
        return [
            named(value, names, f"{path}: item {number:,} of '{variable}'")
            for number, value in enumerate(values, 1)
        ]


def load(path: Path, wanted: Sequence[str]) -> Mapping[str, np.ndarray]:
    """Some variables of a file. Raises DataError where it cannot be read, or lacks one."""
    found = variables(path)
    for name in wanted:
        if name not in found:
            raise DataError(f"{path}: has no variable '{name}'. {nearest(name, found)}")
        if isinstance(found[name], Unread):
            raise DataError(
                f"{path}: '{name}' is {found[name]}. Name a cell or a matrix, or save one."
            )
    return found


def items(variable: np.ndarray) -> list[Any]:
    """What a variable holds, column after column."""
    found: list[Any] = variable.ravel(order="F").tolist()
    return found


def plain(item: Any, where: str, rows: bool = False) -> Any:
    """An item as a text, a number or a series [time, channel]. rows: steps are the rows."""
    while isinstance(item, np.ndarray) and item.dtype == object and item.size == 1:
        item = item.item()
    if isinstance(item, Unread):
        raise DataError(f"{where} is {item}, no series. Name another variable.")
    if not isinstance(item, np.ndarray):
        return item
    if item.dtype.kind == "U":
        return str(item.item()) if item.size == 1 else "\n".join(item.tolist())
    if item.dtype.kind not in "biuf" or item.ndim != 2:
        raise DataError(
            f"{where} is an array of {item.dtype} {list(item.shape)}, no series: a matrix of "
            "numbers. Name another variable."
        )
    if item.size == 1:
        return item.item()
    return Frames(np.ascontiguousarray(item if rows else item.T, np.float32))


def named(value: Any, names: Sequence[Any], where: str) -> Any:
    """What a number stands for, from 1. Raises DataError where it stands for nothing."""
    whole = isinstance(value, int | float) and float(value).is_integer()
    if not whole or not 1 <= value <= len(names):
        raise DataError(
            f"{where} is {value!r}, but the names are numbered 1 to {len(names)}. Name the "
            "variable that lists them."
        )
    return names[int(value) - 1]
