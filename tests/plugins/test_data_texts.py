"""Plain text and labelled lines: one row a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seqkit.errors import DataError
from seqkit_data import reading


def labelled(tmp_path: Path, content: str, **settings: Any) -> list[Any]:
    path = tmp_path / "a.txt"
    path.write_text(content, "utf-8")
    return list(reading.labelled(**settings).read("train", path))


def refused(tmp_path: Path, content: str, **settings: Any) -> str:
    with pytest.raises(DataError) as caught:
        labelled(tmp_path, content, **settings)
    return str(caught.value).removeprefix(f"{tmp_path}/")


def test_every_line_is_a_row_with_its_number(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one \n\n two", "utf-8")
    assert list(reading.text().read("train", path)) == [
        {"text": "one ", "line": 1},
        {"text": "", "line": 2},
        {"text": " two", "line": 3},
    ]


def test_a_paragraph_is_a_row_of_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("\none\r\ntwo\n \n\nthree", "utf-8")
    assert list(reading.text(unit="paragraph").read("train", path)) == [
        {"text": "one\ntwo", "line": 2},
        {"text": "three", "line": 6},
    ]


def test_a_file_is_a_row(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one\n\ntwo\n", "utf-8")
    assert list(reading.text(unit="file").read("train", path)) == [
        {"text": "one\n\ntwo", "line": 1}
    ]


@pytest.mark.parametrize("unit", ["paragraph", "file"])
def test_nothing_is_told_of_every_unit(tmp_path: Path, unit: Any) -> None:
    path = tmp_path / "a.txt"
    path.write_text("", "utf-8")
    with pytest.raises(DataError, match="has no examples"):
        list(reading.text(unit=unit).read("train", path))


def test_the_first_word_of_a_line_is_its_label(tmp_path: Path) -> None:
    assert labelled(tmp_path, "2 a fine  film .\n\n \n0\t\u00a0dull\n") == [
        {"label": "2", "text": "a fine  film ."},
        {"label": "0", "text": "\u00a0dull"},
    ]


def test_the_last_word_may_be_the_label(tmp_path: Path) -> None:
    assert labelled(tmp_path, "a fine  film . \t2\n", label="last") == [
        {"label": "2", "text": "a fine  film ."}
    ]


@pytest.mark.parametrize(
    ("label", "row"),
    [
        ("first", {"label": "so so", "text": "a ||| b"}),
        ("last", {"label": "b", "text": "so so ||| a"}),
    ],
)
def test_a_delimiter_parts_a_line_once(tmp_path: Path, label: str, row: dict[str, str]) -> None:
    assert labelled(tmp_path, "so so ||| a ||| b\n", label=label, delimiter=" ||| ") == [row]


def test_the_coarse_part_of_a_label_is_a_field(tmp_path: Path) -> None:
    assert labelled(tmp_path, "NUM:date When ?\n", coarse=":") == [
        {"label": "NUM:date", "coarse": "NUM", "text": "When ?"}
    ]
    assert refused(tmp_path, "NUM:date When ?\nLOC Where ?\n", coarse=":") == (
        "a.txt:2: the label 'LOC' holds no ':', which would end its coarse part. Mend the label, "
        "or leave the setting coarse out."
    )


@pytest.mark.parametrize(
    ("line", "settings"),
    [
        ("2", {}),
        ("2", {"label": "last"}),
        (" 2 ", {}),
        ("2 fine", {"delimiter": "\t"}),
        ("2 fine", {"delimiter": "\t", "label": "last"}),
        ("\tfine", {"delimiter": "\t"}),
        ("2\t", {"delimiter": "\t"}),
    ],
)
def test_a_line_without_a_label_or_a_text_is_told(
    tmp_path: Path, line: str, settings: dict[str, Any]
) -> None:
    assert refused(tmp_path, f"\n{line}\n", **settings) == (
        f"a.txt:2: '{line}' is not a label and a text. Mend the line, or the settings label and "
        "delimiter."
    )


def test_lines_are_read_in_the_encoding_that_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"1 caf\xe9\n2 \x80\n")
    assert [row["text"] for row in reading.labelled(encoding="latin-1").read("train", path)] == [
        "café",
        "\x80",
    ]
    assert [row["text"] for row in reading.text(encoding="cp1252").read("train", path)] == [
        "1 café",
        "2 €",
    ]
    with pytest.raises(DataError) as caught:
        list(reading.text(encoding="shift_jis").read("train", path))
    assert str(caught.value) == (
        f"{path}:1: byte 6 (0xe9) is not shift_jis. Name the file's own encoding."
    )
