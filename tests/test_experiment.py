"""What happens between the updates: evaluation, best weights, early stops, what is refused."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import seqkit
from seqkit.errors import DataError, TrainingError
from seqkit.experiment import Silent
from seqkit.pipeline import Pipeline
from seqkit.stages import Loss
from seqkit.training import Step

FIXED = {"use": "sgd", "rate": 1e-12}
"""An optimiser that leaves the weights where they are, so that every score is a tie."""


class Notes(Silent):
    """Keeps all that a run tells."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.steps: list[Step] = []
        self.lines: list[str] = []
        self.scores: list[Mapping[str, float]] = []
        self.best: list[bool] = []

    def began(self, pipeline: Pipeline, steps: int, done: int) -> None:
        self.told.append(f"began {pipeline.recipe.name} {done}/{steps}")

    def stepped(self, step: Step) -> None:
        self.told.append("step")
        self.steps.append(step)

    def scored(self, epoch: int, scores: Mapping[str, float], best: bool) -> None:
        self.told.append(f"epoch {epoch}")
        self.scores.append(scores)
        self.best.append(best)

    def said(self, line: str) -> None:
        self.lines.append(line)

    def ended(self) -> None:
        self.told.append("ended")


def trained(toy: Path, **settings: Any) -> tuple[Mapping[str, Any], Notes]:
    """The metrics of a run of the toy recipe, and what it told."""
    watch = Notes()
    wanted = {f"train.{name}": value for name, value in settings.items()}
    wanted["evaluate.bootstrap"] = 0
    run = seqkit.run(toy, out=toy.parent / "run", set=wanted, watch=watch)
    return run.metrics, watch


def test_a_run_tells_of_its_beginning_its_updates_its_scores_and_its_end(toy: Path) -> None:
    _, watch = trained(toy)
    epoch = ["step"] * 4
    assert watch.told == ["began toy 0/8", *epoch, "epoch 1", *epoch, "epoch 2", "ended"]
    assert [line for line in watch.lines if line.startswith("data: ")] == [
        "data: examples: train 12, dev 5, test 5",
        "data: 4 labels on 51 words; D alone is right for 41.2%: D 21, N 16, V 11, A 3",
        "data: warning: train, crf: 1 of 4 labels on fewer than 5 words: A (3)",
    ]


