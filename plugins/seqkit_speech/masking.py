"""Stretches of steps and bands that training does not see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seqkit.settings import CHECK_SHAPES
from seqkit_speech.hearing import Masks

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float32
    from numpy.random import Generator


@dataclass(frozen=True)
class Masking:
    """What is masked of each axis of [step, band]; None for nothing."""

    steps: Masks | None = None
    bands: Masks | None = None

    @property
    def any(self) -> bool:
        """Whether anything is masked."""
        return bool(self.steps or self.bands)

    def masked(
        self, values: Float32[np.ndarray, "step band"], rng: Generator
    ) -> Float32[np.ndarray, "step band"]:
        """The values, each band's mean where a stretch is drawn (Park et al. 2019)."""
        hidden = np.zeros(values.shape, bool)
        chosen = ((self.steps, hidden), (self.bands, hidden.T))
        for masks, of in [(masks, of) for masks, of in chosen if masks]:
            for _ in range(masks.count):
                length = int(rng.integers(0, min(masks.longest, len(of)) + 1))
                begin = int(rng.integers(0, len(of) - length + 1))
                of[begin : begin + length] = True
        mean = values.mean(axis=0) if len(values) else np.zeros(values.shape[1], np.float32)
        return np.where(hidden, mean, values)
