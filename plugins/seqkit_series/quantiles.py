"""Quantiles of what comes: their layer, in which they never cross, and their loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, final

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Float64
    from torch import Tensor

NARROWEST = 1e-3
"""The least distance of two quantiles to begin with, in deviations."""


@final
class Levels(nn.Module):
    """A linear layer to some quantiles of each number; without levels, to the number alone.

    The middle level comes straight from the layer; each next one is as far above or below its
    neighbour as a softplus says, so that they are in order whatever the weights are. levels: in
    order, 0.5 among them, or none.
    """

    def __init__(
        self,
        width: int,
        numbers: int,
        levels: Sequence[float],
        begin: Float64[np.ndarray, "number level"],
    ) -> None:
        super().__init__()
        self.levels = tuple(levels)
        self.middle = self.levels.index(0.5) if levels else 0
        self.linear = nn.Linear(width, numbers * max(1, len(levels)))
        with torch.no_grad():
            self.linear.weight.zero_()
            self.linear.bias.copy_(torch.from_numpy(self.inverse(begin)).reshape(-1))

    def inverse(
        self, begin: Float64[np.ndarray, "number level"]
    ) -> Float64[np.ndarray, "number level"]:
        """What the layer has to give for these quantiles."""
        gaps = np.diff(begin, axis=1).clip(min=NARROWEST)
        raw = np.log(np.expm1(gaps))
        middle = begin[:, self.middle : self.middle + 1]
        return np.concatenate([raw[:, : self.middle], middle, raw[:, self.middle :]], 1)

    def forward(self, vectors: Float[Tensor, "batch width"]) -> Float[Tensor, "batch number level"]:
        """The quantiles of each number, from the lowest level on."""
        count, middle = max(1, len(self.levels)), self.middle
        raw = self.linear(vectors).unflatten(1, (-1, count))
        centre = raw[:, :, middle : middle + 1]
        below = F.softplus(raw[:, :, :middle]).flip(2).cumsum(2).flip(2)
        above = F.softplus(raw[:, :, middle + 1 :]).cumsum(2)
        return torch.cat([centre - below, centre, centre + above], 2)


def pinball(
    found: Float[Tensor, "batch number level"],
    target: Float[Tensor, "batch number"],
    levels: Sequence[float],
) -> Float[Tensor, "batch number"]:
    """The loss that quantiles are least in (Koenker & Bassett 1978), its mean over the levels."""
    errors = target.unsqueeze(2) - found
    chosen = torch.tensor(levels, dtype=errors.dtype, device=errors.device)
    return torch.maximum(chosen * errors, (chosen - 1) * errors).mean(2)
