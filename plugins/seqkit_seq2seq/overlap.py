"""ROUGE (Lin 2004): runs of words, or the longest subsequence, that two texts have in common."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, final

import numpy as np
from rapidfuzz.distance import LCSseq

from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer
from seqkit_seq2seq.references import references, said

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float

WORD = re.compile(r"[^\W_]+")


@final
class Rouge:
    """The mean over texts of the F1 of what both have, the best over the references."""

    higher_is_better: bool = True

    def __init__(self, order: int | Literal["longest"]) -> None:
        self.order = order
        name = "L" if order == "longest" else str(order)
        self.signature = f"rouge-{name} f1 case:lc stem:no refs:best"

    def counts(self, answer: Answer, gold: Answer) -> Float[np.ndarray, " count"]:
        """The F1 of one text, and 1. Raises DataError where a value is no text."""
        given = words(said("rouge", answer))
        return np.array(
            [max(self.f1(given, words(one)) for one in references("rouge", gold)), 1], np.float64
        )

    def f1(self, given: Sequence[str], wanted: Sequence[str]) -> float:
        """Of an answer's words and a reference's."""
        if self.order == "longest":
            shared, sizes = LCSseq.similarity(given, wanted), (len(given), len(wanted))
        else:
            both = [runs(one, self.order) for one in (given, wanted)]
            shared, sizes = (both[0] & both[1]).total(), (both[0].total(), both[1].total())
        return 2.0 * shared / sum(sizes) if sum(sizes) else 0.0

    def value(self, totals: Float[np.ndarray, " count"]) -> float:
        """Percent; 0 of nothing."""
        found, texts = totals
        return float(100.0 * found / texts) if texts else 0.0


def words(text: str) -> list[str]:
    """Runs of letters and digits, in lower case."""
    return WORD.findall(text.lower())


def runs(words: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    """How often each run of so many words is in a text."""
    return Counter(tuple(words[at : at + order]) for at in range(len(words) - order + 1))
