"""A recurrent encoder that can be looked into."""

from __future__ import annotations

from dataclasses import replace
from typing import final

import torch
from torch import Tensor, nn

from seqkit.abilities import Observed
from seqkit.plugins import Register, hookimpl
from seqkit.settings import PositiveInt
from seqkit.stages import Encoder, Upstream, Vectors


@hookimpl
def seqkit_stages(register: Register) -> None:
    register.encoder("elman", elman)


def elman(upstream: Upstream, *, width: PositiveInt = 8) -> Encoder:
    """A simple recurrent network.

    width: of the hidden state.
    """
    return Elman(upstream.width, width)


@final
class Elman(nn.Module):
    stride: int = 1
    causal: bool = True

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.width, self.cell = width, nn.RNNCell(inputs, width)

    def forward(self, vectors: Vectors, state: tuple[Tensor, ...] | None = None) -> Vectors:
        return self.read(vectors, state, vectors.values.new_zeros(()).expand(1, 1, 1))

    def observe(self, vectors: Vectors, state: tuple[Tensor, ...] | None = None) -> Observed:
        rows, time, _ = vectors.values.shape
        probe = vectors.values.new_zeros(rows, time, self.width, requires_grad=True)
        found = self.read(vectors, state, probe)
        return Observed(found, {"cell": {"norm": found.values.norm(dim=2)}}, {"cell": probe})

    def read(self, vectors: Vectors, state: tuple[Tensor, ...] | None, probe: Tensor) -> Vectors:
        rows, time, _ = vectors.values.shape
        hidden = state[0] if state is not None else vectors.values.new_zeros(rows, self.width)
        steps = [hidden.new_zeros(rows, 0, self.width)]
        for step, real in enumerate(vectors.mask.unbind(1)):
            kept = real.unsqueeze(1)
            new = self.cell(vectors.values[:, step], hidden) + probe.expand(rows, time, -1)[:, step]
            hidden = torch.where(kept, new, hidden)
            steps.append((hidden * kept).unsqueeze(1))
        return replace(vectors, values=torch.cat(steps, 1), state=(hidden,))
