"""Counted strings and remembered answers."""

from __future__ import annotations

from collections import Counter

import pytest

from seqkit.abilities import Finding
from seqkit.errors import DataError
from seqkit_text.vocabulary import Remembered, numbered, unknown_share, vocabulary


def test_strings_stand_by_falling_count_then_by_string() -> None:
    counts = Counter({"b": 2, "a": 2, "c": 5, "d": 1})
    assert vocabulary(counts, "lookup", "piece", 2) == {
        "strings": ["c", "a", "b"],
        "counts": [5, 2, 2],
    }
    assert vocabulary(counts, "lookup", "piece", 1, limit=2)["strings"] == ["c", "a"]
    assert numbered(["c", "a"]) == {"c": 2, "a": 3}


def test_an_empty_vocabulary_is_an_error() -> None:
    with pytest.raises(DataError) as caught:
        vocabulary(Counter(), "lookup", "piece", 1)
    assert str(caught.value) == (
        "lookup: the training split has no piece. Give it texts that are not empty."
    )
    with pytest.raises(DataError) as caught:
        vocabulary(Counter({"a": 2, "b": 3}), "lookup", "piece", 5)
    assert str(caught.value) == (
        "lookup: no piece occurs 5 times in the training split; the most frequent, 'b', occurs 3. "
        "Set 'minimum' lower."
    )


def test_what_is_unknown_is_told_by_count_and_by_kind() -> None:
    counts = Counter({"a": 6, "b": 2, "c": 2, "d" * 50: 1})
    [found] = unknown_share(counts, {"a", "c"}.__contains__, "pieces", "dev")
    assert found == Finding(
        "27.3% of the pieces (3 of 11) are unknown, 50.0% of the distinct ones; most often "
        f"'b' (2), '{'d' * 40}' (1)"
    )
    [many] = unknown_share(counts, {"b"}.__contains__, "pieces", "train")
    assert many == Finding(
        "81.8% of the pieces (9 of 11) are unknown, 75.0% of the distinct ones: they are rarer "
        "than the vocabulary takes",
        "warning",
    )
    assert unknown_share(counts, counts.__contains__, "pieces", "dev") == [
        Finding("none of the pieces is unknown")
    ]
    assert unknown_share(Counter(), counts.__contains__, "pieces", "dev") == []


def test_an_answer_is_asked_for_once() -> None:
    asked: list[str] = []

    def answer(string: str) -> int:
        asked.append(string)
        return len(string)

    remembered = Remembered(answer, room=2, longest=3)
    assert list(remembered.all(["a", "bb", "a", "long", "long"])) == [1, 2, 1, 4, 4]
    assert asked == ["a", "bb", "long", "long"]


def test_memory_is_bounded() -> None:
    remembered = Remembered(len, room=3)
    for number in range(100):
        assert remembered[str(number)] == len(str(number))
        assert len(remembered) <= 3
