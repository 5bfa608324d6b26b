"""What `train:` may set, and the closed tables of optimisers and schedules.

This module imports no torch: an optimiser's factory does, when it is called.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, runtime_checkable

from annotated_types import Ge, Lt

from seqkit.plugins import Use
from seqkit.settings import (
    Name,
    Nested,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Probability,
)

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer


Decay = Annotated[float, Ge(0.0), Lt(1.0)]
"""The share of a moving mean that each step keeps."""


@runtime_checkable
class Optimiser(Protocol):
    """The kind of `train.optimiser`."""


@runtime_checkable
class Schedule(Protocol):
    """The kind of `train.schedule`: scales the optimiser's rate."""

    def factor(self, step: int, steps: int) -> float:
        """The share of the full rate at update `step` (from 0) of `steps`."""
        ...

    def hear(self, better: bool) -> None:
        """Tells whether the last evaluation was the best so far."""
        ...

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes back what `state` gave."""
        ...


def adam(
    parameters: Iterable[Tensor],
    *,
    rate: PositiveFloat = 1e-3,
    beta1: Decay = 0.9,
    beta2: Decay = 0.999,
    epsilon: PositiveFloat = 1e-8,
) -> Optimizer:
    """Adam (Kingma & Ba 2015).

    rate: step size. beta1, beta2: decay of the first and second moment. epsilon: added to the root.
    """
    from torch.optim import Adam

    return Adam(parameters, lr=rate, betas=(beta1, beta2), eps=epsilon, fused=True)


def adamw(
    parameters: Iterable[Tensor],
    *,
    rate: PositiveFloat = 1e-3,
    beta1: Decay = 0.9,
    beta2: Decay = 0.999,
    epsilon: PositiveFloat = 1e-8,
    decay: NonNegativeFloat = 0.01,
) -> Optimizer:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019).

    rate, beta1, beta2, epsilon: as in adam. decay: weight decay, times rate at each step.
    """
    from torch.optim import AdamW

    return AdamW(
        parameters, lr=rate, betas=(beta1, beta2), eps=epsilon, weight_decay=decay, fused=True
    )


def sgd(
    parameters: Iterable[Tensor],
    *,
    rate: PositiveFloat = 0.1,
    momentum: Decay = 0.0,
    decay: NonNegativeFloat = 0.0,
) -> Optimizer:
    """Stochastic gradient descent (Robbins & Monro 1951).

    rate: step size. momentum: heavy-ball momentum. decay: weight decay, added to the gradient.
    """
    from torch.optim import SGD

    return SGD(parameters, lr=rate, momentum=momentum, weight_decay=decay)


@dataclass
class Ramp:
    """A schedule that depends on the step alone: a linear warm-up, then `after`."""

    warmup: int
    after: Callable[[float], float]

    def factor(self, step: int, steps: int) -> float:
        """The share of the full rate at update `step`."""
        if step < self.warmup:
            return (step + 1) / (self.warmup + 1)
        return self.after((step - self.warmup) / max(1, steps - self.warmup))

    def hear(self, better: bool) -> None:
        """Does nothing: no score changes this schedule."""

    def state(self) -> dict[str, Any]:
        """Nothing: the step is the trainer's."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes nothing back."""


def constant(*, warmup: NonNegativeInt = 0) -> Schedule:
    """The full rate throughout. warmup: updates over which it rises linearly from zero."""
    return Ramp(warmup, lambda _: 1.0)


def linear(*, warmup: NonNegativeInt = 0, floor: Probability = 0.0) -> Schedule:
    """A straight line down to the end. warmup: as in constant.

    floor: the share that an update after the last would have.
    """
    return Ramp(warmup, lambda done: 1.0 - (1.0 - floor) * min(1.0, done))


def cosine(
    *, warmup: NonNegativeInt = 0, hold: Probability = 0.0, floor: Probability = 0.0
) -> Schedule:
    """Half a cosine down to the end (Loshchilov & Hutter 2017, without restarts).

    warmup: as in constant. hold: the share of the updates after it that keep the full rate.
    floor: the share that an update after the last would have.
    """

    def after(done: float) -> float:
        falling = min(1.0, max(0.0, done - hold) / max(1e-9, 1.0 - hold))
        return floor + (1.0 - floor) * 0.5 * (1.0 + math.cos(math.pi * falling))

    return Ramp(warmup, after)


