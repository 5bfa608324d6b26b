"""Fixed positions: sinusoidal encodings (Vaswani et al. 2017) and rotation (Su et al. 2021).

Both rest on the angles p / 10000^(2i / width) of position p and pair of values i. The angles are
taken in float64, so that far positions are exact, and on the host, as not every device has float64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float

    Rotation = tuple[Float[Tensor, "time pair"], Float[Tensor, "time pair"]]


def angles(time: int, width: int) -> Float[Tensor, "time pair"]:
    """The angle of each position and pair of values; an odd width ends with half a pair."""
    pairs = torch.arange(0, width, 2, dtype=torch.float64)
    steps = torch.arange(time, dtype=torch.float64)
    return steps.unsqueeze(1) * 10000.0 ** (-pairs / width)


def sinusoids(time: int, width: int) -> Float[Tensor, "time width"]:
    """The sine and the cosine of each angle, in turn, for positions from 0."""
    every = angles(time, width)
    return torch.stack((every.sin(), every.cos()), dim=2).flatten(1)[:, :width]


def rotation(time: int, width: int, like: Tensor) -> Rotation:
    """Cosines and sines by which `rotated` turns values; the width is even."""
    every = angles(time, width)
    kind = torch.promote_types(like.dtype, torch.float32)
    return every.cos().to(like.device, kind), every.sin().to(like.device, kind)


def rotated(
    values: Float[Tensor, "batch head time share"], by: Rotation
) -> Float[Tensor, "batch head time share"]:
    """Turns each pair of values by the angle of its position."""
    cosine, sine = by
    one, other = values[..., ::2], values[..., 1::2]
    turned = torch.stack((one * cosine - other * sine, one * sine + other * cosine), dim=4)
    return turned.flatten(3).to(values.dtype)
