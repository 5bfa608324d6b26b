"""Which continuations a beam keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Bool, Float, Int


@dataclass(frozen=True)
class Candidates:
    """The best continuations of each text, group by group, best first in each.

    parents: the hypothesis that each continues. logs: the log-probability of the piece. totals: of
    all pieces. size: how many hypotheses each group keeps.
    """

    parents: Int[Tensor, "text candidate"]
    pieces: Int[Tensor, "text candidate"]
    logs: Float[Tensor, "text candidate"]
    totals: Float[Tensor, "text candidate"]
    groups: int
    size: int

    def ended(self, end: int) -> Bool[Tensor, "text candidate"]:
        """Those that end, and are among the best that would be kept."""
        rank = torch.arange(self.pieces.shape[1] // self.groups, device=self.pieces.device)
        best = (rank < self.size).repeat(self.groups)
        return (self.pieces == end) & best & self.totals.isfinite()

    def going_on(self, end: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Parents, pieces, logs and totals [text beam] of the best that do not end."""
        open_totals = self.totals.masked_fill(self.pieces == end, -torch.inf)
        by_group = open_totals.view(len(open_totals), self.groups, -1)
        totals, best = by_group.topk(self.size, 2)
        start = torch.arange(self.groups, device=best.device).unsqueeze(1) * by_group.shape[2]
        place = (best + start).flatten(1)
        found = (part.gather(1, place) for part in (self.parents, self.pieces, self.logs))
        parents, pieces, logs = found
        return parents, pieces, logs, totals.flatten(1)


def select(
    allowed: Float[Tensor, "text beam label"],
    logs: Float[Tensor, "text beam label"],
    totals: Float[Tensor, "text beam"],
    groups: int,
    diversity: float,
) -> Candidates:
    """The best continuations: twice as many as hypotheses, so that enough of them do not end.

    groups: parts of the beam that are kept apart; `diversity` is taken from a piece's score for
    each time that an earlier group has chosen it at this step (Vijayakumar et al. 2018).
    """
    texts, beam, labels = allowed.shape
    size = beam // groups
    count = min(2 * size, size * labels)
    chosen = allowed.new_zeros(texts, labels)
    parents, pieces, sums = [], [], []
    for group in range(groups):
        part = slice(group * size, (group + 1) * size)
        penalty = diversity * chosen if group and diversity else None
        found = best(allowed[:, part], totals[:, part], count, penalty)
        parents.append(found[0] + group * size)
        pieces.append(found[1])
        sums.append(found[2])
        if groups > 1:
            ones = torch.ones_like(sums[-1][:, :size])
            chosen = chosen.scatter_add(1, pieces[-1][:, :size], ones)
    parent, piece = torch.cat(parents, 1), torch.cat(pieces, 1)
    log = logs.flatten(1).gather(1, parent * labels + piece)
    return Candidates(parent, piece, log, torch.cat(sums, 1), groups, size)


def best(
    allowed: Float[Tensor, "text beam label"],
    totals: Float[Tensor, "text beam"],
    count: int,
    penalty: Float[Tensor, "text label"] | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Parents, pieces and totals [text count] of the best continuations, best first.

    The best of all are among the best of each hypothesis, so that what is added to all scores of a
    hypothesis need not be added to each.
    """
    rated = allowed if penalty is None else allowed - penalty.unsqueeze(1)
    each = min(count, allowed.shape[2])
    scores, own = rated.topk(each, 2)
    _, place = (totals.unsqueeze(2) + scores).flatten(1).topk(count, 1)
    parents = place // each
    pieces = own.flatten(1).gather(1, place)
    chosen = allowed.flatten(1).gather(1, parents * allowed.shape[2] + pieces)
    return parents, pieces, totals.gather(1, parents) + chosen
