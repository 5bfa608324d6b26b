"""MATLAB's files beside scipy, and damaged ones, which end in an error alone."""

from __future__ import annotations

import io
import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import loadmat, savemat
from scipy.sparse import csc_matrix

from seqkit import matlab
from seqkit.errors import DataError
from seqkit.matlab import Unread, variables, variables_of

ROLL = np.eye(88, dtype=np.uint8)[[3, 40, 87]]
ODD = ["text", {"field": 1.0}, np.array([[1 + 2j]]), csc_matrix(np.eye(2))]


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
    found = variables_of(content)
    assert list(found) == ["beside", "traindata"]
    wanted = loadmat(io.BytesIO(content))["traindata"]
    assert found["traindata"].shape == wanted.shape
    for one, other in zip(found["traindata"][0], wanted[0], strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype


def test_classes_that_are_not_read_are_named() -> None:
    _, *others = variables_of(written(*ODD))["traindata"].ravel()
    assert others == [Unread("structure"), Unread("complex matrix"), Unread("sparse matrix")]
    assert str(others[0]) == "a MATLAB structure"


@pytest.mark.parametrize(
    "lines", [["one"], ["Zürich", "東京", ""], ["a", "bcd", " e"], [""], ["", "x"]]
)
def test_characters_are_lines(lines: list[str]) -> None:
    content = io.BytesIO()
    padded = [line.ljust(max(map(len, lines))) for line in lines]
    savemat(content, {"x": np.array(padded) if len(lines) > 1 else lines[0]})
    found = variables_of(content.getvalue())["x"]
    assert found.tolist() == lines


@pytest.mark.parametrize(("kind", "codec"), [(2, "latin-1"), (4, "utf-16-le"), (18, "utf-32-le")])
def test_characters_are_read_however_they_are_stored(kind: int, codec: str) -> None:
    stored = element(kind, "adbéc ".encode(codec), "<")
    found = variables_of(file("<", array(4, [2, 3], stored, "<", b"x")))["x"]
    assert found.tolist() == ["abc", "dé"]


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
    (held,) = variables_of(file(order, cell))["x"].ravel()
    np.testing.assert_array_equal(held, [[1, 3], [2, -4]])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        bytes(200),
        file("<", array(6, [-1, 1], element(2, b"\1", "<"), "<")),
        file("<", array(4, [2, 2], element(2, b"abc", "<"), "<")),
        file("<", array(4, [1, 2], element(9, b"abc", "<"), "<")),
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
        variables_of(content)


def test_what_unpacks_to_too_much_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    content = written(np.zeros((9, 88)), packed=True)
    assert len(variables_of(content)) == 2
    monkeypatch.setattr(matlab, "LARGEST", 500)
    with pytest.raises(ValueError, match="do not end"):
        variables_of(content)


def test_cells_in_cells_have_an_end() -> None:
    cell = array(1, [0, 0], b"", "<")
    for _ in range(1200):
        cell = array(1, [1, 1], cell, "<")
    with pytest.raises(RecursionError):
        variables_of(file("<", cell))


WHOLE = {packed: written(ROLL, ROLL[:2], *ODD, packed=packed) for packed in (False, True)}


@given(st.booleans(), st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=3))
def test_damaged_bytes_end_in_an_error_or_in_other_numbers(
    packed: bool, damage: list[tuple[int, int]]
) -> None:
    content = bytearray(WHOLE[packed])
    for place, byte in damage:
        content[place % len(content)] = byte
    with suppress(ValueError, zlib.error, RecursionError):
        for value in variables_of(bytes(content)).values():
            assert isinstance(value, np.ndarray | Unread)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    def told(content: bytes | None) -> str:
        path = tmp_path / "a.mat"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(DataError) as caught:
            variables(path)
        return str(caught.value).removeprefix(f"{path}: ")

    assert told(None) == (
        "cannot be read (No such file or directory). Check the path and the data folder."
    )
    assert told(b"a text") == (
        "no whole MATLAB file (its header is of another format). Fetch it again."
    )
    assert told(WHOLE[False][:-9]) == (
        "no whole MATLAB file (an element that is longer than its file). Fetch it again."
    )
    assert told(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(100)) == (
        "is of MATLAB 7.3, which is HDF5. Save it again with `save -v7`."
    )
