"""Texts drawn from the model, piece by piece."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, final

import numpy as np
import torch
from torch import Tensor

from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer, Stepwise, Vectors
from seqkit_seq2seq.hypotheses import Hypotheses, looked_at, most, normalised
from seqkit_seq2seq.limits import Limits
from seqkit_seq2seq.shaping import NEVER, Shape

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float

    from seqkit.stages import Batch


@final
class Sampling:
    """Draws texts; the same text is always answered alike, whatever stands beside it.

    top: the likeliest pieces that are drawn from, or 0 for all (Fan et al. 2018). mass: the share
    of probability that the likeliest of them must have (Holtzman et al. 2020).
    """

    def __init__(
        self,
        limits: Limits,
        *,
        temperature: float,
        top: int,
        mass: float,
        count: int,
        seed: int,
        minimum: int,
    ) -> None:
        self.limits, self.temperature, self.top, self.mass = limits, temperature, top, mass
        self.count, self.seed, self.minimum = count, seed, minimum

    def run(
        self, decoder: Stepwise, inputs: Mapping[str, Vectors], batch: Batch
    ) -> list[list[Answer]]:
        """Some answers for each text, the likeliest first."""
        limits, shape = self.limits.of(inputs), Shape(decoder.end, self.minimum)
        prefix = batch.get("prefix")
        memory, state = decoder.start(inputs, batch)
        state = tuple(part.repeat_interleave(self.count, 0) for part in state)
        texts = torch.arange(len(limits), device=limits.device)
        chance = self.generators(inputs, batch)
        last = torch.full((len(texts) * self.count,), decoder.end, device=limits.device)
        written = Hypotheses.none(len(last), texts, looked_at(decoder, state) is not None)
        open_ = torch.ones_like(last, dtype=torch.bool)
        found: list[list[Answer]] = [[] for _ in texts]
        while len(texts):
            scores, state = decoder.step(memory, state, last)
            begins = None if prefix is None else prefix[texts].repeat_interleave(self.count, 0)
            allowed = shape.apply(scores, written.pieces, begins)
            allowed = self.filtered(allowed / self.temperature)
            uniform = torch.cat([self.drawn(chance[int(text)], scores) for text in texts])
            last = (allowed.softmax(1).cumsum(1) < uniform).sum(1).clamp(max=scores.shape[1] - 1)
            logs = scores.gather(1, last.unsqueeze(1)).squeeze(1)
            written = written.longer(last, logs, most(looked_at(decoder, state)))
            over = (written.pieces.shape[1] >= limits[texts]).repeat_interleave(self.count)
            done = open_ & ((last == decoder.end) | over)
            for row in done.nonzero().flatten().tolist():
                score = normalised(float(written.logs[row].sum()), len(written.logs[row]), 1.0)
                answer = written.answer(row, score, decoder.end)
                found[int(texts[row // self.count])].append(answer)
            open_ = open_ & ~done
            left = open_.view(-1, self.count).any(1).nonzero().flatten()
            if len(left) < len(texts):
                rows = (left.unsqueeze(1) * self.count + torch.arange(self.count)).flatten()
                texts, last, open_, written = (
                    texts[left],
                    last[rows],
                    open_[rows],
                    written.chosen(rows),
                )
                memory, state = decoder.narrow(memory, left), tuple(part[rows] for part in state)
        return [sorted(answers, key=lambda answer: -answer["score"]) for answers in found]

    def generators(self, inputs: Mapping[str, Vectors], batch: Batch) -> list[np.random.Generator]:
        """A generator for each text, seeded by the text itself: "draw", or its length."""
        own = batch.get("draw", next(iter(inputs.values())).lengths)
        return [np.random.default_rng([self.seed, int(one)]) for one in own]

    def drawn(
        self, generator: np.random.Generator, like: Float[Tensor, "row label"]
    ) -> Float[Tensor, "sample 1"]:
        """A number between 0 and 1 for each sample of a text."""
        return torch.from_numpy(generator.random((self.count, 1))).to(like)

    def filtered(self, scores: Float[Tensor, "row label"]) -> Float[Tensor, "row label"]:
        """The scores without the labels that are never drawn."""
        if self.top and self.top < scores.shape[1]:
            least = scores.topk(self.top, 1).values[:, -1:]
            scores = scores.masked_fill(scores < least, NEVER)
        if self.mass < 1.0:
            ordered, order = scores.sort(1, descending=True)
            shares = ordered.softmax(1)
            beyond = shares.cumsum(1) - shares >= self.mass
            scores = scores.masked_fill(beyond.scatter(1, order, beyond), NEVER)
        return scores
