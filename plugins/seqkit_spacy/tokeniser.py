"""spaCy's tokenisers as a stage: the rules are learnt, and saved with the model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, final

import numpy as np
from spacy.tokenizer import Tokenizer

from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Learnt, Pieces, Text
from seqkit_spacy.languages import blank, plain, saved

if TYPE_CHECKING or CHECK_SHAPES:
    from numpy.random import Generator

WHO = "spacy"
RUN = 500
"""Characters without white space that spaCy sees at once."""
LONG = re.compile(rf"\S{{{RUN + 1},}}")


@final
class SpacyTokeniser:
    """Splits texts by spaCy's rules. lang, pipeline: where they are from."""

    samples = False

    def __init__(self, lang: str | None, pipeline: str | None, lower: bool) -> None:
        self.lang, self.pipeline, self.lower = lang, pipeline, lower
        self.split: Any = None

    def fit(self, texts: Iterable[Text]) -> Learnt:
        """The language and the rules; texts teach it nothing. Raises DataError."""
        del texts
        nlp = saved(self.pipeline, WHO) if self.pipeline else blank(str(self.lang), WHO)
        tokeniser: Any = nlp.tokenizer
        rules = nlp.config["nlp"]["tokenizer"]
        return {
            "lang": nlp.lang,
            "tokeniser": plain(rules),
            "rules": tokeniser.to_bytes(exclude=["vocab"]),
        }

    def ready(self, learnt: Learnt) -> None:
        """Takes the rules. Raises DataError where the language's package is not there."""
        rules = {"nlp": {"tokenizer": learnt["tokeniser"]}}
        self.split = blank(learnt["lang"], WHO, rules).tokenizer
        self.split.from_bytes(learnt["rules"])

    def prepare(self, text: Text, rng: Generator | None = None) -> Pieces:
        """One piece for each token that is not white space, or for each given word."""
        del rng
        found = list(self.find(text.text)) if text.words is None else text.words
        strings = [text.text[start:end] for start, end in found]
        spans = np.array(found, np.int32).reshape(-1, 2)
        words = np.arange(len(strings), dtype=np.int32)
        if self.lower:
            strings = [string.lower() for string in strings]
        return Pieces(text, strings, spans, words, spans)

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """The spans of tokens that are not white space."""
        start = 0
        for end in [*self.cuts(text), len(text)]:
            for token in self.split(text[start:end]):
                if not token.text.isspace():
                    place = start + token.idx
                    yield place, place + len(token.text)
            start = end

    def cuts(self, text: str) -> Iterator[int]:
        """Where a text is cut before spaCy sees it: its rules take long over long runs."""
        if isinstance(self.split, Tokenizer):
            for match in LONG.finditer(text):
                yield from range(match.start() + RUN, match.end(), RUN)

    def text(self, strings: Sequence[str]) -> str:
        """Joins words by spaces."""
        return " ".join(strings)
