"""Exact match and F1 of answers, as SQuAD and JaQuAD count them."""

from __future__ import annotations

import re
import string
from collections import Counter
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np

from seqkit.errors import DataError
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float

Unit = Literal["words", "characters"]
ARTICLE = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)
RULES = {"words": "case:lc punct:no articles:no", "characters": "case:as-is space:no"}
"""By unit, what is done to answers before they are compared."""


@final
class AnswerExact:
    """The share of answers that are one of their golds, in percent."""

    higher_is_better: bool = True

    def __init__(self, of: Unit) -> None:
        self.of: Unit = of
        self.signature = f"answer_exact of:{of} {RULES[of]} golds:best none:empty"

    def counts(self, answer: Answer, gold: Answer) -> Float[np.ndarray, " count"]:
        """Whether it is right, and 1. Raises DataError where a value is no text."""
        given = units(said("answer_exact", answer), self.of)
        wanted = golds("answer_exact", gold, self.of)
        return np.array([given in wanted, 1], np.float64)

    def value(self, totals: Float[np.ndarray, " count"]) -> float:
        """Percent; 0 of nothing."""
        return float(100 * totals[0] / totals[1]) if totals[1] else 0.0


@final
class AnswerF1:
    """The mean over answers of the F1 with the most similar gold, in percent."""

    higher_is_better: bool = True

    def __init__(self, of: Unit) -> None:
        self.of: Unit = of
        self.signature = f"answer_f1 of:{of} {RULES[of]} golds:best none:empty"

    def counts(self, answer: Answer, gold: Answer) -> Float[np.ndarray, " count"]:
        """The F1 of one answer, and 1. Raises DataError where a value is no text."""
        given = units(said("answer_f1", answer), self.of)
        best = max(overlap(given, wanted) for wanted in golds("answer_f1", gold, self.of))
        return np.array([best, 1], np.float64)

    def value(self, totals: Float[np.ndarray, " count"]) -> float:
        """Percent; 0 of nothing."""
        return float(100 * totals[0] / totals[1]) if totals[1] else 0.0


def units(text: str, of: Unit) -> list[str]:
    """What is compared: words (Rajpurkar et al. 2016), or characters (So et al. 2022)."""
    if of == "characters":
        return list("".join(text.split()))
    return ARTICLE.sub(" ", text.lower().translate(PUNCTUATION)).split()


def golds(metric: str, gold: Answer, of: Unit) -> list[list[str]]:
    """The right answers. One of which nothing is left counts where all are such: as no answer."""
    every = gold.get("references") or [gold["value"]]
    found = [units(as_text(metric, one), of) for one in every]
    return [one for one in found if one] or [[]]


def overlap(given: list[str], wanted: list[str]) -> float:
    """F1 of two answers; an empty one is like another empty one alone (Rajpurkar et al. 2018)."""
    if not given or not wanted:
        return float(given == wanted)
    return 2 * (Counter(given) & Counter(wanted)).total() / (len(given) + len(wanted))


def said(metric: str, answer: Answer) -> str:
    """An answer's text. Raises DataError where it is none."""
    return as_text(metric, answer["value"])


def as_text(metric: str, value: Any) -> str:
    """A value that is a text. Raises DataError where it is none."""
    if not isinstance(value, str):
        raise DataError(
            f"{metric}: compares texts, not {type(value).__name__}. Use it for a decoder whose "
            "answers are texts, such as span."
        )
    return value
