"""What a search forbids, or forces, before it chooses the next piece."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int

NEVER = -torch.inf


@dataclass(frozen=True)
class Shape:
    """minimum: pieces before the end may come. no_repeat: length of what never comes twice, or 0.

    prefix: by text, the pieces that an answer begins with, -1 behind them.
    """

    end: int
    minimum: int = 0
    no_repeat: int = 0

    def apply(
        self,
        scores: Float[Tensor, "row label"],
        written: Int[Tensor, "row time"],
        prefix: Int[Tensor, "row steps"] | None = None,
    ) -> Float[Tensor, "row label"]:
        """The scores of what may come next; those of all else are minus infinity.

        What is given may be changed in place.
        """
        step = written.shape[1]
        if step < self.minimum:
            scores = unwritten(scores, self.end)
        if self.no_repeat and step + 1 >= self.no_repeat:
            scores = unrepeated(scores, written, self.no_repeat, self.end)
        if prefix is not None and step < prefix.shape[1]:
            scores = forced(scores, prefix[:, step])
        return scores


def without(
    scores: Float[Tensor, "row label"], label: int, score: float = NEVER
) -> Float[Tensor, "row label"]:
    """The scores with another one for a label."""
    scores = scores.clone()
    scores[:, label] = score
    return scores


def unwritten(
    scores: Float[Tensor, "row label"], label: int, score: float = NEVER
) -> Float[Tensor, "row label"]:
    """As `without`, of scores that are one's own: in place, where no gradient needs them."""
    if torch.is_grad_enabled():
        return without(scores, label, score)
    scores[:, label] = score
    return scores


def forced(
    scores: Float[Tensor, "row label"], labels: Int[Tensor, " row"]
) -> Float[Tensor, "row label"]:
    """Where a row's label is not -1, it alone may come, at no cost."""
    given = labels >= 0
    alone = torch.full_like(scores, NEVER)
    alone.scatter_(1, labels.clamp(min=0).unsqueeze(1), 0.0)
    return torch.where(given.unsqueeze(1), alone, scores)


def unrepeated(
    scores: Float[Tensor, "row label"], written: Int[Tensor, "row time"], size: int, end: int
) -> Float[Tensor, "row label"]:
    """Forbids what would end a run of `size` pieces that is there already; never the end."""
    scores = scores.clone()
    for row, pieces in enumerate(written.tolist()):
        follow: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for start in range(len(pieces) - size + 1):
            run = pieces[start : start + size]
            follow[tuple(run[:-1])].append(run[-1])
        last = tuple(pieces[len(pieces) - size + 1 :])
        banned = [piece for piece in follow[last] if piece != end]
        scores[row, banned] = NEVER
    return scores
