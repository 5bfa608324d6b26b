"""Dropout in and between recurrent layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

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
        if not self.training or not self.rate:
            return values
        shape = values.shape[1:] if self.locked else values.shape
        return values * scale(shape, self.rate, values)

    def steps(self) -> Callable[[Tensor], Tensor]:
        """What drops values of steps that come one by one, [row width]; locked, all alike."""
        drawn: list[Tensor] = []

        def drop(values: Tensor) -> Tensor:
            if not self.training or not self.rate:
                return values
            if not drawn or not self.locked:
                drawn[:] = [scale(values.shape, self.rate, values)]
            return values * drawn[0]

        return drop


def scale(shape: Sequence[int], rate: float, like: Tensor) -> Tensor:
    """Zeros at a rate, and 1 / (1 - rate) elsewhere."""
    # torch.nn.functional.dropout draws with bernoulli_, which is three times slower on CPU.
    kept = torch.rand(shape, device=like.device) >= rate
    return kept.to(like.dtype) / (1.0 - rate)
