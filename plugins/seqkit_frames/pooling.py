"""One vector for all steps of a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Vectors

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float32
    from torch import Tensor

Pool = Literal["last", "max", "mean"]


def pooled(vectors: Vectors, pool: Pool) -> Float32[Tensor, "batch width"]:
    """One vector a row in fp32: zero for a row without a step, whatever its neighbours are.

    `last` is the last layer of a state whose first part is [batch layers width], or else the vector
    of the last real step.
    """
    values, lengths = vectors.values, vectors.lengths.unsqueeze(1)
    time, width = values.shape[1:]
    hidden = vectors.state[0] if vectors.state else None
    if pool == "last" and hidden is not None and hidden.ndim == 3 and hidden.shape[2] == width:
        found = hidden[:, -1].float()
    elif not time:
        found = values.new_zeros(len(values), width, dtype=torch.float32)
    elif pool == "last":
        place = (lengths - 1).clamp(min=0).unsqueeze(2).expand(-1, 1, width)
        found = values.gather(1, place).squeeze(1).float()
    elif pool == "mean":
        found = values.float().sum(1) / lengths.clamp(min=1)
    else:
        found = values.float().masked_fill(~vectors.mask.unsqueeze(2), -torch.inf).amax(1)
    return found.masked_fill(lengths == 0, 0.0)
