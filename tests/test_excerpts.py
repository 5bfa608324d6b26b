"""Answers as a person reads them, beside their texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from seqkit.excerpts import answer_lines


def shown(sample: Mapping[str, Any]) -> list[str]:
    return [line.plain for line in answer_lines(sample)]


@pytest.mark.parametrize(
    ("text", "answer", "line"),
    [
        ("on 3 May", {"spans": [[3, 4, "day"], [5, 8, "month"]]}, "on [3] day [May] month"),
        ("May 3", {"value": 0, "spans": [[4, 5, "day"], [0, 3, "month"]]}, "[May] month [3] day"),
        ("none", {"value": 0, "spans": []}, "none"),
        ("the cat", {"value": ["D", "N"]}, "the/D cat/N "),
        ("the cat!", {"value": ["D", "N", "P"]}, "the cat!  → D N P"),
        ("good", {"value": "positive"}, "good  → sentiment: positive"),
        ("[/b] x", {"value": 3.5}, "[/b] x  → sentiment: 3.5"),
        ({"left": "a", "right": "b"}, {"value": "same"}, "{'left': 'a', 'right': 'b'}  → sent"),
    ],
)  # fmt: skip
def test_an_answer_is_shown_beside_its_text(text: Any, answer: Any, line: str) -> None:
    [found] = shown({"text": text, "answers": {"sentiment": answer}})
    assert found.startswith("  " + line)


def test_a_long_answer_is_cut() -> None:
    [found] = shown({"text": "a " * 100, "answers": {"tag": {"value": ["D"] * 100}}})
    assert found == "  " + "a/D " * 40


def test_a_series_is_shown_without_a_text() -> None:
    assert shown({"text": None, "answers": {"target": {"value": 0.123456}}}) == [
        "  a series  → target: 0.1235"
    ]


def test_each_of_several_answers_begins_with_its_name() -> None:
    answers = {"slots": {"value": ["O", "B-X"]}, "intent": {"value": "fly"}}
    assert shown({"text": "to rome", "answers": answers}) == [
        "  slots  to/O rome/B-X ",
        "  intent  to rome  → fly",
    ]


def test_a_long_text_is_cut_between_words() -> None:
    [found] = shown({"text": "word " * 200, "answers": {"mood": {"value": "good"}}})
    assert found.endswith("word …  → mood: good")
    assert len(found) < 340
    spans = [[0, 4, "X"], [905, 909, "Y"]]
    [found] = shown({"text": "word " * 200, "answers": {"tag": {"spans": spans}}})
    assert found.startswith("  [word] X word")
    assert found.endswith("word …")
