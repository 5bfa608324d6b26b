"""Gradients while training: profiles, what is said of them, sudden ones, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import seqkit
from seqkit.batching import Pools
from seqkit.data import read_rows, trained
from seqkit.experiment import Silent
from seqkit.gradients import Gradients, first_batch, flow, longest, prefixes, profile
from seqkit.observation import gradients, looking, mean, observe
from seqkit.pipeline import Pipeline, build
from seqkit.recipe import read_recipe
from seqkit.table import prepare_all
from seqkit.training import Step

PARTS = ["layer 1 forward", "layer 1 backward"]


class Said(Silent):
    """Keeps the lines; stops after an update where asked."""

    def __init__(self, last: int | None = None) -> None:
        self.lines: list[str] = []
        self.last = last

    def said(self, line: str) -> None:
        if line.startswith("gradients"):
            self.lines.append(line)

    def stepped(self, step: Step) -> None:
        if step.number == self.last:
            raise KeyboardInterrupt


def trained_as(toy: Path, name: str, said: Said | None = None, **settings: Any) -> Any:
    """The metrics of a run of the toy recipe."""
    wanted = {f"train.{key}": value for key, value in settings.items()}
    wanted["evaluate.bootstrap"] = 0
    return seqkit.run(toy, out=toy.parent / name, set=wanted, watch=said).metrics


def weights(toy: Path, name: str) -> torch.Tensor:
    network = seqkit.load(toy.parent / name).network
    return torch.cat([weight.detach().flatten() for weight in network.parameters()])


class Made:
    """A pipeline with batches, and gradients that are looked at."""

    def __init__(self, path: Path, **settings: Any) -> None:
        recipe = read_recipe(path, values=settings)
        rows = list(read_rows(trained(recipe), "train", path.parent))
        torch.manual_seed(1)
        self.pipeline: Pipeline = build(recipe, rows)
        examples = [self.pipeline.example(row, "train") for row in rows]
        table = prepare_all(examples, self.pipeline.prepare, "train")
        sizes = self.pipeline.sizes(table)
        self.batches = Pools(lambda chosen, _: table.collate(chosen), sizes, recipe.train.batch, 1)
        self.lines: list[str] = []
        self.gradients = Gradients(self.pipeline, self.batches, self.lines.append)


def step(number: int, norm: float = 1.0, rows: tuple[int, ...] = ()) -> Step:
    return Step(number, 0, 0.5, norm, 0.1, 100, False, False, rows)


def test_a_run_is_bitwise_the_same_with_and_without_the_watch(toy: Path) -> None:
    plain = trained_as(toy, "plain", every=2)
    watched = trained_as(toy, "watched", every=2, watch="gradients")
    assert torch.equal(weights(toy, "watched"), weights(toy, "plain"))
    for record in watched["train"]["history"]:
        assert list(record.pop("gradients")) == PARTS
        assert record.pop("gradients_every") == 1
    assert watched["train"]["history"] == plain["train"]["history"]
    assert watched["train"].pop("explosions") == []
    assert "explosions" not in plain["train"]


def test_each_evaluation_says_a_line_for_each_part(toy: Path) -> None:
    watch = Said()
    metrics = trained_as(toy, "run", watch, every=3, watch="gradients")
    history = metrics["train"]["history"]
    assert [record["step"] for record in history] == [3, 6, 8]
    assert len(watch.lines) == 2 * 3
    assert watch.lines[0].startswith("gradients, layer 1 forward: 0.")
    assert " at the last step, 0." in watch.lines[0]
    assert " at the first step, 0." in watch.lines[1]


def test_without_dev_the_history_has_the_gradients_of_each_evaluation(toy: Path) -> None:
    toy.write_text(toy.read_text().replace("  dev: dev.conll\n", ""))
    history = trained_as(toy, "run", watch="gradients")["train"]["history"]
    assert [(record["epoch"], record["step"]) for record in history] == [(1, 4), (2, 8)]
    assert all(list(record["gradients"]) == PARTS for record in history)


@pytest.mark.slow
def test_a_resumed_run_has_the_notes_of_an_uninterrupted_one(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqkit.gradients.SUDDEN", 0.9)
    monkeypatch.setattr("seqkit.gradients.WARM", 2)
    settings = {"epochs": 3, "every": 3, "watch": "gradients"}
    whole, parts = Said(), Said()
    metrics = trained_as(toy, "whole", whole, **settings)
    with pytest.raises(KeyboardInterrupt):
        trained_as(toy, "broken", Said(last=7), **settings)
    again = trained_as(toy, "broken", parts, **settings)
    assert again["train"]["history"] == metrics["train"]["history"]
    assert again["train"]["explosions"] == metrics["train"]["explosions"]
    assert len(metrics["train"]["explosions"]) > 1
    assert parts.lines == whole.lines[-len(parts.lines) :]
    assert torch.equal(weights(toy, "broken"), weights(toy, "whole"))


def test_where_no_encoder_can_be_looked_into_that_is_said_once(toy: Path) -> None:
    toy.write_text(toy.read_text().replace("encode: {use: bilstm, width: 8, dropout: 0.3}\n", ""))
    watch = Said()
    metrics = trained_as(toy, "run", watch, watch="gradients")
    assert watch.lines == [
        "gradients: no encoder can be looked into: none has the method 'observe'"
    ]
    assert all("gradients" not in record for record in metrics["train"]["history"])


def test_what_is_looked_at_is_the_first_batch_wherever_training_stands(toy: Path) -> None:
    made = Made(toy)
    wanted, _, _ = next(iter(made.batches))
    for position in ({"epoch": 0, "batch": 1}, {"epoch": 1, "batch": 2}):
        made.batches.seek(position)
        found = first_batch(made.batches)
        assert made.batches.position() == position
        assert all(torch.equal(found[name], value) for name, value in wanted.items())


def test_looking_changes_nothing_but_the_notes(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Made(toy)
    encoder: Any = next(iter(made.pipeline.network.encoding))
    plain = encoder.observe
    monkeypatch.setattr(encoder, "observe", lambda *given: (torch.rand(9), plain(*given))[1])
    before = {name: value.clone() for name, value in made.pipeline.network.state_dict().items()}
    position, draws = made.batches.position(), torch.get_rng_state()
    notes: dict[str, Any] = {}
    made.gradients.follow(step(1), notes, due=True)
    assert set(notes) == {"norms", "explosions", "history"}
    after = made.pipeline.network.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert all(weight.grad is None for weight in made.pipeline.network.parameters())
    assert torch.equal(torch.get_rng_state(), draws)
    assert made.batches.position() == position


def test_a_profile_is_the_mean_of_the_norms_of_each_row(toy: Path) -> None:
    made = Made(toy, **{"train.batch": {"rows": 4}})
    notes: dict[str, Any] = {}
    made.gradients.look(step(1), notes)
    batch = made.gradients.batch
    with looking(made.pipeline.network):
        vectors, seen = observe(made.pipeline.network, batch)
        decode = {name.removeprefix("decode/"): value for name, value in batch.items()}
        loss = mean(made.pipeline.network.decoder.loss(vectors, decode))
        [norms] = gradients(loss, seen).values()
    lengths = vectors["text"].lengths.tolist()
    for part in PARTS:
        found = notes["history"][-1]["gradients"][part]
        assert len(found) == max(lengths)
        for at, value in enumerate(found):
            rows = [row for row, length in enumerate(lengths) if length > at]
            naive = sum(float(norms[part][row, at]) for row in rows) / len(rows)
            assert value == pytest.approx(naive, rel=1e-3)
            assert value == float(f"{value:.4g}")


def test_a_profile_leaves_rows_out_where_they_have_ended() -> None:
    norms = torch.tensor([[1.0, 2.0, 3.0, 9.0], [5.0, 9.0, 9.0, 9.0], [9.0, 9.0, 9.0, 9.0]])
    assert profile(norms, torch.tensor([3, 1, 0])) == [3.0, 2.0, 3.0]
    assert profile(norms, torch.tensor([0, 0, 0])) == []


def test_a_long_profile_keeps_every_nth_step_and_says_so(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, whole, thin = Made(toy), dict[str, Any](), dict[str, Any]()
    made.gradients.look(step(1), whole)
    monkeypatch.setattr("seqkit.gradients.POINTS", 3)
    made.gradients.look(step(1), thin)
    [full], [kept] = whole["history"], thin["history"]
    steps = len(full["gradients"][PARTS[0]])
    assert steps > 3
    every = kept["gradients_every"]
    assert every == min(n for n in range(1, 9) if -(-steps // n) <= 3)
    for part in PARTS:
        assert kept["gradients"][part] == full["gradients"][part][::every]


def powers(factor: float, length: int, time: int, backward: bool) -> list[float]:
    """A row whose gradient changes by a factor from where reading ends."""
    steps = range(length) if backward else range(length - 1, -1, -1)
    return [factor**n for n in steps] + [123.0] * (time - length)


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize(
    ("factor", "told"),
    [
        (0.5, "0.00098 10 steps {}: x0.5 a step (vanishing)"),
        (2.0, "1e+03 10 steps {}: x2 a step (exploding)"),
        (0.9, "0.35 10 steps {}: x0.9 a step"),
        (0.0, "0 10 steps {}: x0 a step (vanishing)"),
    ],
)
def test_gradients_are_followed_from_where_reading_ends(
    factor: float, told: str, backward: bool
) -> None:
    norms = torch.tensor([powers(factor, n, 14, backward) for n in (14, 11)] + [[7.0] * 14])
    found = flow(norms, torch.tensor([14, 11, 0]), backward)
    side, way = ("first", "after") if backward else ("last", "before")
    assert found == f"1 at the {side} step, {told.format(way)}"


def test_where_there_is_nothing_to_compare_the_gradient_alone_is_said() -> None:
    assert flow(torch.tensor([[0.25]]), torch.tensor([1]), False) == "0.25 at the last step"
    zero = flow(torch.tensor([[2.0, 0.0]]), torch.tensor([2]), False)
    assert zero == "0 at the last step, 2 1 steps before"
    none = flow(torch.tensor([[torch.nan, 1.0]]), torch.tensor([2]), False)
    assert none == "1 at the last step, nan 1 steps before"
    assert flow(torch.ones(1, 2), torch.tensor([0]), False) == "nan at the last step"


def test_the_longest_rows_of_all_inputs_are_taken_in_their_order() -> None:
    batch = {
        "a/ids": torch.arange(8).reshape(4, 2),
        "a/ids.lengths": torch.tensor([1, 2, 0, 2]),
        "b/ids.lengths": torch.tensor([1, 1, 9, 1]),
        "b/chars.lengths": torch.ones(4, 9),
        "decode/gold.lengths": torch.tensor([99, 0, 0, 0]),
    }
    found = longest(batch, 2)
    assert found["a/ids"].tolist() == [[2, 3], [4, 5]]
    assert found["b/chars.lengths"].shape == (2, 9)
    assert longest(batch, 16)["a/ids.lengths"].tolist() == [1, 2, 0, 2]


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        (["0/text"], [""]),
        (["0/text", "1/text"], ["encoder 1, ", "encoder 2, "]),
        (["0/a", "0/b"], ["a, ", "b, "]),
        (["0/a", "1/b"], ["encoder 1, a, ", "encoder 2, b, "]),
    ],
)
def test_parts_are_named_by_what_sets_them_apart(keys: list[str], names: list[str]) -> None:
    assert prefixes(keys) == names


def heard(made: Made, norms: Mapping[int, float]) -> dict[str, Any]:
    """The notes after updates whose norm is 1 where none is given."""
    notes: dict[str, Any] = {}
    for number in range(1, max(norms) + 1):
        made.gradients.hear(step(number, norms.get(number, 1.0), tuple(range(7))), notes)
    return notes


def test_a_sudden_gradient_is_said_with_its_examples(toy: Path) -> None:
    made = Made(toy)
    notes = heard(made, {5: 9.0, 20: 9.9, 40: 10.9})
    usual = notes["norms"]["mean"]
    assert (made.lines, notes["explosions"]) == ([], [])
    made.gradients.hear(replace(step(41, 100.0, (3, 9, 27, 1, 0, 5)), epoch=2), notes)
    ratio = 100.0 / usual
    assert made.lines == [
        f"gradients: epoch 3, update 41: norm 100, {ratio:.3g} times the running mean "
        "(training examples 4, 10, 28, 2, 1 and 1 more)"
    ]
    assert notes["explosions"] == [
        {"epoch": 3, "step": 41, "norm": 100.0, "ratio": ratio, "examples": [4, 10, 28, 2, 1],
         "more": 1}
    ]  # fmt: skip
    assert notes["norms"]["mean"] == pytest.approx(0.95 * usual + 0.05 * 10 * usual)


def test_nothing_is_sudden_before_there_is_a_mean(toy: Path) -> None:
    made = Made(toy)
    assert heard(made, {20: 1e6})["explosions"] == []
    assert len(heard(made, {21: 1e6})["explosions"]) == 1


def test_a_run_keeps_twenty_explosions_and_says_all(toy: Path) -> None:
    made = Made(toy)
    notes: dict[str, Any] = {}
    for number in range(1, 60):
        made.gradients.hear(step(number, 1e30 if number > 30 else 1.0), notes)
    assert len(made.lines) == 29
    assert [one["step"] for one in notes["explosions"]] == list(range(31, 51))
    assert "(training" not in made.lines[0]


def test_gradients_that_are_zero_at_first_are_no_mean(toy: Path) -> None:
    made = Made(toy)
    notes: dict[str, Any] = {}
    for number in range(1, 30):
        made.gradients.hear(step(number, 0.0), notes)
    made.gradients.hear(step(30, 5.0), notes)
    assert made.lines == []


def test_the_setting_is_explained(command: Any) -> None:
    code, out, _ = command("explain", "train")
    assert code == 0
    assert "watch" in out
    assert "vanish or explode" in " ".join(out.split())
