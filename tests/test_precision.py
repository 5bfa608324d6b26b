"""Which batches are trained in bf16: how it is measured, recorded and kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor

import seqkit
from seqkit import precision as under_test
from seqkit.data import read_rows, trained
from seqkit.experiment import Silent
from seqkit.optimisers import TrainSettings
from seqkit.pipeline import Pipeline, build
from seqkit.precision import BF16_ROWS, BY_ROWS, TRIALS, autocast, choose_precision, rows, seconds
from seqkit.recipe import read_recipe
from seqkit.table import Table, prepare_all
from seqkit.training import begin, train

if TYPE_CHECKING:
    from seqkit.stages import Batch

CPU = torch.device("cpu")


@pytest.fixture
def pipeline(toy: Path) -> Pipeline:
    """The toy pipeline, with dropout."""
    recipe = read_recipe(toy)
    torch.manual_seed(1)
    return build(recipe, list(read_rows(trained(recipe), "train", toy.parent)))


@pytest.fixture
def table(pipeline: Pipeline, toy: Path) -> Table:
    """Its training split, prepared."""
    examples = [
        pipeline.example(row, "train")
        for row in read_rows(trained(pipeline.recipe), "train", toy.parent)
    ]
    return prepare_all(examples, pipeline.prepare, "train")


class Given:
    """Batches of given numbers of rows."""

    carries = False

    def __init__(self, table: Table, sizes: Sequence[int]) -> None:
        self.table, self.sizes, self.number = table, sizes, 0

    def __iter__(self) -> Iterator[tuple[Batch, Sequence[int], bool]]:
        while self.number < len(self.sizes):
            self.number += 1
            chosen = np.arange(self.sizes[self.number - 1]) % 12
            yield self.table.collate(chosen), chosen.tolist(), False
        self.number = 0

    def __len__(self) -> int:
        return len(self.sizes)

    def position(self) -> Mapping[str, Any]:
        return {"batch": self.number}

    def seek(self, position: Mapping[str, Any]) -> None:
        self.number = position["batch"]


def batch_of(count: int) -> dict[str, Tensor]:
    return {"text/pieces": torch.zeros(count, 3), "text/pieces.lengths": torch.zeros(count)}


@pytest.mark.parametrize(
    ("precision", "count", "half"),
    [
        ("fp32", 1, False),
        ("fp32", 100, False),
        ("bf16", 1, True),
        ("bf16", 100, True),
        (BY_ROWS, 31, False),
        (BY_ROWS, 32, True),
        (BY_ROWS, 100, True),
    ],
)
def test_a_batch_is_in_bf16_where_the_precision_says_so_of_its_rows(
    precision: str, count: int, half: bool
) -> None:
    with autocast(CPU, precision, batch_of(count)):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == (torch.bfloat16 if half else torch.float32)


def test_what_is_recorded_says_it_in_words() -> None:
    assert (BF16_ROWS, BY_ROWS) == (32, "bf16 from 32 rows")


def test_the_rows_of_a_batch_are_those_of_every_array(table: Table) -> None:
    assert [rows(batch) for batch, _, _ in Given(table, [1, 5, 40])] == [1, 5, 40]
    assert rows({}) == 0


class Clock:
    """Stands in for `seconds`: each precision takes its times in turn; it keeps the batches."""

    def __init__(self, fp32: Sequence[float], bf16: Sequence[float]) -> None:
        self.times = {"fp32": iter(fp32), "bf16": iter(bf16)}
        self.measured: list[tuple[str, list[int]]] = []

    def __call__(self, pipeline: Pipeline, batches: Sequence[Batch], precision: str) -> float:
        self.measured.append((precision, [rows(batch) for batch in batches]))
        return next(self.times[precision])


@pytest.mark.parametrize(
    ("fp32", "bf16", "chosen"),
    [
        ([1.0, 1.0], [0.5, 0.5], BY_ROWS),
        ([1.0, 1.0], [0.95, 0.95], "fp32"),
        ([1.0, 1.0], [2.0, 2.0], "fp32"),
        ([1.0, 1.0], [9.0, 0.5], BY_ROWS),  # the first round warms up
        ([9.0, 1.0], [1.0, 1.0], "fp32"),
    ],
)
def test_bf16_is_chosen_where_it_is_faster_by_a_tenth(
    pipeline: Pipeline,
    table: Table,
    monkeypatch: pytest.MonkeyPatch,
    fp32: Sequence[float],
    bf16: Sequence[float],
    chosen: str,
) -> None:
    monkeypatch.setattr(under_test, "seconds", Clock(fp32, bf16))
    assert choose_precision(pipeline, Given(table, [40])) == chosen


def test_it_is_measured_on_the_first_batches_that_have_the_rows(
    pipeline: Pipeline, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock([1.0, 1.0], [1.0, 1.0])
    monkeypatch.setattr(under_test, "seconds", clock)
    choose_precision(pipeline, Given(table, [40, 31, 32, 1, 50, 33, 60, 70]))
    assert TRIALS == 4
    assert clock.measured == [("fp32", [40, 32, 50, 33]), ("bf16", [40, 32, 50, 33])] * 2


def test_nothing_is_measured_where_no_batch_has_the_rows(
    pipeline: Pipeline, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(under_test, "seconds", Clock([], []))
    batches = Given(table, [31, 5])
    assert choose_precision(pipeline, batches) == "fp32"
    assert batches.number == 0


@pytest.mark.parametrize("sizes", [[40], [40] * 9, [3, 40, 3]])
def test_choosing_changes_no_weight_no_gradient_no_random_draw_and_no_position(
    pipeline: Pipeline, table: Table, sizes: Sequence[int]
) -> None:
    weights = [weight.detach().clone() for weight in pipeline.network.parameters()]
    state, batches = torch.get_rng_state(), Given(table, [5, *sizes])
    batches.seek({"batch": 1})
    assert choose_precision(pipeline, batches) in ("fp32", BY_ROWS)
    assert batches.number == 1
    assert torch.equal(torch.get_rng_state(), state)
    for before, weight in zip(weights, pipeline.network.parameters(), strict=True):
        assert torch.equal(weight, before)
        assert weight.grad is None


def test_seconds_are_those_of_forward_and_backward(
    pipeline: Pipeline, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, seen = 0.0, []
    real = pipeline.network.forward

    def forward(batch: Batch, states: Any = None) -> Any:
        nonlocal now
        now += 2.0
        seen.append((pipeline.network.training, torch.is_autocast_enabled("cpu")))
        return real(batch, states)

    monkeypatch.setattr(pipeline.network, "forward", forward)
    monkeypatch.setattr("time.perf_counter", lambda: now)
    batches = [batch for batch, _, _ in Given(table, [32, 40, 33])]
    assert seconds(pipeline, batches, "bf16") == 6.0
    assert seconds(pipeline, batches[:1], "fp32") == 2.0
    assert seen == [(True, True)] * 3 + [(True, False)]


@pytest.mark.parametrize(
    ("precision", "halves"),
    [
        ("fp32", [False, False, False, False]),
        ("bf16", [True, True, True, True]),
        (BY_ROWS, [False, True, True, False]),
    ],
)
def test_training_runs_each_batch_of_an_update_in_its_own_precision(
    pipeline: Pipeline,
    table: Table,
    monkeypatch: pytest.MonkeyPatch,
    precision: str,
    halves: Sequence[bool],
) -> None:
    settings = TrainSettings(
        epochs=1,
        accumulate=2,
        optimiser=pipeline.recipe.train.optimiser,
        schedule=pipeline.recipe.train.schedule,
    )
    found, real = [], pipeline.network.forward

    def forward(batch: Batch, states: Any = None) -> Any:
        found.append(torch.is_autocast_enabled("cpu"))
        return real(batch, states)

    monkeypatch.setattr(pipeline.network, "forward", forward)
    progress = begin(pipeline, settings, precision)
    assert len(list(train(pipeline, Given(table, [31, 32, 40, 5]), settings, progress))) == 2
    assert found == halves
    assert all(weight.dtype == torch.float32 for weight in pipeline.network.parameters())


class Lines(Silent):
    """Keeps the lines that a run says."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def said(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture
