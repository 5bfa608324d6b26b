"""The promises of what stands around the stages: sources and metrics."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqkit.abilities import Surveying, Tabulating, Tabulation
from seqkit.data import plain_value
from seqkit.stages import Answer, Metric, Source
from seqkit.testing.subject import Subject, same

PAIRS: tuple[tuple[Answer, Answer], ...] = (
    ({"value": ["a", "b", "b"]}, {"value": ["a", "b", "c"]}),
    ({"value": ["c"]}, {"value": ["c"]}),
    ({"value": []}, {"value": []}),
    ({"value": ["b", "a"]}, {"value": ["a", "b"]}),
)


def check_metric(subject: Subject, pairs: Sequence[tuple[Answer, Answer]]) -> None:
    """Scores pairs of answer and gold, in two orders."""
    metric = subject.made()
    subject.has(metric, Metric)
    better = metric.higher_is_better
    subject.hold(isinstance(better, bool), f"higher_is_better is {better!r}, not true or false.")
    answers, golds = [answer for answer, _ in pairs], [gold for _, gold in pairs]
    if isinstance(metric, Surveying):
        with subject.doing("survey"):
            metric.survey(answers, golds)
    counts = [counted(subject, metric, *pair) for pair in pairs]
    shapes = {count.shape for count in counts}
    subject.hold(len(shapes) == 1, f"counts have the shapes {sorted(shapes)}. Give one always.")
    again = [counted(subject, metric, *pair) for pair in reversed(pairs)][::-1]
    subject.hold(same(counts, again), "the counts of a pair change with the pairs before it.")
    whole = value(subject, metric, sum(counts))
    right = sum(counted(subject, metric, gold, gold) for _, gold in pairs)
    best = value(subject, metric, right)
    subject.hold(
        best >= whole if better else best <= whole,
        f"gold itself scores {best:.6g}, answers {whole:.6g}, but higher_is_better is {better}.",
    )
    value(subject, metric, np.zeros_like(counts[0]))
    said = metric.signature
    line = isinstance(said, str) and bool(said.strip()) and "\n" not in said
    subject.hold(line, f"signature is {said!r}, not one line that says what was measured.")
    if isinstance(metric, Tabulating):
        check_tables(subject, metric, answers, golds)


def check_tables(
    subject: Subject, metric: Tabulating, answers: Sequence[Answer], golds: Sequence[Answer]
) -> None:
    """Each row of a metric's tables has a cell for each column."""
    with subject.doing("tables"):
        tables = metric.tables(answers, golds)
    for table in tables:
        form = isinstance(table, Tabulation)
        subject.hold(form, f"tables gives {type(table).__name__}, no Tabulation.")
        even = all(len(row) == len(table.columns) for row in table.rows)
        subject.hold(even, f"the table '{table.title}' has rows that are not as long as its head.")


def counted(subject: Subject, metric: Any, answer: Answer, gold: Answer) -> np.ndarray:
    """The counts of one pair."""
    with subject.doing("counts"):
        found = metric.counts(answer, gold)
    form = isinstance(found, np.ndarray) and found.ndim == 1 and found.dtype.kind == "f"
    subject.hold(form, "counts gives no array [count] of floating numbers.")
    counts: np.ndarray = found
    subject.hold(bool(np.isfinite(counts).all()), "a count is not finite.")
    return counts


def value(subject: Subject, metric: Any, totals: Any) -> float:
    """The value of summed counts."""
    with subject.doing(f"value of {totals.tolist()}"):
        found = metric.value(totals)
    number = isinstance(found, float) and math.isfinite(found)
    subject.hold(number, f"value of {totals.tolist()} is {found!r}, not a finite number.")
    return float(found)


def check_source(subject: Subject, places: Sequence[tuple[str, Path | str | None]]) -> None:
    """Reads every place twice."""
    source = subject.made()
    subject.has(source, Source)
    for split, place in places:
        first, second = read(subject, source, split, place), read(subject, source, split, place)
        subject.hold(bool(first), f"{split} has no rows.")
        subject.hold(same(first, second), f"{split} has other rows the second time.")
        for row in first:
            told = f"a row of {split}"
            subject.hold(isinstance(row, Mapping), f"{told} is {type(row).__name__}, no mapping.")
            named = all(isinstance(name, str) for name in row)
            subject.hold(named, f"{told} has a field whose name is no text.")
        with subject.doing(f"writing a row of {split} as JSON"):
            json.dumps(first[0], default=plain_value)


def read(subject: Subject, source: Any, split: str, place: Path | str | None) -> list[Any]:
    """The rows of a split."""
    with subject.doing(f"read of {split}"):
        return list(source.read(split, place))
