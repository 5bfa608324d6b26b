"""Products of many steps with the same matrix, whose gradient is one product over all steps.

Written out step by step, a recurrent network multiplies with the same weights at each step, and
back-propagation adds a gradient of the weights' size at each, which costs more than the products
where a step has few rows. Here the factors of that gradient are kept, and multiplied once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float

Factors = dict[int, tuple[Tensor, Tensor]]
"""Of each step, by its number, what was multiplied, and the gradient of the product."""
Product = Callable[[Tensor], Tensor]
SMALL = 2**18
"""Numbers of a matrix whose gradients are added up as fast as they are kept."""


def unrolled(matrix: Float[Tensor, "*batch inner outer"]) -> Product:
    """What multiplies values [*batch row inner] with a matrix at each of many steps.

    It gives values @ matrix, in autocast's type where autocast is on. A matrix of two axes takes
    values of any axes. Gradients of gradients are refused.
    """
    if not pays(matrix):
        return lambda values: values @ matrix
    device = matrix.device.type
    if torch.is_autocast_enabled(device):
        matrix = matrix.to(torch.get_autocast_dtype(device))
    factors: Factors = {}
    steps = itertools.count()
    shared = Shared.apply(matrix, factors)  # type: ignore[no-untyped-call]  # torch gives it none

    def product(values: Tensor) -> Tensor:
        given = (values, shared, factors, next(steps))
        return cast("Tensor", OneStep.apply(*given))  # type: ignore[no-untyped-call]  # torch gives it none

    return product


def pays(matrix: Tensor) -> bool:
    """Whether the gradient is made once: where there is one, of a matrix that is not small."""
    return torch.is_grad_enabled() and matrix.requires_grad and matrix.numel() >= SMALL


class Shared(torch.autograd.Function):
    """The matrix itself. Its gradient is due when all of its products have theirs."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, factors: Factors) -> Tensor:
        ctx.factors = factors
        ctx.set_materialize_grads(False)
        return matrix.view_as(matrix)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *_: None) -> tuple[Tensor | None, None]:
        if not ctx.factors:
            return None, None
        values, grads = (torch.cat(every, -2) for every in zip(*ctx.factors.values(), strict=True))
        ctx.factors.clear()
        return values.transpose(-2, -1) @ grads, None


class OneStep(torch.autograd.Function):
    """One product, which leaves what the gradient of the matrix needs of it."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, shared: Tensor, factors: Factors, step: int) -> Tensor:
        ctx.dtype, ctx.factors, ctx.step = values.dtype, factors, step
        values = values.to(shared.dtype)
        ctx.save_for_backward(values, shared)
        return values @ shared

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, None, None, None]:
        values, shared = ctx.saved_tensors
        # a pass that asked for other gradients alone may have left this step's, which is replaced
        flat = (values, grad) if shared.ndim > 2 else (values.flatten(0, -2), grad.flatten(0, -2))
        ctx.factors[ctx.step] = flat
        back = grad @ shared.transpose(-2, -1) if ctx.needs_input_grad[0] else None
        return None if back is None else back.to(ctx.dtype), None, None, None
