"""Archives of texts, each under the label of its folder."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from seqkit.errors import DataError
from seqkit_data.archives import read_archive


def pack(path: Path, *names: str) -> Path:
    """An archive of files that hold an x."""
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT, encoding="latin-1") as packed:
        for name in names:
            file = tarfile.TarInfo(name)
            file.size = 1
            packed.addfile(file, io.BytesIO(b"x"))
    return path


def refused(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_archive(path)
    return str(caught.value).removeprefix(f"{path}: ")


def test_files_lie_under_the_label_of_their_folder(tmp_path: Path) -> None:
    path = pack(tmp_path / "a", "a/pos/2", "./a/pos//1", "a/neg/1")
    assert read_archive(path) == {"pos": [("1", b"x"), ("2", b"x")], "neg": [("1", b"x")]}


def test_names_that_begin_with_a_dot_are_not_read(tmp_path: Path) -> None:
    path = pack(tmp_path / "a", "pos/1", "pos/._1", ".git/x", "../up/x")
    assert read_archive(path) == {"pos": [("1", b"x")]}


def test_a_member_in_no_folder_has_no_label(tmp_path: Path) -> None:
    path = pack(tmp_path / "a", "./README")
    assert refused(path) == "'README' lies in no folder, which would be its label."


def test_labels_lie_in_one_folder(tmp_path: Path) -> None:
    path = pack(tmp_path / "a", "imdb/train/pos/1", "imdb/test/pos/1")
    assert refused(path) == (
        "has labels both in 'imdb/train/' and in 'imdb/test/'. Unpack it, and name one of the "
        "folders."
    )


def test_a_name_that_stands_twice_is_told(tmp_path: Path) -> None:
    path = pack(tmp_path / "a", "a/pos/1", "a/./pos/1")
    assert refused(path) == "holds 'pos/1' twice. Pack it again."


def test_a_name_that_is_not_utf8_becomes_one_that_is(tmp_path: Path) -> None:
    path = pack(tmp_path / "a", "café/1")
    assert read_archive(path) == {"caf?": [("1", b"x")]}
