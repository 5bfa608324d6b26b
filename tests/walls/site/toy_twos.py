"""Pieces below words: a tokeniser that cuts words in twos, and a decoder that labels words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, final

import numpy as np

from seqkit.plugins import Register, hookimpl
from seqkit.stages import Pieces, Text, Tokeniser, Upstream


@hookimpl
def seqkit_stages(register: Register) -> None:
    register.tokeniser("twos", twos)


def twos(upstream: Upstream) -> Tokeniser:
    """Two letters or digits a piece; what is neither makes none."""
    return Twos()


@final
class Twos:
    samples: bool = False

    def fit(self, texts: Iterable[Text]) -> Mapping[str, Any]:
        return {}

    def ready(self, learnt: Mapping[str, Any]) -> None:
        pass

    def prepare(self, text: Text, rng: Any = None) -> Pieces:
        given = [(0, len(text.text))] if text.words is None else text.words
        spans, words = [], []
        for word, (start, end) in enumerate(given):
            letters = [place for place in range(start, end) if text.text[place].isalnum()]
            for first in range(0, len(letters), 2):
                spans.append((letters[first], letters[first : first + 2][-1] + 1))
                words.append(word)
        return Pieces(
            text,
            [text.text[start:end] for start, end in spans],
            np.array(spans, np.int32).reshape(-1, 2),
            np.array(words, np.int32),
            np.array(given, np.int32).reshape(-1, 2),
        )

    def text(self, strings: Sequence[str]) -> str:
        return "".join(strings)
