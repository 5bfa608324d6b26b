"""One loop: sums and counts, clipping, what stops it, and what it leaves alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
import torch
from torch import Tensor

from seqkit.batching import Pools
from seqkit.data import read_rows, trained
from seqkit.errors import TrainingError
from seqkit.network import Network
from seqkit.pipeline import Pipeline, build
from seqkit.recipe import read_recipe
from seqkit.stages import Loss
from seqkit.table import prepare_all
from seqkit.training import (
    Progress,
    Step,
    begin,
    mean_loss,
    real_steps,
    total_steps,
    train,
)

if TYPE_CHECKING:
    from seqkit.stages import Batch

EXAMPLES = 12


class Made:
    """A pipeline with its weights as drawn from seed 1, and batches of twelve examples."""

    def __init__(self, path: Path, **settings: Any) -> None:
        wanted = {
            "train.optimiser": {"use": "sgd", "rate": 0.5},
            "train.batch": {"rows": EXAMPLES},
            "train.clip": None,
            "embed.dropout": 0.0,
            "encode.dropout": 0.0,
            "embed.parts.0.unknown": 0.0,
        }
        wanted |= {name.replace("__", "."): value for name, value in settings.items()}
        recipe = read_recipe(path, values=wanted)
        rows = list(read_rows(trained(recipe), "train", path.parent, EXAMPLES))
        torch.manual_seed(1)
        self.pipeline = build(recipe, rows)
        self.settings = recipe.train
        examples = [self.pipeline.example(row, "train") for row in rows]
        table = prepare_all(examples, self.pipeline.prepare, "train")
        self.batches = Pools(
            lambda chosen, _: table.collate(chosen),
            self.pipeline.sizes(table),
            recipe.train.batch,
            seed=1,
        )
        self.progress = begin(self.pipeline, recipe.train, "fp32")

    def steps(self) -> Iterator[Step]:
        """The updates, one at each `next`."""
        return train(self.pipeline, self.batches, self.settings, self.progress)

    def weights(self) -> Tensor:
        """All weights, end to end."""
        return torch.cat([w.detach().flatten() for w in self.pipeline.network.parameters()])

    def one_batch(self) -> Batch:
        """A batch of all examples."""
        return self.batches.collate(torch.arange(EXAMPLES).numpy(), 0)


@pytest.mark.parametrize("rows", [4, 5, 1])
def test_accumulated_batches_give_the_gradient_of_one_big_batch(toy: Path, rows: int) -> None:
    whole = Made(toy)
    split = Made(toy, train__batch={"rows": rows}, train__accumulate=math.ceil(EXAMPLES / rows))
    one, other = next(whole.steps()), next(split.steps())
    assert other.loss == pytest.approx(one.loss, rel=1e-5)
    assert other.grad_norm == pytest.approx(one.grad_norm, rel=1e-4)
    assert other.tokens == one.tokens
    torch.testing.assert_close(split.weights(), whole.weights(), atol=1e-6, rtol=1e-5)


def test_the_last_update_of_an_epoch_takes_what_batches_are_left(toy: Path) -> None:
    made = Made(toy, train__batch={"rows": 2}, train__accumulate=4, train__epochs=2)
    steps = list(made.steps())
    assert [step.number for step in steps] == [1, 2, 3, 4]
    assert [step.epoch for step in steps] == [0, 0, 1, 1]
    assert [step.ends_epoch for step in steps] == [False, True, False, True]
    assert [step.ends_training for step in steps] == [False, False, False, True]
    assert steps[0].tokens + steps[1].tokens == steps[2].tokens + steps[3].tokens


def test_a_limit_on_updates_ends_training_within_an_epoch(toy: Path) -> None:
    made = Made(toy, train__batch={"rows": 4}, train__steps=5)
    steps = list(made.steps())
    assert [step.ends_training for step in steps] == [False] * 4 + [True]
    assert list(made.steps()) == []


def test_the_loss_of_a_step_is_the_mean_over_what_was_counted(toy: Path) -> None:
    made = Made(toy)
    wanted = mean_loss(made.pipeline, [made.one_batch()])
    assert next(made.steps()).loss == pytest.approx(wanted, rel=1e-5)


def test_the_mean_loss_does_not_depend_on_the_batches_or_on_dropout(toy: Path) -> None:
    made = Made(toy, encode__dropout=0.5, train__batch={"rows": 5})
    parts = [batch for batch, _, _ in made.batches]
    assert len(parts) == 3
    made.pipeline.network.train()
    wanted = mean_loss(made.pipeline, [made.one_batch()])
    assert mean_loss(made.pipeline, parts) == pytest.approx(wanted, rel=1e-5)
    assert mean_loss(made.pipeline, []) == 0.0


def test_clipping_shortens_the_mean_gradient_to_the_limit(toy: Path) -> None:
    made = Made(toy, train__clip=0.01, train__optimiser={"use": "sgd", "rate": 1.0})
    free = next(Made(toy).steps())
    before = made.weights()
    step = next(made.steps())
    assert step.grad_norm == pytest.approx(free.grad_norm, rel=1e-5)
    assert float((made.weights() - before).norm()) == pytest.approx(0.01, rel=1e-3)


def test_a_gradient_within_the_limit_stays_as_it_is(toy: Path) -> None:
    clipped, free = Made(toy, train__clip=1e6), Made(toy)
    next(clipped.steps()), next(free.steps())
    assert torch.equal(clipped.weights(), free.weights())


def test_the_rate_follows_the_schedule(toy: Path) -> None:
    made = Made(
        toy,
        train__batch={"rows": 3},
        train__epochs=1,
        train__schedule={"use": "linear", "warmup": 1},
    )
    assert [step.rate for step in made.steps()] == pytest.approx([0.25, 0.5, 1 / 3, 1 / 6])


def test_the_schedule_reckons_with_the_first_epoch_for_good(toy: Path) -> None:
    made = Made(toy, train__batch={"rows": 3}, train__epochs=3)
    assert total_steps(made.batches, made.settings, made.progress) == 12
    made.batches.planned = (0, made.batches.plan()[:2])
    assert total_steps(made.batches, made.settings, made.progress) == 12


def spoil(
    made: Made, monkeypatch: pytest.MonkeyPatch, number: int, change: Callable[[Loss], Loss]
) -> None:
    """Changes the loss of one batch, counted from 1."""
    decoder, calls = made.pipeline.network.decoder, iter(range(1, 100))
    real = decoder.loss

    def loss(inputs: Mapping[str, Any], batch: Batch) -> Loss:
        found = real(inputs, batch)
        return change(found) if next(calls) == number else found

    monkeypatch.setattr(decoder, "loss", loss)


def test_a_loss_that_is_no_number_stops_naming_epoch_update_and_examples(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Made(toy, train__batch={"rows": 4}, train__epochs=2)
    spoil(made, monkeypatch, 5, lambda loss: Loss(loss.total * math.nan, loss.count))
    steps = made.steps()
    for _ in range(4):
        next(steps)
    before = made.weights()
    made.batches.planned = (-1, [])
    rows = [number + 1 for number in made.batches.plan()[1].tolist()]
    with pytest.raises(TrainingError) as stopped:
        next(steps)
    assert str(stopped.value) == (
        f"train: epoch 2, update 5 (training examples {', '.join(map(str, rows))}): the loss is "
        "nan. Lower train.optimiser.rate or train.clip."
    )
    assert torch.equal(made.weights(), before)


def test_data_that_are_no_numbers_are_named_where_they_spoil_the_loss(toy: Path) -> None:
    made = Made(toy)
    collate = made.batches.collate

    def spoilt(*given: Any) -> Batch:
        return {**collate(*given), "text/values": torch.tensor([[0.5], [math.nan]])}

    made.batches.collate = spoilt
    spoil_weights(made)
    with pytest.raises(TrainingError) as stopped:
        next(made.steps())
    assert str(stopped.value).endswith(
        " and 7 more): the loss is nan. The batch's 'text/values' has numbers that are nan: mend "
        "the data."
    )


def spoil_weights(made: Made) -> None:
    """Makes every loss no number."""
    with torch.no_grad():
        for weight in made.pipeline.network.parameters():
            weight.fill_(math.nan)


def test_an_infinite_loss_in_a_long_batch_names_its_first_examples(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Made(toy)
    spoil(made, monkeypatch, 1, lambda loss: Loss(loss.total / 0.0, loss.count))
    first = ", ".join(str(row + 1) for row in made.batches.plan()[0].tolist()[:5])
    with pytest.raises(TrainingError) as stopped:
        next(made.steps())
    assert str(stopped.value) == (
        f"train: epoch 1, update 1 (training examples {first} and 7 more): the loss is inf. "
        "Lower train.optimiser.rate or train.clip."
    )


class Spoilt(torch.autograd.Function):
    """Passes a value on, and a gradient that is no number back."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad * math.nan


