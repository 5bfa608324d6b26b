"""The F1 of labels where a text has a set of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np

from seqkit.abilities import Tabulation
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer
from seqkit_labels.by_label import f1_percent, indexed, label_scores, macro_f1

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float


def label_set(answer: Answer) -> set[Any]:
    """The labels of an answer; one label is a set of one."""
    value = answer["value"]
    return set(value) if isinstance(value, list) else {value}


@final
class LabelF1:
    """F1 of the labels of texts that have any number of them, in percent.

    The arguments are the settings of `label_f1`.
    """

    higher_is_better: bool = True

    def __init__(self, *, average: Literal["micro", "macro"] = "micro") -> None:
        self.average = average
        self.index: dict[Any, int] = {}
        over = " labels:gold-or-answer" if average == "macro" else ""
        self.signature = f"label_f1 average:{average} of:sets{over}"

    def survey(self, answers: Sequence[Answer], golds: Sequence[Answer]) -> None:
        """Takes in which labels there are."""
        self.index = indexed(label for one in (*answers, *golds) for label in label_set(one))

    def counts(self, answer: Answer, gold: Answer) -> Float[np.ndarray, " count"]:
        """For each label: given and right; then given; then wanted."""
        given, wanted = label_set(answer), label_set(gold)
        counts = np.zeros((3, len(self.index)))
        for row, labels in enumerate((given & wanted, given, wanted)):
            counts[row, [self.index[label] for label in labels]] = 1
        return counts.ravel()

    def value(self, totals: Float[np.ndarray, " count"]) -> float:
        """Percent; 0 where there is no label to find and none was found."""
        counts = totals.reshape(3, -1)
        return macro_f1(*counts) if self.average == "macro" else f1_percent(*counts.sum(axis=1))

    def tables(self, answers: Sequence[Answer], golds: Sequence[Answer]) -> list[Tabulation]:
        """Scores by label."""
        counts: list[Counter[str]] = [Counter(), Counter(), Counter()]
        for answer, gold in zip(answers, golds, strict=True):
            given, wanted = label_set(answer), label_set(gold)
            for counter, labels in zip(counts, (given & wanted, given, wanted), strict=True):
                counter.update(map(str, labels))
        return [label_scores("scores by label", *counts)]
