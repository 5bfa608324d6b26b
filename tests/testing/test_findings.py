"""Stages that describe a split and break a promise."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, final

import numpy as np
import pytest

from seqkit.abilities import Describing, Finding
from seqkit.stages import Example, Learnt, Pieces, Text, Tokeniser, Upstream
from seqkit.testing import check_stage

FATAL = Finding("one line")
object.__setattr__(FATAL, "level", "fatal")  # its constructor is checked here, but not elsewhere
GIVEN: dict[str, Any] = {
    "": [Finding("one line")],
    "no finding": ["one line"],
    "no level": [FATAL],
    "two lines": [Finding("one\nline")],
    "no text": [Finding(" ")],
}


@final
class Whole:
    """A tokeniser whose only piece is the text."""

    samples: bool = False

    def __init__(self, flaw: str) -> None:
        self.flaw = flaw

    def fit(self, texts: Iterable[Text]) -> Learnt:
        return {}

    def ready(self, learnt: Learnt) -> None:
        pass

    def prepare(self, text: Text, rng: Any = None) -> Pieces:
        found = [(0, len(text.text))] if text.words is None and text.text else text.words or []
        spans = np.array(found, np.int32).reshape(-1, 2)
        strings = [text.text[start:end] for start, end in found]
        return Pieces(text, strings, spans, np.arange(len(spans), dtype=np.int32), spans)

    def text(self, strings: Any) -> str:
        return " ".join(strings)

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        if self.flaw == "knows no test" and split == "test":
            raise KeyError(split)
        assert all(isinstance(one.inputs["text"], Pieces) for one in examples)
        return list(GIVEN.get(self.flaw, []))


def whole(upstream: Upstream, *, flaw: str = "") -> Tokeniser:
    """One piece."""
    return Whole(flaw)


def test_a_describing_tokeniser_keeps_the_contract() -> None:
    assert isinstance(Whole(""), Describing)
    check_stage(whole, kind="tokeniser")


@pytest.mark.parametrize(
    ("flaw", "line"),
    [
        ("no finding", "whole: describe gives 'one line', no Finding."),
        ("no level", "whole: describe gives the level 'fatal'."),
        ("two lines", "whole: describe gives the text 'one\\nline', not one line."),
        ("no text", "whole: describe gives the text ' ', not one line."),
        ("knows no test", "whole: describe raises KeyError: 'test'"),
    ],
)
def test_findings_of_another_form_are_told(
    broken: Callable[..., str], flaw: str, line: str
) -> None:
    assert broken(whole, flaw, kind="tokeniser") == line
