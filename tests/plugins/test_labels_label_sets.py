"""label_f1, against scikit-learn."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, precision_recall_fscore_support
from sklearn.preprocessing import MultiLabelBinarizer

from seqkit.stages import Metric
from seqkit_labels import scoring
from seqkit_labels.label_sets import LabelF1

NAMES = ["a", "b", "c", "d"]
SETS = st.lists(st.sampled_from(NAMES), unique=True)
PAIRS = st.lists(st.tuples(SETS, SETS), min_size=1, max_size=12)
Average = Literal["micro", "macro"]


def answers(values: list[Any]) -> list[dict[str, Any]]:
    return [{"value": value} for value in values]


def total(metric: LabelF1, given: list[Any], gold: list[Any]) -> float:
    pairs = answers(given), answers(gold)
    metric.survey(*pairs)
    counts = [metric.counts(*both) for both in zip(*pairs, strict=True)]
    return metric.value(np.sum(counts, axis=0))


@pytest.mark.parametrize("average", ["micro", "macro"])
@settings(max_examples=25)
@given(pairs=PAIRS)
def test_it_is_that_of_scikit_learn(average: Average, pairs: list[tuple[Any, Any]]) -> None:
    given, gold = map(list, zip(*pairs, strict=True))
    seen = sorted({label for value in (*given, *gold) for label in value})
    binary = MultiLabelBinarizer(classes=[*seen, "unused"])  # one class alone is another task
    wanted = 0.0
    if seen:
        matrices = binary.fit_transform(gold), binary.transform(given)
        options = {"labels": range(len(seen)), "zero_division": 0}
        wanted = 100 * f1_score(*matrices, average=average, **options)
        rows = sorted(LabelF1().tables(answers(given), answers(gold))[0].rows, key=str)
        scores = precision_recall_fscore_support(*matrices, **options)
        for row, *found in zip(rows, *scores, strict=True):
            assert row[1:] == pytest.approx([100 * one for one in found[:3]] + found[3:])
    assert total(LabelF1(average=average), given, gold) == pytest.approx(wanted)


def test_one_label_is_a_set_of_one() -> None:
    assert total(LabelF1(), ["a", "b"], [["a"], ["b", "c"]]) == 80.0


def test_it_says_how_it_averages() -> None:
    metric = scoring.label_f1()
    assert isinstance(metric, Metric)
    assert metric.signature == "label_f1 average:micro of:sets"
    macro = scoring.label_f1(average="macro")
    assert macro.signature == "label_f1 average:macro of:sets labels:gold-or-answer"
