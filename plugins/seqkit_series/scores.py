"""Metrics of forecasts: root mean squared, absolute and relative errors, quantiles, intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, final

import numpy as np

from seqkit.abilities import Tabulation
from seqkit.errors import DataError
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Float64

    Sides = tuple[Float64[np.ndarray, "ahead target"], Float64[np.ndarray, "ahead target"]]
ROOM = 1e-9
"""How far beyond an interval's end still counts as in it, relative to the end: rounding."""


@final
class PointError:
    """A mean over all steps and targets of what each forecast missed, or the root of such a mean.

    missed: the losses [ahead target] of a forecast beside what came, and gold.
    """

    higher_is_better: bool = False

    def __init__(
        self, name: str, signature: str, missed: Callable[..., Any], root: bool = False
    ) -> None:
        self.name, self.signature, self.missed, self.root = name, signature, missed, root

    def counts(self, answer: Answer, gold: Answer) -> Float[np.ndarray, " count"]:
        """The summed losses and their number. Raises DataError for answers of another size."""
        losses = self.losses(answer, gold)
        return np.array([losses.sum(), losses.size], np.float64)

    def value(self, totals: Float[np.ndarray, " count"]) -> float:
        """The mean, or its root; 0 of nothing."""
        mean = float(totals[0] / totals[1]) if totals[1] else 0.0
        return mean**0.5 if self.root else mean

    def losses(self, answer: Answer, gold: Answer) -> Float64[np.ndarray, "ahead target"]:
        """The loss of each number."""
        given, right = sides(self.name, answer, gold)
        found: Float64[np.ndarray, "ahead target"] = self.missed(given, right, gold)
        return found

    def tables(self, answers: Sequence[Answer], golds: Sequence[Answer]) -> list[Tabulation]:
        """The score of each step ahead, where there are several."""
        every = [self.losses(*pair) for pair in zip(answers, golds, strict=True)]
        counted = [one for one in every if len(one) > 1]
        if not counted:
            return []
        losses = np.stack(counted)
        means = losses.mean(axis=(0, 2))
        values = np.sqrt(means) if self.root else means
        rows = tuple((step, value) for step, value in enumerate(values.tolist(), 1))
        return [Tabulation("by step ahead", ("step", self.name), rows)]


def squared(given: Any, right: Any, gold: Answer) -> Any:
    """Squared errors."""
    del gold
    return np.square(given - right)


def absolute(given: Any, right: Any, gold: Answer) -> Any:
    """Absolute errors."""
    del gold
    return np.abs(given - right)


def relative(given: Any, right: Any, gold: Answer) -> Any:
    """Absolute errors in percent of the mean size of both; 0 where both are 0."""
    del gold
    size = np.abs(given) + np.abs(right)
    return 200 * np.divide(np.abs(given - right), size, out=np.zeros_like(size), where=size > 0)


def scaled(given: Any, right: Any, gold: Answer) -> Any:
    """Absolute errors in units of the naive error in the history; none where that has none."""
    if "scale" not in gold:
        raise DataError("mase: the golds have no scale. Use the decoder `forecast`.")
    if gold["scale"] is None:
        return np.zeros((0, given.shape[1]))
    return np.abs(given - right) / np.array(gold["scale"])


@final
class Pinball:
    """The mean pinball loss of all quantiles, in the data's unit (Koenker & Bassett 1978)."""

    signature: str = "pinball mean:quantiles-and-steps"
    higher_is_better: bool = False

    def counts(self, answer: Answer, gold: Answer) -> Float[np.ndarray, " count"]:
        """The summed losses and their number. Raises DataError for an answer without quantiles."""
        total, number = 0.0, 0
        for level, quantile in quantiles("pinball", answer).items():
            given, right = sides("pinball", {"value": quantile}, gold)
            errors, share = right - given, float(level)
            total += float(np.maximum(share * errors, (share - 1) * errors).sum())
            number += errors.size
        return np.array([total, number], np.float64)

    def value(self, totals: Float[np.ndarray, " count"]) -> float:
        """The mean; 0 of nothing."""
        return float(totals[0] / totals[1]) if totals[1] else 0.0


@final
class Coverage:
    """Share of what came that lies in the interval between two quantiles, in percent.

    level: percent that ought to. The interval leaves out as much below as above.
    """

    higher_is_better: bool = True

    def __init__(self, level: float) -> None:
        self.level = level
        self.ends = tuple(f"{0.5 + side * level / 200:g}" for side in (-1, 1))
        self.signature = f"coverage interval:{level:g}%"

    def counts(self, answer: Answer, gold: Answer) -> Float[np.ndarray, " count"]:
        """Numbers in the interval, and all. Raises DataError for an answer without its ends."""
        found = quantiles("coverage", answer)
        for end in self.ends:
            if end not in found:
                raise DataError(
                    f"coverage: an interval of {self.level:g}% ends at the quantiles "
                    f"{' and '.join(self.ends)}, but the answers have {', '.join(found)}. "
                    "Set `level`, or add them to decode.quantiles."
                )
        low, right = sides("coverage", {"value": found[self.ends[0]]}, gold)
        high, _ = sides("coverage", {"value": found[self.ends[1]]}, gold)
        room = ROOM * np.abs(right)
        inside = (low - room <= right) & (right <= high + room)
        return np.array([inside.sum(), inside.size], np.float64)

    def value(self, totals: Float[np.ndarray, " count"]) -> float:
        """Percent; 0 of nothing."""
        return float(100 * totals[0] / totals[1]) if totals[1] else 0.0


def quantiles(who: str, answer: Answer) -> dict[str, Any]:
    """The quantiles of an answer. Raises DataError where it has none."""
    found: dict[str, Any] = answer.get("quantiles") or {}
    if not found:
        raise DataError(f"{who}: the answers have no quantiles. Set decode.quantiles.")
    return found


def sides(who: str, answer: Answer, gold: Answer) -> Sides:
    """A forecast and what came. Raises DataError where one is no numbers, or sizes differ."""
    try:
        given, right = (np.array(one["value"], np.float64) for one in (answer, gold))
    except (TypeError, ValueError):
        raise DataError(
            f"{who}: compares numbers, but the gold is {gold['value']!r:.60}. "
            "Use the metric 'accuracy'."
        ) from None
    if given.shape != right.shape or given.ndim not in (1, 2):
        raise DataError(
            f"{who}: the answer has {list(given.shape)} numbers, but the gold has "
            f"{list(right.shape)}. Score forecasts, of the same steps."
        )
    return given.reshape(len(given), -1), right.reshape(len(right), -1)