@dataclass
class Plateau:
    """Lowers the rate when evaluations stop getting better."""

    by: float
    patience: int
    warmup: int
    share: float = 1.0
    waited: int = 0

    def factor(self, step: int, steps: int) -> float:  # noqa: ARG002  the protocol gives both
        """The share of the full rate at update `step`."""
        return self.share * min(1.0, (step + 1) / (self.warmup + 1))

    def hear(self, better: bool) -> None:
        """Counts evaluations without a best, and lowers the rate when there were too many."""
        self.waited = 0 if better else self.waited + 1
        if self.waited > self.patience:
            self.share, self.waited = self.share * self.by, 0

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"share": self.share, "waited": self.waited}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes back what `state` gave."""
        self.share, self.waited = state["share"], state["waited"]


def plateau(
    *, by: Probability = 0.5, patience: NonNegativeInt = 1, warmup: NonNegativeInt = 0
) -> Schedule:
    """Lowers the rate when evaluations stop getting better.

    by: multiplies the rate. patience: evaluations without a best that are waited for; the next one
    lowers the rate. warmup: as in constant.
    """
    return Plateau(by, patience, warmup)


OPTIMISERS: Mapping[str, Callable[..., Any]] = {"adam": adam, "adamw": adamw, "sgd": sgd}
SCHEDULES: Mapping[str, Callable[..., Any]] = {
    "constant": constant,
    "cosine": cosine,
    "linear": linear,
    "plateau": plateau,
}
TABLES = {"optimiser": OPTIMISERS, "schedule": SCHEDULES}


@dataclass(frozen=True)
class BatchSettings:
    """How examples are put into batches: by tokens, by rows, or as contiguous streams.

    tokens: rows x longest row, padding included, summed over inputs and target. rows: so many rows.
    streams, window: so many contiguous rows, cut into windows of so many steps. pool: batches that
    are shuffled together and sorted by length.
    """

    tokens: PositiveInt | None = None
    rows: PositiveInt | None = None
    streams: PositiveInt | None = None
    window: PositiveInt | None = None
    pool: PositiveInt = 50


def batch_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """One way of batching at a time, and streams with their window."""
    ways = [name for name in ("tokens", "rows", "streams") if settings.get(name) is not None]
    if not ways:
        yield "tokens", "say how to batch: {tokens: 2000}, {rows: 32} or {streams: 20, window: 35}"
    if len(ways) > 1:
        yield ways[1], f"excludes '{ways[0]}'. Keep one of them"
    if ways == ["streams"] and settings.get("window") is None:
        yield "streams", "needs 'window', the steps of one window"
    if settings.get("window") is not None and "streams" not in ways:
        yield "window", "has no effect without 'streams'"


@dataclass(frozen=True)
class StopSettings:
    """When to stop early.

    on: a metric of `evaluate`, or loss. patience: evaluations without a best. goal: a value that is
    good enough: the first evaluation that is as good is the last.
    """

    on: Name
    patience: PositiveInt = 5
    goal: float | None = None


@dataclass(frozen=True)
class AverageSettings:
    """A moving average of the weights; it is what is scored, kept as best, and saved.

    decay: what stays of the average at each update; it remembers about 1 / (1 - decay) of them.
    """

    decay: Decay = 0.998


@dataclass(frozen=True)
class TrainSettings:
    """How a pipeline is trained.

    epochs: passes over the training split. steps: a limit on updates, where given. batch: how
    examples are batched. accumulate: batches an update. optimiser, schedule: by name. clip: the
    largest norm of the gradient. average: of the weights over updates. stop: early stopping. every:
    updates between evaluations (default: an epoch). save: seconds between checkpoints. precision:
    bf16 keeps fp32 weights; auto measures both once and records its choice: all batches fp32, or
    those of 32 rows and more bf16. watch: gradients tells at each evaluation where in a text they
    vanish or explode, and names batches whose gradient is far above the others; the weights stay
    those of a run without it. seed: of everything that is random.
    """

    epochs: PositiveInt = 10
    steps: PositiveInt | None = None
    batch: BatchSettings = field(default_factory=lambda: BatchSettings(tokens=2000))
    accumulate: PositiveInt = 1
    optimiser: Nested[Optimiser] = field(default_factory=lambda: Use("optimiser", "adam"))
    schedule: Nested[Schedule] = field(default_factory=lambda: Use("schedule", "constant"))
    clip: PositiveFloat | None = 5.0
    average: AverageSettings | None = None
    stop: StopSettings | None = None
    every: PositiveInt | None = None
    save: NonNegativeFloat = 60.0
    precision: Literal["auto", "fp32", "bf16"] = "fp32"
    watch: Literal["gradients"] | None = None
    seed: NonNegativeInt = 1
