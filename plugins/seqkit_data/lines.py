"""Lines of text files: plain, gzip or the one in a zip, with or without a byte order mark."""

from __future__ import annotations

import gzip
import io
import re
import zipfile
import zlib
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

from seqkit.errors import DataError, unreadable
from seqkit.stages import Row

GZIP = b"\x1f\x8b"
ZIP = b"PK\x03\x04"
NOTES = ("_", ".")
"""How the names of files begin that a zip may hold beside its data, such as _about.txt."""
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
    """Yields each line's number, from 1, and its text with the end. Only a line feed ends a line.

    Raises DataError where the file cannot be opened, is damaged, or is not in this encoding.
    """
    number = 0
    try:
        with open(path, "rb") as file:
            for number, line in enumerate(unpacked(path, file), 1):
                text = line.removeprefix(BOM_UTF8) if number == 1 else line
                if text:
                    yield number, text.decode(encoding)
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile):
        raise DataError(
            f"{path}:{number + 1}: from here on the packed data is damaged or cut off. "
            "Fetch the file again."
        ) from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}:{number}: {undecodable(error)}") from None
    except OSError as error:
        raise unreadable(path, error) from None


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


def unpacked(path: Path, file: io.BufferedReader) -> io.BufferedIOBase:
    """The file itself, or what is packed in it: the first bytes decide, not the name.

    Raises DataError for a zip that does not hold one file, or is locked.
    """
    head = file.peek(len(ZIP))
    if head.startswith(ZIP):
        return only_member(path, zipfile.ZipFile(file))
    if not head.startswith(GZIP):
        return file
    # GzipFile reads lines in Python; a buffer over it reads them in C.
    return io.BufferedReader(cast("io.RawIOBase", gzip.GzipFile(fileobj=file)), 1 << 16)


def only_member(path: Path, archive: zipfile.ZipFile) -> io.BufferedIOBase:
    """The one file in a zip, notes aside. Raises DataError."""
    names = [one.filename for one in archive.infolist() if not one.is_dir()]
    names = [name for name in names if not name.rpartition("/")[2].startswith(NOTES)]
    if len(names) != 1:
        shown = ", ".join(map(repr, names[:3])) or "none"
        raise DataError(
            f"{path}: a zip is read where it holds one file, but this has {len(names):,} "
            f"({shown}). Unpack it, and name one of them."
        )
    if archive.getinfo(names[0]).flag_bits & 1:
        raise DataError(f"{path}: '{names[0]}' is locked with a password. Unpack it.")
    try:
        member = archive.open(names[0], "r")
    except NotImplementedError:
        raise DataError(
            f"{path}: '{names[0]}' is packed in a way that is not known here. Unpack it."
        ) from None
    return io.BufferedReader(cast("io.RawIOBase", member), 1 << 16)


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
