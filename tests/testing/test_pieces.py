"""Tokenisers that break a promise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, final

import numpy as np
import pytest
import torch

from seqkit.stages import (
    Pieces,
    Text,
    Tokeniser,
    Upstream,
)
from seqkit.testing import check_stage

Broken = Callable[..., str]


@final
class Letters:
    samples: bool = False

    def __init__(self, flaw: str) -> None:
        self.flaw = flaw

    def fit(self, texts: Iterable[Text]) -> Mapping[str, Any]:
        if self.flaw == "keeps state":
            self.seen = [text.text for text in texts]
        if self.flaw == "learns a list":
            return ["a"]  # type: ignore[return-value]
        return {"known": {"a"}} if self.flaw == "learns a set" else {}

    def ready(self, learnt: Mapping[str, Any]) -> None:
        self.calls, self.samples = 0, self.flaw == "draws elsewhere"
        self.drawn = torch.rand(()).item()

    def prepare(self, text: Text, rng: Any = None) -> Pieces:
        self.calls += 1
        string, dtype = text.text, np.int32
        if self.flaw == "strips":
            string = string.strip()
        if self.flaw == "needs text":
            string[0]
        ends = len(string) + (self.flaw == "counts bytes" and not string.isascii())
        spans = np.array([(at, at + 1) for at in range(ends)], dtype).reshape(-1, 2)
        given = [(at, at + 1) for at in range(ends)] if text.words is None else list(text.words)
        if text.words is not None:
            spans = np.array([(at, at + 1) for one in given for at in range(*one)], dtype)
            spans = spans.reshape(-1, 2)
        words = [row for row, one in enumerate(given) for _ in range(*one)]
        words = [word + (self.flaw == "counts from 1") for word in words]
        if self.flaw == "joins words" and given and text.words is not None:
            given, words = [(given[0][0], given[-1][1])], [0] * len(words)
        strings = [text.text[start:end] for start, end in spans]
        if self.flaw == "a list":
            return strings  # type: ignore[return-value]
        if self.flaw == "other source":
            text = Text(text.text + ".", text.words)
        if self.flaw == "turned":
            spans = spans[:, ::-1]
        if self.flaw == "loses one":
            strings = strings[1:]
        if self.flaw == "draws in ready":
            strings = [f"{string}{self.drawn}" for string in strings]
        if self.flaw == "draws elsewhere" and rng is not None:
            strings = [f"{string}{self.calls}" for string in strings]
        if self.flaw == "remembers" and self.calls % 2:
            strings = [string.upper() for string in strings]
        return Pieces(
            text,
            strings,
            spans,
            np.array(words, np.int32),
            np.array(given, np.int32).reshape(-1, 2),
        )

    def text(self, strings: Sequence[str]) -> str:
        return strings if self.flaw == "does not join" else "".join(strings)  # type: ignore[return-value]


def letters(upstream: Upstream, *, flaw: str = "") -> Tokeniser:
    """Characters."""
    return Letters(flaw)


@pytest.mark.parametrize(
    ("flaw", "message"),
    [
        ("keeps state", "letters: fit changes 'seen' of the stage."),
        ("learns a set", "saving what fit returns raises ModelError: learnt.known: set cannot"),
        ("learns a list", "fit returns list, not a mapping."),
        ("needs text", "letters: prepare of '' raises IndexError: string index out of range"),
        ("counts bytes", "a span in spans lies outside the text"),
        ("counts from 1", "belongs to a word that is none of its"),
        ("joins words", "are not kept as they are."),
        ("remembers", "gives other pieces the second time."),
        ("draws in ready", "gives other pieces after loading."),
        ("draws elsewhere", "draws from another source than rng."),
        ("a list", "letters: prepare gives list, not Pieces."),
        ("other source", "do not keep the text as their source."),
        ("turned", "a span in spans of 'the quick"),
        ("loses one", "has 44 pieces, but 45 spans."),
        ("does not join", "letters: text gives list, not str."),
    ],
)
def test_a_broken_tokeniser_is_caught(broken: Broken, flaw: str, message: str) -> None:
    assert message in broken(letters, flaw)


def test_a_tokeniser_that_keeps_every_promise_passes() -> None:
    check_stage(letters)
    check_stage(letters, examples=[Text("ab cd", [(0, 2), (3, 5)])])
