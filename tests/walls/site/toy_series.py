"""Frames in: a source of series, and an embedder that learns mean and deviation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, final

import numpy as np
from torch import Tensor, nn

from seqkit.plugins import Register, hookimpl
from seqkit.stages import Embedder, Example, Frames, Source, Upstream, Vectors


@hookimpl
def seqkit_stages(register: Register) -> None:
    register.source("waves", waves)
    register.embedder("scaled", scaled)


def waves() -> Source:
    """Series around a level of their own: a list, an array of two channels, and their mean."""
    return Waves()


def scaled(upstream: Upstream) -> Embedder:
    """Frames less the mean of training, over its deviation."""
    return Scaled()


@final
class Waves:
    def read(self, split: str, place: Any) -> Iterator[Mapping[str, Any]]:
        rng = np.random.default_rng(["train", "dev", "test"].index(split))
        for _ in range(40):
            values = rng.uniform(50, 90) + rng.normal(size=int(rng.integers(1, 9)))
            pair = np.stack([values, -values], axis=1)
            yield {"list": values.tolist(), "array": pair, "mean": float(values.mean())}


@final
class Scaled(nn.Module):
    samples: bool = False
    along_time: frozenset[str] = frozenset({"frames"})
    width: int = 0

    def fit(self, examples: Iterable[Example]) -> Mapping[str, Any]:
        every = [value for one in examples for value in one.inputs.values()]
        values = np.concatenate([one.values for one in every if isinstance(one, Frames)])
        return {"mean": values.mean(axis=0), "deviation": values.std(axis=0)}

    def ready(self, learnt: Mapping[str, Any]) -> None:
        self.mean, self.deviation = learnt["mean"], learnt["deviation"]
        self.width = len(self.mean)

    def prepare(self, example: Example, name: str, rng: Any = None) -> dict[str, Any]:
        frames = example.inputs[name]
        assert isinstance(frames, Frames)
        return {"frames": ((frames.values - self.mean) / self.deviation).astype(np.float32)}

    def forward(self, batch: Mapping[str, Tensor]) -> Vectors:
        return Vectors(batch["frames"], batch["frames.lengths"])
