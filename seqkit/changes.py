"""What changed from one run to another: which answers turned right or wrong, and is it chance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from seqkit.answers import LONG, Answered, clipped
from seqkit.errors import RunError
from seqkit.evaluation import counts_of, percentiles, resampled, sides
from seqkit.runs import Run
from seqkit.signatures import Chosen
from seqkit.stages import Answer, is_right

FORMAT = 1
ALIKE = "Name two runs on the same data."


@dataclass(frozen=True)
class Change:
    """An example whose answer is right in one run and wrong in the other."""

    index: int
    text: Any
    gold: Answer
    before: Answer
    after: Answer

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {**vars(self)}


@dataclass(frozen=True)
class Turned:
    """What became of the answers to one gold. An answer is right where `is_right` has it so.

    fixed: wrong before and right after. broken: the other way round.
    """

    gold: str
    both_right: int
    both_wrong: int
    fixed: Sequence[Change]
    broken: Sequence[Change]

    @property
    def chance(self) -> float:
        """How likely so uneven a change is between equally good runs: see `even_chance`."""
        return even_chance(len(self.fixed), len(self.broken))

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "gold": self.gold,
            "both_right": self.both_right,
            "both_wrong": self.both_wrong,
            "chance": self.chance,
            "fixed": [change.plain() for change in self.fixed],
            "broken": [change.plain() for change in self.broken],
        }


@dataclass(frozen=True)
class Difference:
    """How much a metric changed: after minus before, with a 95% interval.

    low, high: percentiles over samples of examples, the same ones for both runs (paired bootstrap,
    Efron & Tibshirani 1993).
    """

    name: str
    before: float
    after: float
    low: float
    high: float
    signature: str

    @property
    def value(self) -> float:
        """After minus before."""
        return self.after - self.before

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {**vars(self), "value": self.value}


@dataclass(frozen=True)
class Changes:
    """Two runs on the same split of the same data."""

    before: str
    after: str
    split: str
    examples: int
    golds: Sequence[Turned]
    differences: Sequence[Difference]
    notes: Sequence[str]

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "format": FORMAT,
            **{key: getattr(self, key) for key in ("before", "after", "split", "examples")},
            "golds": [gold.plain() for gold in self.golds],
            "metrics": [difference.plain() for difference in self.differences],
            "notes": list(self.notes),
        }


def changes(before: Run, after: Run, split: str = "test", seed: int = 1) -> Changes:
    """What changed from one finished run to another, on dev or test.

    seed: of the samples that intervals are from. Raises RunError, which names both runs, where they
    were scored on other examples or have no gold in common.
    """
    first, second = before.answers(split), after.answers(split)
    where = f"{before.folder} and {after.folder}"
    if len(first) != len(second):
        raise RunError(
            f"{where}: have {len(first):,} and {len(second):,} examples of {split}. {ALIKE}"
        )
    golds = [name for name in first[0].gold if name in second[0].gold]
    if not golds:
        names = " and ".join(f"'{', '.join(every[0].gold)}'" for every in (first, second))
        raise RunError(f"{where}: answer to different golds, {names}. {ALIKE}")
    refuse_others(first, second, golds, f"{where}: {split}")
    metrics, notes = measured_by_both(before, after, golds)
    return Changes(
        str(before.folder),
        str(after.folder),
        split,
        len(first),
        [turned(gold, first, second) for gold in golds],
        [difference(one, first, second, before.recipe.bootstrap, seed) for one in metrics],
        notes,
    )


def refuse_others(
    first: Sequence[Answered], second: Sequence[Answered], golds: Sequence[str], where: str
) -> None:
    """Raises RunError where two runs were scored on other texts, or against other golds."""
    for one, other in zip(first, second, strict=True):
        parts = [("text", beginning(one.text), beginning(other.text))]
        parts += [(name, one.gold[name]["value"], other.gold[name]["value"]) for name in golds]
        for part, here, there in parts:
            if here != there:
                raise RunError(
                    f"{where}: example {one.index + 1} has another {part}, {short(here)} and "
                    f"{short(there)}. {ALIKE}"
                )


def beginning(text: Any) -> Any:
    """As much of a text as every run keeps."""
    if isinstance(text, Mapping):
        return {name: beginning(inside) for name, inside in text.items()}
    return None if text is None else text[: LONG - 1]


class Measure(NamedTuple):
    """A recipe's metric, the name that it goes by, and the gold that it reads."""

    name: str
    gold: str
    metric: Chosen


