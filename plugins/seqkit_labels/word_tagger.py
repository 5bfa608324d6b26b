"""A decoder that labels each word on its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, final

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer, Example, Learnt, Loss, Upstream, Vectors, time_mask
from seqkit_labels.inputs import input_name, input_width, one_step_a_piece
from seqkit_labels.scores import WordScores
from seqkit_labels.words import UNSEEN, Speaker, WordLabels

if TYPE_CHECKING or CHECK_SHAPES:
    from numpy.random import Generator

    from seqkit.stages import Batch


@final
class Tagger(nn.Module):
    """Softmax over the labels of each word. The arguments are the settings of `tagger`."""

    samples: bool = False
    along_time: frozenset[str] = frozenset()

    def __init__(
        self,
        upstream: Upstream,
        *,
        dropout: float = 0.0,
        word: Speaker = "first",
        smoothing: float = 0.0,
        scheme: str = "keep",
        confidence: bool = True,
        over: str | None = None,
    ) -> None:
        super().__init__()
        one_step_a_piece("tagger", upstream)
        self.words = WordLabels("tagger", over=over, word=word, scheme=scheme)
        self.scores = WordScores(input_width("tagger", upstream, over), dropout=dropout)
        self.smoothing, self.confidence, self.over = smoothing, confidence, over

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """The labels and their scheme. Raises DataError where they cannot be learnt from."""
        return self.words.fit(examples)

    def ready(self, learnt: Learnt) -> None:
        """Allocates the weights."""
        self.words.ready(learnt)
        self.along_time = self.words.along_time
        self.scores.ready(len(self.words.labels))

    def prepare(self, example: Example, rng: Generator | None = None) -> dict[str, np.ndarray]:
        """Where the words stand among the pieces, and their labels. Raises DataError."""
        del rng
        return self.words.prepare(example)

    def loss(self, inputs: Mapping[str, Vectors], batch: Batch) -> Loss:
        """Cross-entropy, summed over words; a label that training has not seen counts for none."""
        vectors = inputs[input_name("tagger", inputs, self.over)]
        scores, labels = self.scores(vectors, batch), batch["labels"].long()
        real = time_mask(batch["labels.lengths"], labels.shape[1]) & (labels != UNSEEN)
        total = F.cross_entropy(
            scores.flatten(0, 1),
            torch.where(real, labels, UNSEEN).flatten(),
            ignore_index=UNSEEN,
            label_smoothing=self.smoothing,
            reduction="sum",
        )
        return Loss(total, real.sum())

    @torch.no_grad()
    def predict(
        self, inputs: Mapping[str, Vectors], batch: Batch, examples: Sequence[Example]
    ) -> list[Answer]:
        """The likeliest label of each word: see `WordLabels.answers`."""
        vectors = inputs[input_name("tagger", inputs, self.over)]
        scores = self.scores(vectors, batch).float()
        lengths = batch["shift.lengths"].cpu().numpy()
        if self.confidence:
            best, labels = scores.softmax(-1).max(-1)
            sure = best.cpu().numpy()
        else:
            labels, sure = scores.argmax(-1), None
        return self.words.answers(labels.cpu().numpy(), lengths, sure, examples)

    def gold(self, example: Example) -> Answer:
        """The labels of the file."""
        return self.words.gold(example)

    def describe(self, examples: Iterable[Example]) -> list[str]:
        """What the labels are, for a reader to check before training."""
        return self.words.describe(examples)
