"""Scores of labels: accuracy, of words or of whole answers, and the F1 of spans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np

from seqkit.errors import DataError
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer
from seqkit_labels.schemes import strict_spans

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float


@final
class Accuracy:
    """Share of labels that are right, in percent: of words, or of texts with one label each."""

    signature: str = "accuracy"
    higher_is_better: bool = True

    def counts(self, answer: Answer, gold: Answer) -> Float[np.ndarray, " count"]:
        """Right labels, and all labels. Raises DataError where there are not as many of each."""
        given, right = answer["value"], gold["value"]
        if not isinstance(right, list):
            return np.array([given == right, 1], np.float64)
        if not isinstance(given, list) or len(given) != len(right):
            shown = len(given) if isinstance(given, list) else 1
            raise DataError(
                f"accuracy: {shown} labels in the answer, but {len(right)} in the gold. "
                "Compare answers to the same words."
            )
        same = sum(one == other for one, other in zip(given, right, strict=True))
        return np.array([same, len(right)], np.float64)

    def value(self, totals: Float[np.ndarray, " count"]) -> float:
        """Percent; 0 of nothing."""
        return float(100 * totals[0] / totals[1]) if totals[1] else 0.0


@final
class Exact:
    """Share of answers that are right as a whole, in percent: every label of a text, or its one."""

    signature: str = "exact"
    higher_is_better: bool = True

    def counts(self, answer: Answer, gold: Answer) -> Float[np.ndarray, " count"]:
        """Right answers, and all answers."""
        return np.array([answer["value"] == gold["value"], 1], np.float64)

    def value(self, totals: Float[np.ndarray, " count"]) -> float:
        """Percent; 0 of nothing."""
        return float(100 * totals[0] / totals[1]) if totals[1] else 0.0


@final
class SpanF1:
    """F1 of spans with the right edges and the right label, over all labels, in percent.

    The arguments are the settings of `span_f1`.
    """

    higher_is_better: bool = True

    def __init__(self, *, mode: Literal["conlleval", "strict"] = "conlleval") -> None:
        self.mode = mode
        self.signature = self.signed("unknown")

    def signed(self, scheme: str) -> str:
        """What is measured; the scheme is that of the answers, unknown before the first one."""
        return f"span_f1 scheme:{scheme} mode:{self.mode} average:micro"

    def counts(self, answer: Answer, gold: Answer) -> Float[np.ndarray, " count"]:
        """Spans found and right, found, and there to be found.

        Raises DataError where answers have no spans.
        """
        given, right = self.spans(answer), self.spans(gold)
        return np.array([len(given & right), len(given), len(right)], np.float64)

    def spans(self, answer: Answer) -> set[tuple[Any, ...]]:
        """The spans of an answer."""
        if "spans" not in answer or "scheme" not in answer:
            raise DataError(
                "span_f1: the labels follow no tag scheme, so there are no spans. "
                "Use the metric 'accuracy'."
            )
        self.signature = self.signed(answer["scheme"])
        if self.mode == "strict":
            return set(strict_spans(answer["value"], answer["scheme"]))
        return {tuple(span) for span in answer["spans"]}

    def value(self, totals: Float[np.ndarray, " count"]) -> float:
        """Percent; 0 where there is no span to find and none was found."""
        both = totals[1] + totals[2]
        return float(200 * totals[0] / both) if both else 0.0
