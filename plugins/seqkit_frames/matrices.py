"""Rows from the variables of a MATLAB file."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from seqkit.errors import DataError, nearest
from seqkit.stages import Frames, Row

DAMAGED = (MatReadError, ValueError, TypeError, KeyError, IndexError, EOFError, zlib.error)
"""What scipy raises for bytes that are no MATLAB file, or no whole one."""


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
        variables = load(path, [*self.fields.values(), *self.names.values()])
        columns = {field: self.column(path, field, variables) for field in self.fields}
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

    def column(self, path: Path, field: str, variables: Mapping[str, np.ndarray]) -> list[Any]:
        """The values of one field."""
        variable = self.fields[field]
        found = variables[variable].ravel().tolist()
        values = [
            plain(item, f"{path}: item {number:,} of '{variable}'", self.rows)
            for number, item in enumerate(found, 1)
        ]
        if field not in self.names:
            return values
        names = [plain(item, f"{path}: '{field}'") for item in variables[self.names[field]].ravel()]
        return [
            named(value, names, f"{path}: item {number:,} of '{variable}'")
            for number, value in enumerate(values, 1)
        ]


def load(path: Path, wanted: Sequence[str]) -> Mapping[str, np.ndarray]:
    """Some variables of a file. Raises DataError where it cannot be read, or lacks one."""
    try:
        with open(path, "rb") as stream:
            found = loadmat(stream)
    except NotImplementedError:
        raise DataError(
            f"{path}: is of MATLAB 7.3, which is HDF5. Save it again with `save -v7`."
        ) from None
    except OSError as error:
        wrong = error.strerror or "it ends too early"
        raise DataError(f"{path}: cannot be read ({wrong}). Check the path and the file.") from None
    except DAMAGED as error:
        wrong = " ".join(str(error).split())[:200].rstrip(".")
        raise DataError(f"{path}: no whole MATLAB file ({wrong}). Fetch it again.") from None
    own = {name: value for name, value in found.items() if not name.startswith("__")}
    for name in wanted:
        if name not in own:
            raise DataError(f"{path}: has no variable '{name}'. {nearest(name, own)}")
    return own


def plain(item: Any, where: str, rows: bool = False) -> Any:
    """An item as a text, a number or a series [time, channel]. rows: steps are the rows."""
    while isinstance(item, np.ndarray) and item.dtype == object and item.size == 1:
        item = item.item()
    if not isinstance(item, np.ndarray):
        return item
    if item.dtype.kind == "U":
        return str(item.item()) if item.size == 1 else "".join(map(str, item.ravel()))
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
