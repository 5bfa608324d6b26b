"""span_f1, against seqeval and the script conlleval, what it tells of errors, what it refuses.

In mode conlleval it is what conlleval.pl computes (here by the package `conlleval`, which follows
the script line by line) and what seqeval computes without a scheme, whatever the tags. In mode
strict it is seqeval's strict mode for BIO, BIOES and BILOU; for IOB1 it is so on tags that IOB1
allows. On others seqeval counts a part of a span, such as the last word of `B-X I-X`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import conlleval
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import classification_report, f1_score
from seqeval.scheme import BILOU, IOB1, IOB2, IOBES

from seqkit.abilities import Tabulation
from seqkit.errors import DataError
from seqkit.stages import Metric
from seqkit_labels import scoring
from seqkit_labels.schemes import Span, convert, spans
from seqkit_labels.span_scores import KINDS, SpanF1, fates, overlapping

LETTERS = {"IOB1": "BI", "BIO": "BI", "BIOES": "BIES", "BILOU": "BILU"}
ALONE = {scheme: convert(["B-X"], scheme) for scheme in LETTERS}
REFERENCES = {"BIO": IOB2, "BIOES": IOBES, "BILOU": BILOU}
few = settings(max_examples=25)
Sequences = list[tuple[list[str], list[str]]]


def answer(tags: list[str], scheme: str = "BIO") -> dict[str, Any]:
    return {"value": tags, "spans": [list(span) for span in spans(tags)], "scheme": scheme}


def total(metric: Metric, pairs: Sequences, scheme: str = "BIO") -> float:
    counts = [metric.counts(answer(one, scheme), answer(other, scheme)) for one, other in pairs]
    return metric.value(np.sum(counts, axis=0))


def tables(pairs: Sequences, scheme: str = "BIO", **settings: Any) -> list[Tabulation]:
    given, wanted = zip(*pairs, strict=True)
    return SpanF1(**settings).tables(
        [answer(tags, scheme) for tags in given], [answer(tags, scheme) for tags in wanted]
    )


@st.composite
def tagged(draw: st.DrawFn, scheme: str) -> Sequences:
    """Predicted and gold sequences of equal length, legal or not; there is at least one span."""
    letters = LETTERS[scheme]
    labels = ["O", *(f"{letter}-{label}" for letter in letters for label in "XY")]
    tag = st.sampled_from(labels)
    pairs = draw(st.lists(st.lists(st.tuples(tag, tag), min_size=1, max_size=8), max_size=4))
    sides = [([one for one, _ in pair], [other for _, other in pair]) for pair in pairs]
    return [(["O"], ALONE[scheme]), *sides]


def by_seqeval(pairs: Sequences, **settings: Any) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # seqeval warns where it divides by zero
        return 100 * float(
            f1_score([gold for _, gold in pairs], [one for one, _ in pairs], **settings)
        )


def by_conlleval(pairs: Sequences) -> dict[str, Any]:
    """What conlleval computes from a file: word, gold tag, given tag; an empty line between."""
    lines = []
    for tags, golds in pairs:
        words = zip(golds, tags, strict=True)
        lines += [*(f"word {gold} {tag}" for gold, tag in words), ""]
    return dict(conlleval.evaluate(lines))


@pytest.mark.parametrize("scheme", REFERENCES)
@few
@given(data=st.data())
def test_strict_is_that_of_seqeval(scheme: str, data: st.DataObject) -> None:
    pairs = data.draw(tagged(scheme))
    found = total(SpanF1(mode="strict"), pairs, scheme)
    assert found == pytest.approx(by_seqeval(pairs, mode="strict", scheme=REFERENCES[scheme]))


@few
@given(pairs=tagged("IOB1"))
def test_strict_is_that_of_seqeval_on_legal_iob1(pairs: Sequences) -> None:
    legal = [(convert(one, "IOB1"), convert(other, "IOB1")) for one, other in pairs]
    found = total(SpanF1(mode="strict"), legal, "IOB1")
    assert found == pytest.approx(by_seqeval(legal, mode="strict", scheme=IOB1))


def test_strict_counts_no_span_that_iob1_would_not_write_where_seqeval_counts_a_part() -> None:
    gold = ["O", "I-X"]
    assert total(SpanF1(mode="strict"), [(["B-X", "I-X"], gold)], "IOB1") == 0.0
    assert by_seqeval([(["B-X", "I-X"], gold)], mode="strict", scheme=IOB1) == 100.0


@pytest.mark.parametrize("scheme", ["IOB1", "BIO", "BIOES"])
@few
@given(data=st.data())
def test_conlleval_is_that_of_the_script_and_of_seqeval(scheme: str, data: st.DataObject) -> None:
    pairs = data.draw(tagged(scheme))
    found = total(SpanF1(), pairs, scheme)
    assert found == pytest.approx(100 * by_conlleval(pairs)["overall"]["chunks"]["evals"]["f1"])
    assert found == pytest.approx(by_seqeval(pairs))


@pytest.mark.parametrize("scheme", ["IOB1", "BIO", "BIOES"])
@few
@given(data=st.data())
def test_scores_by_label_are_those_of_the_script(scheme: str, data: st.DataObject) -> None:
    pairs = data.draw(tagged(scheme))
    wanted = by_conlleval(pairs)["slots"]["chunks"]
    table = tables(pairs, scheme)[0]
    assert table.columns == ("label", "precision", "recall", "F1", "in gold")
    for label, precision, recall, f1, support in table.rows:
        evals, stats = wanted[label]["evals"], wanted[label]["stats"]
        assert (recall, f1) == pytest.approx((100 * evals["rec"], 100 * evals["f1"]))
        assert support == stats["gold"]
        if stats["pred"]:  # of no span at all, the package says that each is right
            assert precision == pytest.approx(100 * evals["prec"])
    counted = {row[0] for row in table.rows}
    assert counted == {name for name, slot in wanted.items() if any(slot["stats"].values())}


@few
@given(pairs=tagged("BIOES"))
def test_scores_by_label_are_those_of_seqevals_report(pairs: Sequences) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = classification_report(
            [gold for _, gold in pairs],
            [one for one, _ in pairs],
            mode="strict",
            scheme=IOBES,
            output_dict=True,
        )
    for label, *scores, support in tables(pairs, "BIOES", mode="strict")[0].rows:
        if label in wanted:  # seqeval leaves out labels of which gold has no legal span
            found = [wanted[label][name] for name in ("precision", "recall", "f1-score")]
            assert scores == pytest.approx([100 * float(value) for value in found])
            assert support == wanted[label]["support"]


def test_it_says_which_scheme_it_has_scored() -> None:
    metric = scoring.span_f1(mode="strict")
    assert isinstance(metric, Metric)
    assert metric.signature == "span_f1 scheme:unknown mode:strict average:micro"
    metric.counts(answer(["O"], "IOB1"), answer(["I-X"], "IOB1"))
    assert metric.signature == "span_f1 scheme:IOB1 mode:strict average:micro"
    assert scoring.span_f1().signature.endswith("mode:conlleval average:micro")


def test_modes_differ_on_tags_that_the_scheme_does_not_allow() -> None:
    pairs = [(["I-X", "O"], ["B-X", "O"])]
    assert total(SpanF1(), pairs) == 100.0
    assert total(SpanF1(mode="strict"), pairs) == 0.0
    assert tables(pairs)[0].rows == (("X", 100.0, 100.0, 100.0, 1),)
    assert tables(pairs, mode="strict")[0].rows == (("X", 0.0, 0.0, 0.0, 1),)


def test_counts_add_up() -> None:
    metric = SpanF1()
    counts = metric.counts(answer(["B-X", "B-Y", "O"]), answer(["B-X", "O", "B-Y"]))
    assert counts.dtype == np.float64
    assert counts.tolist() == [1, 2, 2]
    assert metric.value(counts) == 50.0
    assert metric.value(3 * counts) == 50.0
    assert metric.value(np.zeros(3)) == 0.0


def test_answers_without_spans_are_refused() -> None:
    with pytest.raises(DataError) as caught:
        SpanF1().counts({"value": ["DET"]}, {"value": ["DET"]})
    assert str(caught.value) == (
        "span_f1: the labels follow no tag scheme, so there are no spans. "
        "Use the metric 'accuracy'."
    )


def test_errors_are_counted_by_kind() -> None:
    gold = ["B-X", "I-X", "O", "B-Y", "O", "B-X", "O", "B-X", "I-X", "O"]
    given = ["B-X", "O", "O", "B-X", "O", "O", "B-Y", "O", "B-Y", "O"]
    _, errors, confused = tables([(given, gold), (["B-X"], ["B-X"])])
    assert errors.title == "kinds of errors"
    assert errors.columns == ("error", "spans", "% of errors")
    assert errors.rows == (
        ("wrong label", 1, 20.0),
        ("wrong edges", 1, 20.0),
        ("wrong label and edges", 1, 20.0),
        ("missed", 1, 20.0),
        ("invented", 1, 20.0),
    )
    assert confused.title == "most confused where the edges are right"
    assert confused.rows == (("Y", "X", 1, 100.0),)


def test_without_errors_nothing_is_confused() -> None:
    scores, errors = tables([(["B-X"], ["B-X"])])
    assert scores.rows == (("X", 100.0, 100.0, 100.0, 1),)
    assert [row[1:] for row in errors.rows] == [(0, 0.0)] * 5


@st.composite
def apart(draw: st.DrawFn) -> list[tuple[int, int, str]]:
    """Spans that do not overlap."""
    edges = sorted(draw(st.sets(st.integers(0, 12), max_size=8)))
    names = [draw(st.sampled_from("XY")) for _ in edges]
    return [(s, e, n) for s, e, n in zip(edges, edges[1:], names, strict=False)][
        :: draw(st.integers(1, 2))
    ]


@few
@given(given=apart(), wanted=apart())
def test_every_span_has_one_fate(
    given: list[tuple[int, int, str]], wanted: list[tuple[int, int, str]]
) -> None:
    told = list(fates(given, wanted))
    assert sorted(found for _, _, found in told if found) == sorted(given)
    assert sorted(there for _, there, _ in told if there) == sorted(wanted)
    assert sum(kind == "right" for kind, _, _ in told) == len({*given} & {*wanted})
    for kind, there, found in told:
        assert kind == told_of(there, found)
    missed = [there for kind, there, _ in told if kind == "missed" and there]
    invented = [found for kind, _, found in told if kind == "invented" and found]
    assert not any(overlap(one, other) for one in missed for other in invented)


def overlap(one: Sequence[Any], other: Sequence[Any]) -> bool:
    return bool(set(range(*one[:2])) & set(range(*other[:2])))


def told_of(there: Sequence[Any] | None, found: Sequence[Any] | None) -> str:
    """The kind of error, from the two spans alone."""
    if found is None:
        return "missed"
    if there is None:
        return "invented"
    assert overlap(there, found)
    edges, label = there[:2] == found[:2], there[2] == found[2]
    return KINDS[0 if edges and label else 1 if edges else 2 if label else 3]


def test_spans_are_compared_with_their_neighbours_alone() -> None:
    compared = []

    def fits(one: Span, other: Span) -> bool:
        compared.append((one, other))
        return False

    ones = [(n, n + 1, "X") for n in range(200)]
    others = [(n, n + 3, "X") for n in range(0, 200, 3)]
    assert overlapping(ones, others, fits) == []
    assert len(compared) <= len(ones) + len(others)
