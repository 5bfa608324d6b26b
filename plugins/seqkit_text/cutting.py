"""Texts that are cut after so many pieces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, final

from seqkit.abilities import Describing, Finding
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Example, Pieces, Text, Tokeniser

if TYPE_CHECKING or CHECK_SHAPES:
    from numpy.random import Generator

    from seqkit.stages import Learnt


@final
class Cut:
    """The first pieces that another tokeniser finds. Words behind them own no piece."""

    def __init__(self, tokeniser: Tokeniser, longest: int) -> None:
        self.tokeniser, self.longest = tokeniser, longest
        self.samples = tokeniser.samples

    def fit(self, texts: Iterable[Text]) -> Learnt:
        """What the tokeniser learns, from whole texts."""
        return self.tokeniser.fit(texts)

    def ready(self, learnt: Learnt) -> None:
        """Makes the tokeniser ready."""
        self.tokeniser.ready(learnt)
        self.samples = self.tokeniser.samples

    def prepare(self, text: Text, rng: Generator | None = None) -> Pieces:
        """The first pieces of a text."""
        every = self.tokeniser.prepare(text, rng)
        if len(every) <= self.longest:
            return every
        kept = slice(self.longest)
        words, spans = every.words[kept], every.spans[kept]
        return Pieces(every.source, every.strings[kept], spans, words, every.word_spans)

    def text(self, strings: Sequence[str]) -> str:
        """Joins pieces as the tokeniser does."""
        return self.tokeniser.text(strings)

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """How many texts are cut, and how long the longest is; then what the tokeniser says."""
        every = list(examples)
        lengths = [
            len(self.tokeniser.prepare(pieces.source))
            for example in every
            for pieces in example.inputs.values()
            if isinstance(pieces, Pieces) and len(pieces) == self.longest
        ]
        cut = [length for length in lengths if length > self.longest]
        found = (
            self.tokeniser.describe(every, split) if isinstance(self.tokeniser, Describing) else []
        )
        if cut:
            texts = "1 text is" if len(cut) == 1 else f"{len(cut):,} texts are"
            told = f"{texts} cut after {self.longest:,} pieces; the longest has {max(cut):,}"
            found = [Finding(told), *found]
        return found
