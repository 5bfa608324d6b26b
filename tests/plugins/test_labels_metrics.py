"""accuracy, exact and span_f1, against seqeval, and what they refuse."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import f1_score
from seqeval.scheme import BILOU, IOB2, IOBES

import seqkit_labels
from seqkit.errors import DataError
from seqkit.stages import Metric
from seqkit_labels.metrics import Accuracy, SpanF1
from seqkit_labels.schemes import spans

REFERENCES = {"BIO": ("BI", IOB2), "BIOES": ("BIES", IOBES), "BILOU": ("BILU", BILOU)}
Sequences = list[tuple[list[str], list[str]]]


def answer(tags: list[str], scheme: str = "BIO") -> dict[str, Any]:
    return {"value": tags, "spans": [list(span) for span in spans(tags)], "scheme": scheme}


def total(metric: Metric, pairs: Sequences, scheme: str = "BIO") -> float:
    counts = [metric.counts(answer(one, scheme), answer(other, scheme)) for one, other in pairs]
    return metric.value(np.sum(counts, axis=0))


@st.composite
def tagged(draw: st.DrawFn, letters: str) -> Sequences:
    """Predicted and gold sequences of equal length; there is at least one span."""
    labels = ["O", *(f"{letter}-{label}" for letter in letters for label in "XY")]
    tag = st.sampled_from(labels)
    pairs = draw(st.lists(st.lists(st.tuples(tag, tag), min_size=1, max_size=8), max_size=4))
    alone = labels[-2] if "S" in letters or "U" in letters else "B-X"
    return [(["O"], [alone]), *([list(side) for side in zip(*pair, strict=True)] for pair in pairs)]  # type: ignore[list-item]


def reference(pairs: Sequences, **settings: Any) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # seqeval warns where it divides by zero
        return 100 * float(
            f1_score([gold for _, gold in pairs], [one for one, _ in pairs], **settings)
        )


@pytest.mark.parametrize("scheme", REFERENCES)
@given(data=st.data())
def test_strict_span_f1_is_that_of_seqeval(scheme: str, data: st.DataObject) -> None:
    letters, other = REFERENCES[scheme]
    pairs = data.draw(tagged(letters))
    found = total(SpanF1(mode="strict"), pairs, scheme)
    assert found == pytest.approx(reference(pairs, mode="strict", scheme=other))


@given(pairs=tagged("BIES"))
def test_span_f1_of_conlleval_is_that_of_seqeval_without_a_scheme(pairs: Sequences) -> None:
    assert total(SpanF1(), pairs, "BIOES") == pytest.approx(reference(pairs))


def test_span_f1_says_which_scheme_it_has_scored() -> None:
    metric = seqkit_labels.span_f1(mode="strict")
    assert isinstance(metric, Metric)
    assert metric.signature == "span_f1 scheme:unknown mode:strict average:micro"
    metric.counts(answer(["O"], "IOB1"), answer(["I-X"], "IOB1"))
    assert metric.signature == "span_f1 scheme:IOB1 mode:strict average:micro"
    assert seqkit_labels.span_f1().signature.endswith("mode:conlleval average:micro")


def test_modes_differ_on_tags_that_the_scheme_does_not_allow() -> None:
    pairs = [(["I-X", "O"], ["B-X", "O"])]
    assert total(SpanF1(), pairs) == 100.0
    assert total(SpanF1(mode="strict"), pairs) == 0.0


def test_span_f1_counts_add_up() -> None:
    metric = SpanF1()
    counts = metric.counts(answer(["B-X", "B-Y", "O"]), answer(["B-X", "O", "B-Y"]))
    assert counts.dtype == np.float64
    assert counts.tolist() == [1, 2, 2]
    assert metric.value(counts) == 50.0
    assert metric.value(3 * counts) == 50.0
    assert metric.value(np.zeros(3)) == 0.0


def test_span_f1_refuses_answers_without_spans() -> None:
    with pytest.raises(DataError) as caught:
        SpanF1().counts({"value": ["DET"]}, {"value": ["DET"]})
    assert str(caught.value) == (
        "span_f1: the labels follow no tag scheme, so there are no spans. "
        "Use the metric 'accuracy'."
    )


def test_accuracy_counts_words() -> None:
    metric = seqkit_labels.accuracy()
    assert isinstance(metric, Metric)
    counts = metric.counts({"value": ["DET", "NOUN", "X"]}, {"value": ["DET", "VERB", "X"]})
    assert counts.tolist() == [2, 3]
    assert metric.value(counts) == pytest.approx(200 / 3)
    assert metric.counts({"value": []}, {"value": []}).tolist() == [0, 0]
    assert metric.value(np.zeros(2)) == 0.0


def test_accuracy_counts_texts_with_one_label() -> None:
    assert Accuracy().counts({"value": "ham"}, {"value": "ham"}).tolist() == [1, 1]
    assert Accuracy().counts({"value": "ham"}, {"value": "spam"}).tolist() == [0, 1]


@pytest.mark.parametrize(("given", "count"), [(["a", "b"], 2), ("a", 1)])
def test_accuracy_refuses_answers_to_other_words(given: Any, count: int) -> None:
    with pytest.raises(DataError) as caught:
        Accuracy().counts({"value": given}, {"value": ["a", "b", "c"]})
    assert str(caught.value) == (
        f"accuracy: {count} labels in the answer, but 3 in the gold. "
        "Compare answers to the same words."
    )


def test_exact_counts_whole_answers() -> None:
    metric = seqkit_labels.exact()
    assert isinstance(metric, Metric)
    assert (metric.signature, metric.higher_is_better) == ("exact", True)
    pairs = [(["a", "b"], ["a", "b"]), (["a", "b"], ["a", "c"]), (["a"], ["a", "b"]), ("x", "x")]
    counts = [metric.counts({"value": one}, {"value": other}) for one, other in pairs]
    assert [count.tolist() for count in counts] == [[1, 1], [0, 1], [0, 1], [1, 1]]
    assert metric.value(np.sum(counts, axis=0)) == 50.0
    assert metric.value(np.zeros(2)) == 0.0
