"""A vector for each piece from its shape and its casing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, final

import numpy as np
from torch import nn

from seqkit.abilities import Finding
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Example, Vectors, time_mask
from seqkit_text.dropout import Dropout
from seqkit_text.tables import drawn_table
from seqkit_text.vocabulary import (
    FIRST,
    PADDING,
    UNKNOWN,
    Remembered,
    count_strings,
    numbered,
    pieces_of,
    unknown_share,
    vocabulary,
)

if TYPE_CHECKING or CHECK_SHAPES:
    from numpy.random import Generator

    from seqkit.stages import Arrays, Batch, Learnt

CASINGS = ("lower", "title", "upper", "mixed", "caseless", "digit", "punctuation")
LONG = 100
"""Characters from which on spaCy says no more of a shape than that."""


@final
class Shapes(nn.Module):
    """A table of shapes and casings; a piece's vector is the sum of its two.

    Row 0 is padding, row 1 every unknown shape; behind the known shapes stand the casings.
    """

    samples = False
    along_time = frozenset({"shapes"})
    table: nn.Embedding

    def __init__(self, *, width: int, run: int, minimum: int, dropout: float, locked: bool) -> None:
        super().__init__()
        self.width, self.run, self.minimum = width, run, minimum
        self.dropout = Dropout(dropout, locked)
        self.known: dict[str, int] = {}
        self.numbers = Remembered(self.number)

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """Counts the shapes of every input. Raises DataError where there is none to know."""
        return vocabulary(self.count(examples), "shape", "shape", self.minimum)

    def count(self, examples: Iterable[Example]) -> Counter[str]:
        """How often each shape is that of a piece."""
        counts: Counter[str] = Counter()
        for string, count in count_strings(examples, "shape").items():
            counts[word_shape(string, self.run)] += count
        return counts

    def ready(self, learnt: Learnt) -> None:
        """Allocates the vectors; that of an unknown shape is zero."""
        self.known = numbered(learnt["strings"])
        self.numbers.clear()
        self.table = drawn_table(FIRST + len(self.known) + len(CASINGS), self.width)

    def number(self, string: str) -> bytes:
        """The numbers of a piece's shape and casing, as int32."""
        shape = self.known.get(word_shape(string, self.run), UNKNOWN)
        first = FIRST + len(self.known)
        return np.array([shape, first + CASINGS.index(casing(string))], np.int32).tobytes()

    def prepare(self, example: Example, name: str, rng: Generator | None = None) -> Arrays:
        """Gives "shapes" [piece 2]. Raises DataError where the input is frames."""
        del rng
        numbers = self.numbers.all(pieces_of(example, name, "shape").strings)
        return {"shapes": np.frombuffer(bytearray().join(numbers), np.int32).reshape(-1, 2)}

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """The share of a split's shapes that have no vector of their own."""
        return unknown_share(self.count(examples), self.known.__contains__, "shapes", split)

    def forward(self, batch: Batch) -> Vectors:
        """The sums of the vectors of "shapes" [batch time 2]."""
        shapes, lengths = batch["shapes"], batch["shapes.lengths"]
        real = time_mask(lengths, shapes.shape[1]).unsqueeze(2)
        shapes = shapes.masked_fill(~real, PADDING)
        return Vectors(self.dropout(self.table(shapes).sum(dim=2)), lengths)


def word_shape(string: str, run: int = 4) -> str:
    """The shape that spaCy gives a word: `Xxxxx` for Apples, `dd.d` for 10.5, `xXxxxx` for iPhones.

    X is an upper case letter, x any other letter, d a digit; every other character is itself. Of
    equal ones in a row, `run` are kept.
    """
    if len(string) >= LONG:
        return "LONG"
    shape: list[str] = []
    for character in string:
        if character.isalpha():
            mark = "X" if character.isupper() else "x"
        else:
            mark = "d" if character.isdigit() else character
        if shape[-run:] != [mark] * run:
            shape.append(mark)
    return "".join(shape)


def casing(string: str) -> str:
    """Which of CASINGS a string has.

    One upper case letter at the begin, and no other, is title: so are I and A. Letters that have no
    case are caseless; without letters a string is digit where it has one, else punctuation.
    """
    upper = [one != one.lower() for one in string if one.lower() != one.upper()]
    if not upper:
        if any(map(str.isalpha, string)):
            return "caseless"
        return "digit" if any(map(str.isdigit, string)) else "punctuation"
    if not any(upper):
        return "lower"
    if upper[0] and not any(upper[1:]):
        return "title"
    return "upper" if all(upper) else "mixed"
