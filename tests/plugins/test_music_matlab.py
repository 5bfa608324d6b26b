"""MATLAB's level 5 files beside scipy, and damaged ones, which end in an error alone."""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import loadmat, savemat

from seqkit_music import matlab
from seqkit_music.matlab import cells_of

ROLL = np.eye(88, dtype=np.uint8)[[3, 40, 87]]
ODD = ["text", {"field": 1.0}, np.array([[1 + 2j]])]


def written(*held: Any, packed: bool = False) -> bytes:
    """A file as scipy writes it, with a cell and a matrix beside it."""
    row = np.empty((1, len(held)), object)
    for place, one in enumerate(held):
        row[0, place] = one
    content = io.BytesIO()
    savemat(content, {"beside": np.eye(2), "traindata": row}, do_compression=packed)
    return content.getvalue()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i4", "i8", "f4", "f8", "?"])
def test_matrices_are_read_as_scipy_reads_them(kind: str, packed: bool) -> None:
    content = written(
        ROLL.astype(kind), ROLL[:0].astype(kind), ROLL[:2, :2].astype(kind), packed=packed
    )
    found = cells_of(content)
    assert list(found) == ["traindata"]
    wanted = loadmat(io.BytesIO(content))["traindata"][0]
    for one, other in zip(found["traindata"], wanted, strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_is_no_matrix_of_numbers_is_told_by_a_text() -> None:
    text, mapping, *_ = cells_of(written(*ODD))["traindata"]
    assert (text, mapping) == ("a MATLAB array of class 4", "a MATLAB array of class 2")


def element(kind: int, body: bytes, order: str) -> bytes:
    """An element with its tag and what fills it up."""
    return struct.pack(f"{order}II", kind, len(body)) + body + bytes(-len(body) % 8)


def array(kind: int, shape: list[int], inside: bytes, order: str, name: bytes = b"") -> bytes:
    """A matrix."""
    flags = element(6, struct.pack(f"{order}II", kind, 0), order)
    sizes = element(5, struct.pack(f"{order}{len(shape)}i", *shape), order)
    return element(14, flags + sizes + element(1, name, order) + inside, order)


def file(order: str, *elements: bytes) -> bytes:
    """A whole file."""
    return (
        bytes(124)
        + struct.pack(f"{order}H", 0x100)
        + {"<": b"IM", ">": b"MI"}[order]
        + b"".join(elements)
    )


@pytest.mark.parametrize("order", ["<", ">"])
def test_either_order_of_bytes_is_read(order: str) -> None:
    numbers = element(3, struct.pack(f"{order}4h", 1, 2, 3, -4), order)
    cell = array(1, [1, 1], array(6, [2, 2], numbers, order), order, b"x")
    (held,) = cells_of(file(order, cell))["x"]
    np.testing.assert_array_equal(held, [[1, 3], [2, -4]])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        bytes(200),
        b"MATLAB 7.3".ljust(124) + b"\x00\x02IM",
        file("<", b"\x0e"),
        file("<", element(14, bytes(8), "<")),
        file("<", array(1, [1, 2], array(6, [1, 1], element(2, b"\1", "<"), "<"), "<", b"x")),
        file("<", array(1, [1, 1], array(6, [2, 2], element(2, b"\1", "<"), "<"), "<", b"x")),
        file("<", struct.pack("<II", 15, 99)),
        file("<", struct.pack("<II", 15, 5) + zlib.compress(ROLL.tobytes())[:5]),
        file("<", element(14, struct.pack("<II", 0x90006, 0), "<")),
    ],
)
def test_what_is_cut_off_or_of_another_format_is_an_error(content: bytes) -> None:
    with pytest.raises((ValueError, zlib.error)):
        cells_of(content)


def test_what_unpacks_to_too_much_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    content = written(np.zeros((9, 88)), packed=True)
    assert len(cells_of(content)) == 1
    monkeypatch.setattr(matlab, "LARGEST", 500)
    with pytest.raises(ValueError, match="do not end"):
        cells_of(content)


def test_cells_in_cells_have_an_end() -> None:
    cell = array(1, [0, 0], b"", "<")
    for _ in range(1200):
        cell = array(1, [1, 1], cell, "<")
    with pytest.raises(RecursionError):
        cells_of(file("<", cell))


WHOLE = {packed: written(ROLL, ROLL[:2], *ODD, packed=packed) for packed in (False, True)}


@given(st.booleans(), st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=3))
def test_damaged_bytes_end_in_an_error_or_in_other_numbers(
    packed: bool, damage: list[tuple[int, int]]
) -> None:
    content = bytearray(WHOLE[packed])
    for place, byte in damage:
        content[place % len(content)] = byte
    with suppress(ValueError, zlib.error, RecursionError):
        assert all(isinstance(held, list) for held in cells_of(bytes(content)).values())
