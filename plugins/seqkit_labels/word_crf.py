"""A decoder that labels the words of a text together: a linear-chain conditional random field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, final

import numpy as np
import torch
from torch import nn

from seqkit.abilities import Finding
from seqkit.inputs import input_name, input_width
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer, Example, Learnt, Loss, Upstream, Vectors, time_mask
from seqkit_labels.chain import Chain, negative_log_likelihood, posterior
from seqkit_labels.coalescence import Paths, extend, finish
from seqkit_labels.inputs import one_step_a_piece
from seqkit_labels.rewriting import Tail
from seqkit_labels.schemes import legal
from seqkit_labels.scores import WordScores, full_precision
from seqkit_labels.viterbi import best_paths
from seqkit_labels.words import UNSEEN, Speaker, WordLabels

if TYPE_CHECKING or CHECK_SHAPES:
    from numpy.random import Generator

    from seqkit.stages import Batch


@final
class CRF(nn.Module):
    """A chain over the words of a text. The arguments are the settings of `crf`."""

    samples: bool = False
    along_time: frozenset[str] = frozenset()

    def __init__(
        self,
        upstream: Upstream,
        *,
        dropout: float = 0.0,
        word: Speaker = "first",
        scheme: str = "keep",
        constrain: bool = True,
        confidence: bool = True,
        over: str | None = None,
    ) -> None:
        super().__init__()
        one_step_a_piece("crf", upstream)
        self.words = WordLabels("crf", over=over, word=word, scheme=scheme)
        self.scores = WordScores(input_width("crf", upstream, over), dropout=dropout)
        self.constrain, self.confidence, self.over = constrain, confidence, over

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """The labels and their scheme. Raises DataError where they cannot be learnt from."""
        return self.words.fit(examples)

    def ready(self, learnt: Learnt) -> None:
        """Allocates the weights, and forbids what the scheme does not have."""
        self.words.ready(learnt)
        self.along_time = self.words.along_time
        size = len(self.words.labels)
        self.scores.ready(size)
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
        """The best path of each text: see `WordLabels.answers`."""
        vectors = inputs[input_name("crf", inputs, self.over)]
        scores, lengths = self.scores(vectors, batch), batch["shift.lengths"]
        chain = self.chain()
        weights = [weight.cpu().numpy() for weight in chain]
        paths = best_paths(scores.cpu().numpy(), lengths.cpu().numpy(), *weights)
        sure = None
        if self.confidence:
            along = torch.from_numpy(paths).to(scores.device).unsqueeze(2)
            marginals = posterior(scores, lengths, chain).marginals
            sure = marginals.gather(2, along).squeeze(2).cpu().numpy()
        return self.words.answers(paths, lengths.cpu().numpy(), sure, examples)

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

    def gold(self, example: Example) -> Answer:
        """The labels of the file."""
        return self.words.gold(example)

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """What the labels are, for a reader to check before training."""
        return self.words.describe(examples, split)