def test_a_gradient_that_is_no_number_stops_and_leaves_the_weights(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Made(toy)
    spoil(
        made, monkeypatch, 1, lambda loss: Loss(cast("Any", Spoilt).apply(loss.total), loss.count)
    )
    before = made.weights()
    with pytest.raises(TrainingError, match=r"update 1 .*: the gradient's norm is nan\. Lower "):
        next(made.steps())
    assert torch.equal(made.weights(), before)


def test_a_batch_that_counts_nothing_changes_nothing(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Made(toy)
    spoil(made, monkeypatch, 1, lambda _: Loss(torch.zeros(()), torch.zeros(())))
    before = made.weights()
    step = next(made.steps())
    assert (step.loss, step.grad_norm) == (0.0, 0.0)
    assert torch.equal(made.weights(), before)


@pytest.mark.parametrize("rows", [EXAMPLES, 5])
def test_a_penalty_is_added_to_the_mean_loss_once(
    toy: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    plain = Made(toy)
    made = Made(toy, train__batch={"rows": rows}, train__accumulate=3)
    real = made.pipeline.network.forward
    weight = next(made.pipeline.network.parameters())

    def forward(batch: Batch, states: Any = None) -> Any:
        loss, penalty, after = real(batch, states)
        assert penalty is None
        return loss, 0.25 * weight.square().sum(), after

    monkeypatch.setattr(made.pipeline.network, "forward", forward)
    extra = 0.25 * float(weight.detach().square().sum())
    gradient = 0.5 * weight.detach().clone()
    same = next(plain.pipeline.network.parameters())
    step, without = next(made.steps()), next(plain.steps())
    assert step.loss == pytest.approx(without.loss + extra, rel=1e-5)
    torch.testing.assert_close(weight, same - 0.5 * gradient, atol=1e-6, rtol=1e-5)


class Windows:
    """Batches of which some go on where the one before ended."""

    carries = True

    def __init__(self, batch: Batch, continues: Sequence[bool]) -> None:
        self.batch, self.continues, self.number = batch, continues, 0

    def __iter__(self) -> Iterator[tuple[Batch, Sequence[int], bool]]:
        while self.number < len(self.continues):
            self.number += 1
            yield self.batch, [], self.continues[self.number - 1]
        self.number = 0

    def __len__(self) -> int:
        return len(self.continues)

    def position(self) -> Mapping[str, Any]:
        return {"batch": self.number}

    def seek(self, position: Mapping[str, Any]) -> None:
        self.number = position["batch"]


def watch_states(made: Made, monkeypatch: pytest.MonkeyPatch) -> list[float | None]:
    """What state each batch is given: the number of the batch it is from, or None."""
    real, given = made.pipeline.network.forward, []
    calls = iter(range(1, 100))

    def forward(batch: Batch, states: Any = None) -> Any:
        loss, penalty, _ = real(batch)
        given.append(None if states is None else float(states["0/text"][0]))
        assert states is None or not states["0/text"][0].requires_grad
        number = torch.full((1,), float(next(calls)), requires_grad=True)
        return loss, penalty, {"0/text": (number * 1.0,)}

    monkeypatch.setattr(made.pipeline.network, "forward", forward)
    return given


@pytest.mark.parametrize("accumulate", [1, 2])
def test_states_are_carried_on_only_where_a_batch_continues(
    toy: Path, monkeypatch: pytest.MonkeyPatch, accumulate: int
) -> None:
    made = Made(toy, train__epochs=2, train__accumulate=accumulate)
    given = watch_states(made, monkeypatch)
    windows = Windows(made.one_batch(), [False, True, True, False, True])
    list(train(made.pipeline, windows, made.settings, made.progress))
    assert given == [None, 1, 2, None, 4, None, 6, 7, None, 9]
    assert made.progress.states is not None


def test_states_are_dropped_where_batches_do_not_carry(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Made(toy, train__batch={"rows": 4}, train__epochs=1)
    given = watch_states(made, monkeypatch)
    list(made.steps())
    assert given == [None, None, None]
    assert made.progress.states is None


def test_bf16_keeps_the_weights_in_fp32(toy: Path) -> None:
    made, plain = Made(toy), Made(toy)
    made.progress.precision = "bf16"
    step = next(made.steps())
    assert step.loss == pytest.approx(next(plain.steps()).loss, rel=0.02)
    assert made.weights().dtype == torch.float32


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "sgd", {"use": "sgd", "momentum": 0.9}])
def test_progress_comes_back_as_it_was_packed(toy: Path, optimiser: Any) -> None:
    made, other = Made(toy, train__optimiser=optimiser), Made(toy, train__optimiser=optimiser)
    next(made.steps())
    made.progress.states = {"0/text": tuple(torch.full((2,), float(n)) for n in range(12))}
    made.progress.notes |= {"best": {"number": 1, "value": math.inf}}
    packed = made.progress.pack()
    drawn = torch.rand(3)
    other.progress.restore(*packed, torch.device("cpu"))
    assert torch.equal(torch.rand(3), drawn)
    assert vars_of(other.progress) == vars_of(made.progress)
    assert other.progress.states is not None
    assert [float(part[0]) for part in other.progress.states["0/text"]] == list(range(12))
    assert same(other.progress.optimiser.state_dict(), made.progress.optimiser.state_dict())


def vars_of(progress: Progress) -> list[Any]:
    return [progress.precision, progress.number, progress.epoch, progress.notes]


def same(one: Any, other: Any) -> bool:
    """Whether two optimisers' states are equal, bit for bit."""
    if isinstance(one, Tensor):
        return torch.equal(one, other)
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return all(same(*pair) for pair in zip(one, other, strict=True))
    return bool(one == other)


def test_real_steps_are_the_longest_array_of_each_input() -> None:
    batch = {
        "left/pieces.lengths": torch.tensor([2, 3]),
        "left/words.lengths": torch.tensor([1, 1]),
        "left/chars.lengths": torch.ones(2, 3, dtype=torch.int64),
        "right/values.lengths": torch.tensor([4, 4]),
        "decode/tags.lengths": torch.tensor([9, 9]),
    }
    assert real_steps(batch) == 5 + 8


def test_a_pipeline_without_weights_cannot_be_trained(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Made(toy)
    monkeypatch.setattr(Network, "parameters", lambda _: iter(()))
    with pytest.raises(TrainingError) as stopped:
        begin(made.pipeline, made.settings, "fp32")
    assert str(stopped.value) == "train: the pipeline has no weights to train."


def test_the_same_seed_trains_to_the_same_weights(toy: Path) -> None:
    found = []
    for _ in range(2):
        made = Made(toy, encode__dropout=0.5, embed__parts__0__unknown=0.5)
        list(made.steps())
        found.append(made.weights())
    assert torch.equal(*found)
    assert isinstance(made.pipeline, Pipeline)
