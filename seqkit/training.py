"""One training loop for every task: a generator of steps; saving and stopping are its caller's."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from seqkit.averages import Averages
from seqkit.batching import Batches
from seqkit.denormals import flushed
from seqkit.errors import TrainingError
from seqkit.network import Network, States
from seqkit.optimisers import Schedule, TrainSettings
from seqkit.pipeline import Pipeline
from seqkit.precision import autocast
from seqkit.table import LENGTHS

if TYPE_CHECKING:
    from seqkit.signatures import Chosen
    from seqkit.stages import Batch

Member = tuple["Batch", Sequence[int], bool]
"""A batch of an update, its examples' rows, and whether it goes on where the last one ended."""
NAMED = 5
"""Examples of a batch that a message names."""


@dataclass(frozen=True)
class Step:
    """One update of the weights.

    number: updates so far, this one included. epoch: from 0. loss: mean over what was counted.
    grad_norm: of the mean gradient, before clipping. rate: the optimiser's. tokens: real steps of
    all inputs. ends_epoch: whether an epoch ends here. ends_training: whether it is the last one.
    rows: of the training split, from 0, that it was made from; none for windows of streams.
    """

    number: int
    epoch: int
    loss: float
    grad_norm: float
    rate: float
    tokens: int
    ends_epoch: bool
    ends_training: bool
    rows: tuple[int, ...] = ()

    @property
    def examples(self) -> int:
        """How many examples the update was made from."""
        return len(self.rows)


@dataclass
class Progress:
    """Everything that training changes beside the weights; a checkpoint keeps all of it.

    precision: fp32, bf16, or from how many rows on a batch is bf16. states: the encoders' states to
    carry on. notes: what the caller keeps from step to step (its best score, its history), as JSON.
    averages: of the weights, where the recipe asks for them.
    """

    optimiser: torch.optim.Optimizer
    schedule: Schedule
    precision: str
    number: int = 0
    epoch: int = 0
    states: States | None = None
    notes: dict[str, Any] = field(default_factory=dict)
    averages: Averages | None = None

    def pack(self) -> tuple[bytes, bytes]:
        """As JSON and safetensors: optimiser, schedule, random generators, carried states."""
        from safetensors.torch import save

        tensors: dict[str, Tensor] = {"random.cpu": torch.get_rng_state()}
        if torch.cuda.is_available():
            for number, state in enumerate(torch.cuda.get_rng_state_all()):
                tensors[f"random.cuda.{number}"] = state
        packed = self.optimiser.state_dict()
        scalars: dict[str, dict[str, Any]] = {}
        for index, slots in packed["state"].items():
            for name, value in slots.items():
                if isinstance(value, Tensor):
                    tensors[f"optimiser.{index}.{name}"] = value
                else:
                    scalars.setdefault(str(index), {})[name] = value
        for key, carried in (self.states or {}).items():
            for place, tensor in enumerate(carried):
                tensors[f"state.{key}.{place}"] = tensor
        for name, value in (self.averages.values if self.averages else {}).items():
            tensors[f"average.{name}"] = value
        content = {
            "number": self.number,
            "epoch": self.epoch,
            "precision": self.precision,
            "schedule": self.schedule.state(),
            "groups": packed["param_groups"],
            "scalars": scalars,
            "notes": self.notes,
        }
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        return json.dumps(content).encode(), save({n: t.clone() for n, t in tensors.items()})

    def restore(self, content: bytes, tensors: bytes, device: torch.device) -> None:
        """Takes back what `pack` gave, the random generators of this process included."""
        from safetensors.torch import load

        saved = json.loads(content)
        found = load(tensors)
        self.number, self.epoch = saved["number"], saved["epoch"]
        self.precision, self.notes = saved["precision"], saved["notes"]
        self.schedule.restore(saved["schedule"])
        slots: dict[int, dict[str, Any]] = {int(k): dict(v) for k, v in saved["scalars"].items()}
        carried: dict[str, list[Tensor]] = {}
        for name in sorted(found, key=natural):
            kind, _, rest = name.partition(".")
            key, _, last = rest.rpartition(".")
            if kind == "optimiser":
                slots.setdefault(int(key), {})[last] = found[name]
            elif kind == "state":
                carried.setdefault(key, []).append(found[name].to(device))
        self.optimiser.load_state_dict({"state": slots, "param_groups": saved["groups"]})
        self.states = {key: tuple(parts) for key, parts in carried.items()} or None
        if self.averages:
            start = "average."
            kept = {name: value for name, value in found.items() if name.startswith(start)}
            self.averages.restore({name[len(start) :]: kept[name] for name in kept})
        torch.set_rng_state(found["random.cpu"])
        if torch.cuda.is_available():
            count = sum(name.startswith("random.cuda.") for name in found)
            states = [found[f"random.cuda.{number}"] for number in range(count)]
            torch.cuda.set_rng_state_all(states[: torch.cuda.device_count()])


def natural(name: str) -> tuple[str, int]:
    """Sorts `state.x.10` behind `state.x.9`."""
    head, _, last = name.rpartition(".")
    return (head, int(last)) if last.isdigit() else (name, 0)


def begin(pipeline: Pipeline, settings: TrainSettings, precision: str) -> Progress:
    """The progress of a training that has not begun."""
    weights = [weight for weight in pipeline.network.parameters() if weight.requires_grad]
    if not weights:
        raise TrainingError("train: the pipeline has no weights to train.")
    optimiser, schedule = cast("Chosen", settings.optimiser), cast("Chosen", settings.schedule)
    average = settings.average
    averages = Averages(pipeline.network, average.decay) if average else None
    return Progress(optimiser.build(weights), schedule.build(), precision, averages=averages)


