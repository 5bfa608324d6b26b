"""The best texts that a beam of hypotheses finds."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, final

import torch
from torch import Tensor

from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer, Stepwise, Vectors
from seqkit_seq2seq.hypotheses import Hypotheses, looked_at, most, normalised
from seqkit_seq2seq.including import Choice, Phrases, chosen, phrases_of
from seqkit_seq2seq.limits import Limits
from seqkit_seq2seq.selecting import Candidates, select
from seqkit_seq2seq.shaping import Shape

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int

    from seqkit.stages import Batch, State

Found = list[list[list[Answer]]]
"""For each text, for each group of the beam: the answers that have ended."""
FLOOR = 1e-9
"""The least that a step of the input counts as looked at."""


@dataclass(frozen=True)
class Beam:
    """What is alive of some texts: `size` hypotheses of each, side by side.

    texts: their places in the batch. totals: the log-probability of each hypothesis. covered: how
    much each step of the input was looked at.
    """

    texts: Int[Tensor, " text"]
    memory: Any
    state: State
    last: Int[Tensor, " row"]
    totals: Float[Tensor, "text beam"]
    written: Hypotheses
    covered: Float[Tensor, "row source"] | None


@dataclass(frozen=True)
class Asked:
    """What is asked of each text's answers: their greatest length, beginning and phrases."""

    limits: Int[Tensor, " batch"]
    prefix: Int[Tensor, "batch steps"] | None
    phrases: Sequence[Phrases] | None

    def forced(self, text: int, step: int) -> bool:
        """Whether a text's beginning says which piece comes at a step."""
        prefix = self.prefix
        return prefix is not None and step < prefix.shape[1] and int(prefix[text, step]) >= 0


@dataclass(frozen=True)
class Stepped:
    """What a step of all hypotheses gives. aligned, covered: of the hypotheses before it."""

    candidates: Candidates
    state: State
    aligned: Int[Tensor, " row"] | None
    covered: Float[Tensor, "row source"] | None


