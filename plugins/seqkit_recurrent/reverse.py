"""Reversal of each row within its length, in time-major batches.

Padded batches reversed this way let a one-direction layer read backwards. An unequal PackedSequence
would give the same values, but falls off the fused kernels, on CPU and on CUDA.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Int, Shaped


def reversal(lengths: Int[Tensor, " batch"], time: int) -> Int[Tensor, " steps"]:
    """The flat index, over time x batch, that reverses each row within its length.

    Padding stays in its place, and so reversing twice gives the batch again.
    """
    step = torch.arange(time, device=lengths.device).unsqueeze(1)
    source = torch.where(step < lengths, lengths - 1 - step, step)
    return (source * len(lengths) + torch.arange(len(lengths), device=lengths.device)).flatten()


def last_steps(lengths: Int[Tensor, " batch"]) -> Int[Tensor, " batch"]:
    """The flat index, over time x batch, of each row's last real step; of step 0 in empty rows."""
    rows = torch.arange(len(lengths), device=lengths.device)
    return (lengths - 1).clamp(min=0) * len(lengths) + rows


def take_steps(
    values: Shaped[Tensor, "time batch width"], index: Int[Tensor, " steps"]
) -> Shaped[Tensor, "steps width"]:
    """The steps at a flat index over time x batch."""
    return values.flatten(0, 1).index_select(0, index)
