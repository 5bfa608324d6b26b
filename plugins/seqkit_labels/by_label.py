"""Precision, recall and F1 of each label, and which labels are taken for which.

Three counts of a label are all that they are from: how often it was given and right, how often it
was given, and how often it was wanted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from seqkit.abilities import Tabulation
from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float

MATRIX = 20
"""Labels that a confusion matrix shows, the most frequent ones; the rest are one."""
PAIRS = 15
"""Confused pairs that are listed."""
OTHERS = "others"

Number = int | float


def percent(part: Number, whole: Number) -> float:
    """A share in percent; 0 of nothing."""
    return float(100 * part / whole) if whole else 0.0


def f1_percent(right: Number, given: Number, wanted: Number) -> float:
    """F1 in percent; 0 where nothing was given or wanted."""
    return percent(2 * right, given + wanted)


def macro_f1(
    right: Float[np.ndarray, " label"],
    given: Float[np.ndarray, " label"],
    wanted: Float[np.ndarray, " label"],
) -> float:
    """The mean of the labels' F1 in percent, over those that were given or wanted; 0 of none."""
    both = given + wanted
    seen = both > 0
    return float(100 * np.mean(2 * right[seen] / both[seen])) if seen.any() else 0.0


def label_scores(
    title: str,
    right: Mapping[str, int],
    given: Mapping[str, int],
    wanted: Mapping[str, int],
) -> Tabulation:
    """A line for each label: precision, recall and F1 in percent, and how often it was wanted."""
    labels = sorted({*given, *wanted}, key=lambda label: (-wanted.get(label, 0), label))
    rows = []
    for label in labels:
        hits, found, there = (counts.get(label, 0) for counts in (right, given, wanted))
        f1 = f1_percent(hits, found, there)
        rows.append((label, percent(hits, found), percent(hits, there), f1, there))
    return Tabulation(title, ("label", "precision", "recall", "F1", "in gold"), tuple(rows))


def confusion(pairs: Mapping[tuple[str, str], int]) -> Tabulation:
    """How often each gold label, a row, was given as each label, a column.

    pairs: by (gold label, given label). Labels beyond the MATRIX most frequent are one.
    """
    sizes: Counter[str] = Counter()
    for (gold, given), times in pairs.items():
        sizes[gold] += times
        sizes[given] += times
    ranked = sorted(sizes, key=lambda label: (-sizes[label], label))
    names = ranked[:MATRIX] + ([OTHERS] if len(ranked) > MATRIX else [])
    index = {label: min(place, MATRIX) for place, label in enumerate(ranked)}
    matrix = [[0] * len(names) for _ in names]
    for (gold, given), times in pairs.items():
        matrix[index[gold]][index[given]] += times
    title = "confusion: gold in rows, answers in columns"
    if len(ranked) > MATRIX:
        title += f", the {MATRIX} most frequent of {len(ranked)} labels"
    rows: list[tuple[str | int, ...]] = [(name, *matrix[row]) for row, name in enumerate(names)]
    return Tabulation(title, ("gold", *names), tuple(rows), "matrix")


def confused_pairs(
    pairs: Mapping[tuple[str, str], int], unit: str, title: str = "most confused"
) -> list[Tabulation]:
    """The pairs of labels that are taken for each other most often; no table where none is.

    pairs: by (gold label, given label). unit: what is counted, such as words.
    """
    sizes: Counter[str] = Counter()
    for (gold, _), times in pairs.items():
        sizes[gold] += times
    wrong = [(times, *pair) for pair, times in pairs.items() if pair[0] != pair[1]]
    rows = [
        (gold, given, times, percent(times, sizes[gold]))
        for times, gold, given in sorted(wrong, key=lambda row: (-row[0], row[1:]))[:PAIRS]
    ]
    columns = ("gold", "answer", unit, f"% of such {unit}")
    return [Tabulation(title, columns, tuple(rows))] if rows else []


def indexed(labels: Iterable[Any]) -> dict[Any, int]:
    """A place for each label, whatever the order that they come in."""
    return {label: place for place, label in enumerate(sorted(set(labels), key=str))}
