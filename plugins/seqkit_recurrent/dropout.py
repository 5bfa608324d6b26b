"""Dropout between recurrent layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional as F

from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float


class StepDropout(nn.Module):
    """Drops values of time-major batches while training; the others are scaled by 1 / (1 - rate).

    locked: a row's mask is the same at all its steps (variational dropout, Gal & Ghahramani 2016).
    """

    def __init__(self, rate: float, *, locked: bool) -> None:
        super().__init__()
        self.rate = rate
        self.locked = locked

    def forward(
        self, values: Float[Tensor, "time batch width"]
    ) -> Float[Tensor, "time batch width"]:
        if not self.locked:
            return F.dropout(values, self.rate, self.training)
        if not self.training or not self.rate:
            return values
        return values * F.dropout(values.new_ones(values.shape[1:]), self.rate)
