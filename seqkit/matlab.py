"""The variables of MATLAB's files of level 5, as versions 5 to 7.2 write them.

The format is that of MathWorks, "MAT-File Format". Each length is checked before anything goes by
it: on damaged files, scipy's reader may end the process.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np

from seqkit.errors import DataError, unreadable

HEADER = 128
ORDERS = {b"IM": "<", b"MI": ">"}
"""The last two bytes of the header, and the order of bytes that they tell."""
LEVEL, HIERARCHICAL = 0x0100, 0x0200
"""What the header says of the format: level 5, or HDF5, as version 7.3 writes."""
NUMBERS = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}
"""How numbers are stored, by the type of an element."""
CHARACTERS = {
    1: "latin-1",
    2: "latin-1",
    4: "utf-16",
    16: "utf-8",
    17: "utf-16",
    18: "utf-32",
}
"""How characters are stored, by the type of an element."""
MATRIX, PACKED = 14, 15
CELL, TEXT, NUMERIC = 1, 4, range(6, 16)
"""The classes of matrices: of matrices, of characters and of numbers."""
OTHERS = {2: "structure", 3: "object", 5: "sparse matrix", 16: "function"}
"""The classes that are not read."""
COMPLEX = 0x0800
"""The flag of a matrix of complex numbers."""
LARGEST = 2**28
"""Bytes that a variable may unpack to."""


class VersionError(ValueError):
    """A file of version 7.3, which is HDF5."""


@final
@dataclass(frozen=True)
class Unread:
    """A value of a class that is not read. what: its name, such as "structure"."""

    what: str

    def __str__(self) -> str:
        return f"a MATLAB {self.what}"


def variables(path: Path) -> dict[str, Any]:
    """The variables of a file by name, in its order: each is an array, or Unread.

    Numbers are of the type in which they are stored, which may be less than their class. A cell is
    an array of objects, which are such arrays. Of characters, an array has one string a line,
    without the spaces that fill it up. Raises DataError that names the file.
    """
    try:
        return variables_of(path.read_bytes())
    except VersionError:
        raise DataError(
            f"{path}: is of MATLAB 7.3, which is HDF5. Save it again with `save -v7`."
        ) from None
    except OSError as error:
        raise unreadable(path, error) from None
    except (ValueError, zlib.error, RecursionError) as error:
        wrong = " ".join(str(error).split())[:200].rstrip(".")
        raise DataError(f"{path}: no whole MATLAB file ({wrong}). Fetch it again.") from None


def variables_of(content: bytes) -> dict[str, Any]:
    """The variables of a file's bytes.

    Raises ValueError where it is damaged or of another format, zlib.error for packed data that is
    damaged, RecursionError, and VersionError for a file of version 7.3.
    """
    order = ORDERS.get(content[HEADER - 2 : HEADER])
    level = np.frombuffer(content, f"{order}u2", 1, HEADER - 4)[0] if order else None
    if level == HIERARCHICAL:
        raise VersionError("HDF5")
    if order is None or level != LEVEL:
        raise ValueError("its header is of another format")
    found: dict[str, Any] = {}
    for kind, body in elements(content[HEADER:], order):
        inside = elements(unpacked(body), order) if kind == PACKED else [(kind, body)]
        found.update(matrix(part, order) for one, part in inside if one == MATRIX)
    return found


def unpacked(body: bytes) -> bytes:
    """What a packed element holds. Raises ValueError where it is cut off or too large."""
    stream = zlib.decompressobj()
    found = stream.decompress(body, LARGEST)
    if not stream.eof:
        raise ValueError("packed data that do not end")
    return found


def elements(content: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """The elements that stand one after the other: type and bytes. Raises ValueError."""
    place = 0
    while place < len(content):
        kind, size = np.frombuffer(content, f"{order}u4", 2, place).tolist()
        begin = place + 8
        small = kind >> 16
        if small:
            kind, size, begin = kind & 0xFFFF, small, place + 4
        end = begin + size
        if end > len(content) or small > 4:
            raise ValueError("an element that is longer than its file")
        yield kind, content[begin:end]
        place = end if kind == PACKED else -(-end // 8) * 8


def matrix(body: bytes, order: str) -> tuple[str, Any]:
    """Name and value of a matrix. Raises ValueError."""
    if not body:
        return "", np.zeros((0, 0))
    flags, sizes, called, *parts = elements(body, order)
    (flag,) = np.frombuffer(flags[1], f"{order}u4", 1).tolist()
    name, shape = called[1].decode("latin-1"), np.frombuffer(sizes[1], f"{order}i4").tolist()
    if min(shape, default=-1) < 0:
        raise ValueError("a matrix without a size")
    kind = flag & 0xFF
    if kind == CELL:
        return name, cell([matrix(part, order)[1] for _, part in parts], shape)
    if kind == TEXT and parts:
        return name, lines(*parts[0], order, shape)
    if kind not in NUMERIC or flag & COMPLEX or not parts or parts[0][0] not in NUMBERS:
        what = "complex matrix" if kind in NUMERIC else OTHERS.get(kind, f"value of class {kind}")
        return name, Unread(what)
    values = np.frombuffer(parts[0][1], order + NUMBERS[parts[0][0]])
    return name, values.reshape(shape, order="F")


def cell(held: Sequence[Any], shape: Sequence[int]) -> np.ndarray:
    """An array of objects. Raises ValueError where some are missing."""
    if len(held) != math.prod(shape):
        raise ValueError("a cell without all of its matrices")
    found = np.empty(len(held), object)
    for place, one in enumerate(held):
        found[place] = one
    return found.reshape(shape, order="F")


def lines(kind: int, stored: bytes, order: str, shape: Sequence[int]) -> np.ndarray:
    """The lines of a matrix of characters. Raises ValueError."""
    codec = CHARACTERS.get(kind)
    if codec is None:
        raise ValueError(f"characters of type {kind}")
    if codec in ("utf-16", "utf-32"):
        codec += "-le" if order == "<" else "-be"
    text = stored.decode(codec)
    if shape[0] == 1 or not text:
        return np.array([text])
    rows = np.array(list(text), dtype="U1").reshape(shape, order="F").reshape(shape[0], -1)
    return np.array(["".join(row).rstrip(" ") for row in rows], dtype=str)
