"""Where the real steps of a padded time-major batch are, and its rows reversed within them.

Padded batches reversed this way let a one-direction layer read backwards. An unequal PackedSequence
would give the same values, but falls off the fused kernels, on CPU and on CUDA.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Bool, Int, Shaped


@dataclass(frozen=True)
class Rows:
    """The rows of a padded time-major batch [time batch ...], of which each has its length."""

    lengths: Int[Tensor, " batch"]
    time: int

    @cached_property
    def mask(self) -> Bool[Tensor, "time batch 1"]:
        """True where a step is real."""
        step = torch.arange(self.time, device=self.lengths.device).unsqueeze(1)
        return (step < self.lengths).unsqueeze(2)

    @cached_property
    def even(self) -> bool:
        """Whether no row has padding."""
        return bool((self.lengths == self.time).all())

    @cached_property
    def reversal(self) -> Int[Tensor, " steps"]:
        """The flat index, over time x batch, that reverses each row within its length.

        Padding stays in its place, and so reversing twice gives the batch again.
        """
        count, device = len(self.lengths), self.lengths.device
        step = torch.arange(self.time, device=device).unsqueeze(1)
        source = torch.where(step < self.lengths, self.lengths - 1 - step, step)
        return (source * count + torch.arange(count, device=device)).flatten()

    @cached_property
    def last(self) -> Int[Tensor, " batch"]:
        """The flat index, over time x batch, of each row's last real step; of step 0 in none."""
        rows = torch.arange(len(self.lengths), device=self.lengths.device)
        return (self.lengths - 1).clamp(min=0) * len(self.lengths) + rows

    def reversed(self, values: Shaped[Tensor, "time batch width"]) -> Tensor:
        """The batch with each row reversed within its length."""
        return values.flatten(0, 1).index_select(0, self.reversal).view(values.shape)

    def ends(
        self, values: Shaped[Tensor, "time batch width"], before: Shaped[Tensor, "batch width"]
    ) -> Shaped[Tensor, "batch width"]:
        """What stands at each row's last real step; what stood before, in rows without a step."""
        found = values.flatten(0, 1).index_select(0, self.last)
        return found.where(self.lengths.unsqueeze(1) > 0, before)


def first_state(layer: nn.Module, learned: bool, **widths: int) -> None:
    """Gives a layer a first state of zeros, to be learned or to stay."""
    for name, width in widths.items():
        zeros = torch.zeros(width)
        if learned:
            layer.register_parameter(name, nn.Parameter(zeros))
        else:
            layer.register_buffer(name, zeros, persistent=False)
