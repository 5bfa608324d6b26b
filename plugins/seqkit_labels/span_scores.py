"""The F1 of spans, of each label too, and what is wrong with the spans that are wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, final

import numpy as np

from seqkit.abilities import Tabulation
from seqkit.errors import DataError
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer
from seqkit_labels.by_label import confused_pairs, f1_percent, label_scores, percent
from seqkit_labels.schemes import Span, strict_spans

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float

KINDS = ("right", "wrong label", "wrong edges", "wrong label and edges", "missed", "invented")
"""What may become of a span."""


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

    def spans(self, answer: Answer) -> set[Span]:
        """The spans of an answer."""
        if "spans" not in answer or "scheme" not in answer:
            raise DataError(
                "span_f1: the labels follow no tag scheme, so there are no spans. "
                "Use the metric 'accuracy'."
            )
        self.signature = self.signed(answer["scheme"])
        if self.mode == "strict":
            return set(strict_spans(answer["value"], answer["scheme"]))
        return {(start, end, label) for start, end, label in answer["spans"]}

    def value(self, totals: Float[np.ndarray, " count"]) -> float:
        """Percent; 0 where there is no span to find and none was found."""
        return f1_percent(*totals)

    def tables(self, answers: Sequence[Answer], golds: Sequence[Answer]) -> list[Tabulation]:
        """Scores by label, kinds of errors, and labels confused where the edges are right."""
        counts: list[Counter[str]] = [Counter(), Counter(), Counter()]
        kinds: Counter[str] = Counter()
        confused: Counter[tuple[str, str]] = Counter()
        for answer, gold in zip(answers, golds, strict=True):
            given, wanted = self.spans(answer), self.spans(gold)
            for counter, spans in zip(counts, (given & wanted, given, wanted), strict=True):
                counter.update(label for _, _, label in spans)
            for kind, there, found in fates(given, wanted):
                kinds[kind] += 1
                if kind in ("right", "wrong label") and there and found:
                    confused[there[2], found[2]] += 1
        return [
            label_scores("scores by label", *counts),
            error_table(kinds),
            *confused_pairs(confused, "spans", "most confused where the edges are right"),
        ]


def error_table(kinds: Counter[str]) -> Tabulation:
    """How often each kind of error was made, and its share of all errors in percent."""
    errors = kinds.total() - kinds["right"]
    rows = tuple((kind, kinds[kind], percent(kinds[kind], errors)) for kind in KINDS[1:])
    return Tabulation("kinds of errors", ("error", "spans", "% of errors"), rows)


def fates(
    given: Collection[Span], wanted: Collection[Span]
) -> Iterator[tuple[str, Span | None, Span | None]]:
    """What became of each span, as (kind, gold's span or None, answer's span or None).

    Each span is told of once: with the one that has the same edges, else with one that overlaps it
    and has the same label, else with any that overlaps it. Neither side overlaps itself.
    """
    rest, lost = sorted(given), sorted(wanted)
    for kind, fits in (("", same_edges), (KINDS[2], same_label), (KINDS[3], always)):
        pairs = overlapping(rest, lost, fits)
        for found, there in pairs:
            yield kind or KINDS[not same_label(found, there)], there, found
        rest = sorted({*rest} - {found for found, _ in pairs})
        lost = sorted({*lost} - {there for _, there in pairs})
    yield from ((KINDS[4], there, None) for there in lost)
    yield from ((KINDS[5], None, found) for found in rest)


def same_edges(one: Span, other: Span) -> bool:
    """Whether two spans begin and end alike."""
    return one[:2] == other[:2]


def same_label(one: Span, other: Span) -> bool:
    """Whether two spans have one label."""
    return one[2] == other[2]


def always(one: Span, other: Span) -> bool:  # noqa: ARG001  it stands where the two above do
    """Whatever the spans are."""
    return True


def overlapping(
    ones: Sequence[Span], others: Sequence[Span], fits: Callable[[Span, Span], bool]
) -> list[tuple[Span, Span]]:
    """Pairs that overlap and fit, each span in one pair at most; both sides are sorted."""
    found, first, second = [], 0, 0
    while first < len(ones) and second < len(others):
        one, other = ones[first], others[second]
        if one[0] < other[1] and other[0] < one[1] and fits(one, other):
            found.append((one, other))
            first, second = first + 1, second + 1
        elif one[1] <= other[1]:
            first += 1
        else:
            second += 1
    return found
