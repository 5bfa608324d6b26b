"""Features in files of NumPy's own format (.npy) beside a table.

Files are memory-mapped by `numpy.lib.format`, which knows no pickle. Where each row has a file of
its own, its numbers are read and the file is closed: a mapping keeps it open.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.lib import format as npy_format

from seqkit.errors import DataError, nearest
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Row, Source

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float32

FRAMES = "frames"
NUMBERS = "biuf"
"""Kinds of dtypes that are numbers."""


@final
class ArrayFiles:
    """Reads the rows of a table, each with its frames: see the factory `npy`."""

    def __init__(self, source: Source, file: str | None, lengths: str | None) -> None:
        self.source, self.file, self.lengths = source, file, lengths

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]:
        """Yields the table's rows with `frames`. Raises DataError that names table, row and file.

        It does so for a file that is no .npy of numbers or not there, and for frames that are not
        [time, channel], are none, are not finite, or have other channels than those before.
        """
        rows = self.source.read(split, place)
        if place is None:
            return rows  # the table's own source has told that no file is named
        table = Path(place)
        arrays = self.of_rows(table, rows) if self.file else self.of_one(table, rows)
        return with_frames(arrays)

    def of_rows(self, table: Path, rows: Iterator[Row]) -> Iterator[tuple[str, Row, np.ndarray]]:
        """Where each row stands, the row, and what the file has that it names."""
        for number, row in enumerate(rows, 1):
            path = named_file(table, number, row, self.file or "")
            where = f"{table}: row {number}: {path}"
            yield where, row, np.array(mapped(path, where))

    def of_one(self, table: Path, rows: Iterator[Row]) -> Iterator[tuple[str, Row, np.ndarray]]:
        """Where each row stands, the row, and its part of the one file, up to its length."""
        path = beside(table)
        every = mapped(path, str(path))
        count = len(every) if every.ndim else 0
        number = 0
        for number, row in enumerate(rows, 1):
            where = f"{table}: row {number}: {path}"
            if number > count:
                raise DataError(f"{where} has {count:,} rows. Give each row of the table one.")
            values = every[number - 1]
            yield where, row, values[: self.length(row, values, where)]
        if number < count:
            raise DataError(
                f"{path}: has {count:,} rows, but {table} has {number:,}. Give each row its own."
            )

    def length(self, row: Row, values: np.ndarray, where: str) -> int | None:
        """How many frames of a row are real; None for all. Raises DataError."""
        if self.lengths is None:
            return None
        given, most = field_of(row, self.lengths, where), values.shape[0] if values.ndim else 0
        try:
            length = int(given)
        except (TypeError, ValueError):
            length = -1
        if not 0 <= length <= most:
            raise DataError(
                f"{where}: '{self.lengths}' is {given!r:.40}, but a row has {most:,} frames. Give "
                "the number of those that are real."
            )
        return length


def with_frames(arrays: Iterator[tuple[str, Row, np.ndarray]]) -> Iterator[Row]:
    """Rows with their frames, which have as many channels in each."""
    channels = 0
    for where, row, values in arrays:
        if FRAMES in row:
            raise DataError(f"{where}: the table has a field '{FRAMES}' of its own. Rename it.")
        frames = as_frames(values, where)
        channels = channels or frames.shape[1]
        if frames.shape[1] != channels:
            raise DataError(
                f"{where} has {frames.shape[1]:,} channels, but the first row has {channels:,}. "
                "Give every row the same channels."
            )
        yield {**row, FRAMES: frames}


def as_frames(values: np.ndarray, where: str) -> Float32[np.ndarray, "time channel"]:
    """An array [..., channel] as frames. Raises DataError where it is none, or not finite."""
    if values.ndim < 2:
        raise DataError(
            f"{where} has the shape {list(values.shape)} for a row, but frames are [time, channel]."
            " Save one frame as [1, channel], and a series of single numbers as [time, 1]."
        )
    if not values.size:
        raise DataError(
            f"{where} has the shape {list(values.shape)}, no frames. Leave the row out, or give it "
            "some."
        )
    with np.errstate(over="ignore"):  # what overflows is infinite, and told below
        frames = values.astype(np.float32, copy=False).reshape(-1, values.shape[-1])
    if not np.isfinite(frames).all():
        step, channel = np.argwhere(~np.isfinite(frames))[0].tolist()
        raise DataError(
            f"{where}: {frames[step, channel]} at step {step + 1} of {len(frames)}, channel "
            f"{channel + 1} of {frames.shape[1]}, is no finite number in single precision. Mend "
            "the file, or leave the row out."
        )
    return frames


def mapped(path: Path, where: str) -> np.ndarray:
    """A file of numbers, memory-mapped. Raises DataError where it is none."""
    try:
        found: np.ndarray = npy_format.open_memmap(path, mode="r")
    except OSError as error:
        raise DataError(
            f"{where}: cannot be read ({error.strerror}). Check the path in the table."
        ) from None
    except ValueError as error:
        if "Python objects" in str(error):
            raise DataError(
                f"{where}: holds Python objects, which only pickle reads, and that runs what it "
                "reads. Save an array of numbers."
            ) from None
        wrong = " ".join(str(error).split()).rstrip(".")
        raise DataError(f"{where}: no whole .npy file ({wrong}). Write it by numpy.save.") from None
    if found.dtype.kind not in NUMBERS:
        raise DataError(f"{where}: holds {found.dtype}, no numbers. Save it as float32.")
    return found


def beside(table: Path) -> Path:
    """The one file of all rows of a table: train.npy beside train.csv.gz."""
    return table.with_name(table.name.removesuffix(".gz")).with_suffix(".npy")


def named_file(table: Path, number: int, row: Row, field: str) -> Path:
    """The file that a row names, from the table's folder on. Raises DataError."""
    where = f"{table}: row {number}"
    name = field_of(row, field, where)
    if not isinstance(name, str) or not name:
        raise DataError(f"{where}: '{field}' is {name!r:.40}, no name of a file. Give it one.")
    return table.parent / name


def field_of(row: Row, field: str, where: str) -> Any:
    """A field of a row. Raises DataError where the table gives none of that name."""
    if field not in row:
        raise DataError(f"{where}: the table gives no field '{field}'. {nearest(field, row)}")
    return row[field]


def files_of(settings: Mapping[str, Any], table: Path) -> list[Path]:
    """The table's files and those of its features. Raises DataError where one is not there."""
    chosen, file = settings["source"], settings["file"]
    if file is None:
        named = {beside(table): str(beside(table))}
    else:
        rows = enumerate(chosen.build().read("train", table), 1)
        paths = ((number, named_file(table, number, row, file)) for number, row in rows)
        named = {path: f"{table}: row {number}: {path}" for number, path in paths}
    for path, where in named.items():
        if not path.is_file():
            raise DataError(f"{where}: there is no such file. Check the path in the table.")
    return [*chosen.files(table), *named]
