"""accuracy, exact and macro_f1, against scikit-learn, and what they refuse."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support

from seqkit.errors import DataError
from seqkit.stages import Metric
from seqkit_labels import scoring
from seqkit_labels.metrics import Accuracy, MacroF1

few = settings(max_examples=25)
LABELS = st.sampled_from(["D", "N", "V", "X"])
PAIRS = st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=30)


def as_words(pairs: list[tuple[str, str]]) -> tuple[list[Any], list[Any]]:
    """Answers and golds of a text of some words, and one of none."""
    given, gold = zip(*pairs, strict=True)
    return [{"value": list(given)}, {"value": []}], [{"value": list(gold)}, {"value": []}]


def test_accuracy_counts_words() -> None:
    metric = scoring.accuracy()
    assert isinstance(metric, Metric)
    assert metric.signature == "accuracy of:unknown"
    counts = metric.counts({"value": ["DET", "NOUN", "X"]}, {"value": ["DET", "VERB", "X"]})
    assert counts.tolist() == [2, 3]
    assert metric.value(counts) == pytest.approx(200 / 3)
    assert metric.counts({"value": []}, {"value": []}).tolist() == [0, 0]
    assert metric.value(np.zeros(2)) == 0.0
    assert metric.signature == "accuracy of:words"


def test_accuracy_counts_texts_with_one_label() -> None:
    metric = Accuracy()
    assert metric.counts({"value": "ham"}, {"value": "ham"}).tolist() == [1, 1]
    assert metric.counts({"value": "ham"}, {"value": "spam"}).tolist() == [0, 1]
    assert metric.signature == "accuracy of:texts"


@pytest.mark.parametrize("metric", [Accuracy(), MacroF1()], ids=["accuracy", "macro_f1"])
@pytest.mark.parametrize(("given", "count"), [(["a", "b"], 2), ("a", 1)])
def test_answers_to_other_words_are_refused(metric: Metric, given: Any, count: int) -> None:
    with pytest.raises(DataError) as caught:
        metric.counts({"value": given}, {"value": ["a", "b", "c"]})
    assert str(caught.value) == (
        f"{metric.signature.split()[0]}: {count} labels in the answer, but 3 in the gold. Compare "
        "answers to the same words; where a text has a set of labels, use 'label_f1'."
    )


@few
@given(PAIRS)
def test_scores_by_label_and_confusion_are_those_of_scikit_learn(
    pairs: list[tuple[str, str]],
) -> None:
    scores, matrix, *_ = Accuracy().tables(*as_words(pairs))
    given, gold = zip(*pairs, strict=True)
    labels = [str(row[0]) for row in scores.rows]
    assert sorted(labels) == sorted({*given, *gold})
    wanted = precision_recall_fscore_support(gold, given, labels=labels, zero_division=0)
    for row, *found in zip(scores.rows, *wanted, strict=True):
        assert row[1:] == pytest.approx([100 * one for one in found[:3]] + found[3:])
    names = list(matrix.columns[1:])
    assert matrix.figure == "matrix"
    assert [row[0] for row in matrix.rows] == names
    counted = confusion_matrix(gold, given, labels=[*names, "unused"])[:-1, :-1].tolist()
    assert [list(row[1:]) for row in matrix.rows] == counted


def test_the_most_confused_pairs_come_first() -> None:
    pairs = [("D", "N")] * 3 + [("N", "D")] + [("V", "D")] + [("N", "N")] * 2
    *_, confused = Accuracy().tables(*as_words(pairs))
    assert confused.columns == ("gold", "answer", "words", "% of such words")
    assert confused.rows == (("N", "D", 3, 60.0), ("D", "N", 1, 50.0), ("D", "V", 1, 50.0))


def test_where_all_is_right_no_pair_is_confused() -> None:
    assert len(Accuracy().tables([{"value": "a"}], [{"value": "a"}])) == 2


def test_a_matrix_of_many_labels_shows_the_most_frequent_and_counts_the_rest() -> None:
    names = [f"{n:02}" for n in range(30)]
    texts = [name for n, name in enumerate(names) for _ in range(40 - n)]
    answers = [{"value": text} for text in texts]
    golds = [{"value": names[0]}, *answers[1:-1], {"value": names[0]}]
    matrix = Accuracy().tables(answers, golds)[1]
    assert matrix.title == (
        "confusion: gold in rows, answers in columns, the 20 most frequent of 30 labels"
    )
    assert matrix.columns == ("gold", *names[:20], "others")
    assert sum(int(cell) for row in matrix.rows for cell in row[1:]) == len(texts)
    assert matrix.rows[0][-1] == 1
    assert (
        matrix.rows[-1][-1]
        == sum(count for name, count in Counter(texts).items() if name > "19") - 1
    )


def test_without_examples_the_tables_are_empty() -> None:
    assert [table.rows for table in Accuracy().tables([], [])] == [(), ()]


def test_exact_counts_whole_answers() -> None:
    metric = scoring.exact()
    assert isinstance(metric, Metric)
    assert (metric.signature, metric.higher_is_better) == ("exact of:answers", True)
    pairs = [(["a", "b"], ["a", "b"]), (["a", "b"], ["a", "c"]), (["a"], ["a", "b"]), ("x", "x")]
    counts = [metric.counts({"value": one}, {"value": other}) for one, other in pairs]
    assert [count.tolist() for count in counts] == [[1, 1], [0, 1], [0, 1], [1, 1]]
    assert metric.value(np.sum(counts, axis=0)) == 50.0
    assert metric.value(np.zeros(2)) == 0.0


@few
@given(PAIRS)
def test_macro_f1_is_that_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    given, gold = zip(*pairs, strict=True)
    wanted = 100 * f1_score(gold, given, average="macro", zero_division=0)
    whole, single = MacroF1(), MacroF1()
    answers, golds = as_words(pairs)
    whole.survey(answers, golds)
    counts = [whole.counts(*both) for both in zip(answers, golds, strict=True)]
    assert whole.value(np.sum(counts, axis=0)) == pytest.approx(wanted)
    assert whole.signature == "macro_f1 of:words labels:gold-or-answer"
    single.survey([{"value": one} for one in given], [{"value": one} for one in gold])
    counts = [single.counts({"value": one}, {"value": other}) for one, other in pairs]
    assert single.value(np.sum(counts, axis=0)) == pytest.approx(wanted)
    assert single.signature == "macro_f1 of:texts labels:gold-or-answer"


def test_macro_f1_shows_scores_by_label_as_accuracy_does() -> None:
    metric = scoring.macro_f1()
    assert isinstance(metric, MacroF1)
    words = as_words([("D", "N"), ("N", "N")])
    assert metric.tables(*words) == Accuracy().tables(*words)[:1]


def test_macro_f1_of_nothing_is_zero() -> None:
    metric = MacroF1()
    metric.survey([], [])
    assert metric.value(np.zeros(0)) == 0.0
