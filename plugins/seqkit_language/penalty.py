"""What large or restless activations add to the loss (Merity, McCann & Socher 2017)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, final

from torch import nn

from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Vectors

if TYPE_CHECKING or CHECK_SHAPES:
    from seqkit.stages import State


@final
class Penalised(nn.Module):
    """Vectors as they come, with a penalty: size x mean h_t^2 + change x mean (h_t - h_t-1)^2.

    The means are over the values of real steps; a row's first step has no change.
    """

    stride: int = 1
    causal: bool = True

    def __init__(self, width: int, size: float, change: float) -> None:
        super().__init__()
        self.width, self.size, self.change = width, size, change

    def forward(self, vectors: Vectors, state: State | None = None) -> Vectors:
        """The vectors with the penalty of this stage and those before it; it has no state."""
        del state
        if not self.training:
            return vectors
        values, mask = vectors.values.float(), vectors.mask
        steps = mask.sum()
        found = self.size * values.square().mean(2).sum() / steps.clamp(min=1)
        moved = (values[:, 1:] - values[:, :-1]).square().mean(2) * mask[:, 1:]
        found = found + self.change * moved.sum() / mask[:, 1:].sum().clamp(min=1)
        if vectors.penalty is not None:
            found = found + vectors.penalty
        return replace(vectors, penalty=found)