@final
class BeamSearch:
    """Keeps the best hypotheses of each text; a text is done when as many have ended.

    A score is the sum of the log-probabilities over length^power, plus the coverage penalty of Wu
    et al. (2016), equation 14: coverage sum_i log min(sum_t a_ti, 1). includes: whether it writes
    the phrases that a text must have, which groups do not.
    """

    def __init__(
        self,
        size: int,
        limits: Limits,
        *,
        best: int,
        power: float,
        coverage: float,
        minimum: int,
        no_repeat: int,
        groups: int,
        diversity: float,
    ) -> None:
        self.size, self.limits, self.best = size, limits, best
        self.power, self.coverage = power, coverage
        self.minimum, self.no_repeat = minimum, no_repeat
        self.groups, self.diversity, self.each = groups, diversity, size // groups
        self.includes = groups == 1

    def run(
        self, decoder: Stepwise, inputs: Mapping[str, Vectors], batch: Batch
    ) -> list[list[Answer]]:
        """The best answers of each text, best first."""
        asked = self.asked(inputs, batch)
        beam, limits = self.begin(decoder, inputs, batch), asked.limits
        found: Found = [[[] for _ in range(self.groups)] for _ in limits]
        while len(beam.texts):
            stepped = self.follow(decoder, beam, asked)
            self.collect(beam, stepped, found, decoder.end)
            beam = self.go_on(beam, stepped, decoder.end)
            spent = beam.written.pieces.shape[1] >= limits[beam.texts]
            done = [
                over or all(len(answers) >= self.each for answers in found[text])
                for text, over in zip(beam.texts.tolist(), spent.tolist(), strict=True)
            ]
            if any(done):
                self.cut_short(beam, spent, found, decoder.end)
                beam = self.narrowed(decoder, beam, torch.tensor(done, device=spent.device))
        return [
            sorted(itertools.chain(*groups), key=lambda answer: -answer["score"])[: self.best]
            for groups in found
        ]

    def asked(self, inputs: Mapping[str, Vectors], batch: Batch) -> Asked:
        """What is asked of the answers; phrases make them longer where they must."""
        limits, prefix, phrases = self.limits.of(inputs), batch.get("prefix"), phrases_of(batch)
        if phrases is not None:
            begun = 0 if prefix is None else (prefix >= 0).sum(1)
            sizes = torch.tensor([one.size for one in phrases], device=limits.device)
            limits = torch.where(sizes > 0, limits + begun + sizes, limits)
        return Asked(limits, prefix, phrases)

    def begin(self, decoder: Stepwise, inputs: Mapping[str, Vectors], batch: Batch) -> Beam:
        """The hypotheses before the first step: alike, so that of each group only one counts."""
        memory, state = decoder.start(inputs, batch)
        state = tuple(part.repeat_interleave(self.size, 0) for part in state)
        texts = torch.arange(len(next(iter(inputs.values())).lengths), device=state[0].device)
        rows = len(texts) * self.size
        totals = torch.full((len(texts), self.size), -torch.inf, device=texts.device)
        totals[:, :: self.each] = 0.0
        looked = looked_at(decoder, state)
        written = Hypotheses.none(rows, texts, looked is not None)
        covered = None if looked is None or not self.coverage else torch.zeros_like(looked)
        last = torch.full((rows,), decoder.end, device=texts.device)
        return Beam(texts, memory, state, last, totals, written, covered)

    def follow(self, decoder: Stepwise, beam: Beam, asked: Asked) -> Stepped:
        """One step of all hypotheses, and the best ways to go on."""
        scores, state = decoder.step(beam.memory, beam.state, beam.last)
        prefix = asked.prefix
        if prefix is not None:
            prefix = prefix[beam.texts].repeat_interleave(self.size, 0)
        shape = Shape(decoder.end, self.minimum, self.no_repeat)
        allowed = shape.apply(scores, beam.written.pieces, prefix)
        allowed, scores = (part.view(len(beam.texts), self.size, -1) for part in (allowed, scores))
        candidates = select(allowed, scores, beam.totals, self.groups, self.diversity)
        if asked.phrases is not None:
            choices = self.choices(beam, allowed, scores, asked, decoder.end)
            candidates = chosen(candidates, choices)
        looked, covered = looked_at(decoder, state), beam.covered
        if covered is not None and looked is not None:
            covered = covered + looked
        return Stepped(candidates, state, most(looked), covered)

    def choices(
        self, beam: Beam, allowed: Tensor, scores: Tensor, asked: Asked, end: int
    ) -> dict[int, Choice]:
        """The steps of those texts that must have phrases."""
        written = beam.written.pieces.view(len(beam.texts), self.size, -1).tolist()
        phrases = asked.phrases or []
        return {
            row: Choice(
                allowed[row],
                scores[row],
                beam.totals[row],
                written[row],
                phrases[text],
                int(asked.limits[text]),
                end,
                asked.forced(text, beam.written.pieces.shape[1]),
            )
            for row, text in enumerate(beam.texts.tolist())
            if phrases[text].every
        }

    def collect(self, beam: Beam, stepped: Stepped, found: Found, end: int) -> None:
        """Adds the candidates that end, and are among the best, to the answers."""
        candidates = stepped.candidates
        ended = candidates.ended(end)
        if not ended.any():
            return
        rows = (self.firsts(beam) + candidates.parents)[ended]
        written = beam.written.chosen(rows).longer(
            candidates.pieces[ended], candidates.logs[ended], at(stepped.aligned, rows)
        )
        covered = at(stepped.covered, rows)
        for row, (text, rank) in enumerate(ended.nonzero().tolist()):
            answers = found[int(beam.texts[text])][rank * self.groups // ended.shape[1]]
            if len(answers) < self.each:
                score = self.score(float(candidates.totals[text, rank]), written, covered, row)
                answers.append(written.answer(row, score, end))

    def go_on(self, beam: Beam, stepped: Stepped, end: int) -> Beam:
        """The hypotheses after a step: the best candidates that do not end."""
        parents, pieces, logs, totals = stepped.candidates.going_on(end)
        rows = (self.firsts(beam) + parents).flatten()
        written = beam.written.chosen(rows).longer(
            pieces.flatten(), logs.flatten(), at(stepped.aligned, rows)
        )
        return replace(
            beam,
            state=tuple(part[rows] for part in stepped.state),
            last=pieces.flatten(),
            totals=totals,
            written=written,
            covered=at(stepped.covered, rows),
        )

    def firsts(self, beam: Beam) -> Int[Tensor, "text 1"]:
        """The row of each text's first hypothesis."""
        return torch.arange(len(beam.texts), device=beam.texts.device).unsqueeze(1) * self.size

    def score(self, total: float, written: Hypotheses, covered: Tensor | None, row: int) -> float:
        """What an answer is ranked by."""
        score = normalised(total, written.pieces.shape[1], self.power)
        if covered is not None:
            score += self.coverage * float(covered[row].clamp(FLOOR, 1.0).log().sum())
        return score

    def cut_short(self, beam: Beam, spent: Tensor, found: Found, end: int) -> None:
        """Texts at their limit are answered as they are where too few hypotheses have ended."""
        for text in spent.nonzero().flatten().tolist():
            for rank in range(self.size):
                answers = found[int(beam.texts[text])][rank // self.each]
                row, total = text * self.size + rank, float(beam.totals[text, rank])
                if len(answers) < self.each and total > -torch.inf:
                    score = self.score(total, beam.written, beam.covered, row)
                    answers.append(beam.written.answer(row, score, end))

    def narrowed(self, decoder: Stepwise, beam: Beam, done: Tensor) -> Beam:
        """The beam without the texts that are done."""
        texts = (~done).nonzero().flatten()
        rows = (
            texts.unsqueeze(1) * self.size + torch.arange(self.size, device=texts.device)
        ).flatten()
        return Beam(
            beam.texts[texts],
            decoder.narrow(beam.memory, texts),
            tuple(part[rows] for part in beam.state),
            beam.last[rows],
            beam.totals[texts],
            beam.written.chosen(rows),
            None if beam.covered is None else beam.covered[rows],
        )


def at(values: Tensor | None, rows: Int[Tensor, " kept"]) -> Tensor | None:
    """Some rows, where there are any."""
    return None if values is None else values[rows]
