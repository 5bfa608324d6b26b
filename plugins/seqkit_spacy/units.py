"""What of a Doc a model answers as one text, and which tokens its words are.

A Doc is never changed: a unit's characters are the Doc's, and spans map back by characters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from spacy.tokens import Doc, Span

from seqkit.stages import Pieces, Text

By = Literal["sentence", "document"]
Words = Literal["doc", "model"]


@dataclass(frozen=True)
class Unit:
    """A sentence, or a whole Doc. offset: of its first character in the Doc."""

    tokens: Span
    offset: int
    text: Text


@dataclass(frozen=True)
class Word:
    """A word of the model: characters in the Doc."""

    start: int
    end: int


def units_of(doc: Doc, by: By, words: Words) -> list[Unit]:
    """The units of a Doc; those of white space alone are none.

    by: `sentence` is the whole Doc where none are marked. words: `doc` gives its tokens to the
    model as words, but for those of white space, which no model has seen.
    """
    marked = by == "sentence" and doc.has_annotation("SENT_START")
    spans = doc.sents if marked else [doc[:]] if len(doc) else []
    return [unit_of(span, words) for span in spans if not span.text.isspace() and span.text]


def unit_of(span: Span, words: Words) -> Unit:
    """A span of tokens as a text."""
    offset = span.start_char
    if words == "model":
        return Unit(span, offset, Text(span.text))
    given = [
        (token.idx - offset, token.idx - offset + len(token.text))
        for token in span
        if not token.text.isspace()
    ]
    return Unit(span, offset, Text(span.text, given))


def words_of(unit: Unit, pieces: Pieces) -> list[Word]:
    """The model's words of a unit."""
    offset = unit.offset
    return [Word(start + offset, end + offset) for start, end in pieces.word_spans.tolist()]


def by_token(unit: Unit, words: Sequence[Word]) -> Iterator[tuple[int, list[int]]]:
    """For each token that is not white space, its index in the Doc and the words that touch it.

    The word that it shares most characters with comes first, of equals the earlier one.
    """
    first = 0
    for token in unit.tokens:
        if token.text.isspace():
            continue
        start, end = token.idx, token.idx + len(token.text)
        while first < len(words) and words[first].end <= start:
            first += 1
        touching = []
        place = first
        while place < len(words) and words[place].start < end:
            shared = min(end, words[place].end) - max(start, words[place].start)
            touching.append((-shared, place))
            place += 1
        yield token.i, [place for _, place in sorted(touching)]
