"""A joint encoder: each step of every input is read beside what it finds in the other inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor, nn

from seqkit.plugins import Register, hookimpl
from seqkit.settings import PositiveInt
from seqkit.stages import Joint, Upstream, Vectors


@hookimpl
def seqkit_stages(register: Register) -> None:
    register.encoder("alignment", alignment, joint=True)


def alignment(upstream: Upstream, *, width: PositiveInt = 24) -> Joint:
    """Aligns each input with all others.

    width: of the vectors that come out.
    """
    return Alignment({name: front.width for name, front in upstream.inputs.items()}, width)


@final
class Alignment(nn.Module):
    stride: int = 1
    causal: bool = False

    def __init__(self, widths: Mapping[str, int], width: int) -> None:
        super().__init__()
        self.width = width
        self.into = nn.ModuleDict({name: nn.Linear(size, width) for name, size in widths.items()})
        self.out = nn.Linear(2 * width, width)

    def forward(self, inputs: Mapping[str, Vectors]) -> Mapping[str, Vectors]:
        """Dot-product attention from each step to the steps of the other inputs."""
        values = {name: self.into[name](one.values) for name, one in inputs.items()}
        found = {}
        for name, one in inputs.items():
            others = [other for other in inputs if other != name]
            keys = torch.cat([values[other] for other in others], dim=1)
            real = torch.cat([inputs[other].mask for other in others], dim=1)
            seen = attended(values[name], keys, real)
            both = torch.cat([values[name] * seen, values[name] - seen], dim=2)
            out = torch.tanh(self.out(both))
            real_steps = out * one.mask.unsqueeze(2)
            found[name] = Vectors(real_steps, one.lengths, penalty=one.penalty)
        return found


def attended(queries: Tensor, keys: Tensor, real: Tensor) -> Tensor:
    """The mean of the keys by likeness; zero where there is none to attend to."""
    scores = queries @ keys.transpose(1, 2) / keys.shape[2] ** 0.5
    weights = scores.masked_fill(~real.unsqueeze(1), -1e9).softmax(2) * real.unsqueeze(1)
    found: Tensor = weights @ keys
    return found
