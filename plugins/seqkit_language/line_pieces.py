"""A text line by line, with a piece for each line's end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, final

import numpy as np

from seqkit.abilities import Describing, Finding
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Example, Pieces, Text, Tokeniser

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Int32
    from numpy.random import Generator

    from seqkit.stages import Learnt

END = "\n"
"""The piece that ends a line, and stands before the first."""
Span = tuple[int, int]


@final
class Lines:
    """The pieces that another tokeniser finds in each line, and the lines' ends.

    An end is a word of its own: the line feed, or nothing where the text has none. Given words are
    no lines, and stay without ends.
    """

    def __init__(self, tokeniser: Tokeniser, strip: bool) -> None:
        self.tokeniser, self.strip = tokeniser, strip
        self.samples = tokeniser.samples

    def fit(self, texts: Iterable[Text]) -> Learnt:
        """What the tokeniser learns from the lines."""
        return self.tokeniser.fit(
            line for text in texts for line in (self.raw(text) if text.words is None else [text])
        )

    def ready(self, learnt: Learnt) -> None:
        """Makes the tokeniser ready."""
        self.tokeniser.ready(learnt)
        self.samples = self.tokeniser.samples

    def lines(self, text: Text) -> Iterator[tuple[Text, int, Span]]:
        """Each line of a raw text, where it stands, and the span of its end."""
        whole, start = len(text.text), 0
        for line in text.text.removesuffix(END).split(END):
            kept = line.strip() if self.strip else line
            end = start + len(line)
            yield Text(kept), start + line.index(kept), (end, min(end + len(END), whole))
            start = end + len(END)

    def raw(self, text: Text) -> Iterator[Text]:
        """Each line of a raw text."""
        return (line for line, _, _ in self.lines(text))

    def prepare(self, text: Text, rng: Generator | None = None) -> Pieces:
        """An end, then the pieces of each line and its end; of given words, their pieces."""
        if text.words is not None:
            return self.tokeniser.prepare(text, rng)
        strings, spans, words = [END], [spans_of((0, 0))], [np.zeros(1, np.int32)]
        word_spans, count = [spans_of((0, 0))], 1
        for line, start, end in self.lines(text):
            found = self.tokeniser.prepare(line, rng)
            after = count + len(found.word_spans)
            strings += [*found.strings, END]
            spans += [found.spans + np.int32(start), spans_of(end)]
            words += [found.words + np.int32(count), np.array([after], np.int32)]
            word_spans += [found.word_spans + np.int32(start), spans_of(end)]
            count = after + 1
        return Pieces(
            text, strings, np.concatenate(spans), np.concatenate(words), np.concatenate(word_spans)
        )

    def text(self, strings: Sequence[str]) -> str:
        """Joins the pieces of each line as the tokeniser does."""
        parts = groupby(strings, END.__eq__)
        return "".join(
            END * len(run) if ends else self.tokeniser.text(run)
            for ends, run in ((ends, list(each)) for ends, each in parts)
        )

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """How many lines there are, then what the tokeniser says."""
        every = list(examples)
        given = [one for each in every for one in each.inputs.values() if isinstance(one, Pieces)]
        ends = sum(pieces.strings.count(END) - 1 for pieces in given)
        found = [Finding(f"{ends:,} lines in {len(given):,} texts")] if given else []
        if isinstance(self.tokeniser, Describing):
            found += self.tokeniser.describe(every, split)
        return found


def spans_of(span: Span) -> Int32[np.ndarray, "1 2"]:
    """One span as an array."""
    return np.array([span], np.int32)
