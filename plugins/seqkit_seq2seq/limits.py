"""How long an answer may become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Vectors

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Int


@dataclass(frozen=True)
class Limits:
    """At most `ratio` pieces for each step of the input, and `more`; never above `longest`."""

    ratio: float
    more: int
    longest: int

    def of(self, inputs: Mapping[str, Vectors]) -> Int[Tensor, " batch"]:
        """The limit of each row; of several inputs, by the longest."""
        steps = torch.stack([vectors.lengths for vectors in inputs.values()]).amax(0)
        return (steps * self.ratio + self.more).clamp(1, self.longest).long()
