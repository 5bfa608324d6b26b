"""Folders of texts: labels, order, what is read and what is refused, the same in an archive."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from seqkit.errors import DataError
from seqkit.testing import check_stage
from seqkit_data import documents, reading
from seqkit_data.placing import folders_files

TEXTS = {
    "pos/1.txt": "fine",
    "pos/3.txt": "a<br />b\n",
    "pos/2.txt": "good",
    "neg/1.txt": "\ufeffdull",
    "neg/.hidden": "not read",
}


def folder(place: Path, texts: dict[str, str] = TEXTS) -> Path:
    for name, text in texts.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return place


def archive(place: Path, texts: dict[str, str] = TEXTS) -> Path:
    with tarfile.open(place, "w:gz") as packed:
        for name, text in texts.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            packed.addfile(member, io.BytesIO(text.encode()))
    return place


def rows(place: Path, **settings: Any) -> list[Any]:
    return list(reading.folders(**settings).read("train", place))


def refused(place: Path, **settings: Any) -> str:
    with pytest.raises(DataError) as caught:
        rows(place, **settings)
    return str(caught.value)


def test_labels_take_turns_in_the_order_of_names_in_folders_and_archives(tmp_path: Path) -> None:
    expected = [
        {"text": "dull", "label": "neg", "name": "neg/1.txt"},
        {"text": "fine", "label": "pos", "name": "pos/1.txt"},
        {"text": "good", "label": "pos", "name": "pos/2.txt"},
        {"text": "a<br />b\n", "label": "pos", "name": "pos/3.txt"},
    ]
    assert rows(folder(tmp_path / "a")) == expected
    assert rows(archive(tmp_path / "a.tar.gz")) == expected


def test_texts_are_replaced_in_the_order_that_is_given(tmp_path: Path) -> None:
    place = folder(tmp_path / "a")
    found = rows(place, replace={"<br />": " ", "a b": "c"})
    assert found[-1]["text"] == "c\n"


def test_labels_may_be_chosen(tmp_path: Path) -> None:
    for place in (folder(tmp_path / "a"), archive(tmp_path / "a.tar")):
        assert {row["label"] for row in rows(place, labels=["neg"])} == {"neg"}
        assert refused(place, labels=["neg", "poss"]) == (
            f"{place}: has no sub-folder 'poss'. Did you mean 'pos'?"
        )


def test_files_beside_the_sub_folders_are_not_read(tmp_path: Path) -> None:
    place = folder(tmp_path / "a", {**TEXTS, "README": "not read"})
    assert len(rows(place)) == 4


def test_a_folder_inside_a_labels_folder_is_refused(tmp_path: Path) -> None:
    place = folder(tmp_path / "a", {**TEXTS, "pos/old/1.txt": "x"})
    assert refused(place) == (
        f"{place}/pos/old: is no file, in a label's folder. Keep texts alone there."
    )


def test_a_folder_without_sub_folders_is_refused(tmp_path: Path) -> None:
    place = folder(tmp_path / "a", {"1.txt": "x"})
    message = f"{place}: has no sub-folders. Put each label's texts into one."
    assert refused(place) == message
    assert refused(tmp_path / "none") == (
        f"{tmp_path}/none: cannot be read (No such file or directory). Check the path and the data "
        "folder."
    )


def test_sub_folders_without_files_have_no_examples(tmp_path: Path) -> None:
    (tmp_path / "a" / "pos").mkdir(parents=True)
    assert refused(tmp_path / "a") == (
        f"{tmp_path}/a: has no examples. Check that it is the right file."
    )


def test_a_text_in_another_encoding_is_named(tmp_path: Path) -> None:
    place = folder(tmp_path / "a")
    (place / "pos" / "2.txt").write_bytes(b"caf\xe9")
    assert refused(place) == (
        f"{place}/pos/2.txt: byte 4 (0xe9) is not UTF-8. Convert the file to UTF-8."
    )
    assert rows(place, encoding="latin-1")[2]["text"] == "café"
    packed = tmp_path / "a.tar"
    with tarfile.open(packed, "w") as opened:
        opened.add(place, "a")
    assert refused(packed) == (
        f"{packed}/pos/2.txt: byte 4 (0xe9) is not UTF-8. Convert the file to UTF-8."
    )


def test_a_text_is_not_larger_than_texts_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = folder(tmp_path / "a")
    monkeypatch.setattr(documents, "LARGEST", 4)
    assert refused(place) == (f"{place}/neg/1.txt: 7 bytes, more than the 4 of a text. Is it one?")


def test_the_files_of_a_place_are_those_that_are_read(tmp_path: Path) -> None:
    place = folder(tmp_path / "a", {**TEXTS, "README": "not read"})
    read = ["neg/1.txt", "pos/1.txt", "pos/2.txt", "pos/3.txt"]
    assert folders_files({"labels": None}, place) == [place / name for name in read]
    assert folders_files({"labels": ["neg"]}, place) == [place / "neg/1.txt"]
    packed = archive(tmp_path / "a.tar")
    assert folders_files({"labels": None}, packed) == [packed]


def test_it_keeps_the_contract_of_sources(tmp_path: Path) -> None:
    places = [("train", folder(tmp_path / "a")), ("dev", archive(tmp_path / "a.tar"))]
    check_stage(reading.folders, examples=places)
