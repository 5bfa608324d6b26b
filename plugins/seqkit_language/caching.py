"""A cache of what has just been read (Grave, Joulin & Usunier 2017).

Beside the model's p(w), the pieces of the last N steps have a probability of their own:

    p_cache(w) ~ sum over the steps i with w_i = w of exp(sharpness h_t . h_i)
    p'(w) = (1 - share) p(w) + share p_cache(w)

where h_i is the vector that w_i followed. Until a step has been read there is no cache.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int

BLOCK = 256
"""Steps that are compared with the cache at a time."""


@dataclass(frozen=True)
class Cache:
    """The settings of a cache: how many steps, its share, and how much nearer ones count."""

    size: int
    share: float
    sharpness: float

    def mixed(
        self,
        logs: Float[Tensor, " step"],
        vectors: Float[Tensor, "step width"],
        wanted: Int[Tensor, " step"],
        seen: Seen | None,
    ) -> tuple[Float[Tensor, " step"], Seen]:
        """The log-probabilities with the cache, and what is remembered after the last step.

        logs: what the model says of each wanted piece.
        """
        before = seen or Seen(vectors[:0], wanted[:0])
        every = torch.cat((before.vectors, vectors)), torch.cat((before.pieces, wanted))
        old, parts = len(before.pieces), []
        for start in range(0, len(wanted), BLOCK):
            end = min(start + BLOCK, len(wanted))
            first = max(old + start - self.size, 0)
            keys, pieces = (each[first : old + end] for each in every)
            here = torch.arange(old + start, old + end, device=logs.device).unsqueeze(1)
            there = torch.arange(first, old + end, device=logs.device)
            near = (there < here) & (there >= here - self.size)
            scores = self.sharpness * (vectors[start:end] @ keys.t())
            shares = scores.masked_fill(~near, -torch.inf).softmax(1).nan_to_num(0.0)
            same = pieces == wanted[start:end].unsqueeze(1)
            cached = (shares * same).sum(1)
            model = logs[start:end] + math.log1p(-self.share)
            both = torch.logaddexp(model, (cached * self.share).log())
            parts.append(torch.where(near.any(1), both, logs[start:end]))
        kept = tuple(each[-self.size :] for each in every)
        return torch.cat(parts) if parts else logs, Seen(*kept)


@dataclass(frozen=True)
class Seen:
    """The last vectors, and the piece that followed each."""

    vectors: Float[Tensor, "step width"]
    pieces: Int[Tensor, " step"]
