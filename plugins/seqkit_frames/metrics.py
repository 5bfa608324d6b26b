"""Scores of numbers: mean squared error, and the share that is near enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import numpy as np

from seqkit.errors import DataError
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Float64


@final
class SquaredError:
    """Mean squared error; over all numbers of a list first, then over examples."""

    signature: str = "mean squared error"
    higher_is_better: bool = False

    def counts(self, answer: Answer, gold: Answer) -> Float[np.ndarray, " count"]:
        """The squared error, and one example. Raises DataError for answers of another size."""
        return np.array([np.square(errors("squared_error", answer, gold)).mean(), 1], np.float64)

    def value(self, totals: Float[np.ndarray, " count"]) -> float:
        """The mean; 0 of nothing."""
        return float(totals[0] / totals[1]) if totals[1] else 0.0


@final
class Within:
    """Share of answers whose largest absolute error is at most the tolerance, in percent."""

    higher_is_better: bool = True

    def __init__(self, tolerance: float) -> None:
        self.tolerance = tolerance
        self.signature = f"within tolerance:{tolerance:g}"

    def counts(self, answer: Answer, gold: Answer) -> Float[np.ndarray, " count"]:
        """Right ones, and one example. Raises DataError for answers of another size."""
        right = np.abs(errors("within", answer, gold)).max() <= self.tolerance
        return np.array([right, 1], np.float64)

    def value(self, totals: Float[np.ndarray, " count"]) -> float:
        """Percent; 0 of nothing."""
        return float(100 * totals[0] / totals[1]) if totals[1] else 0.0


def errors(who: str, answer: Answer, gold: Answer) -> Float64[np.ndarray, " number"]:
    """Each number of an answer, less that of gold. Raises DataError where one is no number."""
    try:
        given, right = (np.array(one["value"], np.float64).reshape(-1) for one in (answer, gold))
    except (TypeError, ValueError):
        raise DataError(
            f"{who}: compares numbers, but the gold is {gold['value']!r:.60}. "
            "Use the metric 'accuracy'."
        ) from None
    if given.shape != right.shape:
        raise DataError(
            f"{who}: {len(given)} numbers in the answer, but {len(right)} in the gold. "
            "Compare answers to the same examples."
        )
    return given - right
