"""The numbers of a series as its vectors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, final

import numpy as np
from torch import nn

from seqkit.errors import DataError
from seqkit.moments import Moments
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Example, Frames, Vectors
from seqkit_frames.differencing import differenced, logarithms

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float32, Float64
    from numpy.random import Generator

    from seqkit.stages import Arrays, Batch, Learnt


@final
class Channels(nn.Module):
    """Frames as they are, or what is made of them. The arguments are the settings of `frames`."""

    samples: bool = False
    along_time: frozenset[str] = frozenset({"frames"})

    def __init__(
        self,
        scale: bool = False,
        log: bool = False,
        differences: Sequence[int] = (),
        first: int | None = None,
    ) -> None:
        super().__init__()
        self.scale, self.log, self.differences, self.first = scale, log, differences, first
        self.width, self.reach = 0, sum(differences)

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """The number of channels, and where they are scaled their means and deviations.

        Raises DataError where inputs are no frames, hold what is no finite number, or differ in
        their channels, and where there is nothing to learn from.
        """
        moments: Moments | None = None
        for number, example in enumerate(examples, 1):
            for name in example.inputs:
                where = f"frames: train: example {number}: input '{name}'"
                values = finite_frames(example, name, where)
                moments = moments or Moments(values.shape[1])
                same_channels(values, len(moments.mean), where)
                moments.add(self.changed(values, where)[self.reach :])
        if moments is None:
            raise DataError("frames: there is no training example. Give a split that has some.")
        if not self.scale:
            return {"channels": len(moments.mean)}
        return {"channels": len(moments.mean), **moments.learnt()}

    def ready(self, learnt: Learnt) -> None:
        """Takes over what fit found."""
        self.width = int(learnt["channels"])
        self.mean = np.array(learnt.get("mean", 0.0), np.float64)
        self.deviation = np.array(learnt.get("deviation", 1.0), np.float64)

    def prepare(self, example: Example, name: str, rng: Generator | None = None) -> Arrays:
        """Gives "frames" [time channel], float32. Raises DataError as fit does."""
        del rng
        where = f"frames: input '{name}'"
        values = finite_frames(example, name, where)
        same_channels(values, self.width, where)
        changed = self.changed(values, where)
        if self.scale:
            changed = ((changed - self.mean) / self.deviation).astype(np.float32)
        if self.differences:
            changed[: self.reach, : self.first] = 0.0
        return {"frames": changed.astype(np.float32)}

    def changed(
        self, values: Float32[np.ndarray, "time channel"], where: str
    ) -> Float32[np.ndarray, "time channel"] | Float64[np.ndarray, "time channel"]:
        """The frames with logarithms and differences in the channels that these are for."""
        if not (self.log or self.differences):
            return values
        chosen = values[:, : self.first]
        chosen = logarithms(chosen, where) if self.log else chosen.astype(np.float64)
        return np.hstack([differenced(chosen, self.differences), values[:, chosen.shape[1] :]])

    def forward(self, batch: Batch) -> Vectors:
        """The numbers of "frames" [batch time channel]."""
        return Vectors(batch["frames"], batch["frames.lengths"])


def finite_frames(example: Example, name: str, where: str) -> Float32[np.ndarray, "time channel"]:
    """The numbers of one input. Raises DataError where it is no frames, or one is not finite."""
    frames = example.inputs[name]
    if not isinstance(frames, Frames):
        raise DataError(
            f"{where} is pieces of text, but `frames` embeds numbers. Name a field that holds a "
            "series under data.text, or choose an embedder of text, such as `lookup`."
        )
    values = frames.values
    if not np.isfinite(values).all():
        step, channel = np.argwhere(~np.isfinite(values))[0].tolist()
        raise DataError(
            f"{where}: {values[step, channel]} at step {step + 1} of {len(values)}, channel "
            f"{channel + 1} of {values.shape[1]}, is no finite number. Fill the gap, or leave the "
            "series out."
        )
    return values


def same_channels(values: Float32[np.ndarray, "time channel"], channels: int, where: str) -> None:
    """Raises DataError where a series has other channels than those before."""
    if values.shape[1] != channels:
        raise DataError(
            f"{where} has {values.shape[1]} channels, but training began with {channels}. "
            "Give every series the same channels."
        )
