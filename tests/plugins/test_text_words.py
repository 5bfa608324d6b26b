"""The word tokeniser, and the texts that stop others."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqkit.data import row_text
from seqkit.errors import DataError
from seqkit.stages import Example, Frames, Text, Upstream
from seqkit_text.tokenising import words_tokeniser
from seqkit_text.words import word_pattern

REPEATED = ["!", "(", "a:", "a", "😀", " ", "\u0301", "a'", "1.", "'", "-", "\u200d", "😀\u200d"]


def words(**settings: Any) -> Any:
    return words_tokeniser(Upstream(width=0), **settings)


@pytest.mark.parametrize(
    ("text", "strings"),
    [
        ("", []),
        (" \t\n\u3000", []),
        ("He said: don't!", ["He", "said", ":", "don't", "!"]),
        ("well-known -x x- ''a''", ["well-known", "-", "x", "x", "-", "'", "'", "a", "'", "'"]),
        ("l’été 3.14 1,000. a.b", ["l’été", "3.14", "1,000", ".", "a", ".", "b"]),
        ("e\u0301te हिन्दी में", ["e\u0301te", "हिन्दी", "में"]),
        ("👨\u200d👩\u200d👧👍🏽❤\ufe0f!", ["👨\u200d👩\u200d👧", "👍🏽", "❤\ufe0f", "!"]),
        ("中文 a\0b", ["中文", "a", "\0", "b"]),
        ("\u0301\u0301 \u200da", ["\u0301\u0301", "\u200d", "a"]),
        ("😀\u200dab", ["😀", "\u200d", "ab"]),
    ],
)
def test_raw_text_is_split(text: str, strings: list[str]) -> None:
    pieces = words().prepare(Text(text))
    assert pieces.strings == strings
    assert [text[start:end] for start, end in pieces.spans] == strings
    assert pieces.words.tolist() == list(range(len(strings)))
    np.testing.assert_array_equal(pieces.word_spans, pieces.spans)


@given(st.text(st.characters(exclude_categories=[])))
def test_pieces_cover_any_text_but_its_white_space(text: str) -> None:
    spans = words().prepare(Text(text)).spans.tolist()
    covered = {place for start, end in spans for place in range(start, end)}
    assert covered == {place for place, one in enumerate(text) if not one.isspace()}
    assert sum(end - start for start, end in spans) == len(covered)
    assert spans == sorted(spans)


def test_given_words_stay_as_they_are() -> None:
    given_words = Text("New York, 'tis", [(0, 8), (8, 8), (8, 9), (10, 14)])
    pieces = words().prepare(given_words)
    assert pieces.strings == ["New York", "", ",", "'tis"]
    assert pieces.spans.tolist() == [[0, 8], [8, 8], [8, 9], [10, 14]]
    assert pieces.spans.dtype == pieces.words.dtype == np.int32
    assert len(words().prepare(Text("x", []))) == 0


def test_strings_are_normalised_and_spans_are_not() -> None:
    text = Text("İn 2024 A1")
    pieces = words(lower=True, digits=True).prepare(text)
    assert pieces.strings == ["i\u0307n", "0000", "a0"]
    assert pieces.spans.tolist() == [[0, 2], [3, 7], [8, 10]]


def test_an_own_pattern_gives_the_words() -> None:
    pieces = words(pattern=r"(\d)(\w)?|(?<=x)|[a-c]+").prepare(Text("abx1z cd"))
    assert pieces.strings == ["ab", "1z", "c"]
    assert pieces.spans.tolist() == [[0, 2], [3, 5], [6, 7]]


def test_an_own_pattern_sees_no_endless_text() -> None:
    with pytest.raises(DataError) as caught:
        words(pattern=r"\w+").prepare(Text("a" * 100_001))
    assert str(caught.value) == (
        "words: a text of 100,001 characters is too long for an own pattern, which sees 100,000 "
        "at most. Cut the text, or leave out 'pattern'."
    )


def test_words_are_joined_by_spaces() -> None:
    assert words().text(["a", "b", "."]) == "a b ."


def described(*given: str | list[str], split: str = "train") -> list[tuple[str, str]]:
    tokeniser = words()
    texts = [row_text(one, "") for one in given]
    inputs = [tokeniser.prepare(text) if isinstance(text, Text) else text for text in texts]
    examples = [Example({}, {"text": one}) for one in inputs]
    return [(finding.level, finding.text) for finding in tokeniser.describe(examples, split)]


def test_a_split_is_described_by_where_its_words_come_from() -> None:
    assert described("the cat") == [("note", "words are not given")]
    assert described(["the", "cat"]) == [("note", "words are given")]
    assert described(["the", "cat"], "a dog") == [("note", "words are given in 1 of 2 texts")]
    assert described(["the", "cat"], split="dev") == []


def test_given_words_that_are_empty_or_have_spaces_are_counted_and_the_first_is_placed() -> None:
    assert described(["a"], ["b", "", "New York"], ["", "in  fact"], split="dev") == [
        (
            "warning",
            "2 words are empty, the first in example 2, word 2: ''. Check how the columns are "
            "split",
        ),
        ("note", "2 words are written with white space, such as in example 2, word 3: 'New York'"),
    ]


def test_a_series_has_no_words_to_describe() -> None:
    series = Example({}, {"text": Frames(np.zeros((2, 1), np.float32))})
    assert words().describe([series], "train") == []


def seconds(text: str) -> float:
    """The least of three times that finding the words of a text takes."""
    found = []
    for _ in range(3):
        started = time.process_time()
        for _match in word_pattern().finditer(text):
            pass
        found.append(time.process_time() - started)
    return min(found)


@pytest.mark.parametrize("unit", REPEATED)
def test_time_is_linear_in_the_length(unit: str) -> None:
    once, twice = seconds(unit * 25_000), seconds(unit * 50_000)
    assert twice < 3 * once + 0.005  # the constant is a clock's, not a text's


@pytest.mark.slow
@pytest.mark.parametrize("unit", REPEATED)
def test_a_million_characters_take_a_second_at_most(unit: str) -> None:
    assert seconds(unit * (1_000_000 // len(unit))) < 1
