"""Log-mel features as vectors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, final

import numpy as np
from torch import nn

from seqkit.abilities import Finding
from seqkit.errors import DataError
from seqkit.moments import Moments
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Example, Frames, Vectors
from seqkit_speech.bands import Bands
from seqkit_speech.masking import Masking

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float32
    from numpy.random import Generator

    from seqkit.stages import Arrays, Batch, Learnt

SMALL = 1e-5
"""Added to variances: a band that hardly changes is not made loud."""
REACH = 2
"""Steps to each side of one that its slope is taken over."""
SHOWN = 3


@final
class LogMel(nn.Module):
    """Energies in bands, normalised, with their slopes. The arguments follow `log_mel`.

    hop: samples from one step to the next, once ready.
    """

    along_time: frozenset[str] = frozenset({"bands"})

    def __init__(self, bands: Bands, normalise: str, deltas: int, masking: Masking) -> None:
        super().__init__()
        self.bands, self.normalise, self.deltas = bands, normalise, deltas
        self.masking, self.samples = masking, masking.any
        self.width, self.hop = bands.filters * (1 + deltas), 0

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """The recordings' rate, and the mean and deviation of bands where training gives them.

        Raises DataError where inputs are no recordings or differ in their rate.
        """
        rate, moments = 0.0, Moments(self.bands.filters)
        for number, example in enumerate(examples, 1):
            for name in example.inputs:
                where = f"log_mel: train: example {number}: {called(example, name)}"
                values, rate = recording(example, name, where, rate)
                if self.normalise == "training":
                    moments.add(self.bands.at(rate).energies(values))
        if not rate:
            raise DataError("log_mel: there is no training example. Give a split that has some.")
        self.bands.at(rate)
        return {"rate": rate, **(moments.learnt(SMALL) if self.normalise == "training" else {})}

    def ready(self, learnt: Learnt) -> None:
        """Takes over what fit found."""
        self.rate = float(learnt["rate"])
        self.filters = self.bands.at(self.rate)
        self.hop = self.filters.hop
        self.mean = np.array(learnt.get("mean", 0.0), np.float32)
        self.deviation = np.array(learnt.get("deviation", 1.0), np.float32)

    def steps(self, frames: int) -> int:
        """How many steps a recording of so many samples has."""
        return self.filters.steps(frames)

    def prepare(self, example: Example, name: str, rng: Generator | None = None) -> Arrays:
        """Gives "bands" [step width], float32. rng: where given, draws what is masked."""
        where = f"log_mel: {called(example, name)}"
        values, _ = recording(example, name, where, self.rate)
        found = self.normalised(self.filters.energies(values))
        if rng is not None and self.masking.any:
            found = self.masking.masked(found, rng)
        every = [found]
        for _ in range(self.deltas):
            every.append(slopes(every[-1]))
        return {"bands": np.concatenate(every, axis=1)}

    def normalised(
        self, values: Float32[np.ndarray, "step band"]
    ) -> Float32[np.ndarray, "step band"]:
        """The energies as `normalise` says."""
        if self.normalise == "recording" and len(values):
            mean = values.mean(axis=0, dtype=np.float64)
            deviation = np.sqrt(values.var(axis=0, dtype=np.float64) + SMALL)
        else:
            mean, deviation = self.mean, self.deviation
        found: Float32[np.ndarray, "step band"] = ((values - mean) / deviation).astype(np.float32)
        return found

    def forward(self, batch: Batch) -> Vectors:
        """The features of "bands" [batch step width]."""
        return Vectors(batch["bands"], batch["bands.lengths"])

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """How long the recordings are, and which are silent or shorter than a window."""
        every = [
            (called(example, name), recording(example, name, f"log_mel: {split}", self.rate)[0])
            for example in examples
            for name in example.inputs
        ]
        if not every:
            return []
        seconds = np.array([len(values) / self.rate for _, values in every])
        silent = [name for name, values in every if not len(values) or not np.ptp(values)]
        brief = [name for name, values in every if 0 < len(values) < self.filters.size]
        return [
            Finding(
                f"{seconds.sum() / 60:.1f} minutes of {self.rate:,.0f} samples a second, "
                f"{seconds.min():.2f} to {seconds.max():.2f} s each"
            ),
            *told(silent, len(every), "silent: all samples are the same"),
            *told(brief, len(every), f"shorter than a window of {self.bands.window:g} ms"),
        ]


def slopes(values: Float32[np.ndarray, "step band"]) -> Float32[np.ndarray, "step band"]:
    """The slope of the line through five steps; before the first and behind the last, these again.

    sum n (c[t + n] - c[t - n]) / (2 sum n^2) for n of 1 and 2 (Furui 1986; HTK).
    """
    if not len(values):
        return values
    around = np.pad(values, ((REACH, REACH), (0, 0)), "edge")
    steps = len(values)
    total = np.zeros_like(values)
    for apart in range(1, REACH + 1):
        later, sooner = around[REACH + apart :], around[REACH - apart :]
        total += apart * (later[:steps] - sooner[:steps])
    return total / np.float32(2 * sum(apart**2 for apart in range(1, REACH + 1)))


def recording(
    example: Example, name: str, where: str, rate: float
) -> tuple[Float32[np.ndarray, " time"], float]:
    """The samples of an input and their rate. Raises DataError for other rates than one given."""
    frames = example.inputs[name]
    if not isinstance(frames, Frames):
        raise DataError(
            f"{where} is pieces of text, but `log_mel` hears recordings. Name their field under "
            "data.text, such as audio of the source `recordings`."
        )
    values = frames.values
    if values.shape[1] != 1:
        raise DataError(
            f"{where} has {values.shape[1]} channels. Give one: `recordings` takes their mean."
        )
    if rate not in (0.0, frames.rate):
        raise DataError(
            f"{where} has {frames.rate:,.10g} samples a second, but training began with "
            f"{rate:,.10g}. Set 'rate' of the source, or give Frames(values, rate)."
        )
    if not np.isfinite(values).all():
        raise DataError(f"{where}: a sample is no finite number. Record it again.")
    return values[:, 0], float(frames.rate)


def called(example: Example, name: str) -> str:
    """An input by the name of its recording, where the source gives one."""
    known = example.fields.get("name")
    return f"'{known}'" if isinstance(known, str) else f"input '{name}'"


def told(names: list[str], every: int, what: str) -> Iterator[Finding]:
    """A warning that names recordings."""
    if names:
        more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
        yield Finding(
            f"{len(names):,} of {every:,} recordings are {what}: {', '.join(names[:SHOWN])}{more}",
            "warning",
        )
