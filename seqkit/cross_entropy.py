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
ALIGNED = 32
"""Products of bf16 over a width that is no multiple of this take two to four times as long."""


def linear_cross_entropy(
    vectors: Float[Tensor, "row width"],
    weights: Float[Tensor, "vector width"],
    bias: Float[Tensor, " label"],
    wanted: Int[Tensor, " row"],
    smoothing: float = 0.0,
    first: int = 0,
) -> Float[Tensor, ""]:
    """The sum over rows of `F.cross_entropy(F.linear(vectors, weights, bias), wanted)`.

    wanted: a label for each row. smoothing: the share of the wanted probability that is spread
    over all labels. first: the row of the weights that is the first label's; those before it and
    behind the last label's are left out, which costs less than a slice, whose gradient is a copy.
    Products are of autocast's type where autocast is on; all else, and the loss, is at least fp32.
    Back-propagate through it once.
    """
    device = vectors.device.type
    half = torch.is_autocast_enabled(device)
    dtype = torch.get_autocast_dtype(device) if half else vectors.dtype
    given = (vectors, weights, bias, wanted, smoothing, first, dtype, torch.is_grad_enabled())
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
        first: int,
        dtype: torch.dtype,
        learns: bool,
    ) -> Tensor:
        full = torch.promote_types(torch.promote_types(dtype, weights.dtype), torch.float32)
        own = slice(first, first + len(bias))
        given, matrix, offset = aligned(vectors, dtype), aligned(weights[own], dtype), bias.to(full)
        total = torch.zeros((), dtype=full, device=vectors.device)
        grads = torch.empty_like(given), torch.empty_like(weights), torch.zeros_like(offset)
        for rest in (slice(first), slice(own.stop, None), own if not len(given) else slice(0)):
            grads[1][rest].zero_()
        cached = CACHED if vectors.device.type == "cpu" else SCORES
        rows, width = max(SCORES // len(bias), 1), vectors.shape[1]
        room = given.new_empty(min(rows, len(given)), len(bias))
        for part in blocks(given, rows):
            slopes = torch.mm(given[part], matrix.t(), out=room[: len(given[part])])
            for few in blocks(slopes, cached // len(bias)):
                # where the types are one, no copy: scores become slopes where they stand
                scores = slopes[few].to(full).add_(offset)
                total += losses(scores, wanted[part][few], smoothing)
                if learns:
                    slopes[few] = scores
                    grads[2].add_(scores.sum(0))
            if learns:
                torch.mm(slopes, matrix, out=grads[0][part])
                add_product(grads[1][own], slopes, given[part, :width], first=not part.start)
        ctx.grads = (grads[0][:, :width], *grads[1:]) if learns else None
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        if ctx.grads is None:
            raise RuntimeError("cross-entropy: back-propagate through it once.")
        # let go of, so that the optimiser's slots take them without a copy
        grads, ctx.grads = ctx.grads, None
        if grad.device.type == "cuda" or grad != 1:
            grads = [each.mul_(grad) for each in grads]
        return *grads, None, None, None, None, None


def aligned(values: Tensor, dtype: torch.dtype) -> Tensor:
    """The values in a type; on a processor, with zeros up to a width that bf16's kernels like."""
    more = -values.shape[1] % ALIGNED
    if dtype != torch.bfloat16 or values.device.type != "cpu" or not more:
        return values.to(dtype)
    found = values.new_zeros(len(values), values.shape[1] + more, dtype=dtype)
    found[:, :-more] = values
    return found


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
