"""Scores of labels, one for each word or one for each text: accuracy, exact and macro F1."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, final

import numpy as np

from seqkit.abilities import Tabulation
from seqkit.errors import DataError
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer, is_right
from seqkit_labels.by_label import (
    confused_pairs,
    confusion,
    indexed,
    label_scores,
    macro_f1,
    percent,
)

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float


def unit(gold: Answer) -> str:
    """What has a label each: words, or texts."""
    return "words" if isinstance(gold["value"], list) else "texts"


def aligned(who: str, answer: Answer, gold: Answer) -> list[tuple[Any, Any]]:
    """Each label given with the right one, for words that have gold.

    Raises DataError where there are not as many of each.
    """
    given, right = answer["value"], gold["value"]
    if not isinstance(right, list):
        return [(given, right)]
    if not isinstance(given, list) or len(given) != len(right):
        shown = len(given) if isinstance(given, list) else 1
        raise DataError(
            f"{who}: {shown} labels in the answer, but {len(right)} in the gold. Compare answers "
            "to the same words; where a text has a set of labels, use 'label_f1'."
        )
    return [pair for pair in zip(given, right, strict=True) if pair[1] is not None]


def by_gold(
    who: str, answers: Sequence[Answer], golds: Sequence[Answer]
) -> Counter[tuple[str, str]]:
    """How often each label, the first, was given as each label, the second."""
    pairs: Iterator[tuple[Any, Any]] = (
        pair
        for answer, gold in zip(answers, golds, strict=True)
        for pair in aligned(who, answer, gold)
    )
    return Counter((str(right), str(given)) for given, right in pairs)


def class_table(pairs: Counter[tuple[str, str]]) -> Tabulation:
    """Precision, recall and F1 of each label."""
    right: Counter[str] = Counter()
    given: Counter[str] = Counter()
    wanted: Counter[str] = Counter()
    for (gold, answer), times in pairs.items():
        right[gold] += times * (gold == answer)
        given[answer] += times
        wanted[gold] += times
    return label_scores("scores by label", right, given, wanted)


@final
class Accuracy:
    """Share of labels that are right, in percent: of words, or of texts with one label each."""

    higher_is_better: bool = True

    def __init__(self) -> None:
        self.signature = "accuracy of:unknown"

    def counts(self, answer: Answer, gold: Answer) -> Float[np.ndarray, " count"]:
        """Right labels, and all labels. Raises DataError where there are not as many of each."""
        self.signature = f"accuracy of:{unit(gold)}"
        pairs = aligned("accuracy", answer, gold)
        return np.array([sum(given == right for given, right in pairs), len(pairs)], np.float64)

    def value(self, totals: Float[np.ndarray, " count"]) -> float:
        """Percent; 0 of nothing."""
        return percent(totals[0], totals[1])

    def tables(self, answers: Sequence[Answer], golds: Sequence[Answer]) -> list[Tabulation]:
        """Scores by label, the confusion matrix, and the most confused pairs."""
        pairs = by_gold("accuracy", answers, golds)
        named = unit(golds[0]) if golds else "words"
        return [class_table(pairs), confusion(pairs), *confused_pairs(pairs, named)]


@final
class Exact:
    """Share of answers that are right as a whole, in percent: every label of a text, or its one."""

    signature: str = "exact of:answers"
    higher_is_better: bool = True

    def counts(self, answer: Answer, gold: Answer) -> Float[np.ndarray, " count"]:
        """Right answers, and all answers."""
        return np.array([is_right(answer["value"], gold["value"]), 1], np.float64)

    def value(self, totals: Float[np.ndarray, " count"]) -> float:
        """Percent; 0 of nothing."""
        return percent(totals[0], totals[1])


@final
class MacroF1:
    """The mean of all labels' F1, each counting alike, in percent.

    Labels are those that occur in gold or in an answer, as in scikit-learn's `f1_score`.
    """

    higher_is_better: bool = True

    def __init__(self) -> None:
        self.index: dict[Any, int] = {}
        self.signature = "macro_f1 of:unknown labels:gold-or-answer"

    def survey(self, answers: Sequence[Answer], golds: Sequence[Answer]) -> None:
        """Takes in which labels there are. Raises DataError as `counts` does."""
        both = zip(answers, golds, strict=True)
        pairs = (pair for answer, gold in both for pair in aligned("macro_f1", answer, gold))
        self.index = indexed(label for pair in pairs for label in pair)

    def counts(self, answer: Answer, gold: Answer) -> Float[np.ndarray, " count"]:
        """For each label: given and right; then given; then wanted."""
        self.signature = f"macro_f1 of:{unit(gold)} labels:gold-or-answer"
        counts = np.zeros((3, len(self.index)))
        for given, right in aligned("macro_f1", answer, gold):
            counts[0, self.index[right]] += given == right
            counts[1, self.index[given]] += 1
            counts[2, self.index[right]] += 1
        return counts.ravel()

    def value(self, totals: Float[np.ndarray, " count"]) -> float:
        """Percent; 0 of nothing."""
        return macro_f1(*totals.reshape(3, -1))

    def tables(self, answers: Sequence[Answer], golds: Sequence[Answer]) -> list[Tabulation]:
        """Scores by label."""
        return [class_table(by_gold("macro_f1", answers, golds))]
