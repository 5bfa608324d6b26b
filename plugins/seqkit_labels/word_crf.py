"""A decoder that labels the words of a text together: a linear-chain conditional random field."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, final

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.abilities import Finding, Form
from seqkit.inputs import input_name, input_width
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer, Example, Learnt, Loss, Upstream, Vectors, time_mask
from seqkit_labels.beliefs import Beliefs, beliefs, reading
from seqkit_labels.chain import Chain
from seqkit_labels.coalescence import Paths, extend, finish
from seqkit_labels.gold import spans_of_words
from seqkit_labels.inputs import one_step_a_piece
from seqkit_labels.likelihood import negative_log_likelihood
from seqkit_labels.nbest import n_best_paths
from seqkit_labels.rewriting import Tail
from seqkit_labels.schemes import legal
from seqkit_labels.scores import WordScores, full_precision
from seqkit_labels.viterbi import best_paths
from seqkit_labels.word_calibration import Answered, answered, fit_words
from seqkit_labels.words import UNSEEN, Certainty, Speaker, WordLabels

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int
    from numpy.random import Generator

    from seqkit.stages import Batch


@final
class CRF(nn.Module):
    """A chain over the words of a text. The arguments are the settings of `crf`."""

    samples: bool = False
    along_time: frozenset[str] = frozenset()
    temperature: Tensor

    def __init__(
        self,
        upstream: Upstream,
        *,
        dropout: float = 0.0,
        word: Speaker = "first",
        scheme: str = "keep",
        constrain: bool = True,
        best: int | None = None,
        confidence: bool = True,
        calibrate: bool = True,
        over: str | None = None,
    ) -> None:
        super().__init__()
        one_step_a_piece("crf", upstream)
        self.words = WordLabels("crf", over=over, word=word, scheme=scheme)
        self.scores = WordScores(input_width("crf", upstream, over), dropout=dropout)
        self.constrain, self.best, self.confidence, self.over = constrain, best, confidence, over
        self.calibrated = calibrate and (confidence or best is not None)
        self.register_buffer("temperature", torch.ones(()))

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """The labels and their scheme. Raises DataError where they cannot be learnt from."""
        return self.words.fit(examples)

    def ready(self, learnt: Learnt) -> None:
        """Allocates the weights, and forbids what the scheme does not have."""
        self.words.ready(learnt)
        self.along_time = self.words.along_time
        size = len(self.words.labels)
        self.scores.ready(size)
        self.reading = reading(self.words.labels)
        for name, shape in (("first", (size,)), ("pair", (size, size)), ("last", (size,))):
            self.register_parameter(name, nn.Parameter(torch.zeros(shape)))
            self.register_buffer(
                f"forbid_{name}", torch.zeros(shape, dtype=torch.bool), persistent=False
            )
        if self.constrain and self.words.scheme:
            for name, allowed in legal(self.words.scheme, self.words.labels)._asdict().items():
                self.get_buffer(f"forbid_{name}").copy_(torch.from_numpy(~allowed))

    def chain(self) -> Chain:
        """The weights in fp32 or more, minus infinity where a transition is forbidden."""
        weights = []
        for name in Chain._fields:
            weight, never = self.get_parameter(name), self.get_buffer(f"forbid_{name}")
            weights.append(full_precision(weight).masked_fill(never, -torch.inf))
        return Chain(*weights)

    def prepare(self, example: Example, rng: Generator | None = None) -> dict[str, np.ndarray]:
        """Where the words stand among the pieces, and their labels. Raises DataError."""
        del rng
        return self.words.prepare(example)

    def loss(self, inputs: Mapping[str, Vectors], batch: Batch) -> Loss:
        """Negative log-likelihood, summed over texts; the count is of words.

        A text with a label that training has not seen counts for nothing.
        """
        vectors = inputs[input_name("crf", inputs, self.over)]
        scores, labels = self.scores(vectors, batch), batch["labels"].long()
        lengths = batch["labels.lengths"]
        unseen = (labels == UNSEEN) & time_mask(lengths, labels.shape[1])
        lengths = lengths.masked_fill(unseen.any(1), 0)
        total = negative_log_likelihood(scores, labels, lengths, self.chain())
        return Loss(total, lengths.sum())

    @torch.no_grad()
    def predict(
        self, inputs: Mapping[str, Vectors], batch: Batch, examples: Sequence[Example]
    ) -> list[Answer]:
        """The best path of each text: see `WordLabels.answers`.

        With `best` also `alternatives`, the likeliest paths in order, as far as there are so many:
        each has `value`, `spans` where there are any, and `probability`, that of the whole path.
        """
        scores = self.scores(inputs[input_name("crf", inputs, self.over)], batch)
        chain, lengths = self.chain(), batch["shift.lengths"]
        sizes, temperature = lengths.cpu().numpy(), self.temperature.item()
        emissions = scores.cpu().numpy()
        first, pair, last = (weight.cpu().numpy() for weight in chain)
        if self.best is None:
            paths = best_paths(emissions, sizes, first, pair, last)
            known = beliefs(scores, lengths, chain, temperature) if self.confidence else None
            return self.answers(paths, sizes, known, examples)
        ranked, totals = n_best_paths(emissions, sizes, first, pair, last, self.best)
        known = beliefs(scores.double(), lengths, chain, temperature)
        answers = self.answers(ranked[:, 0], sizes, known, examples)
        logs = totals / temperature - known.posterior.log_partition.cpu().numpy()[:, None]
        return [
            {**answer, "alternatives": self.alternatives(ranked[row], logs[row], examples[row])}
            for row, answer in enumerate(answers)
        ]

    def answers(
        self,
        paths: Int[np.ndarray, "batch word"],
        sizes: Int[np.ndarray, " batch"],
        known: Beliefs | None,
        examples: Sequence[Example],
    ) -> list[Answer]:
        """The answers that paths are, with the probabilities of their words and spans."""
        if known is None or not self.confidence:
            return self.words.answers(paths, sizes, None, examples)
        of_spans = partial(known.of_spans, how=self.reading)
        return self.words.answers(paths, sizes, known.of_words(paths), examples, of_spans)

    def alternatives(
        self,
        paths: Int[np.ndarray, "best word"],
        logs: Float[np.ndarray, " best"],
        example: Example,
    ) -> list[dict[str, Any]]:
        """The paths of a text that there are, each with its probability."""
        source = self.words.source(example)
        length = len(spans_of_words(source))
        return [
            self.words.alternative(path[:length], math.exp(min(log, 0.0)), source)
            for path, log in zip(paths.tolist(), logs.tolist(), strict=True)
            if log > -math.inf
        ]

    @torch.no_grad()
    def calibrate(self, batches: Iterable[tuple[Mapping[str, Vectors], Batch]]) -> list[str]:
        """Fits the temperature: see `fit_words`."""
        if not self.calibrated:
            return []
        chain, every = self.chain(), list[Answered]()
        weights = [weight.cpu().numpy() for weight in chain]
        for inputs, batch in batches:
            scores = self.scores(inputs[input_name("crf", inputs, self.over)], batch)
            lengths, labels = batch["labels.lengths"], batch["labels"].cpu().numpy()
            paths = best_paths(scores.cpu().numpy(), lengths.cpu().numpy(), *weights)
            every.append(answered(self.words, scores, lengths, paths, labels))

        def sure(one: Answered, value: float) -> tuple[np.ndarray, Certainty]:
            known = beliefs(one.scores, one.lengths, chain, value)
            return known.of_words(one.paths), partial(known.of_spans, how=self.reading)

        found, line = fit_words(every, sure)
        self.temperature.fill_(found)
        return [line]

    def begin(self) -> tuple[Paths, Tail]:
        """What is remembered of a text before its first word."""
        return Paths(), Tail()

    @torch.no_grad()
    def push(
        self,
        memory: tuple[Paths, Tail],
        inputs: Mapping[str, Vectors],
        batch: Batch,
        example: Example,
    ) -> tuple[list[Answer], tuple[Paths, Tail]]:
        """An answer for each word on whose label all paths agree, without confidence.

        A marginal probability needs the whole text. Exact unless more than ROOM words stay open.
        """
        del example
        paths, tail = memory
        vectors = inputs[input_name("crf", inputs, self.over)]
        scores = self.scores(vectors, batch)[0].cpu().numpy()
        chain = self.chain()
        labels, paths = extend(paths, scores, chain.first.cpu().numpy(), chain.pair.cpu().numpy())
        answers, tail = self.words.push(tail, labels, None)
        return answers, (paths, tail)

    @torch.no_grad()
    def finish(self, memory: tuple[Paths, Tail]) -> list[Answer]:
        """The answers that were open."""
        paths, tail = memory
        answers, tail = self.words.push(tail, finish(paths, self.chain().last.cpu().numpy()), None)
        return answers + self.words.finish(tail)

    def form(self) -> Form:
        """A label for each word, or spans."""
        return self.words.answer_form()

    def gold(self, example: Example) -> Answer:
        """The labels of the file."""
        return self.words.gold(example)

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """What the labels are, for a reader to check before training."""
        return self.words.describe(examples, split)
