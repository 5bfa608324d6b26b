"""The linear recurrence h_t = a_t h_{t-1} + b_t over all steps at once.

A step is the map h -> a h + b, and two steps in a row are one such map: (a, b) after (a', b') is
(a a', a b' + b). Steps are joined in pairs, the recurrence runs over half as many of them, and the
steps between are filled in: work that grows with time alone, and depth with its logarithm (Blelloch
1990; for recurrent networks Martin & Cundy 2018). The numbers are real, not logarithms, so that b
may be negative; where a is from 0 to 1 no product grows, and nothing is divided.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float

SHORT = 16
"""Steps below which one after the other is as fast as pairs."""
WIDE = 1000
"""Numbers in a step from which, on a CPU, one step after the other is faster than pairs.

Pairs cost twice the arithmetic and read memory in strides; what they save is calls.
"""


def linear_scan(
    keep: Float[Tensor, "time batch width"],
    new: Float[Tensor, "time batch width"],
    first: Float[Tensor, "batch width"],
) -> Float[Tensor, "time batch width"]:
    """Every h of h_t = keep_t h_{t-1} + new_t, of one step at least; first stands before step 0."""
    dtype = torch.promote_types(torch.promote_types(keep.dtype, new.dtype), first.dtype)
    scan = cast("Callable[..., Tensor]", Scan.apply)  # torch leaves it untyped
    return scan(keep.to(dtype), new.to(dtype), first.to(dtype))


class Scan(torch.autograd.Function):
    """The recurrence and its gradient, which is the recurrence in reverse.

    With g_t the gradient of h_t by itself and G_t the whole one: G_t = g_t + a_{t+1} G_{t+1}; the
    gradient of b_t is G_t, that of a_t is G_t h_{t-1}.
    """

    @staticmethod
    def forward(ctx: Any, keep: Tensor, new: Tensor, first: Tensor) -> Tensor:
        """Every hidden state [time batch width]."""
        found = recurrence(keep, new, first)
        ctx.save_for_backward(keep, first, found)
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The gradients of keep, new and first."""
        keep, first, found = ctx.saved_tensors
        after = keep.roll(-1, 0)  # a_{t+1}; the last one meets zeros
        whole = recurrence(after, gradient, torch.zeros_like(first), backwards=True)
        of_keep = torch.empty_like(whole)
        torch.mul(whole[0], first, out=of_keep[0])
        torch.mul(whole[1:], found[:-1], out=of_keep[1:])
        return of_keep, whole, whole[0] * keep[0]


def recurrence(keep: Tensor, new: Tensor, first: Tensor, *, backwards: bool = False) -> Tensor:
    """Every h, the faster way. backwards: from the last step to step 0."""
    if first.numel() >= WIDE and first.device.type == "cpu":
        return in_turn(keep, new, first, backwards=backwards)
    if backwards:
        return in_pairs(keep.flip(0), new.flip(0), first).flip(0)
    return in_pairs(keep, new, first)


def in_turn(keep: Tensor, new: Tensor, first: Tensor, *, backwards: bool = False) -> Tensor:
    """Every h, one after the other."""
    found, last = torch.empty_like(new), first
    steps = list(zip(found.unbind(), keep.unbind(), new.unbind(), strict=True))
    for here, kept, added in reversed(steps) if backwards else steps:
        last = torch.addcmul(added, kept, last, out=here)
    return found


def in_pairs(keep: Tensor, new: Tensor, first: Tensor) -> Tensor:
    """Every h: those of odd steps by a recurrence over pairs, and from them those of even steps."""
    time = len(new)
    if time < SHORT:
        return in_turn(keep, new, first)
    even, odd = slice(0, time - 1, 2), slice(1, None, 2)
    joined = torch.addcmul(new[odd], keep[odd], new[even])
    found = torch.empty_like(new)
    found[odd] = in_pairs(keep[odd] * keep[even], joined, first)
    found[0] = torch.addcmul(new[0], keep[0], first)
    found[2::2] = torch.addcmul(new[2::2], keep[2::2], found[1 : time - 1 : 2])
    return found
