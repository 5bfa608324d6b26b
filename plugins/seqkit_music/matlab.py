"""Cells of matrices in MATLAB's level 5 files, in which piano rolls are handed on.

The format is that of MathWorks, "MAT-File Format" (versions 5 to 7.2). Each length is checked
before anything goes by it: on damaged files, scipy's reader may end the process.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

HEADER = 128
ORDERS = {b"IM": "<", b"MI": ">"}
"""The last two bytes of the header, and the order of bytes that they tell."""
LEVEL = 0x0100
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
MATRIX, PACKED = 14, 15
CELL, NUMERIC = 1, range(6, 16)
"""The classes of matrices: of matrices, and of numbers."""
LARGEST = 2**28
"""Bytes that a variable may unpack to."""


def cells_of(content: bytes) -> dict[str, list[Any]]:
    """The cells of a file by name, each as a list of what it holds, column after column.

    What is no matrix of numbers is told by a text in its place. Raises ValueError where the file is
    damaged or of another format, zlib.error for packed data that is damaged, and RecursionError.
    """
    order = ORDERS.get(content[HEADER - 2 : HEADER])
    if order is None or np.frombuffer(content, f"{order}u2", 1, HEADER - 4)[0] != LEVEL:
        raise ValueError("no level 5 MAT-file")
    found: dict[str, list[Any]] = {}
    for kind, body in elements(content[HEADER:], order):
        inside = elements(unpacked(body), order) if kind == PACKED else [(kind, body)]
        for one, part in inside:
            name, value = matrix(part, order) if one == MATRIX else ("", None)
            if isinstance(value, list):
                found[name] = value
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
    """Name and value of a matrix: an array, a list for a cell, or a text. Raises ValueError."""
    if not body:
        return "", np.zeros((0, 0))
    flags, sizes, called, *parts = elements(body, order)
    (kind,) = np.frombuffer(flags[1], f"{order}u4", 1).tolist()
    name, shape = called[1].decode("latin-1"), np.frombuffer(sizes[1], f"{order}i4").tolist()
    kind &= 0xFF
    if kind == CELL:
        held = [matrix(part, order)[1] for _, part in parts]
        if len(held) != math.prod(shape):
            raise ValueError("a cell without all of its matrices")
        return name, held
    if kind not in NUMERIC or not parts or parts[0][0] not in NUMBERS:
        return name, f"a MATLAB array of class {kind}"
    values = np.frombuffer(parts[0][1], order + NUMBERS[parts[0][0]])
    return name, values.reshape(shape, order="F")
