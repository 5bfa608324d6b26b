"""A decoder that labels words over pieces, by the map from pieces to words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, final

import numpy as np
from torch import Tensor, nn
from torch.nn import functional as F

from seqkit.plugins import Register, hookimpl
from seqkit.stages import Answer, Decoder, Example, Loss, Pieces, Upstream, Vectors, time_mask


@hookimpl
def seqkit_stages(register: Register) -> None:
    register.decoder("word-labels", word_labels)


def word_labels(upstream: Upstream) -> Decoder:
    """A label a word, from the sum of its pieces; a word without pieces has the bias alone."""
    return WordLabels(upstream.width)


@final
class WordLabels(nn.Module):
    samples: bool = False
    along_time: frozenset[str] = frozenset({"owner"})

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def fit(self, examples: Iterable[Example]) -> Mapping[str, Any]:
        return {"labels": sorted({label for example in examples for label in example.gold})}

    def ready(self, learnt: Mapping[str, Any]) -> None:
        self.labels = learnt["labels"]
        self.linear = nn.Linear(self.width, len(self.labels))

    def prepare(self, example: Example, rng: Any = None) -> dict[str, Any]:
        pieces = example.inputs["text"]
        assert isinstance(pieces, Pieces)
        words, gold = len(pieces.word_spans), example.gold
        known = [0] * words if gold is None else [self.labels.index(label) for label in gold]
        return {"owner": pieces.words, "labels": np.array(known, np.int32)}

    def scores(self, vectors: Vectors, batch: Mapping[str, Tensor]) -> Tensor:
        """[batch word label]; vectors past a row's length are zero, so padding adds nothing."""
        words = batch["labels"].shape[1]
        owners = F.one_hot(batch["owner"].long(), max(1, words)).to(vectors.values)
        found: Tensor = self.linear(owners.transpose(1, 2) @ vectors.values)[:, :words]
        return found

    def loss(self, inputs: Mapping[str, Vectors], batch: Mapping[str, Tensor]) -> Loss:
        labels, lengths = batch["labels"].long(), batch["labels.lengths"]
        scores = self.scores(inputs["text"], batch).transpose(1, 2)
        losses = F.cross_entropy(scores, labels, reduction="none")
        return Loss((losses * time_mask(lengths, labels.shape[1])).sum(), lengths.sum())

    def predict(
        self,
        inputs: Mapping[str, Vectors],
        batch: Mapping[str, Tensor],
        examples: Sequence[Example],
    ) -> list[Answer]:
        found = self.scores(inputs["text"], batch).argmax(2).tolist()
        rows = zip(found, batch["labels.lengths"].tolist(), strict=True)
        return [{"value": [self.labels[label] for label in row[:size]]} for row, size in rows]

    def gold(self, example: Example) -> Answer:
        return {"value": list(example.gold)}
