"""A decoder that labels each word on its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqkit.abilities import Finding, Form
from seqkit.inputs import input_name, input_width
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer, Example, Learnt, Loss, Upstream, Vectors, time_mask
from seqkit_labels.class_weights import Weights, check_weights, class_weights
from seqkit_labels.inputs import one_step_a_piece
from seqkit_labels.rewriting import Tail
from seqkit_labels.scores import WordScores
from seqkit_labels.word_calibration import Answered, answered, fit_words
from seqkit_labels.words import UNSEEN, Certainty, Speaker, WordLabels, products

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int
    from numpy.random import Generator

    from seqkit.stages import Batch


@final
class Tagger(nn.Module):
    """Softmax over the labels of each word. The arguments are the settings of `tagger`."""

    samples: bool = False
    along_time: frozenset[str] = frozenset()
    temperature: Tensor
    label_weights: Tensor | None

    def __init__(
        self,
        upstream: Upstream,
        *,
        dropout: float = 0.0,
        word: Speaker = "first",
        smoothing: float = 0.0,
        weights: Weights = None,
        scheme: str = "keep",
        confidence: bool = True,
        calibrate: bool = True,
        over: str | None = None,
    ) -> None:
        super().__init__()
        one_step_a_piece("tagger", upstream)
        self.words = WordLabels("tagger", over=over, word=word, scheme=scheme, gaps=True)
        self.scores = WordScores(input_width("tagger", upstream, over), dropout=dropout)
        self.smoothing, self.confidence, self.over = smoothing, confidence, over
        self.weights, self.calibrated = weights, calibrate and confidence
        self.register_buffer("temperature", torch.ones(()))

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """The labels and their scheme. Raises DataError where they cannot be learnt from."""
        learnt = self.words.fit(examples)
        check_weights("tagger", self.weights, learnt["labels"])
        return learnt

    def ready(self, learnt: Learnt) -> None:
        """Allocates the weights."""
        self.words.ready(learnt)
        self.along_time = self.words.along_time
        self.scores.ready(len(self.words.labels))
        weights = class_weights(self.weights, self.words.labels, self.words.counts)
        self.register_buffer("label_weights", weights, persistent=False)

    def prepare(self, example: Example, rng: Generator | None = None) -> dict[str, np.ndarray]:
        """Where the words stand among the pieces, and their labels. Raises DataError."""
        del rng
        return self.words.prepare(example)

    def loss(self, inputs: Mapping[str, Vectors], batch: Batch) -> Loss:
        """Cross-entropy, summed over words that have a label which training has seen.

        With `weights` each word's is multiplied by its label's weight; the count is of words.
        """
        vectors = inputs[input_name("tagger", inputs, self.over)]
        scores, labels = self.scores(vectors, batch), batch["labels"].long()
        real = time_mask(batch["labels.lengths"], labels.shape[1]) & (labels >= 0)
        total = F.cross_entropy(
            scores.flatten(0, 1),
            torch.where(real, labels, UNSEEN).flatten(),
            weight=self.label_weights,
            ignore_index=UNSEEN,
            label_smoothing=self.smoothing,
            reduction="sum",
        )
        return Loss(total, real.sum())

    @torch.no_grad()
    def predict(
        self, inputs: Mapping[str, Vectors], batch: Batch, examples: Sequence[Example]
    ) -> list[Answer]:
        """The likeliest label of each word: see `WordLabels.answers`.

        Words are labelled on their own, so that the probability of a span is the product of its
        words'.
        """
        labels, sure = self.likeliest(inputs, batch)
        return self.words.answers(labels, batch["shift.lengths"].cpu().numpy(), sure, examples)

    def likeliest(
        self, inputs: Mapping[str, Vectors], batch: Batch
    ) -> tuple[Int[np.ndarray, "batch word"], Float[np.ndarray, "batch word"] | None]:
        """Each word's likeliest label, and its probability where `confidence` is on."""
        vectors = inputs[input_name("tagger", inputs, self.over)]
        scores = self.scores(vectors, batch)
        if not self.confidence:
            return scores.argmax(-1).cpu().numpy(), None
        best, labels = (scores / self.temperature).softmax(-1).max(-1)
        return labels.cpu().numpy(), best.cpu().numpy()

    @torch.no_grad()
    def calibrate(self, batches: Iterable[tuple[Mapping[str, Vectors], Batch]]) -> list[str]:
        """Fits the temperature: see `fit_words`."""
        if not self.calibrated:
            return []
        every = list[Answered]()
        for inputs, batch in batches:
            scores = self.scores(inputs[input_name("tagger", inputs, self.over)], batch)
            paths, labels = scores.argmax(-1).cpu().numpy(), batch["labels"].cpu().numpy()
            every.append(answered(self.words, scores, batch["labels.lengths"], paths, labels))

        def sure(one: Answered, value: float) -> tuple[np.ndarray, Certainty]:
            best = (one.scores / value).softmax(-1).amax(-1).cpu().numpy()
            return best, partial(products, confidence=best)

        found, line = fit_words(every, sure)
        self.temperature.fill_(found)
        return [line]

    def begin(self) -> Tail:
        """What is remembered of a text before its first word."""
        return Tail()

    @torch.no_grad()
    def push(
        self, memory: Tail, inputs: Mapping[str, Vectors], batch: Batch, example: Example
    ) -> tuple[list[Answer], Tail]:
        """An answer for each word: see `WordLabels.push`."""
        del example
        labels, sure = self.likeliest(inputs, batch)
        return self.words.push(memory, labels[0].tolist(), None if sure is None else sure[0])

    def finish(self, memory: Tail) -> list[Answer]:
        """The last word's answer, where its tag was still open."""
        return self.words.finish(memory)

    def form(self) -> Form:
        """A label for each word, or spans."""
        return self.words.answer_form()

    def gold(self, example: Example) -> Answer:
        """The labels of the file."""
        return self.words.gold(example)

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """What the labels are, for a reader to check before training."""
        return self.words.describe(examples, split)
