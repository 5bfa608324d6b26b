"""Sources and metrics that break a promise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np
import pytest

from seqkit.abilities import Tabulation
from seqkit.stages import (
    Answer,
    Metric,
    Source,
)
from seqkit.testing import check_stage

Broken = Callable[..., str]


@final
class Share:
    signature: str = "share of right labels"

    def __init__(self, flaw: str) -> None:
        self.flaw, self.seen = flaw, 0.0
        self.higher_is_better: Any = flaw != "upside down"
        if flaw == "higher or not":
            self.higher_is_better = 1
        if flaw == "silent":
            self.signature = ""

    def counts(self, answer: Answer, gold: Answer) -> Any:
        pairs = list(zip(answer["value"], gold["value"], strict=True))
        self.seen += self.flaw == "remembers"
        right = sum(one == other for one, other in pairs)
        if self.flaw == "lists":
            return [right, len(pairs)]
        if self.flaw == "infinite":
            return np.array([np.inf])
        if self.flaw == "grows":
            return np.ones(1 + len(pairs))
        return np.array([right, len(pairs) + self.seen], np.float64)

    def value(self, totals: Any) -> Any:
        if self.flaw == "divides":
            return float(totals[0]) / float(totals[1])
        if self.flaw == "array":
            return totals
        return float(100 * totals[0] / totals[1]) if totals[1] else 0.0

    def survey(self, answers: Sequence[Answer], golds: Sequence[Answer]) -> None:
        if self.flaw == "cannot survey":
            raise ValueError(len(answers))

    def tables(self, answers: Sequence[Answer], golds: Sequence[Answer]) -> Any:
        if self.flaw == "no table":
            return [{"title": "x"}]
        row = ("a", 1) if self.flaw == "ragged" else ("a",)
        return [Tabulation("by label", ("label",), (("b",), row))]


def share(*, flaw: str = "") -> Metric:
    """Accuracy."""
    return Share(flaw)


@pytest.mark.parametrize(
    ("flaw", "message"),
    [
        ("remembers", "share: the counts of a pair change with the pairs before it."),
        ("lists", "share: counts gives no array [count] of floating numbers."),
        ("grows", "share: counts have the shapes [(1,), (2,), (3,), (4,)]. Give one always."),
        (
            "upside down",
            "share: gold itself scores 100, answers 50, but higher_is_better is False.",
        ),
        ("higher or not", "higher_is_better is 1, not true or false."),
        ("silent", "signature is '', not one line that says what was measured."),
        ("infinite", "share: a count is not finite."),
        ("divides", "share: value of [0.0, 0.0] raises ZeroDivisionError"),
        ("array", "is array([3., 6.]), not a finite number."),
        ("cannot survey", "share: survey raises ValueError: 4"),
        ("no table", "share: tables gives dict, no Tabulation."),
        ("ragged", "the table 'by label' has rows that are not as long as its head."),
    ],
)
def test_a_broken_metric_is_caught(broken: Broken, flaw: str, message: str) -> None:
    assert message in broken(share, flaw)


@final
class Lines:
    def __init__(self, flaw: str) -> None:
        self.flaw, self.rows = flaw, iter([{"text": "a"}, {"text": "b"}])

    def read(self, split: str, place: Any) -> Iterator[Any]:
        if self.flaw == "once":
            yield from self.rows
        elif self.flaw == "empty":
            yield from ()
        elif self.flaw == "lists":
            yield ["a"]
        else:
            lines = ["a"] if place is None else Path(place).read_text("utf-8").splitlines()
            yield from ({1 if self.flaw == "numbers" else "text": line} for line in lines)


def lines(*, flaw: str = "") -> Source:
    """Lines of text."""
    return Lines(flaw)


@pytest.mark.parametrize(
    ("flaw", "message"),
    [
        ("once", "lines: train has other rows the second time."),
        ("empty", "lines: train has no rows."),
        ("lists", "lines: a row of train is list, no mapping."),
        ("numbers", "lines: a row of train has a field whose name is no text."),
    ],
)
def test_a_broken_source_is_caught(broken: Broken, flaw: str, message: str) -> None:
    assert message in broken(lines, flaw)


def test_a_metric_that_keeps_every_promise_passes() -> None:
    check_stage(share)


def test_a_source_that_keeps_every_promise_passes(tmp_path: Path) -> None:
    check_stage(lines)
    place = tmp_path / "lines.txt"
    place.write_text("one\ntwo\n", encoding="utf-8")
    check_stage(lines, examples=[("train", place)])
