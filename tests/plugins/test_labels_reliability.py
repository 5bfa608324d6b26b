"""calibration: the equation, its bins, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.errors import DataError
from seqkit.stages import Metric
from seqkit_labels import scoring
from seqkit_labels.reliability import Calibration

SURE = st.floats(0, 1).map(lambda value: round(value, 3))


def total(metric: Calibration, answers: list[Any], golds: list[Any]) -> float:
    counts = [metric.counts(*both) for both in zip(answers, golds, strict=True)]
    return metric.value(np.sum(counts, axis=0))


def by_the_paper(pairs: list[tuple[float, bool]], bins: int) -> float:
    """Guo et al. 2017, equations 1 to 3: bin m holds confidences in ((m - 1) / M, m / M]."""
    sure, right = (np.array(side, float) for side in zip(*pairs, strict=True))
    error = 0.0
    for m in range(1, bins + 1):
        inside = (sure > (m - 1) / bins) & (sure <= m / bins)
        if m == 1:
            inside |= sure == 0
        if inside.any():
            gap = abs(right[inside].mean() - sure[inside].mean())
            error += inside.sum() / len(pairs) * gap
    return 100 * error


@settings(max_examples=30)
@given(st.lists(st.tuples(SURE, st.booleans()), min_size=1, max_size=40), st.integers(2, 20))
def test_it_is_the_expected_calibration_error(pairs: list[tuple[float, bool]], bins: int) -> None:
    texts = [{"value": "a", "confidence": sure} for sure, _ in pairs]
    golds = [{"value": "a" if right else "b"} for _, right in pairs]
    assert total(Calibration(bins=bins), texts, golds) == pytest.approx(by_the_paper(pairs, bins))
    words = {"value": ["a"] * len(pairs), "confidence": [sure for sure, _ in pairs]}
    wanted = {"value": [gold["value"] for gold in golds]}
    found = total(Calibration(bins=bins), [words], [wanted])
    assert found == pytest.approx(by_the_paper(pairs, bins))


def test_spans_are_right_where_gold_has_them() -> None:
    answer = {"spans": [[0, 3, "X"], [4, 6, "Y"]], "span_confidence": [0.9, 0.6]}
    gold = {"spans": [[0, 3, "X"], [4, 6, "X"]]}
    metric = Calibration(of="spans", bins=2)
    assert metric.counts(answer, gold).tolist() == [0, 2, 0, 1.5, 0, 1]
    assert total(metric, [answer], [gold]) == pytest.approx(25.0)


def test_labels_of_a_set_are_right_wherever_gold_has_them() -> None:
    answer = {"value": ["a", "b"], "confidence": [0.9, 0.6]}
    metric = Calibration(of="sets", bins=2)
    assert metric.counts(answer, {"value": ["b", "c"]}).tolist() == [0, 2, 0, 1.5, 0, 1]
    assert metric.counts({"value": [], "confidence": []}, {"value": ["c"]}).tolist() == [0] * 6


def test_confidence_that_keeps_its_word_has_no_error() -> None:
    answers = [{"value": "a", "confidence": 0.75}] * 4
    golds = [{"value": "a"}] * 3 + [{"value": "b"}]
    assert total(Calibration(), answers, golds) == 0.0
    assert Calibration().value(np.zeros(30)) == 0.0


def test_the_table_is_the_reliability_diagram() -> None:
    answers = [{"value": "a", "confidence": sure} for sure in (0.95, 0.85, 0.9, 0.05)]
    golds = [{"value": "a"}, {"value": "a"}, {"value": "b"}, {"value": "b"}]
    (table,) = Calibration().tables(answers, golds)
    assert (table.title, table.figure) == ("reliability of labels", "reliability")
    assert table.columns == ("bin", "labels", "confidence", "right")
    assert [row[0] for row in table.rows] == ["0 to 10", "80 to 90", "90 to 100"]
    assert [row[1] for row in table.rows] == [1, 2, 1]
    assert [row[2:] for row in table.rows] == [
        pytest.approx((5.0, 0.0)), pytest.approx((87.5, 50.0)), pytest.approx((95.0, 100.0))
    ]  # fmt: skip
    assert Calibration().tables([], [])[0].rows == ()


def test_it_says_what_it_has_measured() -> None:
    metric = scoring.calibration(of="spans", bins=15)
    assert isinstance(metric, Metric)
    assert not metric.higher_is_better
    assert metric.signature == "calibration error:expected of:spans bins:15 width:equal"


@pytest.mark.parametrize(("of", "field"), [("labels", "confidence"), ("spans", "span_confidence")])
def test_answers_without_confidence_are_refused(of: Any, field: str) -> None:
    with pytest.raises(DataError) as caught:
        Calibration(of=of).counts({"value": "a", "spans": []}, {"value": "a", "spans": []})
    assert str(caught.value) == (
        f"calibration: the answers have no '{field}'. Have the decoder give it "
        "(`confidence: true`), or remove the metric."
    )
