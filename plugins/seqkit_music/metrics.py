"""Scores of what was expected at each step: likelihood, and right notes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, final

import numpy as np

from seqkit.errors import DataError
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float


@final
class StepNll:
    """Mean surprise. The argument is the setting of `step_nll`."""

    higher_is_better: bool = False

    def __init__(self, mean: Literal["steps", "pieces"]) -> None:
        self.mean = mean
        self.signature = f"nll unit:nats steps:2..T mean:{mean}"

    def counts(self, answer: Answer, gold: Answer) -> Float[np.ndarray, " count"]:
        """Nats, and what they are divided by. Raises DataError for answers of another decoder."""
        del gold
        if "surprise" not in answer:
            raise DataError(
                "step_nll: the answers tell no surprise. Decode with 'notes', or score otherwise."
            )
        nats = np.array(answer["surprise"], np.float64)
        if self.mean == "steps" or not len(nats):
            return np.array([nats.sum(), len(nats)], np.float64)
        return np.array([nats.mean(), 1], np.float64)

    def value(self, totals: Float[np.ndarray, " count"]) -> float:
        """The mean; 0 of nothing."""
        return float(totals[0] / totals[1]) if totals[1] else 0.0


@final
class FrameAccuracy:
    """Right notes among those that sound or were expected, in percent (Bay et al. 2009)."""

    signature: str = "frame accuracy Bay2009 steps:2..T expected:p>0.5"
    higher_is_better: bool = True

    def counts(self, answer: Answer, gold: Answer) -> Float[np.ndarray, " count"]:
        """Right notes, and all that sound or were expected. Raises DataError for other answers."""
        expected, sounding = steps_of(answer), steps_of(gold)
        if len(expected) != len(sounding):
            raise DataError(
                f"frame_accuracy: {len(expected)} steps in the answer, but {len(sounding)} in the "
                "gold. Compare answers to the same pieces."
            )
        pairs = list(zip(expected, sounding, strict=True))
        right = sum(len(one & other) for one, other in pairs)
        return np.array([right, sum(len(one | other) for one, other in pairs)], np.float64)

    def value(self, totals: Float[np.ndarray, " count"]) -> float:
        """Percent; 0 of nothing."""
        return float(100 * totals[0] / totals[1]) if totals[1] else 0.0


def steps_of(answer: Answer) -> list[set[int]]:
    """The notes of each step. Raises DataError where the value is no list of notes by step."""
    value = answer["value"]
    if not isinstance(value, list) or not all(isinstance(step, list) for step in value):
        raise DataError(
            f"frame_accuracy: compares the notes of each step, not {value!r:.60}. "
            "Decode with 'notes', or score otherwise."
        )
    return [set(step) for step in value]