def large(toy: Path) -> Path:
    """The toy recipe with 48 training sentences, in batches of 40 and of 8."""
    place = toy.parent / "train.conll"
    place.write_text((place.read_text() + "\n") * 4)
    return toy


LARGE = {"train.batch": {"rows": 40}, "train.epochs": 1, "evaluate.bootstrap": 0}


def test_a_run_records_its_choice_in_words_and_a_resumed_one_does_not_measure_again(
    large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, watch, folder = Clock([1.0, 1.0], [0.5, 0.5]), Lines(), large.parent / "run"
    monkeypatch.setattr(under_test, "seconds", clock)
    changed = {**LARGE, "train.precision": "auto"}
    metrics = seqkit.run(large, out=folder, set=changed, watch=watch).metrics
    assert clock.measured == [("fp32", [40]), ("bf16", [40])] * 2
    assert metrics["train"]["precision"] == "bf16 from 32 rows"
    assert "precision: bf16 from 32 rows, chosen for this machine and batches" in watch.lines
    kept = max((folder / "checkpoints").glob("step-*")) / "progress.json"
    assert json.loads(kept.read_bytes())["precision"] == "bf16 from 32 rows"
    (folder / "metrics.json").unlink()
    again = seqkit.run(large, out=folder, set=changed, watch=watch).metrics
    assert len(clock.measured) == 4
    assert again["train"]["precision"] == "bf16 from 32 rows"


def test_measuring_skips_no_batch_and_no_draw(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = []

    def slow(pipeline: Pipeline, batches: Sequence[Batch], precision: str) -> float:
        measured.append(seconds(pipeline, batches, precision))
        return 1.0

    monkeypatch.setattr(under_test, "seconds", slow)
    plain, auto = (
        seqkit.run(large, out=large.parent / way, set={**LARGE, "train.precision": way}).metrics
        for way in ("fp32", "auto")
    )
    assert len(measured) == 4
    assert auto["train"]["history"] == plain["train"]["history"]
    assert auto["train"]["precision"] == "fp32"
