"""CSV and TSV: headers, quotes, long cells, and what is said of a malformed record."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqkit.abilities import Numbered
from seqkit.errors import DataError, RecipeError
from seqkit.recipe import check_stage
from seqkit.stages import Row
from seqkit_data import reading


def csv_rows(tmp_path: Path, content: str, columns: list[str] | None = None) -> list[Row]:
    path = tmp_path / "a.csv"
    path.write_bytes(content.encode())
    return list(reading.csv(columns=columns).read("train", path))


def tsv_rows(tmp_path: Path, content: str, columns: list[str] | None = None) -> list[Row]:
    path = tmp_path / "a.tsv"
    path.write_bytes(content.encode())
    return list(reading.tsv(columns=columns).read("train", path))


def test_quotes_keep_commas_quotes_and_line_ends_of_a_cell(tmp_path: Path) -> None:
    rows = csv_rows(tmp_path, '\ufefftext,label\r\n"a, ""b""\r\nc",x\r\n\r\n,\r\n')
    assert rows == [{"text": 'a, "b"\r\nc', "label": "x"}, {"text": "", "label": ""}]


def test_columns_name_a_file_without_a_header(tmp_path: Path) -> None:
    assert csv_rows(tmp_path, "1,a,x\n", ["-", "text", "label"]) == [{"text": "a", "label": "x"}]
    assert tsv_rows(tmp_path, "1\ta\tx\n", ["-", "text", "label"]) == [{"text": "a", "label": "x"}]


def test_cells_of_named_columns_are_cut_into_lists(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("words, tags ,id\nNew  York,B I,7\n,,8\n")
    assert list(reading.csv(split=["words", "tags"]).read("train", path)) == [
        {"words": ["New", "York"], "tags": ["B", "I"], "id": "7"},
        {"words": [], "tags": [], "id": "8"},
    ]
    path.write_text("a b\tx\n")
    source = reading.tsv(columns=["words", "-"], split=["words"])
    assert list(source.read("train", path)) == [{"words": ["a", "b"]}]


def test_a_column_to_cut_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("words,tags\na,b\n")
    with pytest.raises(DataError) as caught:
        list(reading.csv(split=["word"]).read("train", path))
    told = "'split' names no column 'word'. Did you mean 'words'?"
    assert str(caught.value) == f"{path}:1: {told}"
    settings = {"use": "csv", "columns": ["words", "tags"], "split": ["tag"]}
    with pytest.raises(RecipeError, match=r"'split' names 'tag', no column\. Did you mean 'tags'"):
        check_stage("source", settings)


def test_tsv_knows_no_quotes(tmp_path: Path) -> None:
    assert tsv_rows(tmp_path, 'text\tlabel\r\n"a\t"b" \r\n\n\t\n') == [
        {"text": '"a', "label": '"b" '},
        {"text": "", "label": ""},
    ]


def test_a_cell_may_be_longer_than_the_csv_module_takes_by_itself(tmp_path: Path) -> None:
    text = "x" * 200_000
    assert csv_rows(tmp_path, f"text\n{text}\n") == [{"text": text}]
    assert tsv_rows(tmp_path, f"text\n{text}\n") == [{"text": text}]


def test_a_record_is_named_by_its_first_line(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        csv_rows(tmp_path, 'text,label\n"a\nb",x\n"c\nd",x,y\n')
    assert str(caught.value) == (
        f"{tmp_path}/a.csv:4: 3 columns, expected 2 (text, label). "
        "Mend the line, or the names of the columns."
    )


def test_a_line_of_tsv_with_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        tsv_rows(tmp_path, "text\tlabel\n\na b\n")
    assert str(caught.value) == (
        f"{tmp_path}/a.tsv:3: 1 column, expected 2 (text, label). "
        "Mend the line, or the names of the columns."
    )


@pytest.mark.parametrize("separator", [",", "\t"])
def test_rows_come_with_their_lines_where_these_are_asked_for(
    tmp_path: Path, separator: str
) -> None:
    path = tmp_path / "a.txt"
    path.write_text(separator.join(["a", "b"]) + "\n\n" + separator.join("xy") + "\n")
    source = (reading.csv if separator == "," else reading.tsv)()
    assert isinstance(source, Numbered)
    assert list(source.numbered("train", path)) == [(3, {"a": "x", "b": "y"})]


@pytest.mark.parametrize("separator", [",", "\t"])
def test_two_columns_of_a_header_may_not_share_a_name(tmp_path: Path, separator: str) -> None:
    read = csv_rows if separator == "," else tsv_rows
    with pytest.raises(DataError) as caught:
        read(tmp_path, separator.join(["text", "label", "text"]) + "\na,b,c\n")
    name = "a.csv" if separator == "," else "a.tsv"
    message = f"{tmp_path}/{name}:1: two columns are called 'text'. Rename one of them."
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("record", "wrong"),
    [
        ('"a\nb,x\n', "unexpected end of data"),
        ('"a"b,x\n', "',' expected after '\"'"),
        ("a\rb,x\n", "new-line character seen in unquoted field"),
    ],
)
def test_malformed_quoting_is_named_by_the_records_first_line(
    tmp_path: Path, record: str, wrong: str
) -> None:
    with pytest.raises(DataError) as caught:
        csv_rows(tmp_path, "text,label\n" + record)
    assert str(caught.value) == (
        f"{tmp_path}/a.csv:2: no CSV: {wrong}. Close quotes, and double a quote inside quotes."
    )


def test_a_header_alone_has_no_examples(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        csv_rows(tmp_path, "text,label\n")
    message = f"{tmp_path}/a.csv: has no examples. Check that it is the right file."
    assert str(caught.value) == message


def test_tables_are_read_in_the_encoding_that_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"text\ncaf\xe9\n")
    for source in (reading.csv(encoding="latin-1"), reading.tsv(encoding="latin-1")):
        assert list(source.read("train", path)) == [{"text": "café"}]
