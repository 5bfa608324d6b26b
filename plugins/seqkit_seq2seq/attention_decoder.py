"""A decoder that writes a text, and at each piece looks at the input where it must."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast, final

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.abilities import Attended, Finding, Form, Including
from seqkit.errors import PluginError
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
from seqkit_seq2seq.asking import beginning, padded, phrases
from seqkit_seq2seq.attending import Attention
from seqkit_seq2seq.bridging import Bridge
from seqkit_seq2seq.copying import Copies
from seqkit_seq2seq.describing import describe_targets
from seqkit_seq2seq.memory import Memory, Reader, Turned, attended
from seqkit_seq2seq.readout import Readout, log_probabilities, mixed_loss, mixed_scores
from seqkit_seq2seq.recurring import Recurrence
from seqkit_seq2seq.shaping import unwritten
from seqkit_seq2seq.switches import IMPOSSIBLE, Switches
from seqkit_seq2seq.target import END, UNKNOWN, Target

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int
    from numpy.random import Generator

    from seqkit.stages import Batch, State


@final
class AttentionDecoder(nn.Module):
    """Writes a target text piece by piece (Bahdanau et al. 2015; Luong et al. 2015).

    A recurrent encoder reads what was written; each of its steps queries the input, and the two
    together score the next piece. Without input feeding and coverage, training runs each layer over
    the whole text at once.
    """

    end: int = END
    samples: bool = False

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
        self.along_time = frozenset({"copies"} if switches.copying else ())
        self.copies = Copies(target) if switches.copying else None
        if switches.include and not (isinstance(search, Including) and search.includes):
            raise PluginError(
                "attention: 'include' needs a search that can write what it must, such as a beam "
                "without groups. Use `search: beam`, or leave 'include' out."
            )
        if switches.copying and upstream.stride != 1:
            raise PluginError(
                "attention: the encoder joins steps, so that 'copy' cannot tell what a step is. "
                "Use an encoder that keeps every step."
            )

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """The pieces of the target. Raises DataError where a gold is no text."""
        return self.target.fit(examples)

    def ready(self, learnt: Learnt) -> None:
        """Allocates the weights. Raises PluginError for stages that do not fit."""
        self.target.ready(learnt)
        self.samples = self.target.samples
        switches, embedded = self.switches, self.target.width
        if switches.tie and self.target.rows is None:
            raise PluginError(
                "attention: 'tie' needs an embedder with one vector a piece, such as lookup. Use "
                "that, or leave 'tie' out."
            )
        fed = embedded if switches.tie else switches.width
        self.recurrence = Recurrence(self.encode, embedded + (fed if switches.feed else 0))
        hidden = self.recurrence.width
        if self.width % switches.heads:
            raise PluginError(
                f"attention: 'heads' is {switches.heads}, which does not divide the width of the "
                f"input, {self.width}. Choose one that does."
            )
        if switches.kind == "dot" and hidden != self.width:
            raise PluginError(
                f"attention: 'attend: dot' needs equal widths, but the input has {self.width} and "
                f"the decoder {hidden}. Use general, or the same width."
            )
        covers = switches.coverage > 0
        self.attend = Attention(switches.kind, self.width, hidden, switches.heads, covers)
        self.bridge = Bridge(switches.bridge, self.width, self.recurrence.first(1))
        self.readout = Readout(
            (hidden, self.width, embedded),
            fed,
            self.target.size,
            deep=switches.deep,
            tied=switches.tie,
            copying=switches.copying,
            dropout=switches.dropout,
        )

    def prepare(self, example: Example, rng: Generator | None = None) -> dict[str, np.ndarray]:
        """The numbers of the target and its end, and what its embedder needs. Raises DataError.

        "draw" is a number of the input's own, from which a search may draw; "prefix" is how the
        answer begins, "include" what it must have.
        """
        found = {"draw": own_number(example)}
        if self.switches.prefix:
            found["prefix"] = beginning(self.target, example, self.switches.prefix)
        if self.copies is not None:
            name = input_name("attention", example.inputs, self.over)
            found["copies"] = self.copies.numbers(example.inputs[name])
        if self.switches.include:
            asked = (self.target, self.copies, example, self.switches.include, self.over)
            found["include"] = phrases(*asked)
        if example.gold is None:
            return found
        strings = self.target.pieces(example.gold, rng)
        own = self.copies and self.copies.wanted(example.inputs[name], strings)
        return found | self.target.arrays(strings, own)

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """What the targets are: see `describe_targets`."""
        return describe_targets(self.target, examples, split, self.switches.copying)

    def start(self, inputs: Mapping[str, Vectors], batch: Batch) -> tuple[Memory, State]:
        """What each step reads, and the state before the first one.

        The state: the attentional vector fed back, the sum of all weights so far, the weights of
        the last step, then what the recurrent layers carry.
        """
        vectors = inputs[input_name("attention", inputs, self.over)]
        seen = self.attend.see(vectors.values, vectors.mask)
        copies, extra = batch.get("copies"), 0
        if copies is not None:
            copies = copies.long()
            extra = max(int(copies.max()) + 1 - self.target.size, 0) if copies.numel() else 0
        tied = self.target.weights() if self.switches.tie else None
        reader = Reader(self.target, self.recurrence)
        memory = Memory(seen, reader, self.readout.mixer(), tied, copies, extra)
        nothing = vectors.values.new_zeros(len(vectors.values), vectors.values.shape[1])
        fed = vectors.values.new_zeros(
            len(vectors.values), self.readout.width if self.switches.feed else 0
        )
        first = self.bridge(vectors, self.recurrence.first(len(vectors.values)))
        return memory, (fed, nothing, nothing, *first)

    def narrow(self, memory: Memory, rows: Int[Tensor, " text"]) -> Memory:
        """What the steps of some texts read."""
        copies = None if memory.copies is None else memory.copies[rows]
        return replace(memory, seen=memory.seen.rows(rows), copies=copies)

    def step(
        self, memory: Memory, state: State, last: Int[Tensor, " row"]
    ) -> tuple[Float[Tensor, "row label"], State]:
        """The log-probabilities of the next piece; with copying, of the input's own strings too.

        An unknown piece is never written.
        """
        known = last.where(last < self.target.size, UNKNOWN)
        turned, state = self.turn(memory, state, memory.reader.table[known])
        scores = self.readout.scores(turned.mixed[:, 0], memory.tied).float()
        if turned.writes is None or memory.copies is None:
            return unwritten(log_probabilities(scores), UNKNOWN, IMPOSSIBLE), state
        copies = memory.copies.repeat_interleave(len(last) // max(len(memory.copies), 1), 0)
        found = mixed_scores(scores, turned.writes[:, 0], turned.looked[:, 0], copies, memory.extra)
        return unwritten(found, UNKNOWN, IMPOSSIBLE), state

    def alignment(self, state: State) -> Float[Tensor, "row source"]:
        """Where the last step looked."""
        return state[2]

    def turn(
        self, memory: Memory, state: State, embedded: Float[Tensor, "row embedded"]
    ) -> tuple[Turned, State]:
        """One step of all rows. What it gives has one step of time."""
        fed, covered, _, *recurrent = state
        read = torch.cat((embedded, fed), 1) if self.switches.feed else embedded
        hidden, after = memory.reader.advance(read, tuple(recurrent))
        texts = len(memory.seen.mask)
        hypotheses = len(hidden) // max(texts, 1)
        queries = hidden.view(texts, hypotheses, -1)
        coverage = covered.view(texts, hypotheses, -1) if self.switches.coverage else None
        context, looked = self.attend(memory.seen, queries, coverage)
        context, looked = context.flatten(0, 1), looked.flatten(0, 1)
        mixed = self.readout(memory.mixer, hidden, context, embedded)
        writes = self.writes(hidden, context, embedded)
        turned = Turned(
            mixed.unsqueeze(1), looked.unsqueeze(1), None if writes is None else writes.unsqueeze(1)
        )
        fed = mixed if self.switches.feed else fed
        return turned, (fed, covered + looked, looked, *after)

    def writes(self, hidden: Tensor, context: Tensor, embedded: Tensor) -> Tensor | None:
        """The score of writing rather than copying, where the decoder may copy."""
        return self.readout.writes(hidden, context, embedded) if self.switches.copying else None

    def whole(self, memory: Memory, state: State, embedded: Vectors) -> Turned:
        """All steps of all texts at once."""
        _, _, _, *first = state
        hidden = self.recurrence(embedded, tuple(first))
        context, looked = self.attend(memory.seen, hidden)
        mixed = self.readout(memory.mixer, hidden, context, embedded.values)
        return Turned(mixed, looked, self.writes(hidden, context, embedded.values))

    def unrolled(self, memory: Memory, state: State, embedded: Vectors) -> Turned:
        """Step after step, where a step depends on more than the pieces before it.

        With scheduled sampling (Bengio et al. 2015), a step may read what the model would have
        written.
        """
        found: list[Turned] = []
        written: Tensor | None = None
        for given in embedded.values.unbind(1):
            if written is not None:
                drawn = torch.rand(len(given), 1, device=given.device) < self.switches.scheduled
                given = torch.where(drawn, memory.reader.table[written], given)
            turned, state = self.turn(memory, state, given)
            found.append(turned)
            if self.training and self.switches.scheduled:
                with torch.no_grad():
                    written = self.readout.scores(turned.mixed[:, 0], memory.tied).argmax(1)
        writes = [turned.writes for turned in found if turned.writes is not None]
        return Turned(
            torch.cat([turned.mixed for turned in found], 1),
            torch.cat([turned.looked for turned in found], 1),
            torch.cat(writes, 1) if writes else None,
        )

    def loss(self, inputs: Mapping[str, Vectors], batch: Batch) -> Loss:
        """Cross-entropy summed over pieces and ends; the count is of these.

        With coverage, c sum_i min(a_i, c_i) is added for each (See et al. 2017, equation 13).
        """
        target, lengths = batch["target"].long(), batch["target.lengths"]
        memory, state = self.start(inputs, batch)
        embedded = self.target.shifted(batch, lengths)
        switches = self.switches
        stepwise = switches.feed or switches.coverage or (self.training and switches.scheduled)
        turned = (self.unrolled if stepwise else self.whole)(memory, state, embedded)
        real = time_mask(lengths, target.shape[1])
        mixed, wanted, looked = turned.mixed[real], target[real], turned.looked[real]
        if turned.writes is None or memory.copies is None:
            total = self.readout.loss(mixed, memory.tied, wanted, self.smoothing)
        else:
            scores = self.readout.scores(mixed, memory.tied)
            rows = torch.arange(len(target), device=target.device).unsqueeze(1)
            copies = memory.copies[rows.expand_as(target)[real]]
            total = mixed_loss(scores, turned.writes[real], looked, copies, wanted).sum()
        if switches.coverage:
            before = turned.looked.cumsum(1) - turned.looked
            again = torch.minimum(turned.looked, before).sum(2)
            total = total + switches.coverage * again[real].sum()
        return Loss(total, lengths.sum())

    @property
    def smoothing(self) -> float:
        """Label smoothing, which only training has."""
        return self.switches.smoothing if self.training else 0.0

    @torch.no_grad()
    def predict(
        self, inputs: Mapping[str, Vectors], batch: Batch, examples: Sequence[Example]
    ) -> list[Answer]:
        """The texts that the search finds: see `answers_of`."""
        found = self.search.run(cast("Any", self), inputs, padded(batch))
        names = [input_name("attention", one.inputs, self.over) for one in examples]
        return [
            answers_of(self.target, self.copies, example.inputs[name], answers)
            for answers, example, name in zip(found, examples, names, strict=True)
        ]

    @torch.no_grad()
    def attended(
        self, inputs: Mapping[str, Vectors], batch: Batch, example: Example, answer: Answer
    ) -> Attended:
        """The weights of the input's steps at each piece of an answer."""
        written = answer["pieces"]
        numbers = [self.target.number(string) for string in written]
        if self.copies is not None:
            name = input_name("attention", example.inputs, self.over)
            numbers = self.copies.wanted(example.inputs[name], written)
        return attended(self, inputs, batch, example, written, numbers)

    def form(self) -> Form:
        """A text."""
        return Form("text")

    def gold(self, example: Example) -> Answer:
        """The text of the file, and its references where the recipe names their field."""
        return gold_of(example, self.switches.references)
