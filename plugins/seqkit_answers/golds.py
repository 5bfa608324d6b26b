"""Right answers: spans of the passage's text, and the pieces that cover them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from seqkit.data import scrubbed
from seqkit.errors import DataError
from seqkit.stages import Example, Pieces

FORM = "A gold is a list of answers, each [start, end, text] with positions in the passage"


@dataclass(frozen=True)
class Right:
    """A right answer: half-open positions in the passage, and the text between them."""

    start: int
    end: int
    text: str


def right_answers(example: Example, passage: str, where: str) -> list[Right]:
    """The right answers to a question; none where its passage has none.

    Raises DataError, which begins with `where`, for a gold of another form, and for an answer that
    is not in the passage where it says.
    """
    given = example.gold
    if given is None:
        raise DataError(
            f"{where}: there is no gold. Name the field of the answers under data.gold."
        )
    if not isinstance(given, list | tuple):
        raise DataError(f"{where}: the gold is {shown(given)}. {FORM}.")
    source = pieces_of(example, passage, where).source.text
    return [right_answer(one, source, where) for one in given]


def right_answer(given: Any, passage: str, where: str) -> Right:
    """One right answer. Raises DataError."""
    if not isinstance(given, list | tuple) or [*map(type, given)] != [int, int, str]:
        raise DataError(f"{where}: an answer is {shown(given)}. {FORM}.")
    start, end, text = given
    if not 0 <= start < end or passage[start:end] != scrubbed(text):
        raise DataError(
            f"{where}: the answer {shown(text)} is not at [{start}, {end}] of its passage, where "
            f"{shown(passage[max(start, 0) : max(end, 0)])} stands. Mend its positions or its text."
        )
    return Right(start, end, passage[start:end])


def pieces_of(example: Example, name: str, where: str) -> Pieces:
    """An input that is a text. Raises DataError where it is frames."""
    pieces = example.inputs[name]
    if not isinstance(pieces, Pieces):
        raise DataError(f"{where}: input '{name}' is frames, but spans are taken from a text.")
    return pieces


def covering(right: Right, pieces: Pieces) -> tuple[int, int] | None:
    """The first and the last piece of the fewest that cover an answer; None where none does."""
    starts, ends = pieces.spans[:, 0], pieces.spans[:, 1]
    within = np.flatnonzero((starts < right.end) & (ends > right.start))
    return (int(within[0]), int(within[-1])) if len(within) else None


def on_borders(right: Right, pieces: Pieces) -> bool:
    """Whether an answer begins where a piece begins, and ends where one ends."""
    found = covering(right, pieces)
    return found is not None and text_span(pieces, *found) == (right.start, right.end)


def text_span(pieces: Pieces, first: int, last: int) -> tuple[int, int]:
    """Where the pieces from the first to the last stand in their text."""
    return int(pieces.spans[first, 0]), int(pieces.spans[last, 1])


def shown(value: Any, most: int = 60) -> str:
    """A value for a message, cut where it is long."""
    text = repr(value)
    return text if len(text) <= most else text[: most - 1] + "…"
