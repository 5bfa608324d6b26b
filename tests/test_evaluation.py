"""Scores: values from summed counts, intervals by the bootstrap, golds by name, the best."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from seqkit import data
from seqkit.abilities import Tabulation
from seqkit.answers import answered
from seqkit.errors import DataError
from seqkit.evaluation import (
    Score,
    better,
    evaluate,
    interval,
    metric_names,
    plain,
    resampled,
    score,
    scores,
    tables,
)
from seqkit.loading import load
from seqkit.pipeline import Pipeline, build
from seqkit.plugins import Plugin, Register, Registry
from seqkit.recipe import recipe_from_plain
from seqkit.stages import Answer, Example, Frames, Loss, Metric, Upstream, Vectors


@final
class Share:
    """The share of answers that are right, in percent."""

    signature = "share"
    higher_is_better = True

    def counts(self, answer: Answer, gold: Answer) -> np.ndarray:
        return np.array([answer["value"] == gold["value"], 1.0])

    def value(self, totals: np.ndarray) -> float:
        return float(100 * totals[0] / totals[1]) if totals[1] else 0.0


@final
class Each:
    """The mean over values of the share of answers that are right; it has to know the values."""

    signature = "each"
    higher_is_better = True

    def survey(self, answers: Sequence[Answer], golds: Sequence[Answer]) -> None:
        self.values = sorted({gold["value"] for gold in golds})

    def counts(self, answer: Answer, gold: Answer) -> np.ndarray:
        counts = np.zeros((len(self.values), 2))
        counts[self.values.index(gold["value"])] = (answer["value"] == gold["value"], 1)
        return counts.ravel()

    def value(self, totals: np.ndarray) -> float:
        right, count = totals.reshape(-1, 2).T
        return float(100 * (right / np.maximum(count, 1)).mean())

    def tables(self, answers: Sequence[Answer], golds: Sequence[Answer]) -> list[Tabulation]:
        rows = tuple((value, 1) for value in sorted({gold["value"] for gold in golds}))
        return [Tabulation("values", ("value", "one"), rows)]


@final
class Mean:
    """The mean of what was answered, whatever the gold is."""

    signature = "mean"
    higher_is_better = False

    def counts(self, answer: Answer, gold: Answer) -> np.ndarray:
        return np.array([float(answer["value"]), 1.0])

    def value(self, totals: np.ndarray) -> float:
        return float(totals[0] / totals[1])


def answers(*values: Any) -> list[Answer]:
    return [{"value": value} for value in values]


def test_a_value_is_from_summed_counts_and_says_what_was_measured() -> None:
    found = score(Share(), answers(1, 2, 3, 4), answers(1, 2, 0, 4), resamples=200)
    assert found.value == 75.0
    assert found.signature == "share examples:4 boot:200"
    assert found.low < 75.0 < found.high


def test_a_metric_may_look_at_all_answers_before_it_counts() -> None:
    found = score(Each(), answers(1, 1, 1, 2), answers(1, 1, 2, 2), resamples=50)
    assert found.value == 75.0
    assert found.low < 75.0 <= found.high


def test_without_resamples_the_interval_is_the_value() -> None:
    found = score(Share(), answers(1, 2), answers(1, 0), resamples=0)
    assert (found.low, found.value, found.high) == (50.0, 50.0, 50.0)
    assert found.signature == "share examples:2 boot:0"


def test_answers_that_are_all_right_leave_no_doubt() -> None:
    found = score(Share(), answers(*range(9)), answers(*range(9)), resamples=50)
    assert (found.low, found.value, found.high) == (100.0, 100.0, 100.0)


def test_one_example_has_itself_as_its_interval() -> None:
    found = score(Mean(), answers(3), answers(0), resamples=20)
    assert (found.low, found.value, found.high) == (3.0, 3.0, 3.0)


def test_answers_and_golds_are_as_many() -> None:
    with pytest.raises(ValueError, match="zip"):
        score(Share(), answers(1, 2), answers(1))


@settings(max_examples=30)
@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(0, 99))
def test_an_interval_holds_the_value(right: list[bool], seed: int) -> None:
    found = score(Share(), answers(*right), answers(*[True] * len(right)), 300, seed)
    assert 0 <= found.low <= found.value <= found.high <= 100


def test_the_interval_is_the_percentiles_of_resampled_examples() -> None:
    counts = np.random.default_rng(5).random((30, 2))
    counts[:, 1] += 1
    rng = np.random.default_rng(9)
    values = []
    for _ in range(400):
        totals = np.zeros(2)
        for row in rng.integers(0, 30, 30):
            totals += counts[row]
        values.append(totals[0] / totals[1])
    wanted = [sorted(values)[10], sorted(values)[389]]
    assert interval(Mean(), counts, 400, 9) == pytest.approx(wanted, abs=2e-3)


@pytest.mark.parametrize("drawn", [1, 70, 10**6])
def test_samples_are_drawn_one_after_another_however_many_at_once(
    monkeypatch: pytest.MonkeyPatch, drawn: int
) -> None:
    monkeypatch.setattr("seqkit.evaluation.DRAWN", drawn)
    counts = np.random.default_rng(5).integers(0, 9, (30, 3)).astype(np.float64)
    rng = np.random.default_rng(9)
    wanted = [counts[rng.integers(0, 30, 30)].sum(axis=0).tolist() for _ in range(25)]
    assert resampled(counts, 25, 9).tolist() == wanted


def test_the_interval_of_a_mean_is_that_of_the_normal_curve() -> None:
    values = np.random.default_rng(0).normal(7.0, 2.0, 400)
    low, high = interval(Mean(), np.stack([values, np.ones(400)], 1), 2000, 1)
    error = values.std() / math.sqrt(400)
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.1 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.1 * error)


def test_the_seed_alone_decides_the_interval() -> None:
    counts = np.random.default_rng(0).random((50, 2))
    first = interval(Mean(), counts, 100, 3)
    np.random.default_rng().random(7)
    assert interval(Mean(), counts, 100, 3) == first
    assert interval(Mean(), counts, 100, 4) != first


NAN = float("nan")


@pytest.mark.parametrize(
    ("candidate", "best", "higher", "wanted"),
    [
        (1.0, None, True, True),
        (2.0, 1.0, True, True),
        (1.0, 1.0, True, False),
        (0.5, 1.0, True, False),
        (0.5, 1.0, False, True),
        (1.0, 1.0, False, False),
        (2.0, 1.0, False, False),
        (NAN, None, True, False),
        (NAN, 1.0, False, False),
    ],
)
def test_only_what_beats_the_best_is_better(
    candidate: float, best: float | None, higher: bool, wanted: bool
) -> None:
    assert better(candidate, best, higher) is wanted


def test_scores_go_into_json() -> None:
    scores = {"share": Score(1.0, 0.5, 1.5, "share examples:2 boot:9")}
    assert json.loads(json.dumps(plain(scores))) == {
        "share": {"value": 1.0, "low": 0.5, "high": 1.5, "signature": "share examples:2 boot:9"}
    }
    beside = Score(1.0, 0.5, 1.5, "share", {"naive": scores["share"]})
    assert beside.plain()["baselines"] == plain({"naive": scores["share"]})


@final
class First(nn.Module):
    """An embedder that hands the frames on."""

    samples = False
    along_time = frozenset({"frames"})
    width = 1

    def fit(self, _: Iterable[Example]) -> Mapping[str, Any]:
        return {}

    def ready(self, _: Mapping[str, Any]) -> None:
        return None

    def prepare(self, example: Example, name: str, rng: Any = None) -> dict[str, np.ndarray]:
        frames = example.inputs[name]
        assert isinstance(frames, Frames)
        return {"frames": frames.values}

    def forward(self, batch: Mapping[str, Tensor]) -> Vectors:
        return Vectors(batch["frames"], batch["frames.lengths"])


@final
class Rounding(nn.Module):
    """Answers two golds: the first number, and whether it is above two."""

    samples = False
    along_time: frozenset[str] = frozenset()

    def fit(self, _: Iterable[Example]) -> Mapping[str, Any]:
        return {}

    def ready(self, _: Mapping[str, Any]) -> None:
        return None

    def prepare(self, example: Example, rng: Any = None) -> dict[str, np.ndarray]:
        assert example.gold is None
        return {}

    def loss(self, inputs: Mapping[str, Vectors], batch: Mapping[str, Tensor]) -> Loss:
        return Loss(torch.tensor(0.0), torch.tensor(1))

    def predict(
        self,
        inputs: Mapping[str, Vectors],
        batch: Mapping[str, Tensor],
        examples: Sequence[Example],
    ) -> list[Answer]:
        found = inputs["text"].values[:, 0, 0].tolist()
        return [{"number": {"value": x}, "large": {"value": x > 2}} for x in found]

    def gold(self, example: Example) -> Answer:
        return {name: {"value": value} for name, value in example.gold.items()}


def embed(upstream: Upstream) -> Any:
    return First()


def decode(upstream: Upstream) -> Any:
    return Rounding()


def share() -> Metric:
    return Share()


def mean() -> Metric:
    return Mean()


def each() -> Metric:
    return Each()


def toys(*distributions: str) -> Registry:
    """Toys, the metrics in each of some distributions."""
    one = Plugin("toys", "toys", "toys", "1")
    Register(one).embedder("first", embed)
    Register(one).decoder("rounding", decode)
    plugins = [one]
    for distribution in distributions:
        plugins.append(Plugin(distribution, distribution, distribution, "1"))
        Register(plugins[-1]).metric("share", share)
        Register(plugins[-1]).metric("mean", mean)
        Register(plugins[-1]).metric("each", each)
    return Registry(plugins)


def pipeline(metrics: Any, *distributions: str) -> Pipeline:
    value = {"seqkit": 1, "name": "toy", "embed": "first", "decode": "rounding"}
    value["evaluate"] = {"metrics": metrics, "bootstrap": 40}
    return build(recipe_from_plain(value, "toy.yaml", registry=toys(*distributions)), [])


def examples() -> list[Example]:
    return [
        Example({}, {"text": Frames(np.full((2, 1), x, np.float32))}, {"number": y, "large": y > 2})
        for x, y in ((1.0, 1.0), (3.0, 1.0), (2.0, 2.5), (4.0, 4.0))
    ]


def test_several_golds_have_their_own_metrics() -> None:
    made = pipeline({"number": ["share", "mean"], "large": ["share"]}, "toys2")
    assert list(metric_names(made.recipe)) == ["number.share", "number.mean", "large.share"]
    scores = evaluate(made, iter(examples()))
    assert [one.value for one in scores.values()] == [50.0, 2.5, 50.0]
    assert scores["large.share"].signature == "share examples:4 boot:40"
    assert evaluate(made, examples()) == scores
    assert evaluate(made, examples(), seed=2) != scores
    assert evaluate(made, examples(), 0)["large.share"].signature == "share examples:4 boot:0"


def test_metrics_of_one_name_in_two_plugins_are_kept_apart() -> None:
    made = pipeline({"number": ["one/share", "two/share"]}, "one", "two")
    assert tuple(metric_names(made.recipe)) == made.recipe.metric_names()
    assert list(evaluate(made, examples())) == ["number.one/share", "number.two/share"]


def test_answers_are_scored_as_the_pipeline_that_gave_them() -> None:
    made = pipeline({"number": ["share", "each"], "large": ["share"]}, "toys2")
    every = answered(made, examples())
    assert scores(made.recipe, every) == evaluate(made, examples())
    assert scores(made.recipe, []) == {}


def test_a_table_that_two_metrics_show_is_shown_once() -> None:
    named = {"number": ["one/each", "two/each"], "large": ["one/each", "one/share"]}
    made = pipeline(named, "one", "two")
    found = tables(made.recipe, answered(made, examples()))
    assert {name: len(every) for name, every in found.items()} == {
        "number.one/each": 1, "number.two/each": 0, "large.one/each": 1, "large.one/share": 0
    }  # fmt: skip
    assert found["large.one/each"][0].rows == ((False, 1), (True, 1))


def test_without_metrics_there_are_no_scores() -> None:
    assert evaluate(pipeline([]), examples()) == {}


def test_without_examples_there_is_nothing_to_score() -> None:
    with pytest.raises(DataError) as caught:
        evaluate(pipeline([]), iter([]))
    assert str(caught.value) == "evaluate: there are no examples. Give a split that has some."


def test_a_trained_pipeline_is_scored_by_its_recipes_metrics(trained: Path) -> None:
    made = load(trained)
    rows = list(data.read_rows(data.trained(made.recipe), "dev", trained.parent))
    found = [made.example(row, "dev") for row in rows]
    scores = evaluate(made, found)
    golds = [tag for row in rows for tag in row["tag"]]
    tags = [tag for answer in made(row["form"] for row in rows) for tag in answer["tag"]["value"]]
    right = sum(one == other for one, other in zip(tags, golds, strict=True))
    assert scores["accuracy"].value == pytest.approx(100 * right / len(golds))
    assert scores["accuracy"].low <= scores["accuracy"].value <= scores["accuracy"].high
