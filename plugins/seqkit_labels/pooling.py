"""Pooling: from the vectors of a text's steps to one vector, all at once or as the steps come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, final

import torch
from torch import Tensor, nn

from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Vectors
from seqkit_labels.scores import full_precision

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float

Kind = Literal["last", "max", "mean", "attention"]


@dataclass(frozen=True)
class Pool:
    """What is remembered of a text whose steps still come, for one kind of pooling.

    values: the vector that they are pooled to. weight: the logarithm of the sum of their weights.
    Both are in double precision, in which a million steps add up.
    """

    values: Float[Tensor, "batch width"]
    weight: Float[Tensor, ""]


@final
class Pooling(nn.Module):
    """One vector a text: those of each kind, side by side.

    The vector of a text without a step is zero, whatever its neighbours are.
    """

    def __init__(self, inputs: int, kinds: Sequence[Kind]) -> None:
        super().__init__()
        self.kinds = tuple(kinds)
        self.width = inputs * len(self.kinds)
        self.weigh = nn.Linear(inputs, 1, bias=False) if "attention" in kinds else None

    def forward(self, vectors: Vectors) -> Float[Tensor, "batch pooled"]:
        """The vectors of a batch of texts."""
        return torch.cat([self.pooled(kind, vectors) for kind in self.kinds], dim=1)

    def pooled(self, kind: Kind, vectors: Vectors) -> Float[Tensor, "batch width"]:
        """The vectors of one kind."""
        values, lengths = full_precision(vectors.values), vectors.lengths
        mask = vectors.mask.unsqueeze(2)
        if kind == "last":
            return last_step(vectors)
        if not values.shape[1]:
            return values.new_zeros(len(values), values.shape[2])
        if kind == "mean":
            return values.sum(1) / lengths.clamp(min=1).unsqueeze(1)
        if kind == "attention":
            weights = self.weights(vectors.values)
            weights = weights.masked_fill(~mask, torch.finfo(weights.dtype).min)
            return torch.sum(weights.softmax(1) * values, 1)
        tops = values.masked_fill(~mask, -torch.inf).amax(1)
        return tops.masked_fill(lengths.unsqueeze(1) == 0, 0.0)

    def weights(self, values: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch 1"]:
        """The scores by which attention weighs steps (Yang et al. 2016)."""
        assert self.weigh is not None
        return full_precision(self.weigh(values))

    def add(self, memory: tuple[Pool, ...], vectors: Vectors) -> tuple[Pool, ...]:
        """Pools more steps of one text with those that are remembered; at first that is nothing."""
        if not int(vectors.lengths[0]):
            return memory
        found = []
        for place, kind in enumerate(self.kinds):
            here = Pool(self.pooled(kind, vectors).double(), self.log_weight(kind, vectors))
            found.append(merged(kind, memory[place], here) if memory else here)
        return tuple(found)

    def log_weight(self, kind: Kind, vectors: Vectors) -> Float[Tensor, ""]:
        """The logarithm of the sum of the weights by which a text's steps are pooled."""
        length = vectors.lengths[0]
        if kind != "attention":
            return length.double().log()
        return self.weights(vectors.values[0, : int(length)]).double().flatten().logsumexp(0)

    def total(self, memory: tuple[Pool, ...], like: Tensor) -> Float[Tensor, "batch pooled"]:
        """The vector of a text of which all steps have come."""
        if not memory:
            return like.new_zeros(1, self.width)
        return torch.cat([pool.values for pool in memory], dim=1).to(like)


def merged(kind: Kind, before: Pool, here: Pool) -> Pool:
    """What the earlier and the later steps of a text are pooled to together."""
    if kind == "last":
        return here
    if kind == "max":
        return Pool(torch.maximum(before.values, here.values), here.weight)
    total = torch.logaddexp(before.weight, here.weight)
    share = (here.weight - total).exp()
    return Pool(before.values + share * (here.values - before.values), total)


def last_step(vectors: Vectors) -> Float[Tensor, "batch width"]:
    """The state of the last layer, [batch layers width], or else the last real step's vector."""
    width = vectors.values.shape[2]
    if vectors.state and vectors.state[0].ndim == 3 and vectors.state[0].shape[2] == width:
        found = vectors.state[0][:, -1]
    elif not vectors.values.shape[1]:
        found = vectors.values.new_zeros(len(vectors.values), width)
    else:
        place = (vectors.lengths - 1).clamp(min=0).view(-1, 1, 1).expand(-1, 1, width)
        found = vectors.values.gather(1, place).squeeze(1)
    return full_precision(found).masked_fill(vectors.lengths.unsqueeze(1) == 0, 0.0)
