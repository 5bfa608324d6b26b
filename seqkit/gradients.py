"""Gradients while a pipeline trains: how far back in a text they reach, and batches that explode.

What is looked at is d loss / d h_t, the total derivative of the mean loss with respect to what an
encoder hands from step to step (Hochreiter 1991; Bengio et al. 1994; Pascanu et al. 2013).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch

from seqkit.batching import Batches
from seqkit.network import DECODE, scoped
from seqkit.observation import gradients, looking, mean, observable, observe
from seqkit.pipeline import Pipeline
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import time_mask
from seqkit.table import LENGTHS
from seqkit.training import NAMED, Step, named

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int
    from torch import Tensor

    from seqkit.stages import Batch

ROWS = 16
"""The longest rows of the batch that is looked at."""
POINTS = 512
"""The most numbers of a profile that are kept: beyond it every second step, every third, ..."""
BACKWARD = "backward"
"""How the name of a part ends that reads a text from its end: gradients flow the other way."""
VANISHED = 1e-3
"""The share of a gradient that, when less is left at the far end, is called vanishing."""
EXPLODED = 1e3
"""The growth of a gradient that, when there is more at the far end, is called exploding."""
SUDDEN = 10.0
"""How many times its running mean the norm of an update's gradient is when it is told."""
WARM = 20
"""Updates before which no norm is told."""
KEPT = 0.95
"""The share of the running mean that each update keeps."""
TOLD = 20
"""The most explosions that a run keeps."""


