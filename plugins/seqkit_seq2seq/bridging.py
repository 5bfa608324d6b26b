"""The bridge: the state that a decoder begins with, made of what the encoder has read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, final

import torch
from torch import Tensor, nn

from seqkit.errors import PluginError
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Vectors

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float

    from seqkit.stages import State

Kind = Literal["mean", "last", "zero"]


@final
class Bridge(nn.Module):
    """Maps a summary of the input to the first state of a recurrent stack, tanh for the hidden one.

    The summary is the mean of the encoder's steps (Sennrich et al. 2017) or its state after the
    last one (Bahdanau et al. 2015). like: a state of the stack, whose first part is the hidden one.
    """

    def __init__(self, kind: Kind, inputs: int, like: State) -> None:
        super().__init__()
        self.kind = kind
        self.shapes: Sequence[torch.Size] = [part.shape[1:] for part in like]
        self.maps = nn.ModuleList(
            nn.Linear(inputs, shape.numel()) for shape in self.shapes if kind != "zero"
        )

    def forward(self, vectors: Vectors, first: State) -> State:
        """The first state [batch ...] for each row. first: what the stack would begin with."""
        if self.kind == "zero":
            return first
        summary = self.summary(vectors)
        parts = [
            one(summary).unflatten(1, shape)
            for one, shape in zip(self.maps, self.shapes, strict=True)
        ]
        return (torch.tanh(parts[0]), *parts[1:])

    def summary(self, vectors: Vectors) -> Float[Tensor, "batch width"]:
        """One vector for each row; zero for a row without a step. Raises PluginError."""
        if self.kind == "mean":
            return vectors.values.sum(1) / vectors.lengths.clamp(min=1).unsqueeze(1)
        if vectors.state is None:
            raise PluginError(
                "attention: the encoder before it has no state for 'bridge: last'. Use "
                "'bridge: mean'."
            )
        return vectors.state[0][:, -1]
