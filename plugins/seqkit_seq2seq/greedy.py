"""The likeliest piece at each step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, final

import torch

from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer, Stepwise, Vectors
from seqkit_seq2seq.hypotheses import Hypotheses, looked_at, most, normalised
from seqkit_seq2seq.limits import Limits
from seqkit_seq2seq.shaping import Shape

if TYPE_CHECKING or CHECK_SHAPES:
    from seqkit.stages import Batch


@final
class Greedy:
    """Writes every text of a batch at once; those that have ended are left out of further steps."""

    def __init__(self, limits: Limits, minimum: int, no_repeat: int, power: float) -> None:
        self.limits, self.minimum, self.no_repeat, self.power = limits, minimum, no_repeat, power

    def run(
        self, decoder: Stepwise, inputs: Mapping[str, Vectors], batch: Batch
    ) -> list[list[Answer]]:
        """One answer for each text."""
        limits, shape = self.limits.of(inputs), Shape(decoder.end, self.minimum, self.no_repeat)
        memory, state = decoder.start(inputs, batch)
        texts = torch.arange(len(limits), device=limits.device)
        prefix = batch.get("prefix")
        last = torch.full_like(texts, decoder.end)
        written = Hypotheses.none(len(texts), texts, looked_at(decoder, state) is not None)
        found: list[list[Answer]] = [[] for _ in texts]
        while len(texts):
            scores, state = decoder.step(memory, state, last)
            allowed = shape.apply(scores, written.pieces, None if prefix is None else prefix[texts])
            last = allowed.argmax(1)
            logs = scores.gather(1, last.unsqueeze(1)).squeeze(1)
            written = written.longer(last, logs, most(looked_at(decoder, state)))
            done = (last == decoder.end) | (written.pieces.shape[1] >= limits[texts])
            if not done.any():
                continue
            for row in done.nonzero().flatten().tolist():
                score = normalised(
                    float(written.logs[row].sum()), len(written.logs[row]), self.power
                )
                found[int(texts[row])] = [written.answer(row, score, decoder.end)]
            kept = (~done).nonzero().flatten()
            texts, last, written = texts[kept], last[kept], written.chosen(kept)
            memory, state = decoder.narrow(memory, kept), tuple(part[kept] for part in state)
        return found
