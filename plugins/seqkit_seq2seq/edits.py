"""Error rates: edits to the nearest reference, and answers that are none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, final

import numpy as np
from rapidfuzz.distance import Levenshtein

from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer
from seqkit_seq2seq.references import references, said

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float

Unit = Literal["words", "characters"]


@final
class ErrorRate:
    """Edits for each 100 units of the nearest references."""

    higher_is_better: bool = False

    def __init__(self, of: Unit) -> None:
        self.of = of
        self.signature = f"error_rate of:{of} ref:nearest"

    def counts(self, answer: Answer, gold: Answer) -> Float[np.ndarray, " count"]:
        """Edits to the nearest reference, and the units of it. Raises DataError."""
        given, wanted = said("error_rate", answer), references("error_rate", gold)
        found = [(Levenshtein.distance(self.units(given), self.units(one)), one) for one in wanted]
        edits, nearest = min(found, key=lambda pair: (pair[0], -len(self.units(pair[1]))))
        return np.array([edits, len(self.units(nearest))], np.float64)

    def units(self, text: str) -> list[str]:
        """What edits are counted in."""
        return text.split() if self.of == "words" else list(text)

    def value(self, totals: Float[np.ndarray, " count"]) -> float:
        """Percent, which may be above 100; 0 of nothing."""
        edits, units = totals
        return float(100.0 * edits / units) if units else 0.0


@final
class Wrong:
    """The share of answers that are not one of their references."""

    signature: str = "wrong of:answers ref:any"
    higher_is_better: bool = False

    def counts(self, answer: Answer, gold: Answer) -> Float[np.ndarray, " count"]:
        """Wrong answers, and all. Raises DataError where a value is no text."""
        return np.array([said("wrong", answer) not in references("wrong", gold), 1], np.float64)

    def value(self, totals: Float[np.ndarray, " count"]) -> float:
        """Percent; 0 of nothing."""
        wrong, texts = totals
        return float(100.0 * wrong / texts) if texts else 0.0