def measures(run: Run, golds: Sequence[str]) -> list[Measure]:
    """The metrics of a run's recipe on some golds."""
    recipe = run.recipe
    named = zip(recipe.metric_names(), recipe.metrics, strict=True)
    every = [Measure(name, gold or golds[0], metric) for name, (gold, metric) in named]
    return [one for one in every if one.gold in golds]


def measured_by_both(
    before: Run, after: Run, golds: Sequence[str]
) -> tuple[list[Measure], list[str]]:
    """The metrics that both runs have, settings and all, and a note on each of the others."""
    mine, others = measures(before, golds), measures(after, golds)
    both = [one for one in mine if any(one[1:] == other[1:] for other in others)]
    notes = [
        f"only {run.folder} measures {one.name} {dict(one.metric.settings) or ''}".rstrip()
        for run, every in ((before, mine), (after, others))
        for one in every
        if not any(one[1:] == other[1:] for other in both)
    ]
    return both, notes


def turned(gold: str, first: Sequence[Answered], second: Sequence[Answered]) -> Turned:
    """What became of the answers to one gold."""
    counts = {True: 0, False: 0}
    moved: dict[bool, list[Change]] = {True: [], False: []}
    for one, other in zip(first, second, strict=True):
        (before, wanted), (after, _) = one.pair(gold), other.pair(gold)
        was, now = (is_right(answer["value"], wanted["value"]) for answer in (before, after))
        if was == now:
            counts[was] += 1
        else:
            moved[now].append(Change(one.index, one.text, wanted, before, after))
    return Turned(gold, counts[True], counts[False], moved[True], moved[False])


def difference(
    measure: Measure,
    first: Sequence[Answered],
    second: Sequence[Answered],
    resamples: int,
    seed: int,
) -> Difference:
    """How much a metric changed."""
    metrics = [measure.metric.build(), measure.metric.build()]
    counts = [
        counts_of(metric, *sides(every, measure.gold))
        for metric, every in zip(metrics, (first, second), strict=True)
    ]
    before, after = (m.value(c.sum(axis=0)) for m, c in zip(metrics, counts, strict=True))
    low = high = after - before
    if resamples:
        width = counts[0].shape[1]
        totals = resampled(np.concatenate(counts, axis=1), resamples, seed)
        low, high = percentiles(
            [metrics[1].value(one[width:]) - metrics[0].value(one[:width]) for one in totals]
        )
    signature = f"{metrics[0].signature} examples:{len(first)} boot:{resamples} paired"
    return Difference(measure.name, before, after, low, high, signature)


def even_chance(some: int, others: int) -> float:
    """The probability of a split as uneven as this one, or more so, if each side were as likely.

    The exact two-sided sign test, which McNemar (1947) applies to what changed between two paired
    samples: twice the tail of a binomial distribution, at most 1.
    """
    total, fewer = some + others, min(some, others)
    logs = [
        math.lgamma(total + 1) - math.lgamma(k + 1) - math.lgamma(total - k + 1)
        for k in range(fewer + 1)
    ]
    tail = math.fsum(math.exp(one - total * math.log(2)) for one in logs)
    return min(1.0, 2 * tail)


def short(value: Any) -> str:
    """A text or a gold for a message; a long one is cut."""
    return clipped(repr(value), 50)
