"""The metrics of forecasts: values as written out, signatures, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seqkit_series
from seqkit.errors import DataError
from seqkit.stages import Metric
from seqkit.testing import check_stage

NUMBER = st.floats(-100, 100)
SCALED: tuple[Any, Any] = (
    {"value": [1.0, 5.0], "quantiles": {"0.1": [0.0, 4.0], "0.9": [2.0, 4.5]}},
    {"value": [2.0, 3.0], "scale": [2.0], "quantiles": {"0.1": [2.0, 3.0], "0.9": [2.0, 3.0]}},
)
POINTS = ("rmse", "mae", "smape", "mase")


def scored(metric: Metric, *pairs: tuple[Any, Any]) -> float:
    return metric.value(np.sum([metric.counts(*pair) for pair in pairs], axis=0))


@pytest.mark.parametrize("name", [*POINTS, "pinball", "coverage"])
def test_a_metric_keeps_the_contract(name: str) -> None:
    factory = getattr(seqkit_series, name)
    assert isinstance(factory(), Metric)
    check_stage(factory, examples=[SCALED, SCALED])
    assert factory().value(np.zeros(2)) == 0.0
    assert factory().higher_is_better == (name == "coverage")


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.lists(st.tuples(NUMBER, NUMBER), min_size=2, max_size=2), min_size=1, max_size=5)
)
def test_errors_are_those_written_out(pairs: Any) -> None:
    answers: list[tuple[Any, Any]] = [
        ({"value": [f for f, _ in pair]}, {"value": [y for _, y in pair], "scale": [0.5]})
        for pair in pairs
    ]
    every = [one for pair in pairs for one in pair]
    count = len(every)
    absolute = sum(abs(f - y) for f, y in every)
    assert scored(seqkit_series.rmse(), *answers) == pytest.approx(
        (sum((f - y) ** 2 for f, y in every) / count) ** 0.5
    )
    assert scored(seqkit_series.mae(), *answers) == pytest.approx(absolute / count)
    assert scored(seqkit_series.mase(), *answers) == pytest.approx(absolute / count / 0.5)
    shares = [200 * abs(f - y) / (abs(f) + abs(y)) if f or y else 0.0 for f, y in every]
    assert scored(seqkit_series.smape(), *answers) == pytest.approx(sum(shares) / count)


def test_quantiles_and_intervals_are_scored_as_written_out() -> None:
    losses = [0.1 * 2.0, 0.9 * 1.0, 0.9 * 0.0, 0.1 * 1.5]
    assert scored(seqkit_series.pinball(), SCALED) == pytest.approx(sum(losses) / 4)
    assert scored(seqkit_series.coverage(), SCALED) == 50.0
    edge = ({"value": [0.0], "quantiles": {"0.1": [1.0], "0.9": [2.0]}}, {"value": [2.0]})
    assert scored(seqkit_series.coverage(), edge) == 100.0


def test_a_history_without_change_is_left_out_of_mase() -> None:
    flat = ({"value": [1.0]}, {"value": [9.0], "scale": None})
    metric = seqkit_series.mase()
    assert metric.counts(*flat).tolist() == [0.0, 0.0]
    assert scored(metric, flat, ({"value": [1.0]}, {"value": [2.0], "scale": [4.0]})) == 0.25


def test_the_steps_ahead_are_tabled_where_there_are_several() -> None:
    metric: Any = seqkit_series.rmse()
    [table] = metric.tables(*([one, one] for one in SCALED))
    assert (table.title, table.columns) == ("by step ahead", ("step", "rmse"))
    assert table.rows == ((1, 1.0), (2, 2.0))
    assert metric.tables([{"value": [1.0]}], [{"value": [2.0]}]) == []


def test_several_targets_are_scored_together() -> None:
    pair = ({"value": [[1.0, 2.0]]}, {"value": [[2.0, 4.0]], "scale": [1.0, 4.0]})
    assert scored(seqkit_series.mae(), pair) == 1.5
    assert scored(seqkit_series.mase(), pair) == 0.75


def test_signatures_say_what_was_measured() -> None:
    assert [getattr(seqkit_series, name)().signature for name in POINTS] == [
        "rmse over:steps",
        "mae over:steps",
        "smape of:|y|+|f| max:200",
        "mase unit:seasonal-naive-in-history",
    ]
    assert seqkit_series.pinball().signature == "pinball mean:quantiles-and-steps"
    assert seqkit_series.coverage(level=95.0).signature == "coverage interval:95%"


@pytest.mark.parametrize("name", ["rmse", "coverage"])
def test_answers_that_cannot_be_compared_are_refused(name: str) -> None:
    metric = getattr(seqkit_series, name)()
    short: Any = {"value": [1.0], "quantiles": {"0.1": [1.0], "0.9": [1.0]}}
    with pytest.raises(DataError) as caught:
        metric.counts(short, {"value": [1.0, 2.0]})
    assert str(caught.value) == (
        f"{name}: the answer has [1] numbers, but the gold has [2]. "
        "Score forecasts, of the same steps."
    )
    with pytest.raises(DataError) as caught:
        metric.counts(short, {"value": "N"})
    assert str(caught.value) == (
        f"{name}: compares numbers, but the gold is 'N'. Use the metric 'accuracy'."
    )


def test_a_score_that_the_answers_have_nothing_for_is_refused() -> None:
    plain: Any = {"value": [1.0]}
    for name in ("pinball", "coverage"):
        with pytest.raises(DataError) as caught:
            getattr(seqkit_series, name)().counts(plain, plain)
        assert str(caught.value) == (
            f"{name}: the answers have no quantiles. Set decode.quantiles."
        )
    with pytest.raises(DataError) as caught:
        seqkit_series.coverage(level=90.0).counts(*SCALED)
    assert str(caught.value) == (
        "coverage: an interval of 90% ends at the quantiles 0.05 and 0.95, but the answers have "
        "0.1, 0.9. Set `level`, or add them to decode.quantiles."
    )
    with pytest.raises(DataError) as caught:
        seqkit_series.mase().counts(plain, plain)
    assert str(caught.value) == "mase: the golds have no scale. Use the decoder `forecast`."
