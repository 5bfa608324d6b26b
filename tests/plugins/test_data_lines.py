"""Lines of files: encodings, line ends, gzip, and what is said of a broken file."""

from __future__ import annotations

import gzip
import re
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqkit.errors import DataError
from seqkit.stages import Source
from seqkit_data import reading
from seqkit_data.lines import read_lines

SOURCES: list[Source] = [
    reading.conllu(),
    reading.conll(columns=["form", "-"]),
    reading.jsonl(),
    reading.csv(),
    reading.tsv(columns=["a", "b"]),
    reading.text(),
    reading.labelled(),
    reading.parallel(files={"a": ""}),
]
WORD = "1\ta\tb\tX\t_\t_\t0\troot\t_\t_\n"
VALID = [
    WORD,
    "a O\n\nb O\n",
    '{"a": [1, "x"]}\n',
    'a,b\n"x\ny",z\n',
    "x\ty\n",
    "x\n",
    "x y\n",
    "x y\n",
]


def error_of(source: Source, path: Path) -> str:
    with pytest.raises(DataError) as caught:
        list(source.read("train", path))
    return str(caught.value)


def check_outcome(source: Source, path: Path) -> None:
    """Rows, or one error of one line that names the file; nothing else."""
    message = ""
    try:
        assert list(source.read("train", path))
    except DataError as error:
        message = str(error)
    assert not message or re.fullmatch(rf"{re.escape(str(path))}:[^\n]+\.", message)


def test_a_byte_order_mark_and_windows_line_ends_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\n\r\ntwo\xef\xbb\xbf")
    assert list(read_lines(path)) == [(1, "one"), (2, ""), (3, "two\ufeff")]


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a\u2028b\x85c\x0bd\x1ce\x00f\n", "utf-8")
    assert list(read_lines(path)) == [(1, "a\u2028b\x85c\x0bd\x1ce\x00f")]


@pytest.mark.parametrize("name", ["a.gz", "a.txt"])
def test_gzip_is_known_by_its_bytes_whatever_the_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"\xef\xbb\xbfone\n") + gzip.compress(b"two\n"))
    assert list(read_lines(path)) == [(1, "one"), (2, "two")]


def test_plain_text_may_be_called_gz(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_text("one\n")
    assert list(read_lines(path)) == [(1, "one")]


def test_lines_come_before_the_file_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"x\n" * 1_000_000)[:-8])
    lines = read_lines(path)
    assert next(lines) == (1, "x")
    with pytest.raises(DataError):
        list(lines)


def test_gzip_that_is_cut_off_is_named_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"one\ntwo\n")[:-8])
    message = f"{path}:1: from here on the packed data is damaged or cut off. Fetch the file again."
    assert error_of(reading.text(), path) == message


def test_gzip_with_garbage_inside_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"one\n")[:10] + b"\xff" * 20)
    message = f"{path}:1: from here on the packed data is damaged or cut off. Fetch the file again."
    assert error_of(reading.text(), path) == message


def test_a_byte_that_is_not_utf8_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\ncaf\xe9 x\n")
    message = f"{path}:2: byte 4 (0xe9) is not UTF-8. Convert the file to UTF-8."
    assert error_of(reading.text(), path) == message


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: type(source).__name__)
def test_a_missing_file_is_an_error_of_every_source(source: Source, tmp_path: Path) -> None:
    path = tmp_path / "none"
    message = error_of(source, path)
    assert message.startswith(f"{path}: ")
    assert "cannot be read (No such file or directory)" in message or "no such file" in message


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    message = f"{tmp_path}: cannot be read (Is a directory). Check the path and the data folder."
    assert error_of(reading.text(), tmp_path) == message


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: type(source).__name__)
@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", gzip.compress(b"", mtime=0)])
def test_an_empty_file_has_no_examples(source: Source, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.write_bytes(content)
    message = f"{path}: has no examples. Check that it is the right file."
    assert error_of(source, path) == message


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: type(source).__name__)
def test_a_split_needs_a_file(source: Source) -> None:
    with pytest.raises(DataError) as caught:
        list(source.read("dev", None))
    assert str(caught.value) == "data.dev: no file is named. Name one in the recipe."


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: type(source).__name__)
@given(
    content=st.binary(max_size=80)
    | st.text(max_size=80).map(lambda text: text.encode("utf-8", "replace"))
)
def test_any_bytes_give_rows_or_a_data_error_of_one_line(
    source: Source, content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(content)
    check_outcome(source, path)


@given(
    which=st.integers(0, len(VALID) - 1),
    at=st.integers(0, 200),
    byte=st.integers(0, 255),
    packed=st.booleans(),
)
def test_a_valid_file_with_one_byte_changed_gives_rows_or_a_data_error(
    which: int, at: int, byte: int, packed: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "changed"
    content = bytearray(VALID[which].encode() * 3)
    if packed:
        content = bytearray(gzip.compress(content))
    content[at % len(content)] = byte
    path.write_bytes(content)
    check_outcome(SOURCES[which], path)


def packed(path: Path, **members: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_txt", ".txt"), content)
    return path


def test_a_zip_with_one_file_is_read_as_that_file(tmp_path: Path) -> None:
    path = packed(tmp_path / "x", data__deu_txt="\ufeffä\tb\r\nc\td", data___about_txt="notes")
    assert list(read_lines(path)) == [(1, "ä\tb"), (2, "c\td")]


def test_a_zip_with_several_files_or_none_is_told(tmp_path: Path) -> None:
    path = packed(tmp_path / "x.zip", a_txt="1", b_txt="2")
    assert error_of(reading.text(), path) == (
        f"{path}: a zip is read where it holds one file, but this has 2 ('a.txt', 'b.txt'). "
        "Unpack it, and name one of them."
    )
    path = packed(tmp_path / "y.zip", _about_txt="1")
    assert "holds one file, but this has 0 (none)" in error_of(reading.text(), path)


def test_a_damaged_zip_is_told(tmp_path: Path) -> None:
    path = packed(tmp_path / "x.zip", a_txt="some words\n" * 900)
    whole = bytearray(path.read_bytes())
    path.write_bytes(whole[:60])
    message = f"{path}:1: from here on the packed data is damaged or cut off. Fetch the file again."
    assert error_of(reading.text(), path) == message
    whole[45] ^= 255
    path.write_bytes(whole)
    assert "the packed data is damaged or cut off" in error_of(reading.text(), path)


def test_a_locked_or_strangely_packed_zip_is_told(tmp_path: Path) -> None:
    path = packed(tmp_path / "x.zip", a_txt="1")
    content = bytearray(path.read_bytes())
    listed = content.index(b"PK\x01\x02")
    locked = bytearray(content)
    locked[listed + 8] |= 1
    path.write_bytes(locked)
    assert error_of(reading.text(), path) == (
        f"{path}: 'a.txt' is locked with a password. Unpack it."
    )
    content[listed + 10] = content[8] = 77
    path.write_bytes(content)
    assert "is packed in a way that is not known here. Unpack it." in error_of(reading.text(), path)
