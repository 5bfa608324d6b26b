"""Encoders and joint encoders that break a promise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, final

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from seqkit.settings import PositiveInt
from seqkit.stages import (
    Encoder,
    Joint,
    Upstream,
    Vectors,
    time_mask,
)
from seqkit.testing import check_stage

Broken = Callable[..., str]


@final
class Recurrent(nn.Module):
    stride: int = 1

    def __init__(self, inputs: int, width: int, flaw: str) -> None:
        super().__init__()
        self.width, self.flaw = 0 if flaw == "no width" else width, flaw
        self.causal: Any = flaw not in ("backward", "both ways")
        self.causal = None if flaw == "causal or not" else self.causal
        self.cell = nn.GRUCell(inputs, width)

    def forward(self, vectors: Vectors, state: tuple[Tensor, ...] | None = None) -> Vectors:
        values, mask = vectors.values, vectors.mask
        zero = values.new_zeros(len(values), self.width)
        hidden = zero if state is None or self.flaw == "forgets" else state[0]
        if self.flaw == "needs steps":
            values[0, 0]
        if self.flaw == "backward":
            values, mask = values.flip(1), mask.flip(1)
        if self.flaw == "looks ahead":
            values = values + values.sum(1, keepdim=True)
        if self.flaw == "other neighbours":
            values = values - values.sum((0, 1)) / vectors.lengths.sum()
        steps = [zero.new_zeros(len(zero), 0, self.width)]
        for step, real in zip(values.unbind(1), mask.unbind(1), strict=True):
            new = self.cell(step, hidden)
            kept = real.unsqueeze(1)
            hidden = (
                new
                if self.flaw in ("reads padding", "backward")
                else torch.where(kept, new, hidden)
            )
            steps.append((hidden * kept).unsqueeze(1))
        out = torch.cat(steps, 1)
        out = out.flip(1) if self.flaw == "backward" else out
        if self.flaw == "draws elsewhere" and self.training:
            out = out * float(np.random.default_rng().uniform(0.5, 1.5))
        if self.flaw == "steep":
            out = out + (self.cell.bias_ih * 0).sum().sqrt()
        if self.flaw == "resets":
            hidden = hidden * (vectors.lengths > 0).unsqueeze(1)
        hidden = hidden.unsqueeze(0) if self.flaw == "layers first" else hidden
        penalty = None if self.flaw == "loses penalty" else vectors.penalty
        carried = (hidden,) if self.flaw != "state of batches" or len(hidden) > 1 else None
        carried = None if self.flaw == "gives no state" else carried
        return Vectors(out, vectors.lengths, carried, penalty)


def recurrent(upstream: Upstream, *, width: PositiveInt = 5, flaw: str = "") -> Encoder:
    """A recurrent encoder."""
    return Recurrent(upstream.width, width, flaw)


@pytest.mark.parametrize(
    ("flaw", "message"),
    [
        ("reads padding", "has a state that differs by"),
        ("backward", "steps comes out different by"),
        ("other neighbours", "beside other rows."),
        ("needs steps", "recurrent: forward of rows of 0 steps raises IndexError"),
        ("looks ahead", "it says that it is causal, but a step sees later steps."),
        ("forgets", "windows with carried state differ by"),
        ("layers first", "a state's axis 0 is [1], not batch, 7."),
        ("draws elsewhere", "one seed gives two results."),
        ("no width", "width is 0, not a whole number above 0."),
        ("causal or not", "causal is None, not true or false."),
        ("steep", "the gradient of the weight 'cell.bias_ih' is not finite."),
        ("gives no state", "but there is no state to carry on. Give one, or say that it is not"),
        ("resets", "A row without a step keeps the state that it is given."),
        ("state of batches", "has another state beside other rows."),
        ("loses penalty", "the penalty of the stage before it is lost. Add it to its own."),
    ],
)
def test_a_broken_encoder_is_caught(broken: Broken, flaw: str, message: str) -> None:
    assert message in broken(recurrent, flaw)


def test_padding_and_neighbours_are_told_apart(broken: Broken) -> None:
    assert "when padding follows it." in broken(recurrent, "backward")
    assert "beside other rows." in broken(recurrent, "other neighbours")


@final
class Halves(nn.Module):
    stride: int = 2
    causal: bool = True

    def __init__(self, width: int, flaw: str) -> None:
        super().__init__()
        self.width, self.flaw, self.linear = width, flaw, nn.Linear(width, width)

    def forward(self, vectors: Vectors, state: Any = None) -> Vectors:
        lengths = (vectors.lengths + 1) // 2
        if self.flaw == "rounds by batch" and len(lengths) > 1:
            lengths = vectors.lengths // 2
        if self.flaw == "rounds twice":
            lengths = lengths // 2
        values = self.linear(vectors.values[:, ::2])
        values = values * time_mask(lengths, values.shape[1]).unsqueeze(2)
        return Vectors(values, lengths, penalty=vectors.penalty)


def halves(upstream: Upstream, *, flaw: str = "") -> Encoder:
    """Every second step."""
    return Halves(upstream.width, flaw)


@pytest.mark.parametrize(
    ("flaw", "message"),
    [
        ("rounds by batch", "has another length beside other rows."),
        ("rounds twice", "comes out with the length 2, with a stride of 2."),
    ],
)
def test_a_broken_encoder_with_a_stride_is_caught(broken: Broken, flaw: str, message: str) -> None:
    assert message in broken(halves, flaw)


@final
class Beside(nn.Module):
    width: int = 3
    stride: int = 1
    causal: bool = False

    def __init__(self, widths: Mapping[str, int], flaw: str) -> None:
        super().__init__()
        self.flaw = flaw
        self.into = nn.ModuleDict({name: nn.Linear(size, 3) for name, size in widths.items()})

    def forward(self, inputs: Mapping[str, Vectors]) -> Any:
        sums = {
            name: self.into[name](one.values) * one.mask.unsqueeze(2)
            for name, one in inputs.items()
        }
        total = sum(one.sum(1, keepdim=True) for one in sums.values())
        if self.flaw == "means":
            total = sum(one.mean(1, keepdim=True) for one in sums.values())
        found = {
            name: Vectors(
                torch.tanh(total) * one.mask.unsqueeze(2), one.lengths, penalty=one.penalty
            )
            for name, one in inputs.items()
        }
        return found["passage"] if self.flaw == "one" else found


def beside(upstream: Upstream, *, flaw: str = "") -> Joint:
    """Sums of all inputs."""
    return Beside({name: front.width for name, front in upstream.inputs.items()}, flaw)


@pytest.mark.parametrize(
    ("flaw", "message"),
    [
        ("one", "gives Vectors for the inputs ['passage', 'question']. Give vectors for each"),
        ("means", "when padding follows it."),
    ],
)
def test_a_broken_joint_encoder_is_caught(broken: Broken, flaw: str, message: str) -> None:
    assert message in broken(beside, flaw, kind="joint")


def test_an_encoder_that_keeps_every_promise_passes() -> None:
    check_stage(halves)
    check_stage(recurrent)
    check_stage(recurrent, settings={"flaw": "both ways", "width": 3})


def test_a_joint_encoder_that_keeps_every_promise_passes() -> None:
    check_stage(beside, kind="joint")
