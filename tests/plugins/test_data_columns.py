"""Columns of the CoNLL tasks: what parts columns, what ends a sentence, what is no word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seqkit.errors import DataError
from seqkit.stages import Row
from seqkit_data import reading


def rows_of(
    tmp_path: Path,
    content: str,
    columns: list[str],
    delimiter: str | None = None,
    **settings: Any,
) -> list[Row]:
    path = tmp_path / "a.conll"
    path.write_text(content, "utf-8")
    source = reading.conll(columns=columns, delimiter=delimiter, **settings)
    return list(source.read("train", path))


def test_runs_of_spaces_and_tabs_part_columns(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, " EU  NNP\tB\nnow RB \t O \n\nEnd NN O", ["form", "pos", "ner"])
    assert rows == [
        {"form": ["EU", "now"], "pos": ["NNP", "RB"], "ner": ["B", "O"]},
        {"form": ["End"], "pos": ["NN"], "ner": ["O"]},
    ]


def test_a_dash_skips_a_column(tmp_path: Path) -> None:
    assert rows_of(tmp_path, "1 a X O\n", ["-", "form", "-", "ner"]) == [
        {"form": ["a"], "ner": ["O"]}
    ]


def test_a_no_break_space_is_part_of_a_word(tmp_path: Path) -> None:
    assert rows_of(tmp_path, "10\u00a0000\u3000 O\n", ["form", "ner"]) == [
        {"form": ["10\u00a0000\u3000"], "ner": ["O"]}
    ]


def test_a_word_may_hold_spaces_where_tabs_part_columns(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "New York\tB\n \tO\n\t\n\tO\n", ["form", "ner"], "\t")
    assert rows == [{"form": ["New York", " "], "ner": ["B", "O"]}, {"form": [""], "ner": ["O"]}]


def test_a_line_of_white_space_ends_a_sentence(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "\n\na O\n\t\nb O\n  \n\r\n\u00a0\nc O\r\n", ["form", "ner"])
    assert [row["form"] for row in rows] == [["a"], ["b"], ["c"]]


def test_document_starts_are_dropped_and_end_a_sentence(tmp_path: Path) -> None:
    content = "-DOCSTART- -X- O\n\na X O\n-DOCSTART- (2)\nb X O\n"
    rows = rows_of(tmp_path, content, ["form", "-", "ner"])
    assert [row["form"] for row in rows] == [["a"], ["b"]]


def test_a_hash_is_a_word_unless_it_starts_comments(tmp_path: Path) -> None:
    assert rows_of(tmp_path, "# O\n", ["form", "ner"]) == [{"form": ["#"], "ner": ["O"]}]
    rows = rows_of(tmp_path, "# a note\na O\n#\nb O\n", ["form", "ner"], comment="#")
    assert rows == [{"form": ["a", "b"], "ner": ["O", "O"]}]


def test_a_missing_column_is_named_with_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        rows_of(tmp_path, "a O\n\nb\n", ["form", "ner"])
    assert str(caught.value) == (
        f"{tmp_path}/a.conll:3: 1 column, expected 2 (form, ner). "
        "Mend the line, or the names of the columns."
    )


def test_a_column_too_many_is_named_with_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        rows_of(tmp_path, "New York O\n", ["form", "ner"])
    assert str(caught.value) == (
        f"{tmp_path}/a.conll:1: 3 columns, expected 2 (form, ner). "
        "Mend the line, or the names of the columns."
    )


def test_a_file_of_document_starts_alone_has_no_examples(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        rows_of(tmp_path, "-DOCSTART- O\n\n", ["form", "ner"])
    message = f"{tmp_path}/a.conll: has no examples. Check that it is the right file."
    assert str(caught.value) == message


def test_lines_that_part_sentences_may_be_named(tmp_path: Path) -> None:
    content = "<>\nG _\nend e\n end\n\n<>\nV h\n<end>\n<>\n"
    rows = rows_of(tmp_path, content, ["form", "tag"], separators=["<>", "end", "<end>"])
    assert rows == [{"form": ["G", "end"], "tag": ["_", "e"]}, {"form": ["V"], "tag": ["h"]}]


def test_a_column_loses_its_prefix(tmp_path: Path) -> None:
    rows = rows_of(
        tmp_path, "de:de:\tO\tx\nde:Po\tB\tx\n", ["form", "ner", "-"], prefix={"form": "de:"}
    )
    assert rows == [{"form": ["de:", "Po"], "ner": ["O", "B"]}]


def test_an_item_without_the_prefix_of_its_column_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        rows_of(tmp_path, "de:a O\nen:b O\n", ["form", "ner"], prefix={"form": "de:"})
    assert str(caught.value) == (
        f"{tmp_path}/a.conll:2: 'en:b' does not begin with 'de:'. Mend it, or `prefix`."
    )


def test_columns_are_read_in_the_encoding_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "b.conll").write_bytes(b"caf\xe9 O\n")
    source = reading.conll(columns=["form", "ner"], encoding="latin-1")
    assert list(source.read("train", tmp_path / "b.conll")) == [{"form": ["café"], "ner": ["O"]}]
