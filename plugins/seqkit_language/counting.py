"""What texts cost under a language model: perplexity, and bits by character, piece or word."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, final

import numpy as np

from seqkit.errors import DataError
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float

COUNTED = {
    "piece": "pieces but each text's first",
    "word": "words and ends of lines",
    "character": "characters, line feeds among them",
}


@final
class Perplexity:
    """exp(- sum of log p / count)."""

    higher_is_better: bool = False

    def __init__(self, each: str) -> None:
        self.each = each
        self.signature = f"perplexity over:{COUNTED[each]}"

    def counts(self, answer: Answer, gold: Answer) -> Float[np.ndarray, " count"]:
        """The cost in nats, and over how much. Raises DataError for answers without."""
        del gold
        return costs("perplexity", answer, self.each)

    def value(self, totals: Float[np.ndarray, " count"]) -> float:
        """The perplexity; 1 of nothing."""
        mean = totals[0] / totals[1] if totals[1] else 0.0
        return math.exp(mean) if mean < 700 else math.inf  # what a double can hold


@final
class Bits:
    """- sum of log2 p / count."""

    higher_is_better: bool = False

    def __init__(self, each: str) -> None:
        self.each = each
        self.signature = f"bits over:{COUNTED[each]}"

    def counts(self, answer: Answer, gold: Answer) -> Float[np.ndarray, " count"]:
        """The cost in nats, and over how much. Raises DataError for answers without."""
        del gold
        return costs("bits", answer, self.each)

    def value(self, totals: Float[np.ndarray, " count"]) -> float:
        """The bits; 0 of nothing."""
        return float(totals[0] / totals[1] / math.log(2)) if totals[1] else 0.0


def costs(who: str, answer: Answer, each: str) -> Float[np.ndarray, " count"]:
    """Minus the sum of an answer's log-probabilities, and what it is counted by."""
    logs = answer["value"]
    if not isinstance(logs, list) or "pieces" not in answer:
        raise DataError(
            f"{who}: needs the log-probabilities of a text's pieces, but the answer is "
            f"{logs!r:.60}. Use the decoder 'language'."
        )
    count = len(logs) if each == "piece" else answer[f"{each}s"]
    return np.array([-math.fsum(logs), count], np.float64)
