"""The prepared arrays of many examples: flat columns, one masked gather, and their cache."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from seqkit import storage
from seqkit.errors import DataError, ModelError
from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Int64

    from seqkit.stages import Arrays, Batch

KEPT = 20
"""Prepared tables that stay in the cache; the oldest go."""
OFFSETS = ".offsets"
LENGTHS = ".lengths"


@dataclass(frozen=True)
class Column:
    """One named array of every example, end to end.

    values: the flat values. starts [example + 1]: where each example begins, in steps; None for a
    scalar an example. inner [step + 1]: where each step begins in the values of an array whose
    steps are themselves ragged; None where a step is one row of the values.
    """

    values: np.ndarray
    starts: Int64[np.ndarray, " bounds"] | None = None
    inner: Int64[np.ndarray, " inner_bounds"] | None = None

    def gather(
        self, begins: Int64[np.ndarray, " batch"], lengths: Int64[np.ndarray, " batch"]
    ) -> tuple[np.ndarray, Int64[np.ndarray, "*steps"]]:
        """Cuts `lengths` steps from each of `begins`: padded values, and their lengths.

        The lengths are [batch], or [batch step] where the steps are ragged.
        """
        steps, real = padded(begins, lengths)
        if self.inner is None:
            return masked(self.values, steps, real), lengths
        begins = self.inner[steps]
        sizes = np.where(real, self.inner[steps + 1] - begins, 0)
        places, real = padded(begins.ravel(), sizes.ravel())
        shape = (*steps.shape, places.shape[1])
        return masked(self.values, places.reshape(shape), real.reshape(shape)), sizes


def padded(
    begins: Int64[np.ndarray, " batch"], lengths: Int64[np.ndarray, " batch"]
) -> tuple[Int64[np.ndarray, "batch time"], np.ndarray]:
    """Row numbers to gather, 0 where there is padding, and the mask of the real ones."""
    ahead = np.arange(int(lengths.max(initial=0)), dtype=np.int64)
    real = ahead < lengths[:, None]
    return np.where(real, begins[:, None] + ahead, 0), real


def masked(values: np.ndarray, places: np.ndarray, real: np.ndarray) -> np.ndarray:
    """Gathers rows of `values`; rows that are not real come out zero."""
    taken: np.ndarray = values[places]
    taken[~real] = 0
    return taken


class Table:
    """The prepared arrays of many examples, as columns."""

    def __init__(self, columns: Mapping[str, Column], rows: int) -> None:
        self.columns = columns
        self.rows = rows

    @classmethod
    def stack(cls, examples: Sequence[Arrays]) -> Table:
        """Puts examples end to end. All of them have the same names."""
        columns = {}
        for name in examples[0] if examples else ():
            if name.endswith(OFFSETS):
                continue
            parts = [np.asarray(example[name]) for example in examples]
            if parts[0].ndim == 0:
                columns[name] = Column(np.stack(parts))
                continue
            values = np.concatenate(parts)
            if name + OFFSETS in examples[0]:
                offsets = [np.asarray(example[name + OFFSETS]) for example in examples]
                sizes = np.concatenate([np.diff(part) for part in offsets])
                starts = bounds([len(part) - 1 for part in offsets])
                columns[name] = Column(values, starts, bounds(sizes))
            else:
                columns[name] = Column(values, bounds([len(part) for part in parts]))
        return cls(columns, len(examples))

    def lengths(self, name: str) -> Int64[np.ndarray, " example"]:
        """How many steps each example has in a column."""
        starts = self.columns[name].starts
        return np.ones(self.rows, np.int64) if starts is None else np.diff(starts)

    def collate(self, rows: Int64[np.ndarray, " batch"]) -> Batch:
        """The named examples as a padded batch on the host."""
        batch: dict[str, torch.Tensor] = {}
        for name, column in self.columns.items():
            if column.starts is None:
                batch[name] = torch.from_numpy(column.values[rows])
                continue
            begins = column.starts[rows]
            put(batch, name, column, begins, column.starts[rows + 1] - begins)
        return batch


def put(
    batch: dict[str, torch.Tensor], name: str, column: Column, begins: np.ndarray, sizes: np.ndarray
) -> None:
    """Adds one column's cut to a batch, with its lengths."""
    values, lengths = column.gather(begins, sizes)
    batch[name] = torch.from_numpy(values)
    batch[name + LENGTHS] = torch.from_numpy(lengths)


def bounds(sizes: Sequence[int] | np.ndarray) -> Int64[np.ndarray, " bounds"]:
    """Where each part begins, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(np.asarray(sizes, np.int64), dtype=np.int64)])


def collate(examples: Sequence[Arrays]) -> Batch:
    """A padded batch of a few prepared examples."""
    return Table.stack(examples).collate(np.arange(len(examples)))


def cache_folder() -> Path:
    """Where prepared tables are kept: SEQKIT_CACHE, or `seqkit` in the user's cache folder.

    Raises RuntimeError where the user has no home.
    """
    given = os.environ.get("SEQKIT_CACHE")
    if given:
        return Path(given)
    user = os.environ.get("XDG_CACHE_HOME")
    return (Path(user) if user else Path.home() / ".cache") / "seqkit"


def prepared(key: Mapping[str, Any], make: Callable[[], Table]) -> Table:
    """The table for a key: from the cache where it is there and whole, else made and kept."""
    try:
        folder = cache_folder() / "prepared"
    except RuntimeError:
        return make()
    place = folder / storage.digest(key)[:40]
    with contextlib.suppress(ModelError):
        return unpack_table(storage.read_folder(place))
    table = make()
    with contextlib.suppress(OSError, ModelError):  # an unfit cache costs time, never the run
        storage.write_folder(place, pack_table(table))
        prune(folder)
    return table


def prune(folder: Path) -> None:
    """Removes the oldest tables beyond the number that is kept, half-written ones among them."""
    places = [path for path in folder.iterdir() if path.is_dir()]
    for path in sorted(places, key=lambda place: place.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(path, ignore_errors=True)


def pack_table(table: Table) -> dict[str, bytes]:
    """A table as files."""
    columns = {
        name: {"values": column.values, "starts": column.starts, "inner": column.inner}
        for name, column in table.columns.items()
    }
    return storage.pack({"rows": table.rows, "columns": columns})


def unpack_table(files: Mapping[str, bytes]) -> Table:
    """What `pack_table` packed. Raises ModelError where it did not."""
    packed = storage.unpack(files)
    try:
        columns = {name: Column(**column) for name, column in packed["columns"].items()}
        return Table(columns, packed["rows"])
    except (LookupError, TypeError, AttributeError) as error:
        raise ModelError("the prepared table is of another version. Prepare it again.") from error


def prepare_all(examples: Iterable[Any], prepare: Callable[[Any], Arrays], what: str) -> Table:
    """Prepares every example. Raises DataError where there is none."""
    arrays = [prepare(example) for example in examples]
    if not arrays:
        raise DataError(f"{what}: has no examples. Give a split that has some.")
    return Table.stack(arrays)
