"""Whether answers are right as often as their confidence says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np

from seqkit.abilities import Tabulation
from seqkit.errors import DataError
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer
from seqkit_labels.metrics import aligned

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float

Of = Literal["labels", "sets", "spans"]
HOLDS = {"labels": "confidence", "sets": "confidence", "spans": "span_confidence"}
"""Where an answer has the confidence of its labels, and that of its spans."""


@final
class Calibration:
    """Expected calibration error, in percent (Naeini et al. 2015; Guo et al. 2017, equation 3).

    Answers go into bins of equal width by their confidence; in each, the share of right answers is
    set against the mean confidence, and the gaps are averaged, weighted by the bins' sizes. The
    arguments are the settings of `calibration`.
    """

    higher_is_better: bool = False

    def __init__(self, *, of: Of = "labels", bins: int = 10) -> None:
        self.of, self.bins = of, bins
        self.signature = f"calibration error:expected of:{of} bins:{bins} width:equal"

    def counts(self, answer: Answer, gold: Answer) -> Float[np.ndarray, " count"]:
        """For each bin: answers; then the sum of their confidence; then right answers.

        Raises DataError where answers have no confidence.
        """
        pairs = self.pairs(answer, gold)
        counts = np.zeros((3, self.bins))
        for sure, right in pairs:
            place = min(max(int(np.ceil(sure * self.bins)) - 1, 0), self.bins - 1)
            counts[:, place] += (1, sure, right)
        return counts.ravel()

    def pairs(self, answer: Answer, gold: Answer) -> list[tuple[float, bool]]:
        """The confidence of each label or span that was given, and whether it is right."""
        field = HOLDS[self.of]
        if field not in answer:
            raise DataError(
                f"calibration: the answers have no '{field}'. Have the decoder give it "
                "(`confidence: true`), or remove the metric."
            )
        sure: Any = answer[field]
        if self.of == "labels":
            if isinstance(sure, list):
                sure = [
                    p for p, wanted in zip(sure, gold["value"], strict=True) if wanted is not None
                ]
            right = [given == wanted for given, wanted in aligned("calibration", answer, gold)]
        elif self.of == "sets":
            labels = {*gold["value"]}
            right = [label in labels for label in answer["value"]]
        else:
            spans = {tuple(span) for span in gold["spans"]}
            right = [tuple(span) in spans for span in answer["spans"]]
        return list(zip(sure if isinstance(sure, list) else [sure], right, strict=True))

    def value(self, totals: Float[np.ndarray, " count"]) -> float:
        """Percent; 0 of nothing."""
        answers, sure, right = totals.reshape(3, -1)
        total = answers.sum()
        return float(100 * np.abs(sure - right).sum() / total) if total else 0.0

    def tables(self, answers: Sequence[Answer], golds: Sequence[Answer]) -> list[Tabulation]:
        """The bins that hold anything: how sure the answers in them are, and how often right."""
        pairs = zip(answers, golds, strict=True)
        counts = sum(self.counts(answer, gold) for answer, gold in pairs)
        columns = np.reshape(counts, (3, -1)).T.tolist() if answers else []
        rows = tuple(
            (self.edges(place), int(size), 100 * sure / size, 100 * right / size)
            for place, (size, sure, right) in enumerate(columns)
            if size
        )
        title = f"reliability of {self.of}"
        headings = ("bin", self.of, "confidence", "right")
        return [Tabulation(title, headings, rows, "reliability")]

    def edges(self, place: int) -> str:
        """A bin's edges in percent, such as `80 to 90`."""
        return f"{100 * place / self.bins:g} to {100 * (place + 1) / self.bins:g}"
