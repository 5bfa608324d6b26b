"""Carried state: a causal LSTM that goes on where the last window ended."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from seqkit.plugins import Register, hookimpl
from seqkit.settings import PositiveInt
from seqkit.stages import Encoder, Upstream, Vectors


@hookimpl
def seqkit_stages(register: Register) -> None:
    register.encoder("memory", memory)


def memory(upstream: Upstream, *, width: PositiveInt = 16) -> Encoder:
    """An LSTM that takes a state and gives one.

    width: of the hidden state.
    """
    return Memory(upstream.width, width)


@final
class Memory(nn.Module):
    stride: int = 1
    causal: bool = True

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.width, self.cell = width, nn.LSTMCell(inputs, width)

    def forward(self, vectors: Vectors, state: tuple[Tensor, ...] | None = None) -> Vectors:
        zero = vectors.values.new_zeros(len(vectors.values), self.width)
        hidden, cell = state if state is not None else (zero, zero)
        steps = [zero.new_zeros(len(zero), 0, self.width)]
        for step, real in zip(vectors.values.unbind(1), vectors.mask.unbind(1), strict=True):
            new, kept = self.cell(step, (hidden, cell)), real.unsqueeze(1)
            hidden, cell = torch.where(kept, new[0], hidden), torch.where(kept, new[1], cell)
            steps.append((hidden * kept).unsqueeze(1))
        return Vectors(torch.cat(steps, 1), vectors.lengths, (hidden, cell), vectors.penalty)