class Gradients:
    """Looks at the gradients of one training batch, the first one, and at each update's norm.

    Only its notes change: the weights, the optimiser and every random generator stay as they are.
    say: takes a line. An encoder that cannot be looked into is said once.
    """

    def __init__(self, pipeline: Pipeline, batches: Batches, say: Callable[[str], None]) -> None:
        self.pipeline, self.say = pipeline, say
        self.batch = longest(first_batch(batches), ROWS)
        self.shown = observable(pipeline.network)
        if not self.shown:
            say("gradients: no encoder can be looked into: none has the method 'observe'")

    def follow(self, step: Step, notes: dict[str, Any], due: bool) -> None:
        """Takes an update in; looks at the gradients through time where an evaluation is due."""
        self.hear(step, notes)
        if due and self.shown:
            self.look(step, notes)

    def look(self, step: Step, notes: dict[str, Any]) -> None:
        """Adds the profiles to the update's record in the history, and says a line for each.

        A profile counts from each row's first step: the mean, over the rows that have step t, of
        the norm of d loss / d h_t. Of more than POINTS steps it keeps every n-th, from the first;
        n is noted as "gradients_every".
        """
        every, found = 1, dict[str, list[float]]()
        with torch.random.fork_rng():
            norms = self.norms()
        for name, (norm, lengths) in norms.items():
            whole = profile(norm, lengths)
            every = max(1, -(-len(whole) // POINTS))
            found[name] = [float(f"{value:.4g}") for value in whole[::every]]
            self.say(f"gradients, {name}: {flow(norm, lengths, name.endswith(BACKWARD))}")
        history = notes.setdefault("history", [])
        if not history or history[-1]["step"] != step.number:
            history.append({"epoch": step.epoch + 1, "step": step.number, "loss": step.loss})
        history[-1] |= {"gradients": found, "gradients_every": every}

    def norms(
        self,
    ) -> dict[str, tuple[Float[Tensor, "batch time"], Int[Tensor, " batch"]]]:
        """The norms of d loss / d h_t and the rows' lengths, by part."""
        network, device = self.pipeline.network, self.pipeline.device
        batch = {name: value.to(device) for name, value in self.batch.items()}
        with looking(network):
            vectors, seen = observe(network, batch)
            norms = gradients(mean(network.decoder.loss(vectors, scoped(batch, DECODE))), seen)
        return {
            f"{name}{part}": (norm, seen[key].vectors.lengths)
            for name, key in zip(prefixes(list(norms)), norms, strict=True)
            for part, norm in norms[key].items()
        }

    def hear(self, step: Step, notes: dict[str, Any]) -> None:
        """Says and notes an update whose gradient is far above the running mean of its norm.

        What is above the limit moves the mean by no more than the limit does.
        """
        usual: dict[str, float] = notes.setdefault("norms", {"mean": step.grad_norm, "count": 0})
        usual["count"] += 1
        told: list[Any] = notes.setdefault("explosions", [])
        limit = SUDDEN * usual["mean"]
        if usual["count"] > WARM and step.grad_norm > limit > 0:
            times = step.grad_norm / usual["mean"]
            self.say(
                f"gradients: epoch {step.epoch + 1}, update {step.number}: norm "
                f"{step.grad_norm:.3g}, {times:.3g} times the running mean{named(step.rows)}"
            )
            record = {
                "epoch": step.epoch + 1,
                "step": step.number,
                "norm": step.grad_norm,
                "ratio": times,
                "examples": [row + 1 for row in step.rows[:NAMED]],
                "more": max(0, len(step.rows) - NAMED),
            }
            if len(told) < TOLD:
                told.append(record)
        norm = min(step.grad_norm, limit) if limit > 0 else step.grad_norm
        usual["mean"] = KEPT * usual["mean"] + (1 - KEPT) * norm


def prefixes(keys: Sequence[str]) -> list[str]:
    """What sets encoders apart, given as `step/input`: the step, the input, both, or nothing."""
    pairs = [key.split("/", 1) for key in keys]
    steps, inputs = (len(set(part)) > 1 for part in zip(*pairs, strict=True))
    return [
        (f"encoder {int(step) + 1}, " if steps else "") + (f"{name}, " if inputs else "")
        for step, name in pairs
    ]


def first_batch(batches: Batches) -> Batch:
    """The first batch of the first epoch; the position stays where it was."""
    position = batches.position()
    batches.seek({"epoch": 0, "batch": 0})
    batch, _, _ = next(iter(batches))
    batches.seek(position)
    return batch


def longest(batch: Batch, rows: int) -> Batch:
    """The longest rows of a batch, by the steps of all inputs, in their order."""
    every = [
        lengths
        for name, lengths in batch.items()
        if name.endswith(LENGTHS) and lengths.ndim == 1 and not name.startswith(DECODE)
    ]
    steps = torch.stack(every).sum(0)
    chosen = steps.argsort(descending=True, stable=True)[:rows].sort().values
    return {name: value[chosen] for name, value in batch.items()}


def profile(norms: Float[Tensor, "batch time"], lengths: Int[Tensor, " batch"]) -> list[float]:
    """The mean at each step over the rows that have it."""
    real = time_mask(lengths, norms.shape[1])
    total = norms.where(real, norms.new_zeros(())).sum(0)
    found: list[float] = (total / real.sum(0).clamp(min=1)).tolist()
    return found[: int(lengths.max())]


def flow(norms: Float[Tensor, "batch time"], lengths: Int[Tensor, " batch"], backward: bool) -> str:
    """How the gradient changes from where reading ends, as far back as all rows reach.

    A part that reads backwards has read a row when it is at the row's first step: its gradients
    flow from there towards the last one.
    """
    norms, lengths = norms[lengths > 0], lengths[lengths > 0]
    back = int(lengths.min()) - 1 if len(lengths) else 0
    rows = torch.arange(len(lengths), device=lengths.device)
    ends = torch.zeros_like(lengths) if backward else lengths - 1
    far = ends + back if backward else ends - back
    near_norm, far_norm = (float(norms[rows, at].mean()) for at in (ends, far))
    side, way = ("first", "after") if backward else ("last", "before")
    told = f"{near_norm:.2g} at the {side} step"
    if not back:
        return told
    told += f", {far_norm:.2g} {back} steps {way}"
    left = far_norm / near_norm if near_norm > 0 else math.nan
    if math.isnan(left):
        return told
    verdict = " (vanishing)" if left < VANISHED else " (exploding)" if left > EXPLODED else ""
    return f"{told}: x{left ** (1 / back):.3g} a step{verdict}"
