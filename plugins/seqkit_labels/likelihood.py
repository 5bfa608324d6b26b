"""The loss of a linear chain: the negative log-likelihood of given paths (Lafferty et al. 2001).

The gradient is written down rather than recorded: expected minus observed counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from seqkit.settings import CHECK_SHAPES
from seqkit.stages import time_mask
from seqkit_labels.chain import Chain, shift, sums

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int


def negative_log_likelihood(
    emissions: Float[Tensor, "batch time label"],
    labels: Int[Tensor, "batch time"],
    lengths: Int[Tensor, " batch"],
    chain: Chain,
) -> Float[Tensor, ""]:
    """Minus the log-probability of the rows' labels, summed over the batch.

    Labels past lengths are not looked at.
    """
    total: Tensor = ChainLoss.apply(emissions, labels, lengths, *chain)  # type: ignore[no-untyped-call]
    return total


class ChainLoss(torch.autograd.Function):
    """The negative log-likelihood and its gradient, both computed in the forward pass."""

    @staticmethod
    def forward(
        ctx: Any,
        emissions: Float[Tensor, "batch time label"],
        labels: Int[Tensor, "batch time"],
        lengths: Int[Tensor, " batch"],
        first: Float[Tensor, " label"],
        pair: Float[Tensor, "label label"],
        last: Float[Tensor, " label"],
    ) -> Float[Tensor, ""]:
        """The loss is the same for shifted scores, whose sums are small and so exact."""
        with torch.autocast(emissions.device.type, enabled=False):
            shifted, chain, _ = shift(emissions, Chain(first, pair, last))
            found = sums(shifted, lengths, chain)
            mask = time_mask(lengths, emissions.shape[1])
            score, *observed = observe(shifted, torch.where(mask, labels, 0), lengths, mask, chain)
            expected = found.marginals
            _, time, size = emissions.shape
            ends = (lengths - 1).clamp(min=0).view(-1, 1, 1).expand(-1, min(time, 1), size)
            ctx.save_for_backward(
                expected - observed[0],
                expected[:, :1].sum((0, 1)) - observed[1],
                found.pairs - observed[2],
                expected.gather(1, ends).sum((0, 1)) - observed[3],
            )
            return found.log_partition.sum() - score

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Float[Tensor, ""]) -> tuple[Tensor | None, ...]:
        """Expected minus observed counts, for each input that has a gradient."""
        emissions, first, pair, last = (gradient * count for count in ctx.saved_tensors)
        return emissions, None, None, first, pair, last


def observe(
    emissions: Float[Tensor, "batch time label"],
    labels: Int[Tensor, "batch time"],
    lengths: Int[Tensor, " batch"],
    mask: Tensor,
    chain: Chain,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The score of given paths, summed, and the counts of what stands in them.

    The counts are one-hot [batch time label] for the emissions, then of first labels, of pairs, and
    of last labels.
    """
    size = emissions.shape[2]
    one = torch.zeros_like(emissions).scatter_(
        2, labels.unsqueeze(2), mask.unsqueeze(2).to(emissions)
    )
    rows = torch.arange(len(lengths), device=lengths.device)[lengths > 0]
    ends = F.pad(labels, (0, 1))  # there is a step to look at even where no row has one
    firsts, lasts = ends[rows, 0], ends[rows, lengths[rows] - 1]
    inner = mask[:, 1:]
    pairs = (labels[:, :-1] * size + labels[:, 1:])[inner]
    score = torch.where(mask, emissions.gather(2, labels.unsqueeze(2)).squeeze(2), 0.0).sum()
    score = score + chain.first[firsts].sum() + chain.last[lasts].sum()
    score = score + chain.pair.reshape(-1)[pairs].sum()
    counts = [
        torch.bincount(found, minlength=most).to(emissions)
        for found, most in ((firsts, size), (pairs, size * size), (lasts, size))
    ]
    return score, one, counts[0], counts[1].view(size, size), counts[2]
