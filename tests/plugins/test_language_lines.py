"""Texts line by line, with a piece for each line's end."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.plugins import Use
from seqkit.stages import Example, Pieces, Text, Tokeniser, Upstream
from seqkit_language import lines

NOTHING = Upstream(0)
LETTERS = Use("tokeniser", "characters")


def pieces_of(text: str, **said: object) -> Pieces:
    return lines(NOTHING, **said).prepare(Text(text))  # type: ignore[arg-type]  # settings of a recipe


def covered(pieces: Pieces) -> list[str]:
    return [pieces.source.text[start:end] for start, end in pieces.spans.tolist()]


def test_an_end_stands_before_the_first_line_and_behind_each() -> None:
    pieces = pieces_of("two words\nand one\n")
    assert list(pieces.strings) == ["\n", "two", "words", "\n", "and", "one", "\n"]
    assert covered(pieces) == ["", "two", "words", "\n", "and", "one", "\n"]


def test_the_last_line_ends_without_a_line_feed_too() -> None:
    pieces = pieces_of("one\ntwo")
    assert list(pieces.strings) == ["\n", "one", "\n", "two", "\n"]
    assert covered(pieces) == ["", "one", "\n", "two", ""]


def test_an_empty_text_is_an_empty_line() -> None:
    assert list(pieces_of("").strings) == ["\n", "\n"]


def test_a_blank_line_has_an_end_alone() -> None:
    assert list(pieces_of("a\n\nb").strings) == ["\n", "a", "\n", "\n", "b", "\n"]


def test_white_space_around_a_line_is_left_out_where_that_is_asked_for() -> None:
    assert list(pieces_of(" a b \n", tokenise=LETTERS).strings) == list("\n a b \n")
    stripped = pieces_of(" a b \n", tokenise=LETTERS, strip=True)
    assert list(stripped.strings) == list("\na b\n")
    assert covered(stripped) == ["", "a", " ", "b", "\n"]


def test_given_words_have_no_ends() -> None:
    pieces = lines(NOTHING).prepare(Text("a b", [(0, 1), (2, 3)]))
    assert list(pieces.strings) == ["a", "b"]
    assert pieces.word_spans.tolist() == [[0, 1], [2, 3]]


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet="ab \n\r\u2028", max_size=12))
def test_characters_and_ends_join_to_the_text_again(text: str) -> None:
    tokeniser = lines(NOTHING, tokenise=LETTERS)
    pieces = tokeniser.prepare(Text(text))
    whole = text if text.endswith("\n") else text + "\n"
    assert tokeniser.text(pieces.strings) == "\n" + whole
    assert "".join(covered(pieces)) == text
    assert pieces.words.tolist() == list(range(len(pieces)))


def test_a_tokeniser_inside_is_fitted_on_lines() -> None:
    inner = Use("tokeniser", "sentencepiece", {"size": 8, "byte_fallback": False})
    by_line, whole = lines(NOTHING, tokenise=inner), inner.build(NOTHING)
    texts = [Text("ab ab\nab late"), Text("ab late", [(0, 2), (3, 7)])]
    parted = [Text("ab ab"), Text("ab late"), texts[1]]
    assert by_line.fit(texts) == whole.fit(parted)


def test_lines_are_counted_for_a_reader() -> None:
    tokeniser: Tokeniser = lines(NOTHING)
    examples = [Example({}, {"text": tokeniser.prepare(Text(text))}) for text in ("a\nb", "c")]
    first, *_ = tokeniser.describe(examples, "train")  # type: ignore[attr-defined]  # an ability
    assert first.text == "3 lines in 2 texts"


@pytest.mark.parametrize("inner", ["words", "characters"])
def test_a_line_is_tokenised_as_it_is_alone(inner: str) -> None:
    alone = Use("tokeniser", inner).build(NOTHING).prepare(Text("b'c, d"))
    pieces = pieces_of("a\nb'c, d", tokenise=Use("tokeniser", inner))
    assert list(pieces.strings[3:-1]) == list(alone.strings)
    assert (pieces.spans[3:-1] - 2).tolist() == alone.spans.tolist()
