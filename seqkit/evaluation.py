"""Scores with an interval and a signature. The metrics themselves are registered by plugins."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from seqkit.abilities import Baselined, Surveying, Tabulating, Tabulation
from seqkit.answers import Answered, answered
from seqkit.pipeline import Pipeline
from seqkit.recipe import Recipe
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer, Example, Metric

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float

DRAWN = 2**20
"""About so many draws of an example are held at once."""


@dataclass(frozen=True)
class Score:
    """A metric's value on a split, with a 95% interval and what was measured.

    low, high: the 2.5 and 97.5 percentiles of the value over resampled examples (bootstrap, Efron
    1979). baselines: the same of simple methods on the same examples, where the decoder knows any.
    """

    value: float
    low: float
    high: float
    signature: str
    baselines: Mapping[str, Score] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """As JSON; baselines where there are any."""
        found: dict[str, Any] = {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "signature": self.signature,
        }
        return {**found, "baselines": plain(self.baselines)} if self.baselines else found


def measured(value: float) -> str:
    """A score with two decimals; three digits of one that would show as next to nothing."""
    return f"{value:.2f}" if abs(value) >= 0.1 or not value else f"{value:.3g}"


def metric_names(recipe: Recipe) -> dict[str, tuple[str, Metric]]:
    """A recipe's metrics by the name they are reported under, with the gold each one reads."""
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
    return scores(pipeline.recipe, answered(pipeline, examples), resamples, seed)


def scores(
    recipe: Recipe, every: Sequence[Answered], resamples: int | None = None, seed: int = 1
) -> dict[str, Score]:
    """Scores answers with every metric of a recipe: see `evaluate`. No answers have none."""
    if not every:
        return {}
    resamples = recipe.bootstrap if resamples is None else resamples
    return {
        name: score(metric, *sides(every, gold), resamples, seed)
        for name, (gold, metric) in metric_names(recipe).items()
    }


def beside_baselines(
    pipeline: Pipeline, examples: Sequence[Example], every: Sequence[Answered]
) -> dict[str, Score]:
    """Scores a pipeline's answers to examples, and beside them those of the decoder's baselines."""
    found, decoder = scores(pipeline.recipe, every), pipeline.network.decoder
    if not isinstance(decoder, Baselined) or not every:
        return found
    simple: dict[str, dict[str, Score]] = {name: {} for name in found}
    for method, answers in decoder.baselines(examples).items():
        said = [
            replace(one, answers=pipeline.by_name(answer))
            for one, answer in zip(every, answers, strict=True)
        ]
        for name, one in scores(pipeline.recipe, said).items():
            simple[name][method] = one
    return {name: replace(one, baselines=simple[name]) for name, one in found.items()}


def tables(recipe: Recipe, every: Sequence[Answered]) -> dict[str, list[Tabulation]]:
    """What the metrics of a recipe show beyond their scores; of two tables alike, the first."""
    found: dict[str, list[Tabulation]] = {}
    seen: set[tuple[str, Tabulation]] = set()
    for name, (gold, metric) in metric_names(recipe).items():
        shown = metric.tables(*sides(every, gold)) if isinstance(metric, Tabulating) else []
        found[name] = [table for table in shown if (gold, table) not in seen]
        seen |= {(gold, table) for table in shown}
    return found


def sides(every: Sequence[Answered], gold: str) -> tuple[list[Answer], list[Answer]]:
    """The answers to one gold, and the golds."""
    pairs = [one.pair(gold) for one in every]
    return [answer for answer, _ in pairs], [wanted for _, wanted in pairs]


def score(
    metric: Metric,
    answers: Sequence[Answer],
    golds: Sequence[Answer],
    resamples: int = 1000,
    seed: int = 1,
) -> Score:
    """One metric's value and interval over pairs of answer and gold."""
    counts = counts_of(metric, answers, golds)
    value = metric.value(counts.sum(axis=0))
    low, high = interval(metric, counts, resamples, seed) if resamples else (value, value)
    return Score(value, low, high, f"{metric.signature} examples:{len(counts)} boot:{resamples}")


def counts_of(
    metric: Metric, answers: Sequence[Answer], golds: Sequence[Answer]
) -> Float[np.ndarray, "example count"]:
    """A metric's counts of each pair of answer and gold."""
    if isinstance(metric, Surveying):
        metric.survey(answers, golds)
    pairs = zip(answers, golds, strict=True)
    return np.stack([metric.counts(answer, gold) for answer, gold in pairs])


def interval(
    metric: Metric, counts: Float[np.ndarray, "example count"], resamples: int, seed: int
) -> tuple[float, float]:
    """The 2.5 and 97.5 percentiles of the metric over resampled examples."""
    totals = resampled(counts, resamples, seed)
    return percentiles([metric.value(one) for one in totals])


def percentiles(values: Sequence[float]) -> tuple[float, float]:
    """The 2.5 and 97.5 percentiles."""
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def resampled(
    counts: Float[np.ndarray, "example count"], resamples: int, seed: int
) -> Float[np.ndarray, "resample count"]:
    """The summed counts of samples of the examples, drawn with replacement, as many as there are.

    Of 25,000 examples, a thousand samples take about half a second.
    """
    rng = np.random.default_rng(seed)
    size = len(counts)
    at_once = max(1, DRAWN // size)
    totals = []
    for first in range(0, resamples, at_once):
        draws = rng.integers(0, size, (min(at_once, resamples - first), size))
        times = np.stack([np.bincount(row, minlength=size) for row in draws])
        totals.append(times.astype(counts.dtype) @ counts)
    return np.concatenate(totals)


def better(candidate: float, best: float | None, higher: bool) -> bool:
    """Whether a score beats the best so far; a tie does not, and what is no number never does."""
    if math.isnan(candidate):
        return False
    return best is None or (candidate > best if higher else candidate < best)


def plain(found: Mapping[str, Score]) -> dict[str, Any]:
    """Scores as JSON."""
    return {name: one.plain() for name, one in found.items()}
