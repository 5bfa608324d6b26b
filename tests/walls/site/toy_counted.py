"""Sizes known after fit alone: an embedder as wide as its data says, an encoder as wide as that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.plugins import Register, hookimpl
from seqkit.stages import Embedder, Encoder, Example, Pieces, Upstream, Vectors


@hookimpl
def seqkit_stages(register: Register) -> None:
    register.embedder("counted", counted)
    register.encoder("as-wide", as_wide)


def counted(upstream: Upstream) -> Embedder:
    """A table of vectors, as wide as the longest text of training has pieces."""
    return Counted()


def as_wide(upstream: Upstream) -> Encoder:
    """A layer as wide as what comes in."""
    return AsWide(upstream.width)


def strings(example: Example) -> Sequence[str]:
    pieces = example.inputs["text"]
    assert isinstance(pieces, Pieces)
    return pieces.strings


@final
class Counted(nn.Module):
    samples: bool = False
    along_time: frozenset[str] = frozenset({"pieces"})
    width: int = 0

    def fit(self, examples: Iterable[Example]) -> Mapping[str, Any]:
        every = [strings(example) for example in examples]
        return {"width": max(map(len, every)), "strings": sorted({s for one in every for s in one})}

    def ready(self, learnt: Mapping[str, Any]) -> None:
        self.width, self.strings = learnt["width"], learnt["strings"]
        self.known = {string: number for number, string in enumerate(self.strings, 1)}
        self.table = nn.Embedding(1 + len(self.known), self.width, padding_idx=0)

    def weights(self) -> Tensor:
        return self.table.weight

    def vocabulary(self) -> Sequence[str]:
        return ["?", *self.strings]

    def prepare(self, example: Example, name: str, rng: Any = None) -> dict[str, Any]:
        return {"pieces": np.array([self.known.get(s, 0) for s in strings(example)], np.int32)}

    def forward(self, batch: Mapping[str, Tensor]) -> Vectors:
        return Vectors(self.table(batch["pieces"]), batch["pieces.lengths"])


@final
class AsWide(nn.Module):
    stride: int = 1
    causal: bool = True

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width, self.linear = width, nn.Linear(width, width)

    def forward(self, vectors: Vectors, state: Any = None) -> Vectors:
        values = torch.tanh(self.linear(vectors.values)) * vectors.mask.unsqueeze(2)
        return Vectors(values, vectors.lengths, penalty=vectors.penalty)
