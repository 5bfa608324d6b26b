"""Which of a pipeline's inputs a decoder reads, and one vector for all of its steps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import torch

from seqkit.errors import PluginError
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Upstream, Vectors

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float32
    from torch import Tensor

Pool = Literal["last", "max", "mean"]


def input_name(who: str, inputs: Iterable[str], over: str | None) -> str:
    """The name of the input that a decoder reads. Raises PluginError where that is not clear."""
    names = list(inputs)
    if over is None and len(names) == 1:
        return names[0]
    known = ", ".join(names)
    if over is None:
        raise PluginError(f"{who} reads one input, but there are {known}. Set 'over' to one.")
    if over not in names:
        raise PluginError(f"{who}: over: there is no input '{over}'. Known: {known}.")
    return over


def input_width(who: str, upstream: Upstream, over: str | None) -> int:
    """Width of the vectors that a decoder reads. Raises PluginError where that is not clear."""
    if not upstream.inputs:
        return upstream.width
    return upstream.inputs[input_name(who, upstream.inputs, over)].width or upstream.width


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
