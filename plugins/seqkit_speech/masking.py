"""Stretches of steps and bands that training does not see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float32
    from numpy.random import Generator


@dataclass(frozen=True)
class Masking:
    """By axis of [step, band]: how many stretches, and how long each is at most; None for none."""

    steps: tuple[int, int] | None = None
    bands: tuple[int, int] | None = None

    @property
    def any(self) -> bool:
        """Whether anything is masked."""
        return bool(self.steps or self.bands)

    def masked(
        self, values: Float32[np.ndarray, "step band"], rng: Generator
    ) -> Float32[np.ndarray, "step band"]:
        """The values, each band's mean where a stretch is drawn (Park et al. 2019)."""
        hidden = np.zeros(values.shape, bool)
        for axis, drawn in enumerate((self.steps, self.bands)):
            size = values.shape[axis]
            for _ in range(drawn[0] if drawn else 0):
                length = int(rng.integers(0, min(drawn[1] if drawn else 0, size) + 1))
                begin = int(rng.integers(0, size - length + 1))
                hidden[(slice(None),) * axis + (slice(begin, begin + length),)] = True
        mean = values.mean(axis=0) if len(values) else np.zeros(values.shape[1], np.float32)
        return np.where(hidden, mean, values)
