"""Answers beside their golds: kept line by line, read again, long texts cut."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import seqkit
from seqkit.answers import Answered, answered, file_examples, items, keep, kept, one_line
from seqkit.errors import DataError, ModelError, RunError
from seqkit.evaluation import scores


def one(text: Any = "a text", value: Any = "x", index: int = 0) -> Answered:
    return Answered(index, text, {"tag": {"value": "y"}}, {"tag": {"value": value}})


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    every = [one(), one(None, ["x", "y"], 1), one({"left": "a\n\u2028", "right": "ü"}, 0.25, 2)]
    keep(tmp_path, {"dev": [], "test": every})
    assert kept(tmp_path, "test") == every
    lines = (tmp_path / "answers/test.jsonl").read_text().split("\n")
    assert json.loads(lines[0]) == {
        "index": 0,
        "text": "a text",
        "gold": {"tag": {"value": "y"}},
        "answers": {"tag": {"value": "x"}},
    }
    assert not (tmp_path / "answers/dev.jsonl").exists()


def test_what_is_no_number_and_lone_surrogates_can_be_kept(tmp_path: Path) -> None:
    keep(tmp_path, {"test": [one(value=float("nan")), one(value="\ud800")]})
    found = kept(tmp_path, "test")
    assert [each.answers["tag"]["value"] for each in found] == [None, "\ud800"]


def test_a_long_text_is_cut_unless_as_much_is_said_of_it(tmp_path: Path) -> None:
    words = ["w"] * 400
    keep(
        tmp_path,
        {"test": [one("t" * 200), one("t" * 201), one({"a": "t" * 999}), one("w " * 400, words)]},
    )
    short, cut, several, whole = (each.text for each in kept(tmp_path, "test"))
    assert short == "t" * 200
    assert cut == "t" * 199 + "…"
    assert several == {"a": "t" * 199 + "…"}
    assert whole == "w " * 400


def test_a_split_that_was_not_kept_is_named(tmp_path: Path) -> None:
    keep(tmp_path, {"dev": [one()], "test": [one()]})
    with pytest.raises(RunError) as refused:
        kept(tmp_path, "train")
    assert str(refused.value) == f"{tmp_path}: has no answers to 'train'. There are: dev, test."


def test_a_folder_without_answers_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunError) as refused:
        kept(tmp_path, "test")
    assert str(refused.value) == (f"{tmp_path}: has no answers. Run its recipe again to have them.")


def test_damaged_answers_are_not_read(tmp_path: Path) -> None:
    keep(tmp_path, {"test": [one()]})
    place = tmp_path / "answers/test.jsonl"
    place.write_bytes(place.read_bytes().replace(b"a text", b"b text"))
    with pytest.raises(ModelError, match=r"test\.jsonl: its sha256 differs"):
        kept(tmp_path, "test")


def test_answers_and_golds_are_told_apart_by_name() -> None:
    both = Answered(0, "t", {"a": {"value": 1}, "b": {"value": 2}}, {"a": {"value": 3}, "b": {}})
    assert both.pair("a") == ({"value": 3}, {"value": 1})
    assert both.pair("b") == ({}, {"value": 2})
    assert one().pair("") == ({"value": "x"}, {"value": "y"})


def test_a_file_is_answered_as_the_run_answered_it(trained: Path) -> None:
    made = seqkit.load(trained)
    every = answered(made, file_examples(made, str(trained.parent / "test.conll")))
    assert every == kept(trained, "test")
    metrics = json.loads((trained / "metrics.json").read_bytes())
    assert scores(made.recipe, every)["accuracy"].plain() == metrics["test"]["accuracy"]


def test_a_file_that_is_not_there_cannot_be_answered(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError) as refused:
        file_examples(seqkit.load(trained), str(tmp_path / "no.conll"))
    assert str(refused.value) == (
        f"{tmp_path}/no.conll: cannot be read (No such file or directory). "
        "Check the path and the data folder."
    )


def test_a_text_is_shown_on_one_line() -> None:
    assert one_line("a\n b  c") == "a b c"
    assert one_line({"left": "a\nb", "right": "c"}) == "a b | c"
    assert one_line(None) == "a series"


def test_items_are_the_words_of_the_text_where_there_is_one_for_each() -> None:
    assert items("the cat", ["D", "N"], ["D", "V"]) == ["the", "cat"]
    assert items("the cat", ["D", "N"], ["D"]) is None
    assert items("the cat", "D", ["D"]) is None
    assert items("the cat", ["a", "b", "c"]) is None
    assert items("我们", ["a"] * 9, ["b"] * 9) == [f"item {n}" for n in range(1, 10)]
