"""A decoder whose output layer is the embedder's own table (Press & Wolf 2017)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, final, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqkit.plugins import Register, hookimpl
from seqkit.stages import Answer, Decoder, Example, Loss, Pieces, Upstream, Vectors


@hookimpl
def seqkit_stages(register: Register) -> None:
    register.decoder("tied", tied)


def tied(upstream: Upstream) -> Decoder:
    """Tells each piece again."""
    embedder = upstream.inputs["text"].embedder
    assert isinstance(embedder, Tabled)
    return Tied(embedder)


@runtime_checkable
class Tabled(Protocol):
    """An embedder with a row of weights for each string that it knows."""

    def weights(self) -> Tensor: ...
    def vocabulary(self) -> Sequence[str]: ...


@final
class Tied(nn.Module):
    samples: bool = False
    along_time: frozenset[str] = frozenset({"pieces"})

    def __init__(self, embedder: Tabled) -> None:
        super().__init__()
        self.table, self.strings = embedder.weights(), embedder.vocabulary()
        self.known = {string: number for number, string in enumerate(self.strings)}

    def fit(self, examples: Iterable[Example]) -> Mapping[str, Any]:
        return {"size": len(self.strings)}

    def ready(self, learnt: Mapping[str, Any]) -> None:
        self.bias = nn.Parameter(torch.zeros(learnt["size"]))

    def prepare(self, example: Example, rng: Any = None) -> dict[str, Any]:
        pieces = example.inputs["text"]
        assert isinstance(pieces, Pieces)
        return {"pieces": np.array([self.known.get(s, 0) for s in pieces.strings], np.int32)}

    def scores(self, vectors: Vectors) -> Tensor:
        return F.linear(vectors.values, self.table, self.bias)

    def loss(self, inputs: Mapping[str, Vectors], batch: Mapping[str, Tensor]) -> Loss:
        scores, vectors = self.scores(inputs["text"]).transpose(1, 2), inputs["text"]
        losses = F.cross_entropy(scores, batch["pieces"].long(), reduction="none")
        return Loss((losses * vectors.mask).sum(), vectors.lengths.sum())

    def predict(
        self,
        inputs: Mapping[str, Vectors],
        batch: Mapping[str, Tensor],
        examples: Sequence[Example],
    ) -> list[Answer]:
        found, lengths = self.scores(inputs["text"]).argmax(2), inputs["text"].lengths
        rows = zip(found.tolist(), lengths.tolist(), strict=True)
        return [{"value": [self.strings[piece] for piece in row[:size]]} for row, size in rows]

    def gold(self, example: Example) -> Answer:
        return {"value": list(example.gold)}