def total_steps(batches: Batches, settings: TrainSettings, progress: Progress) -> int:
    """How many updates the schedule reckons with, by the plan of the first epoch.

    Kept in the progress: another epoch may have a batch more or less.
    """
    planned = settings.epochs * math.ceil(len(batches) / settings.accumulate)
    steps = min(planned, settings.steps) if settings.steps else planned
    return int(progress.notes.setdefault("steps", steps))


def train(
    pipeline: Pipeline, batches: Batches, settings: TrainSettings, progress: Progress
) -> Iterator[Step]:
    """Trains, one update at each `next`, from wherever `batches` and `progress` stand.

    Between two steps, progress and `batches.position()` are all that a checkpoint needs beside the
    weights. Raises TrainingError for a loss or a gradient that is no finite number; the weights are
    then those of the step before.
    """
    network, device = pipeline.network, pipeline.device
    steps, limit = total_steps(batches, settings, progress), settings.steps or math.inf
    rates = [group["lr"] for group in progress.optimiser.param_groups]
    full = progress.notes.setdefault("rates", rates)
    while progress.epoch < settings.epochs and progress.number < limit:
        group: list[Member] = []
        count = len(batches)
        for batch, rows, continues in batches:
            group.append((batch, rows, continues))
            last = batches.position()["batch"] == count
            if len(group) < settings.accumulate and not last:
                continue
            share = progress.schedule.factor(progress.number, steps)
            for slot, rate in zip(progress.optimiser.param_groups, full, strict=True):
                slot["lr"] = rate * share
            network.train()
            loss, norm, tokens = update(network, device, group, settings, progress)
            if not batches.carries:
                progress.states = None
            progress.number += 1
            if progress.averages:
                progress.averages.follow(progress.number)
            done = progress.number >= limit or (last and progress.epoch + 1 == settings.epochs)
            rate, members = full[0] * share, tuple(row for _, rows, _ in group for row in rows)
            yield Step(
                progress.number, progress.epoch, loss, norm, rate, tokens, last, done, members
            )
            group = []
            if progress.number >= limit:
                return
        progress.epoch += 1


@flushed()
def update(
    network: Network,
    device: torch.device,
    group: Sequence[Member],
    settings: TrainSettings,
    progress: Progress,
) -> tuple[float, float, int]:
    """One update from a group of batches: mean loss, norm of the mean gradient, real steps.

    Each batch adds the gradient of its summed loss; the sum of counts divides once, at the end.
    """
    total, count, tokens = 0.0, 0.0, 0
    progress.optimiser.zero_grad(set_to_none=True)
    for batch, rows, continues in group:
        tokens += real_steps(batch)
        moved = {name: value.to(device) for name, value in batch.items()}
        with autocast(device, progress.precision, moved):
            loss, penalty, after = network(moved, progress.states if continues else None)
        whole = loss.total if penalty is None else loss.total + penalty * loss.count
        value = float(whole.detach())
        if not math.isfinite(value):
            raise TrainingError(unfit("loss", value, progress, (batch, rows)))
        if whole.requires_grad:
            whole.backward()
        total, count = total + value, count + float(loss.count)
        progress.states = {k: tuple(t.detach() for t in state) for k, state in after.items()}
    grads = [weight.grad for weight in network.parameters() if weight.grad is not None]
    count = max(count, 1.0)
    norm = float(torch.nn.utils.get_total_norm(grads)) / count
    if not math.isfinite(norm):
        raise TrainingError(unfit("gradient's norm", norm, progress, group[-1][:2]))
    shrink = min(1.0, settings.clip / (norm + 1e-6)) if settings.clip else 1.0
    if grads:
        torch._foreach_mul_(grads, shrink / count)
    progress.optimiser.step()
    return total / count, norm, tokens


def unfit(what: str, value: float, progress: Progress, member: tuple[Batch, Sequence[int]]) -> str:
    """Says which batch brought a value that is no number, and whether its data has such values."""
    batch, rows = member
    where = f"train: epoch {progress.epoch + 1}, update {progress.number + 1}{named(rows)}"
    odd = next((name for name, array in batch.items() if bool(array.isnan().any())), None)
    todo = "Lower train.optimiser.rate or train.clip."
    if odd is not None:
        todo = f"The batch's '{odd}' has numbers that are nan: mend the data."
    return f"{where}: the {what} is {value}. {todo}"


def named(rows: Sequence[int]) -> str:
    """Which training examples a batch is made of, in brackets; they are counted from 1."""
    first = ", ".join(str(row + 1) for row in rows[:NAMED])
    more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
    return f" (training examples {first}{more})" if rows else ""


def real_steps(batch: Batch) -> int:
    """The real steps of all inputs: the longest array of each is its time axis."""
    found: dict[str, int] = {}
    for name, lengths in batch.items():
        scope, slash, _ = name.partition("/")
        if name.endswith(LENGTHS) and slash and scope != "decode" and lengths.ndim == 1:
            found[scope] = max(found.get(scope, 0), int(lengths.sum()))
    return sum(found.values())


@flushed()
def mean_loss(pipeline: Pipeline, batches: Sequence[Batch]) -> float:
    """The mean loss over prepared batches, in fp32 and without dropout."""
    total, count = 0.0, 0.0
    pipeline.network.eval()
    with torch.inference_mode():
        for batch in batches:
            moved = {name: value.to(pipeline.device) for name, value in batch.items()}
            loss, _, _ = pipeline.network(moved)
            total, count = total + float(loss.total), count + float(loss.count)
    return total / max(count, 1.0)
