"""The texts that are written: their pieces and numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, final

from seqkit.data import row_text
from seqkit.errors import DataError, nearest
from seqkit.settings import Nested
from seqkit.stages import Example, Learnt, Text, Tokeniser, Upstream

BLANK, FIRST = 0, 1
"""Numbers of the blank, and of the first piece."""
NOTHING = Upstream(width=0)


@final
class Targets:
    """Golds to the numbers of their pieces, and back."""

    def __init__(self, tokenise: Nested[Tokeniser]) -> None:
        self.tokenise = tokenise
        self.strings: list[str] = []

    def fit(self, examples: Sequence[Example]) -> Learnt:
        """The pieces of all golds, the commonest first. Raises DataError where there is none."""
        texts = [text_of(example.gold) for example in examples]
        tokeniser = self.tokenise.build(NOTHING)
        learnt = tokeniser.fit(texts)
        tokeniser.ready(learnt)
        counts = Counter(piece for text in texts for piece in tokeniser.prepare(text).strings)
        if not counts:
            raise DataError(
                "ctc: no gold of the training split has a piece. Name the field of the text under "
                "data.gold."
            )
        ranked = sorted(counts, key=lambda piece: (-counts[piece], piece))
        return {"tokenise": learnt, "strings": ranked}

    def ready(self, learnt: Learnt) -> None:
        """Takes over what fit found."""
        self.tokeniser = self.tokenise.build(NOTHING)
        self.tokeniser.ready(learnt["tokenise"])
        self.strings = list(learnt["strings"])
        self.index = {piece: number for number, piece in enumerate(self.strings, FIRST)}

    @property
    def size(self) -> int:
        """How many numbers there are, the blank among them."""
        return FIRST + len(self.strings)

    def pieces(self, gold: Any) -> Sequence[str]:
        """The pieces of a gold. Raises DataError where it is no text."""
        return self.tokeniser.prepare(text_of(gold)).strings

    def numbers(self, pieces: Sequence[str], where: str) -> list[int]:
        """Their numbers. Raises DataError for a piece that training has not."""
        unknown = [piece for piece in pieces if piece not in self.index]
        if unknown:
            raise DataError(
                f"{where}: the gold has '{unknown[0]}', which no gold of train has. "
                f"{nearest(unknown[0], self.strings[:100])}"
            )
        return [self.index[piece] for piece in pieces]

    def named(self, numbers: Iterable[int]) -> list[str]:
        """The pieces of numbers."""
        return [self.strings[number - FIRST] for number in numbers]

    def text(self, pieces: Sequence[str]) -> str:
        """Joins pieces to a text."""
        return self.tokeniser.text(pieces)


def needed(pieces: Sequence[object]) -> int:
    """The fewest steps that pieces can be laid on: one each, and a blank between equal ones."""
    return len(pieces) + sum(one == other for one, other in pairwise(pieces))


def text_of(gold: Any) -> Text:
    """A gold as a text. Raises DataError where it is none."""
    found = row_text(gold, "ctc: the gold") if gold is not None else None
    if not isinstance(found, Text):
        kind = "none" if gold is None else type(gold).__name__
        raise DataError(f"ctc: needs a text as gold, not {kind}. Name its field under data.gold.")
    return found
