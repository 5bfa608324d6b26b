"""What gates say of a step, in a few numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float

NEARLY = 0.1
"""A gate below this share is shut, one above 1 minus it is open (Karpathy et al. 2016)."""
FORGETS = 1e-6
"""The least that a step is taken to forget, so that a half-life is a number."""


def gate_series(
    gates: Mapping[str, Float[Tensor, "time batch width"]],
) -> dict[str, Float[Tensor, "time batch"]]:
    """For each gate its mean over units, and the shares of units where it is shut and open."""
    found = {}
    for name, gate in gates.items():
        found[name] = gate.mean(2)
        found[f"{name} shut"] = (gate < NEARLY).to(gate.dtype).mean(2)
        found[f"{name} open"] = (gate > 1.0 - NEARLY).to(gate.dtype).mean(2)
    return found


def memories(like: Float[Tensor, " width"], longest: int) -> Float[Tensor, " width"]:
    """Biases of gates that keep: log(u), u uniform from 1 to the longest memory minus 1.

    A sigmoid of it keeps for about u steps (chrono initialisation, Tallec & Ollivier 2018).
    """
    return torch.empty_like(like).uniform_(1.0, longest - 1.0).log()


def half_life(keep: Float[Tensor, "time batch width"]) -> Float[Tensor, "time batch"]:
    """Steps until half of a memory is gone, if its gates stayed as they are.

    keep: the share that each unit keeps at a step; the mean over units is that of its logarithm.
    """
    tiny = 1e-30  # a unit that keeps nothing has no logarithm
    return -math.log(2.0) / keep.clamp(min=tiny).log().mean(2).clamp(max=-FORGETS)


def norm(values: Float[Tensor, "time batch width"]) -> Float[Tensor, "time batch"]:
    """The Euclidean norm of each step."""
    found: Tensor = torch.linalg.vector_norm(values, dim=2)
    return found
