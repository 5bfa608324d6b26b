"""A decoder that labels whole texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, final

import torch
from torch import Tensor, nn

from seqkit.abilities import Finding, Form
from seqkit.errors import DataError
from seqkit.inputs import input_name, input_width
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer, Example, Learnt, Loss, Upstream, Vectors
from seqkit_labels.class_weights import Weights, check_weights
from seqkit_labels.descriptions import describe_texts
from seqkit_labels.one_label import OneLabel
from seqkit_labels.pooling import Kind, Pool, Pooling
from seqkit_labels.several_labels import SeveralLabels
from seqkit_labels.texts import TextLabels

if TYPE_CHECKING or CHECK_SHAPES:
    import numpy as np
    from jaxtyping import Float
    from numpy.random import Generator

    from seqkit.stages import Batch


@final
class Classifier(nn.Module):
    """Pools the steps of a text and labels it. The arguments are the settings of `classifier`."""

    samples: bool = False
    along_time: frozenset[str] = frozenset()

    def __init__(
        self,
        upstream: Upstream,
        *,
        pool: Kind | Sequence[Kind] = "max",
        dropout: float = 0.0,
        smoothing: float = 0.0,
        weights: Weights = None,
        threshold: float | None = None,
        best: int | None = None,
        calibrate: bool = True,
        over: str | None = None,
    ) -> None:
        super().__init__()
        self.width = input_width("classifier", upstream, over)
        self.pool = Pooling(self.width, [pool] if isinstance(pool, str) else pool)
        self.dropout = nn.Dropout(dropout)
        self.smoothing, self.weights, self.threshold = smoothing, weights, threshold
        self.best, self.calibrated, self.over = best, calibrate, over
        self.texts = TextLabels()

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """The labels with their counts. Raises DataError where there is nothing to learn."""
        learnt = self.texts.fit(examples)
        check_weights("classifier", self.weights, learnt["labels"])
        if self.threshold is not None and not learnt["several"]:
            raise DataError(
                "classifier: threshold: each text has one label, the likeliest. "
                "Remove 'threshold', or give lists of labels."
            )
        return learnt

    def ready(self, learnt: Learnt) -> None:
        """Allocates the weights."""
        self.texts.ready(learnt)
        self.linear = nn.Linear(self.pool.width, len(self.texts.labels))
        self.choice = self.chosen()

    def chosen(self) -> OneLabel | SeveralLabels:
        """What makes losses and answers of scores."""
        if not self.texts.several:
            return OneLabel(
                self.texts, smoothing=self.smoothing, weights=self.weights, best=self.best
            )
        return SeveralLabels(
            self.texts,
            smoothing=self.smoothing,
            weights=self.weights,
            best=self.best,
            threshold=self.threshold,
        )

    def prepare(self, example: Example, rng: Generator | None = None) -> dict[str, np.ndarray]:
        """The labels of a text: see `TextLabels.prepare`. Raises DataError."""
        del rng
        return self.texts.prepare(example)

    def scores(self, inputs: Mapping[str, Vectors]) -> Float[Tensor, "batch label"]:
        """The score of each label for each text."""
        return self.scored(self.pool(inputs[input_name("classifier", inputs, self.over)]))

    def scored(self, pooled: Float[Tensor, "batch pooled"]) -> Float[Tensor, "batch label"]:
        """The score of each label for each text's vector."""
        scores: Tensor = self.linear(self.dropout(pooled))
        return scores

    def loss(self, inputs: Mapping[str, Vectors], batch: Batch) -> Loss:
        """Summed over texts; the count is of texts."""
        return self.choice.loss(self.scores(inputs), batch)

    @torch.no_grad()
    def predict(
        self,
        inputs: Mapping[str, Vectors],
        batch: Batch,
        examples: Sequence[Example],
    ) -> list[Answer]:
        """The labels of each text: see `OneLabel.answers` and `SeveralLabels.answers`."""
        del batch, examples
        return self.choice.answers(self.scores(inputs))

    @torch.no_grad()
    def calibrate(self, batches: Iterable[tuple[Mapping[str, Vectors], Batch]]) -> list[str]:
        """Fits the temperature, and the threshold where a text may have several labels."""
        if not self.calibrated:
            return []
        return self.choice.calibrate([(self.scores(inputs), batch) for inputs, batch in batches])

    def begin(self) -> tuple[Pool, ...]:
        """What is remembered of a text before its first step."""
        return ()

    @torch.no_grad()
    def push(
        self,
        memory: tuple[Pool, ...],
        inputs: Mapping[str, Vectors],
        batch: Batch,
        example: Example,
    ) -> tuple[list[Answer], tuple[Pool, ...]]:
        """Pools more steps with those before; there is no answer before the text ends."""
        del batch, example
        vectors = inputs[input_name("classifier", inputs, self.over)]
        return [], self.pool.add(memory, vectors)

    @torch.no_grad()
    def finish(self, memory: tuple[Pool, ...]) -> list[Answer]:
        """The answer to all steps that have come; to a zero vector where none has."""
        return self.choice.answers(self.scored(self.pool.total(memory, self.linear.weight)))

    def form(self) -> Form:
        """One label for each text, or any number."""
        return Form("labels" if self.texts.several else "label", tuple(self.texts.labels))

    def gold(self, example: Example) -> Answer:
        """The labels of the file. Raises DataError where the example has none."""
        found = self.texts.read(example)
        return {"value": found if self.texts.several else found[0]}

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """Labels, what is wrong with them, and examples: see `describe_texts`."""
        every = list(examples)
        decoded = (
            (
                example.inputs[input_name("classifier", example.inputs, self.over)],
                self.texts.names(self.prepare(example)),
            )
            for example in every
        )
        golds = [self.texts.read(example) for example in every]
        return describe_texts(golds, decoded, self.texts.index, split)
