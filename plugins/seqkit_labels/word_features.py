"""A decoder of morphology: a label for each feature of a word, all from one vector."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqkit.abilities import Finding, Form
from seqkit.inputs import input_name, input_width
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer, Example, Learnt, Loss, Upstream, Vectors, time_mask
from seqkit_labels.bundles import Bundles, write
from seqkit_labels.inputs import one_step_a_piece
from seqkit_labels.scores import WordScores
from seqkit_labels.temperature import UNFITTED, fit_temperature
from seqkit_labels.words import UNSEEN, Speaker, rounded

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int
    from numpy.random import Generator

    from seqkit.stages import Batch


@final
class Features(nn.Module):
    """A softmax for each feature over its values. The arguments are the settings of `features`.

    One layer scores the values of all features; they are then laid out [feature value], padded.
    """

    samples: bool = False
    along_time: frozenset[str] = frozenset()
    temperature: Tensor
    places: Tensor

    def __init__(
        self,
        upstream: Upstream,
        *,
        dropout: float = 0.0,
        word: Speaker = "first",
        smoothing: float = 0.0,
        confidence: bool = True,
        calibrate: bool = True,
        over: str | None = None,
    ) -> None:
        super().__init__()
        one_step_a_piece("features", upstream)
        self.bundles = Bundles(over=over, word=word)
        self.scores = WordScores(input_width("features", upstream, over), dropout=dropout)
        self.smoothing, self.confidence, self.over = smoothing, confidence, over
        self.calibrated = calibrate and confidence
        self.register_buffer("temperature", torch.ones(()))

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """The features and their values. Raises DataError where golds are no bundles."""
        return self.bundles.fit(examples)

    def ready(self, learnt: Learnt) -> None:
        """Allocates the weights."""
        self.bundles.ready(learnt)
        self.along_time = self.bundles.along_time
        sizes = [len(values) for values in self.bundles.values.values()]
        self.columns = sum(sizes)
        self.scores.ready(self.columns)
        places = torch.full((len(sizes), max(sizes)), self.columns)
        for feature, size in enumerate(sizes):
            places[feature, :size] = torch.arange(size) + sum(sizes[:feature])
        self.register_buffer("places", places, persistent=False)

    def prepare(self, example: Example, rng: Generator | None = None) -> dict[str, np.ndarray]:
        """Where the words stand among the pieces, and their features. Raises DataError."""
        del rng
        return self.bundles.prepare(example)

    def scored(
        self, inputs: Mapping[str, Vectors], batch: Batch
    ) -> Float[Tensor, "batch word column"]:
        """The scores of the values of all features, one after the other, for each word."""
        scores: Tensor = self.scores(inputs[input_name("features", inputs, self.over)], batch)
        return scores

    def laid_out(
        self, scores: Float[Tensor, "*words column"]
    ) -> Float[Tensor, "*words feature value"]:
        """The scores of each feature's values; minus infinity where it has fewer than others."""
        return F.pad(scores, (0, 1), value=-torch.inf)[..., self.places]

    def loss(self, inputs: Mapping[str, Vectors], batch: Batch) -> Loss:
        """Cross-entropy, summed over features and words; the count is of words.

        So the loss of a word is minus the logarithm of the probability of its bundle, as it is for
        a tagger whose labels are bundles: features do not depend on each other given the word's
        vector. A word with a value that training has not seen counts for none.
        """
        logs = self.laid_out(self.scored(inputs, batch)).log_softmax(3)
        labels = batch["labels"].long()
        real = time_mask(batch["labels.lengths"], labels.shape[1]) & (labels != UNSEEN).all(2)
        gold = logs.gather(3, labels.clamp(min=0).unsqueeze(3)).squeeze(3)
        if self.smoothing:
            known = self.places < self.columns
            even = logs.masked_fill(~known, 0.0).sum(3) / known.sum(1)
            gold = (1 - self.smoothing) * gold + self.smoothing * even
        return Loss(-torch.where(real, gold.sum(2), 0.0).sum(), real.sum())

    @torch.no_grad()
    def predict(
        self, inputs: Mapping[str, Vectors], batch: Batch, examples: Sequence[Example]
    ) -> list[Answer]:
        """The bundle of each word as `value`, the likeliest value of each feature.

        With confidence also `confidence`, the probability of each whole bundle, and
        `feature_confidence`, for each word a mapping from the features in its bundle to the
        probability of their values.
        """
        del examples
        likely, values = self.likeliest(self.scored(inputs, batch))
        rows = zip(
            values.tolist(), likely.cpu().numpy(), batch["shift.lengths"].tolist(), strict=True
        )
        return [self.answer(row[:size], sure[:size]) for row, sure, size in rows]

    def likeliest(
        self, scores: Float[Tensor, "*words column"]
    ) -> tuple[Float[Tensor, "*words feature"], Int[Tensor, "*words feature"]]:
        """Each feature's likeliest value, and its probability at the temperature."""
        every = self.laid_out(scores)
        values = every.argmax(-1)
        if not self.confidence:
            return torch.ones_like(values, dtype=every.dtype), values
        return (every / self.temperature).softmax(-1).amax(-1), values

    def answer(
        self, values: Sequence[Sequence[int]], likely: Float[np.ndarray, "word feature"]
    ) -> dict[str, Any]:
        """The answer to one text."""
        found = [self.bundles.bundle(row) for row in values]
        answer: dict[str, Any] = {"value": [write(bundle) for bundle in found]}
        if self.confidence:
            answer["confidence"] = rounded(likely.prod(1))
            names = list(self.bundles.values)
            answer["feature_confidence"] = [
                {name: sure for name, sure in zip(names, row, strict=True) if name in bundle}
                for bundle, row in zip(found, rounded(likely), strict=True)
            ]
        return answer

    @torch.no_grad()
    def calibrate(self, batches: Iterable[tuple[Mapping[str, Vectors], Batch]]) -> list[str]:
        """Fits one temperature for all features, on how often whole bundles are right."""
        if not self.calibrated:
            return []
        self.temperature.fill_(1.0)
        held, right, texts = list[Tensor](), list[np.ndarray](), 0
        for inputs, batch in batches:
            real = time_mask(batch["labels.lengths"], batch["labels"].shape[1])
            held.append(self.scored(inputs, batch)[real])
            values = self.laid_out(held[-1]).argmax(2)
            right.append((values == batch["labels"][real]).all(1).cpu().numpy())
            texts += len(real)
        if not held:
            return [UNFITTED]

        def confidence(value: float) -> Float[np.ndarray, " word"]:
            every = [self.likeliest(scores / value)[0].prod(1) for scores in held]
            return torch.cat(every).cpu().numpy()

        found, line = fit_temperature(confidence, np.concatenate(right), texts, "bundles")
        self.temperature.fill_(found)
        return [line]

    def begin(self) -> None:
        """Nothing is remembered: words are labelled on their own."""

    def push(
        self, memory: None, inputs: Mapping[str, Vectors], batch: Batch, example: Example
    ) -> tuple[list[Answer], None]:
        """An answer for each word."""
        del memory
        [whole] = self.predict(inputs, batch, [example])
        keys = list(whole)
        rows = zip(*whole.values(), strict=True)
        return [dict(zip(keys, row, strict=True)) for row in rows], None

    def finish(self, memory: None) -> list[Answer]:
        """No answer was open."""
        del memory
        return []

    def form(self) -> Form:
        """A bundle for each word. Which there may be is not listed: features go together freely."""
        return Form("words")

    def gold(self, example: Example) -> Answer:
        """The bundles of the file, their features in order."""
        return self.bundles.gold(example)

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """What the features are, and what training has not seen: see `Bundles.describe`."""
        return self.bundles.describe(examples, split)
