"""A decoder that looks at one step of the input for each piece, and never back.

Exact hard monotonic attention (Wu & Cotterell 2019). Which step a_t it looks at is a latent
variable, over all of whose paths the likelihood sums. With s_t the decoder's hidden vector and m_i
a step of the input:

    e_ti = s_t' T m_i
    p(a_t = i | a_{t-1} = j) = exp(e_ti) / sum of exp(e_tk) over k >= j; 0 for i < j
    p(y_t | a_t = i) = softmax(W tanh(A s_t + B m_i))
    p(y) = sum over all paths of the product of both, by the forward algorithm
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast, final

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.abilities import Attended, Finding, Form
from seqkit.inputs import input_name, input_width
from seqkit.settings import CHECK_SHAPES, Nested
from seqkit.stages import (
    Answer,
    Encoder,
    Example,
    Learnt,
    Loss,
    Search,
    Upstream,
    Vectors,
    time_mask,
)
from seqkit_seq2seq.answering import answers_of, gold_of, own_number
from seqkit_seq2seq.attending import LOW
from seqkit_seq2seq.bridging import Bridge
from seqkit_seq2seq.describing import describe_targets
from seqkit_seq2seq.memory import Reader, attended
from seqkit_seq2seq.recurring import Recurrence
from seqkit_seq2seq.shaping import unwritten
from seqkit_seq2seq.switches import IMPOSSIBLE, Switches
from seqkit_seq2seq.target import END, UNKNOWN, Target

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Bool, Float, Int
    from numpy.random import Generator

    from seqkit.stages import Batch, State


@dataclass(frozen=True)
class Source:
    """What every step reads. keys: of the transitions; values: B m_i."""

    keys: Float[Tensor, "batch source hidden"]
    values: Float[Tensor, "batch source width"]
    mask: Bool[Tensor, "batch source"]
    reader: Reader

    def repeated(self, rows: int) -> Source:
        """With a row for each hypothesis."""
        times = rows // max(len(self.mask), 1)
        if times == 1:
            return self
        keys, values, mask = (
            part.repeat_interleave(times, 0) for part in (self.keys, self.values, self.mask)
        )
        return replace(self, keys=keys, values=values, mask=mask)


@final
class MonotonicDecoder(nn.Module):
    """Writes a target text while it moves through the input from its start to its end."""

    end: int = END
    samples: bool = False
    along_time: frozenset[str] = frozenset()

    def __init__(
        self,
        upstream: Upstream,
        target: Target,
        encode: Nested[Encoder],
        search: Search,
        switches: Switches,
        over: str | None,
    ) -> None:
        super().__init__()
        self.over, self.switches, self.search = over, switches, search
        self.width = input_width("attention", upstream, over)
        self.target, self.encode = target, encode

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """The pieces of the target. Raises DataError where a gold is no text."""
        return self.target.fit(examples)

    def ready(self, learnt: Learnt) -> None:
        """Allocates the weights. Raises PluginError for stages that do not fit."""
        self.target.ready(learnt)
        self.samples = self.target.samples
        self.recurrence = Recurrence(self.encode, self.target.width)
        self.bridge = Bridge(self.switches.bridge, self.width, self.recurrence.first(1))
        width = self.switches.width
        self.key = nn.Linear(self.width, self.recurrence.width, bias=False)
        self.value = nn.Linear(self.width, width)
        self.hidden = nn.Linear(self.recurrence.width, width, bias=False)
        self.output = nn.Linear(width, self.target.size)
        self.dropout = nn.Dropout(self.switches.dropout)

    def prepare(self, example: Example, rng: Generator | None = None) -> dict[str, np.ndarray]:
        """The numbers of the target and its end, and what its embedder needs. Raises DataError."""
        found = {"draw": own_number(example)}
        if example.gold is None:
            return found
        return found | self.target.arrays(self.target.pieces(example.gold, rng))

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """What the targets are: see `describe_targets`."""
        return describe_targets(self.target, examples, split, copying=False)

    def start(self, inputs: Mapping[str, Vectors], batch: Batch) -> tuple[Source, State]:
        """What each step reads, and the state before the first one.

        The state: log p(a_t, y before t) but for a constant, log p(y_t | a_t) of all labels, and
        what the recurrent layers carry. Before the first step all is at step 0, and nothing is
        written. A row without a step has one of zeros.
        """
        del batch
        vectors = inputs[input_name("attention", inputs, self.over)]
        values, mask = vectors.values, vectors.mask
        if not values.shape[1]:
            values = values.new_zeros(len(values), 1, self.width)
            mask = mask.new_zeros(len(mask), 1)
        mask = mask | (torch.arange(mask.shape[1], device=mask.device) == 0)
        source = Source(
            self.key(values),
            self.value(values),
            mask,
            Reader(self.target, self.recurrence),
        )
        rows, steps = mask.shape
        prior = torch.full((rows, steps), LOW, device=mask.device)
        prior[:, 0] = 0.0
        written = prior.new_zeros(rows, steps, self.target.size)
        return source, (prior, written, *self.bridge(vectors, self.recurrence.first(rows)))

    def narrow(self, memory: Source, rows: Int[Tensor, " text"]) -> Source:
        """What the steps of some texts read."""
        keys, values, mask = (part[rows] for part in (memory.keys, memory.values, memory.mask))
        return replace(memory, keys=keys, values=values, mask=mask)

    def step(
        self, memory: Source, state: State, last: Int[Tensor, " row"]
    ) -> tuple[Float[Tensor, "row label"], State]:
        """The log-probabilities of the next piece. An unknown piece is never written."""
        prior, written, *recurrent = state
        source = memory.repeated(len(last))
        there = written.gather(2, last.view(-1, 1, 1).expand(-1, written.shape[1], 1)).squeeze(2)
        before = (prior + there).log_softmax(1)
        hidden, after = memory.reader.advance(memory.reader.table[last], tuple(recurrent))
        prior = self.moved(source, before, hidden)
        written = self.written(source, hidden)
        scores = torch.logsumexp(prior.unsqueeze(2) + written, 1)
        return unwritten(scores, UNKNOWN, IMPOSSIBLE), (prior, written, *after)

    def moved(
        self,
        source: Source,
        before: Float[Tensor, "row source"],
        hidden: Float[Tensor, "row hidden"],
    ) -> Float[Tensor, "row source"]:
        """Log p(a_t) from log p(a_{t-1}): from each step to itself and those after it."""
        scores = torch.bmm(source.keys, hidden.unsqueeze(2)).squeeze(2).float()
        scores = scores.masked_fill(~source.mask, LOW)
        onwards = scores.flip(1).logcumsumexp(1).flip(1)
        return scores + (before - onwards).masked_fill(~source.mask, LOW).logcumsumexp(1)

    def written(
        self, source: Source, hidden: Float[Tensor, "row hidden"]
    ) -> Float[Tensor, "row source label"]:
        """Log p(y_t | a_t) of each label at each step of the input."""
        mixed = torch.tanh(self.hidden(hidden).unsqueeze(1) + source.values)
        scores: Tensor = self.output(self.dropout(mixed)).float().log_softmax(2)
        return scores

    def loss(self, inputs: Mapping[str, Vectors], batch: Batch) -> Loss:
        """Minus the log-likelihood summed over texts; the count is of pieces and ends.

        With label smoothing, a share of it is the mean over all labels, at where the model looks.
        """
        target, lengths = batch["target"].long(), batch["target.lengths"]
        source, (prior, _, *first) = self.start(inputs, batch)
        embedded = self.target.shifted(batch, lengths)
        hidden = self.recurrence(embedded, tuple(first))
        real = time_mask(lengths, target.shape[1])
        smoothing = self.switches.smoothing if self.training else 0.0
        total = hidden.new_zeros((), dtype=torch.float32)
        before = prior
        for place, wanted in enumerate(target.unbind(1)):
            here = self.moved(source, before, hidden[:, place])
            written = self.written(source, hidden[:, place])
            chosen = wanted.view(-1, 1, 1).expand(-1, written.shape[1], 1)
            both = here + written.gather(2, chosen).squeeze(2)
            gained = torch.logsumexp(both, 1)
            losses = -gained
            if smoothing:
                evenly = -(here.softmax(1) * written.mean(2)).sum(1)
                losses = (1.0 - smoothing) * losses + smoothing * evenly
            total = total + losses.where(real[:, place], 0.0).sum()
            before = torch.where(real[:, place : place + 1], both - gained.unsqueeze(1), before)
        return Loss(total, lengths.sum())

    @torch.no_grad()
    def predict(
        self, inputs: Mapping[str, Vectors], batch: Batch, examples: Sequence[Example]
    ) -> list[Answer]:
        """The texts that the search finds: see `answers_of`."""
        found = self.search.run(cast("Any", self), inputs, batch)
        given = [one.inputs[input_name("attention", one.inputs, self.over)] for one in examples]
        return [
            answers_of(self.target, None, one, answers)
            for one, answers in zip(given, found, strict=True)
        ]

    def alignment(self, state: State) -> Float[Tensor, "row source"]:
        """Where the last step looked, before it was known what it wrote."""
        return state[0].softmax(1)

    @torch.no_grad()
    def attended(
        self, inputs: Mapping[str, Vectors], batch: Batch, example: Example, answer: Answer
    ) -> Attended:
        """The probability of each step of the input at each piece of an answer."""
        written = answer["pieces"]
        numbers = [self.target.number(string) for string in written]
        return attended(self, inputs, batch, example, written, numbers)

    def form(self) -> Form:
        """A text."""
        return Form("text")

    def gold(self, example: Example) -> Answer:
        """The text of the file, and its references where the recipe names their field."""
        return gold_of(example, self.switches.references)