def test_the_best_weights_on_dev_are_those_of_the_pipeline(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = [20.0, 65.0, 45.0, 65.0, 50.0]
    given = iter(values)
    monkeypatch.setattr("seqkit.selection.Selection.scores", lambda *_: {"accuracy": next(given)})
    monkeypatch.setattr("seqkit.experiment.calibrate", lambda *_: [])
    metrics, watch = trained(toy, epochs=5)
    best, history = metrics["train"]["best"], metrics["train"]["history"]
    ends = [step.number for step in watch.steps if step.ends_epoch]
    assert [record["dev"]["accuracy"] for record in history] == values
    assert [(record["epoch"], record["step"]) for record in history] == [*enumerate(ends, 1)]
    assert watch.best == [True, True, False, False, False]
    assert best == {"number": ends[1], "name": "accuracy", "value": 65.0}
    kept = toy.parent / "run" / "checkpoints" / f"best-{ends[1]:09d}" / "weights.safetensors"
    pipeline = toy.parent / "run" / "pipeline" / "weights.safetensors"
    assert pipeline.read_bytes() == kept.read_bytes()


def test_training_stops_after_as_many_evaluations_without_a_best_as_patience_says(
    toy: Path,
) -> None:
    metrics, watch = trained(toy, epochs=9, optimiser=FIXED, stop={"on": "accuracy", "patience": 2})
    assert watch.best == [True, False, False]
    assert metrics["train"]["steps"] == len(watch.steps)
    assert metrics["train"]["best"]["number"] == 4


def test_a_run_that_stopped_early_trains_no_further_when_it_is_gone_on_with(toy: Path) -> None:
    settings = {"epochs": 9, "optimiser": FIXED, "stop": {"on": "accuracy", "patience": 1}}
    trained(toy, **settings)
    (toy.parent / "run/metrics.json").unlink()
    metrics, watch = trained(toy, **settings)
    assert watch.steps == []
    assert metrics["train"]["steps"] == 8


@pytest.mark.parametrize(
    ("on", "goal", "values", "count"),
    [
        ("accuracy", 65, [math.nan, 64.9, 65.0, 70.0], 3),
        ("loss", 0.5, [0.9, 0.51, 0.5, 0.4], 3),
        ("loss", None, [0.9, 0.0, 0.7, 0.6], 4),
    ],
)
def test_training_stops_at_the_first_value_as_good_as_the_goal(
    toy: Path,
    monkeypatch: pytest.MonkeyPatch,
    on: str,
    goal: float | None,
    values: list[float],
    count: int,
) -> None:
    given = iter(values)
    monkeypatch.setattr("seqkit.selection.Selection.scores", lambda *_: {on: next(given)})
    metrics, watch = trained(toy, epochs=4, stop={"on": on, "patience": 9, "goal": goal})
    assert len(watch.scores) == len(metrics["train"]["history"]) == count
    best = min if on == "loss" else max
    assert metrics["train"]["best"]["value"] == best(v for v in values[:count] if v == v)


def test_patience_may_end_before_the_goal(toy: Path) -> None:
    stop = {"on": "accuracy", "patience": 2, "goal": 101}
    metrics, _ = trained(toy, epochs=9, optimiser=FIXED, stop=stop)
    assert len(metrics["train"]["history"]) == 3


def test_a_run_that_reached_its_goal_trains_no_further_when_it_is_gone_on_with(toy: Path) -> None:
    settings = {"epochs": 9, "stop": {"on": "accuracy", "patience": 9, "goal": 0}}
    trained(toy, **settings)
    (toy.parent / "run/metrics.json").unlink()
    metrics, watch = trained(toy, **settings)
    assert watch.steps == []
    assert metrics["train"]["steps"] == 4


def test_the_loss_on_dev_may_choose_the_best_weights(toy: Path) -> None:
    metrics, watch = trained(toy, epochs=4, stop={"on": "loss", "patience": 2})
    losses = [scores["loss"] for scores in watch.scores]
    assert metrics["train"]["best"]["name"] == "loss"
    assert metrics["train"]["best"]["value"] == min(losses)
    assert all({"accuracy", "loss"} == set(scores) for scores in watch.scores)
    assert watch.best == [loss == min(losses[: n + 1]) for n, loss in enumerate(losses)]


def test_without_metrics_the_loss_is_measured(toy: Path) -> None:
    text = toy.read_text().replace("metrics: [accuracy], ", "")
    toy.write_text(text)
    metrics, watch = trained(toy)
    assert [set(scores) for scores in watch.scores] == [{"loss"}, {"loss"}]
    assert (metrics["dev"], metrics["test"]) == ({}, {})


@pytest.mark.parametrize(
    ("settings", "numbers"),
    [
        ({"every": 3}, [3, 6, 8]),
        ({"steps": 5}, [4, 5]),
        ({"steps": 3}, [3]),
        ({"accumulate": 3}, [2, 4]),
    ],
)
def test_dev_is_scored_as_often_as_asked_and_after_the_last_update(
    toy: Path, settings: dict[str, Any], numbers: list[int]
) -> None:
    metrics, _ = trained(toy, **settings)
    assert [record["step"] for record in metrics["train"]["history"]] == numbers
    assert metrics["train"]["steps"] == numbers[-1]


def test_without_dev_the_last_weights_are_kept(toy: Path) -> None:
    toy.write_text(toy.read_text().replace("  dev: dev.conll\n", ""))
    metrics, watch = trained(toy)
    assert watch.scores == []
    assert (metrics["train"]["best"], metrics["train"]["history"]) == (None, [])
    assert metrics["dev"] == {}
    assert sorted(path.name for path in (toy.parent / "run/checkpoints").iterdir()) == [
        "step-000000007",
        "step-000000008",
    ]


def test_the_rate_falls_on_a_plateau(toy: Path) -> None:
    _, watch = trained(
        toy,
        epochs=4,
        optimiser=FIXED,
        schedule={"use": "plateau", "by": 0.5, "patience": 0},
    )
    rates = [{step.rate / 1e-12 for step in watch.steps if step.epoch == n} for n in range(4)]
    assert rates == [{1.0}, {1.0}, {0.5}, {0.25}]


def test_evaluation_draws_nothing_that_training_would_have_drawn(toy: Path) -> None:
    (often, _), other = trained(toy, every=2), toy.parent / "other"
    rarely = seqkit.run(toy, out=other, set={"train.every": 8, "evaluate.bootstrap": 0}).metrics
    assert often["train"]["history"][-1]["loss"] == rarely["train"]["history"][-1]["loss"]


@pytest.mark.parametrize("split", ["dev", "test"])
def test_a_mistake_in_a_split_that_is_read_last_shows_before_training(
    toy: Path, split: str
) -> None:
    path = toy.parent / f"{split}.conll"
    path.write_text(path.read_text() + "\nthe\tD\textra\n")
    lines = path.read_text().count("\n")
    watch = Notes()
    with pytest.raises(DataError) as refused:
        seqkit.run(toy, out=toy.parent / "run", watch=watch)
    assert str(refused.value) == (
        f"{path}:{lines}: 3 columns, expected 2 (form, tag). "
        "Mend the line, or the names of the columns."
    )
    assert watch.steps == []


def test_a_loss_on_dev_that_is_no_number_stops_the_run(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqkit.selection.mean_loss", lambda *_: math.nan)
    with pytest.raises(TrainingError) as stopped:
        trained(toy, stop={"on": "loss"})
    assert str(stopped.value) == (
        "train: epoch 1, update 4: the loss on dev is nan. Mend the dev split, or stop on a "
        f"metric. Kept: {toy.parent}/run/checkpoints/step-000000003."
    )


def spoil_loss(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Makes the loss of one batch no number."""
    from seqkit_labels.word_crf import CRF

    real, calls = CRF.loss, iter(range(1, 100))

    def loss(self: Any, inputs: Any, batch: Any) -> Loss:
        found = real(self, inputs, batch)
        return Loss(found.total * math.nan, found.count) if next(calls) == number else found

    monkeypatch.setattr(CRF, "loss", loss)


def test_a_loss_that_is_no_number_keeps_the_last_good_checkpoint_and_names_it(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil_loss(monkeypatch, 3)
    watch = Notes()
    with pytest.raises(TrainingError, match=r"^train: epoch 1, update 3 \(training ex") as stopped:
        seqkit.run(toy, out=toy.parent / "run", watch=watch)
    kept = toy.parent / "run/checkpoints/step-000000002"
    assert str(stopped.value).endswith(
        f"): the loss is nan. Lower train.optimiser.rate or train.clip. Kept: {kept}."
    )
    assert watch.told[-1] == "ended"
    assert (kept / "manifest.json").exists()


def test_a_loss_that_is_no_number_at_once_keeps_nothing_and_says_nothing_of_it(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil_loss(monkeypatch, 1)
    with pytest.raises(TrainingError, match=r"the loss is nan\. Lower .* or train\.clip\.$"):
        trained(toy)


def test_the_training_split_is_prepared_once_for_all_runs_on_it(
    toy: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SEQKIT_CACHE", str(tmp_path / "cache"))
    made: list[str] = []
    from seqkit.table import prepare_all

    def counted(examples: Iterable[Any], prepare: Any, what: str) -> Any:
        made.append(what)
        return prepare_all(examples, prepare, what)

    monkeypatch.setattr("seqkit.experiment.prepare_all", counted)
    for number in range(2):
        seqkit.run(toy, out=tmp_path / f"run-{number}", set={"train.steps": 1})
    assert made == ["data.train"]
    seqkit.run(toy, out=tmp_path / "run-2", set={"train.steps": 1, "tokenise.lower": True})
    assert made == ["data.train"] * 2


def sample_pieces(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Makes the lookup a stage that samples: it forgets pieces by the generator it is given."""
    from seqkit_text.lookup import Lookup

    real, forgotten = Lookup.prepare, []

    def prepare(self: Any, example: Any, name: str, rng: Any = None) -> Any:
        pieces = real(self, example, name)["pieces"]
        if rng is None:
            return {"pieces": pieces}
        lost = rng.random(len(pieces)) < 0.5
        forgotten.append(int(lost.sum()))
        return {"pieces": np.where(lost, np.int32(1), pieces)}

    monkeypatch.setattr(Lookup, "samples", True)
    monkeypatch.setattr(Lookup, "prepare", prepare)
    return forgotten


def test_a_stage_that_samples_draws_anew_each_epoch_and_resumes_exactly(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten = sample_pieces(monkeypatch)
    whole, _ = trained(toy)
    epochs = forgotten[:12], forgotten[12:24]
    assert len(forgotten) == 24
    assert sorted(epochs[0]) != sorted(epochs[1])

    class Ends(Silent):
        def stepped(self, step: Step) -> None:
            if step.number == 6:
                raise KeyboardInterrupt

    settings = {"evaluate.bootstrap": 0}
    with pytest.raises(KeyboardInterrupt):
        seqkit.run(toy, out=toy.parent / "broken", set=settings, watch=Ends())
    broken = seqkit.run(toy, out=toy.parent / "broken", set=settings).metrics
    assert broken["train"]["history"] == whole["train"]["history"]
    assert torch.equal(*(all_weights(toy.parent / name) for name in ("run", "broken")))


def all_weights(folder: Path) -> torch.Tensor:
    network = seqkit.load(folder).network
    return torch.cat([weight.detach().flatten() for weight in network.parameters()])


def test_a_recipe_without_data_cannot_be_run(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(toy.parent)
    toy.write_text("seqkit: 1\nname: toy\nembed: lookup\ndecode: crf\n")
    with pytest.raises(seqkit.SeqkitError) as refused:
        seqkit.run("toy.yaml")
    assert str(refused.value) == "toy.yaml:1:1: a recipe needs the key 'data'."
    assert not Path("runs").exists()


def test_an_empty_split_of_a_source_without_files_is_named(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqkit_data.columns.Conll.read", lambda *_: iter(()))
    with pytest.raises(DataError) as refused:
        trained(toy)
    assert str(refused.value) == (
        "data.train: train.conll: has no examples. Give a split that has some."
    )
