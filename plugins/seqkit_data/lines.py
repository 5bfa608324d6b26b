"""Lines of text files: plain or gzip, with or without a byte order mark, numbered from 1."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

from seqkit.errors import DataError
from seqkit.stages import Row

GZIP = b"\x1f\x8b"
GAP = re.compile("[ \t]+")  # str.split() would also cut a word at a no-break space
Line = tuple[int, str]
"""A line's number, and its text."""


def named_file(split: str, place: Path | str | None) -> Path:
    """The file of a split. Raises DataError where the recipe names none."""
    if place is None:
        raise DataError(f"data.{split}: no file is named. Name one in the recipe.")
    return Path(place)


def read_lines(path: Path, encoding: str = "utf-8") -> Iterator[Line]:
    """Yields each line's number and its text without the end, a line feed or CR and line feed.

    Raises DataError as `read_raw_lines` does.
    """
    for number, line in read_raw_lines(path, encoding):
        yield number, line.removesuffix("\n").removesuffix("\r")


def read_raw_lines(path: Path, encoding: str = "utf-8") -> Iterator[Line]:
    """Yields each line's number and its text with the end. Only a line feed ends a line.

    Raises DataError where the file cannot be opened, is damaged gzip, or is not in this encoding.
    """
    number = 0
    try:
        with open(path, "rb") as file:
            for number, line in enumerate(unpacked(file), 1):
                text = line.removeprefix(BOM_UTF8) if number == 1 else line
                if text:
                    yield number, text.decode(encoding)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise DataError(
            f"{path}:{number + 1}: from here on the gzip data is damaged or cut off. "
            "Fetch the file again."
        ) from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}:{number}: {undecodable(error)}") from None
    except OSError as error:
        raise unreadable(path, error) from None


def unreadable(path: Path, error: OSError) -> DataError:
    """What is said of a file or a folder that cannot be opened."""
    return DataError(
        f"{path}: cannot be read ({error.strerror}). Check the path and the data folder."
    )


def undecodable(error: UnicodeDecodeError) -> str:
    """What is wrong with bytes that are no text in the encoding that was asked for."""
    wrong = f"byte {error.start + 1} (0x{error.object[error.start]:02x}) is not"
    if error.encoding in ("utf-8", "utf8"):
        return f"{wrong} UTF-8. Convert the file to UTF-8."
    return f"{wrong} {error.encoding}. Name the file's own encoding."


def split_at_gaps(text: str) -> list[str]:
    """The words between runs of spaces and tabs."""
    text = text.strip(" \t")
    return GAP.split(text) if text else []


def unpacked(file: io.BufferedReader) -> io.BufferedReader:
    """The file itself, or what its gzip data holds: the first bytes decide, not the name."""
    if file.peek(len(GZIP))[: len(GZIP)] != GZIP:
        return file
    # GzipFile reads lines in Python; a buffer over it reads them in C.
    return io.BufferedReader(cast("io.RawIOBase", gzip.GzipFile(fileobj=file)), 1 << 16)


def some(path: Path, rows: Iterator[Row]) -> Iterator[Row]:
    """Passes the rows on. Raises DataError where there is none."""
    empty = True
    for row in rows:
        empty = False
        yield row
    if empty:
        raise DataError(f"{path}: has no examples. Check that it is the right file.")


def repeated(names: Iterable[str]) -> str | None:
    """The first name that stands twice, or None."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def check_columns(where: str, found: int, columns: list[str]) -> None:
    """Raises DataError where a line has another number of columns than the file's."""
    if found != len(columns):
        noun = "column" if found == 1 else "columns"
        raise DataError(
            f"{where}: {found} {noun}, expected {len(columns)} ({', '.join(columns)}). "
            "Mend the line, or the names of the columns."
        )
