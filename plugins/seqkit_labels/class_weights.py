"""How much each label counts in a loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import torch

from seqkit.errors import DataError, nearest
from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float
    from torch import Tensor

Weights = Literal["balanced"] | Mapping[str, float] | None
"""The setting `weights`."""


def check_weights(who: str, weights: Weights, labels: Sequence[str]) -> None:
    """Raises DataError for a weight of a label that training has not seen."""
    for label in weights if isinstance(weights, Mapping) else ():
        if label not in labels:
            raise DataError(
                f"{who}: weights: training has no label '{label}'. {nearest(label, labels)}"
            )


def class_weights(
    weights: Weights, labels: Sequence[str], counts: Sequence[int]
) -> Float[Tensor, " label"] | None:
    """The weight of each label; None where all count alike.

    Balanced ones are total / (labels x count), as in scikit-learn (King & Zeng 2001): all labels
    count alike together, and the mean over training is 1. A label without an example counts 1.
    """
    if weights is None:
        return None
    if isinstance(weights, Mapping):
        return torch.tensor([float(weights.get(label, 1.0)) for label in labels])
    present = sum(count > 0 for count in counts)
    return torch.tensor([sum(counts) / (present * count) if count else 1.0 for count in counts])
