"""Words: a splitter in linear time, and words that are given."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, final

import numpy as np

from seqkit.abilities import Finding
from seqkit.errors import DataError
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Example, Pieces, Text

if TYPE_CHECKING or CHECK_SHAPES:
    from numpy.random import Generator

    from seqkit.stages import Learnt

LONGEST = 100_000
"""Characters of a text that an own pattern may see: nobody knows how it backtracks."""
DIGIT = re.compile(r"\d")


@final
class Words:
    """Finds words by a regular expression, or takes those that are given."""

    samples = False

    def __init__(self, pattern: str | None, lower: bool, digits: bool) -> None:
        self.own = pattern is not None
        self.pattern = word_pattern() if pattern is None else re.compile(pattern)
        self.lower, self.digits = lower, digits

    def fit(self, texts: Iterable[Text]) -> Learnt:
        """Learns nothing."""
        del texts
        return {}

    def ready(self, learnt: Learnt) -> None:
        """Needs nothing."""

    def prepare(self, text: Text, rng: Generator | None = None) -> Pieces:
        """One piece a word. Raises DataError where an own pattern would see too long a text."""
        del rng
        found = self.find(text.text) if text.words is None else text.words
        strings = [text.text[start:end] for start, end in found]
        spans = np.array(found, np.int32).reshape(-1, 2)
        return Pieces(
            text, self.normalised(strings), spans, np.arange(len(strings), dtype=np.int32), spans
        )

    def find(self, text: str) -> list[tuple[int, int]]:
        """The spans of the words in a raw text."""
        if not self.own:
            return [match.span() for match in self.pattern.finditer(text)]
        if len(text) > LONGEST:
            raise DataError(
                f"words: a text of {len(text):,} characters is too long for an own pattern, which "
                f"sees {LONGEST:,} at most. Cut the text, or leave out 'pattern'."
            )
        return [match.span() for match in self.pattern.finditer(text) if match.group()]

    def normalised(self, strings: list[str]) -> list[str]:
        """The strings as embedders look them up."""
        if self.lower:
            strings = [string.lower() for string in strings]
        if self.digits:
            strings = [string if string.isalpha() else DIGIT.sub("0", string) for string in strings]
        return strings

    def text(self, strings: Sequence[str]) -> str:
        """Joins words by spaces."""
        return " ".join(strings)

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """Whether words are given or found, and given words that are empty or have spaces."""
        texts, given, empty, spaced = 0, 0, list[str](), list[str]()
        for number, example in enumerate(examples, 1):
            for pieces in example.inputs.values():
                if isinstance(pieces, Pieces):
                    texts += 1
                    given += pieces.source.words is not None
                    for place, word in enumerate(pieces.strings, 1):
                        if word.split() != [word]:
                            where = f"example {number:,}, word {place:,}"
                            (spaced if word else empty).append(f"{where}: {word!r}")
        found = []
        if split == "train" and texts:
            share = f" in {given:,} of {texts:,} texts" if given < texts else ""
            found.append(Finding(f"words are given{share}" if given else "words are not given"))
        if empty:
            told = f"{counted(len(empty))} empty, the first in {empty[0]}"
            found.append(Finding(f"{told}. Check how the columns are split", "warning"))
        if spaced:
            told = f"{counted(len(spaced))} written with white space, such as in {spaced[0]}"
            found.append(Finding(told))
        return found


def counted(words: int) -> str:
    """`1 word is`, `2 words are`."""
    return f"{words:,} word{' is' if words == 1 else 's are'}"


@cache
def word_pattern() -> re.Pattern[Any]:
    """The splitter's regular expression; each of its repeats is possessive, so none backtracks.

    Python's word characters lack the combining marks, which write vowels in many scripts: they are
    added, as are the joiners. The look-ahead keeps that long class away from plain text.
    """
    marks = combining_marks()
    beyond = "(?=[\u0300-\U0010ffff])"
    run = rf"(?:\w++(?:{beyond}[{marks}\u200c\u200d]++\w*+)*+)"
    inner = r"(?:['\u2019\u2010-]|(?<=\d)[.,](?=\d))"
    modifiers = rf"(?:{beyond}[{marks}\U0001f3fb-\U0001f3ff])*+"
    symbol = rf"\S{modifiers}(?:\u200d[^\w\s]{modifiers})*+"
    return re.compile(rf"{run}(?:{inner}{run})*+|{symbol}")


def combining_marks() -> str:
    """The ranges of Unicode's combining marks, as they stand in a class of characters."""
    ranges: list[list[int]] = []
    for code in (*range(0x300, 0x20000), *range(0xE0100, 0xE01F0)):
        if unicodedata.category(chr(code)).startswith("M"):
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)
