"""The cross-entropy of a linear layer's labels, without its scores of all rows in memory.

    s_n = W x_n + b;  loss = sum_n [log sum_v exp(s_nv) - (1 - e) s_n,y - e / V sum_v s_nv]

with V labels and label smoothing e (Szegedy et al. 2016). The gradient of s_n is softmax(s_n) less
what is wanted. It is known with the loss, and so both are made of a few rows at a time, while they
are in the cache, and only the gradients of x, W and b are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int

SCORES, CACHED = 2**23, 2**18
"""How many scores are in memory at a time, and how many of them in a processor's cache."""


def linear_cross_entropy(
    vectors: Float[Tensor, "row width"],
    weights: Float[Tensor, "label width"],
    bias: Float[Tensor, " label"],
    wanted: Int[Tensor, " row"],
    smoothing: float = 0.0,
) -> Float[Tensor, ""]:
    """The sum over rows of `F.cross_entropy(F.linear(vectors, weights, bias), wanted)`.

    wanted: a label for each row. smoothing: the share of the wanted probability that is spread
    over all labels. Products are of autocast's type where autocast is on; all else, and the loss,
    is at least fp32. Back-propagate through it once.
    """
    device = vectors.device.type
    half = torch.is_autocast_enabled(device)
    dtype = torch.get_autocast_dtype(device) if half else vectors.dtype
    given = (vectors, weights, bias, wanted, smoothing, dtype, torch.is_grad_enabled())
    with torch.autocast(device, enabled=False):
        return cast("Tensor", Summed.apply(*given))  # type: ignore[no-untyped-call]  # torch gives it none


class Summed(torch.autograd.Function):
    """The sum and its gradients, a few rows at a time."""

    @staticmethod
    def forward(
        ctx: Any,
        vectors: Tensor,
        weights: Tensor,
        bias: Tensor,
        wanted: Tensor,
        smoothing: float,
        dtype: torch.dtype,
        learns: bool,
    ) -> Tensor:
        full = torch.promote_types(torch.promote_types(dtype, weights.dtype), torch.float32)
        given, matrix, offset = vectors.to(dtype), weights.to(dtype), bias.to(full)
        total = torch.zeros((), dtype=full, device=vectors.device)
        grads = torch.empty_like(given), torch.empty_like(weights), torch.zeros_like(offset)
        if not len(given):
            grads[1].zero_()
        cached = CACHED if vectors.device.type == "cpu" else SCORES
        for part in blocks(given, SCORES // len(weights)):
            slopes = given[part] @ matrix.t()
            for few in blocks(slopes, cached // len(weights)):
                scores = slopes[few] + offset
                total += losses(scores, wanted[part][few], smoothing)
                if learns:
                    slopes[few] = scores
                    grads[2].add_(scores.sum(0))
            if learns:
                torch.mm(slopes, matrix, out=grads[0][part])
                add_product(grads[1], slopes, given[part], first=not part.start)
        ctx.grads = grads if learns else None
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        if ctx.grads is None:
            raise RuntimeError("cross-entropy: back-propagate through it once.")
        # let go of, so that the optimiser's slots take them without a copy
        grads, ctx.grads = ctx.grads, None
        return *(each.mul_(grad) for each in grads), None, None, None, None


def blocks(values: Tensor, rows: int) -> Iterator[slice]:
    """So many rows at a time, at least one."""
    rows = max(rows, 1)
    return (slice(start, start + rows) for start in range(0, len(values), rows))


def losses(scores: Tensor, wanted: Tensor, smoothing: float) -> Tensor:
    """The sum of some rows' losses; scores become its gradients."""
    labels, place = scores.shape[1], wanted.unsqueeze(1)
    scores.sub_(scores.amax(1, keepdim=True))
    reached = (1.0 - smoothing) * scores.gather(1, place)
    if smoothing:
        reached += smoothing / labels * scores.sum(1, keepdim=True)
    sums = scores.exp_().sum(1, keepdim=True)
    found = (sums.log() - reached).sum()
    scores.div_(sums)
    if smoothing:
        scores.sub_(smoothing / labels)
    scores.scatter_add_(1, place, torch.full_like(sums, smoothing - 1.0))
    return found


def add_product(total: Tensor, left: Tensor, right: Tensor, *, first: bool) -> None:
    """Adds left' right to a total, which may be of a wider type. first: there is none yet."""
    if total.dtype == left.dtype:
        torch.addmm(total, left.t(), right, beta=0 if first else 1, out=total)
    elif first:
        total.copy_(left.t() @ right)
    else:
        total.add_((left.t() @ right).to(total.dtype))
