"""One input beside what it is like in another: the aligned question embedding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqkit.errors import PluginError, nearest
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Upstream, Vectors
from seqkit_answers.choosing import LOW

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Bool, Float


@final
class Alignment(nn.Module):
    """Soft attention from one input to the other (Chen et al. 2017, f_align).

        a_ij = softmax_j relu(W p_i) . relu(W q_j);  p_i becomes [p_i; sum_j a_ij q_j]

    It takes memory for each pair of a step of one input and one of the other. The arguments are the
    settings of `aligned`. Raises PluginError where there are not two inputs of one width.
    """

    stride: int = 1
    causal: bool = False

    def __init__(
        self, upstream: Upstream, *, width: int | None = None, to: str | None = None
    ) -> None:
        super().__init__()
        widths = {name: front.width for name, front in upstream.inputs.items()}
        known = ", ".join(f"'{name}' of width {one}" for name, one in widths.items())
        if len(widths) != 2 or len(set(widths.values())) != 1:
            raise PluginError(
                "aligned: reads two inputs whose vectors have one width, but there "
                f"{'is' if len(widths) == 1 else 'are'} {known or 'none'}. Give two inputs, and "
                "one embedder for both."
            )
        if to is not None and to not in widths:
            raise PluginError(f"aligned: to: there is no input '{to}'. {nearest(to, widths)}")
        self.receiver, own = to, next(iter(widths.values()))
        self.project = nn.Linear(own, width or own)
        self.width = 2 * own

    def forward(self, inputs: Mapping[str, Vectors]) -> Mapping[str, Vectors]:
        """Each input with the other one beside it, or with zeros where it is not given that."""
        first, second = inputs
        return {
            name: beside(inputs[name], self.seen(inputs[name], inputs[other], name))
            for name, other in ((first, second), (second, first))
        }

    def seen(self, own: Vectors, other: Vectors, name: str) -> Float[Tensor, "batch time width"]:
        """For each step of an input, the mean of the other input's vectors that are like it.

        It is zero beside an input without a step.
        """
        if self.receiver not in (None, name) or not other.values.shape[1]:
            return torch.zeros_like(own.values)
        queries, keys = (F.relu(self.project(one.values)) for one in (own, other))
        scores = queries @ keys.transpose(1, 2)
        real: Bool[Tensor, "batch 1 source"] = other.mask.unsqueeze(1)
        weights = scores.masked_fill(~real, LOW).softmax(2)
        return weights @ other.values


def beside(own: Vectors, seen: Float[Tensor, "batch time width"]) -> Vectors:
    """Both side by side; past a row's length everything is zero."""
    values = torch.cat([own.values, seen.to(own.values.dtype)], dim=2)
    return replace(own, values=values * own.mask.unsqueeze(2), state=None)
