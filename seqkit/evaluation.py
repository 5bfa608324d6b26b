"""Scores with an interval and a signature. The metrics themselves are registered by plugins."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from seqkit.errors import DataError
from seqkit.pipeline import Pipeline
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer, Example, Metric

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float


@dataclass(frozen=True)
class Score:
    """A metric's value on a split, with a 95% interval and what was measured.

    low, high: the 2.5 and 97.5 percentiles of the value over resampled examples (bootstrap, Efron
    1979).
    """

    value: float
    low: float
    high: float
    signature: str

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "signature": self.signature,
        }


def measured(value: float) -> str:
    """A score with two decimals; three digits of one that would show as next to nothing."""
    return f"{value:.2f}" if abs(value) >= 0.1 or not value else f"{value:.3g}"


def metric_names(pipeline: Pipeline) -> dict[str, tuple[str, Metric]]:
    """The recipe's metrics by the name they are reported under, with the gold each one reads."""
    recipe = pipeline.recipe
    return {
        name: (gold, chosen.build())
        for name, (gold, chosen) in zip(recipe.metric_names(), recipe.metrics, strict=True)
    }


def evaluate(
    pipeline: Pipeline, examples: Iterable[Example], resamples: int | None = None, seed: int = 1
) -> dict[str, Score]:
    """Scores a pipeline's answers to examples with every metric of its recipe.

    resamples: for the interval (default: the recipe's `evaluate.bootstrap`). Raises DataError where
    there is no example, or one has no gold.
    """
    seen = list(examples)
    if not seen:
        raise DataError("evaluate: there are no examples. Give a split that has some.")
    answers = list(pipeline.answer(seen))
    golds = [pipeline.network.decoder.gold(example) for example in seen]
    resamples = pipeline.recipe.bootstrap if resamples is None else resamples
    return {
        name: score(metric, pick(answers, gold), pick(golds, gold), resamples, seed)
        for name, (gold, metric) in metric_names(pipeline).items()
    }


def pick(answers: Sequence[Answer], gold: str) -> Sequence[Answer]:
    """The answers of one gold, where the recipe names several."""
    return [answer[gold] for answer in answers] if gold else answers


def score(
    metric: Metric,
    answers: Sequence[Answer],
    golds: Sequence[Answer],
    resamples: int = 1000,
    seed: int = 1,
) -> Score:
    """One metric's value and interval over pairs of answer and gold."""
    pairs = zip(answers, golds, strict=True)
    counts = np.stack([metric.counts(answer, gold) for answer, gold in pairs])
    value = metric.value(counts.sum(axis=0))
    low, high = interval(metric, counts, resamples, seed) if resamples else (value, value)
    return Score(value, low, high, f"{metric.signature} examples:{len(counts)} boot:{resamples}")


def interval(
    metric: Metric, counts: Float[np.ndarray, "example count"], resamples: int, seed: int
) -> tuple[float, float]:
    """The 2.5 and 97.5 percentiles of the metric over resampled examples."""
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(resamples):
        weights = np.bincount(rng.integers(0, len(counts), len(counts)), minlength=len(counts))
        values.append(metric.value(weights @ counts))
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def better(candidate: float, best: float | None, higher: bool) -> bool:
    """Whether a score beats the best so far; a tie does not, and what is no number never does."""
    if math.isnan(candidate):
        return False
    return best is None or (candidate > best if higher else candidate < best)


def plain(scores: Mapping[str, Score]) -> dict[str, Any]:
    """Scores as JSON."""
    return {name: one.plain() for name, one in scores.items()}
