"""Fields made of another source's fields: joined, firsts, gathered, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqkit.errors import DataError, RecipeError
from seqkit.plugins import registry
from seqkit.recipe import check_stage
from seqkit.stages import Row

Command = Callable[..., tuple[int, str, str]]


def rows_of(tmp_path: Path, split: str, content: str, source: Any, **settings: Any) -> list[Row]:
    path = tmp_path / "a.txt"
    path.write_text(content, "utf-8")
    made: Any = check_stage("source", {"use": "derived", "source": source, **settings}).build()
    return list(made.read(split, path))


TABLE = {"use": "tsv", "columns": ["lemma", "form", "tags"]}


def test_fields_are_joined(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "train", "go\twent\tV;PST\n", TABLE, join={"text": ["lemma", "tags"]})
    assert rows == [{"lemma": "go", "form": "went", "tags": "V;PST", "text": "go V;PST"}]
    (row,) = rows_of(
        tmp_path, "train", "a\tb\tc\n", TABLE, join={"x": ["form", "form", "tags"]}, between="\t"
    )
    assert row["x"] == "b\tb\tc"


def test_lists_are_joined_and_give_their_first(tmp_path: Path) -> None:
    content = json.dumps({"source": ["One.", "Two."], "target": ["short", "brief"]}) + "\n"
    (row,) = rows_of(
        tmp_path, "dev", content, "jsonl", join={"text": ["source"]}, first={"gold": "target"}
    )
    assert (row["text"], row["gold"]) == ("One. Two.", "short")


WORDS = "READ R IY D\nBOOK B UH K\nREAD R EH D\nREAD R IY D\n"
GATHER = {"by": "label", "of": "text"}


def test_rows_of_one_word_are_one_in_dev_and_test(tmp_path: Path) -> None:
    for split in ("dev", "test"):
        assert rows_of(tmp_path, split, WORDS, "labelled", gather=GATHER) == [
            {"label": "READ", "text": "R IY D", "references": ["R IY D", "R EH D"]},
            {"label": "BOOK", "text": "B UH K", "references": ["B UH K"]},
        ]


def test_training_keeps_each_of_them(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "train", WORDS, "labelled", gather=GATHER)
    assert [row["text"] for row in rows] == ["R IY D", "B UH K", "R EH D", "R IY D"]
    assert rows[2]["references"] == ["R IY D", "R EH D"]


def test_labels_are_masked_where_a_number_is_zero(tmp_path: Path) -> None:
    row = {"tags": ["A", "B", "C", "D"], "by": ["1.0", 0, "0.0", True], "words": list("abcd")}
    (found,) = rows_of(tmp_path, "train", json.dumps(row) + "\n", "jsonl", mask={"tags": "by"})
    assert found == {**row, "tags": ["A", None, None, "D"]}


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"tags": "A", "by": [1]}, "derived: mask: 'tags' holds str, no list. Name another field"),
        ({"tags": ["A"], "by": 1}, "derived: mask: 'by' holds int, no list."),
        ({"tags": ["A"], "by": [1, 0]}, "derived: mask: 'tags' has 1 items, but 'by' has 2. Mend"),
        ({"tags": ["A"], "by": ["x"]}, "derived: mask: 'by' holds 'x', no number. Name the field"),
        ({"tags": ["A"], "by": [None]}, "derived: mask: 'by' holds None, no number."),
        (
            {"tags": ["A"], "bye": [1]},
            "derived: the source gives no field 'by'. Did you mean 'bye'",
        ),
    ],
)
def test_what_masks_no_labels_is_told(tmp_path: Path, row: Any, told: str) -> None:
    with pytest.raises(DataError) as caught:
        rows_of(tmp_path, "train", json.dumps(row) + "\n", "jsonl", mask={"tags": "by"})
    assert str(caught.value).startswith(told)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"join": {"x": ["lema"]}}, "gives no field 'lema'. Did you mean 'lemma'?"),
        ({"first": {"x": "form"}}, "'x' is to be the first of 'form', which is no list or empty"),
        ({"gather": {"by": "word", "of": "form"}}, "gives no field 'word'"),
    ],
)
def test_fields_that_are_not_there_are_told(tmp_path: Path, settings: Any, message: str) -> None:
    with pytest.raises(DataError) as told:
        rows_of(tmp_path, "train", "a\tb\tc\n", TABLE, **settings)
    assert message in str(told.value)


def test_what_is_no_text_is_not_joined(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'n' holds int, no text to join"):
        rows_of(tmp_path, "train", '{"n": 3}\n', "jsonl", join={"x": ["n"]})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "'join' makes no field, nor does 'first', 'gather' or 'mask'"),
        ({"join": {"x": []}}, "'join' makes 'x' of no field"),
        ({"join": {"x": ["form"]}, "first": {"x": "form"}}, "makes 'x', which 'join' makes too"),
        ({"source": "synthetic", "join": {"x": ["y"]}}, "names synthetic, which reads no files"),
        ({"source": {"use": "tsv", "colums": []}, "join": {"x": ["y"]}}, "no setting 'colums'"),
    ],
)
def test_settings_without_sense_are_told_at_check(settings: Any, message: str) -> None:
    if settings.get("source") == "synthetic":
        settings = {**settings, "source": {"use": "synthetic", "task": "adding"}}
    with pytest.raises(RecipeError) as told:
        check_stage("source", {"use": "derived", "source": TABLE, **settings})
    assert message in str(told.value)


def test_the_files_are_those_of_the_source(tmp_path: Path) -> None:
    for name in ("x.en", "x.de"):
        (tmp_path / name).write_text("a\n")
    chosen = check_stage(
        "source",
        {
            "use": "derived",
            "source": {"use": "parallel", "files": {"en": ".en", "de": ".de"}},
            "join": {"both": ["en", "de"]},
        },
    )
    files: Any = registry().find("source", "derived").files
    assert [path.name for path in files(chosen.settings, tmp_path / "x")] == ["x.en", "x.de"]
    alone = check_stage("source", {"use": "derived", "source": TABLE, "join": {"x": ["form"]}})
    assert files(alone.settings, tmp_path / "x.en") == [tmp_path / "x.en"]
