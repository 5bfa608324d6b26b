"""A decoder that answers a question by a span of a passage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.abilities import Attended, Finding
from seqkit.errors import DataError, PluginError
from seqkit.inputs import input_name, input_width
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer, Example, Learnt, Loss, Pieces, Upstream, Vectors, time_mask
from seqkit_answers.choosing import LOW, Scores, best_candidates, best_threshold, candidates
from seqkit_answers.descriptions import Asked, describe_answers
from seqkit_answers.golds import covering, pieces_of, right_answers, text_span

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float
    from numpy.random import Generator

    from seqkit.stages import Batch

NOWHERE = -1
"""Stands for the first and the last piece of the answer that there is none."""


@final
class SpanReader(nn.Module):
    """Scores where an answer begins and ends (Chen et al. 2017, section 3.2).

        q = sum_j b_j q_j,  b = softmax_j w . q_j
        log P_start(i) ~ p_i W_s q,  log P_end(i) ~ p_i W_e q

    Where there may be no answer, a trained vector stands beside the p_i for it. The arguments are
    the settings of `span`. Raises PluginError where steps are no pieces.
    """

    samples: bool = False
    along_time: frozenset[str] = frozenset()
    threshold: Tensor

    def __init__(
        self,
        upstream: Upstream,
        *,
        passage: str = "passage",
        question: str = "question",
        longest: int = 30,
        threshold: float | None = None,
        best: int | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if upstream.stride != 1:
            raise PluginError(
                "span: answers are spans of pieces, but an encoder gives one step for "
                f"{upstream.stride} pieces. Use encoders with a stride of 1."
            )
        self.passage, self.question = passage, question
        self.width = input_width("span", upstream, passage)
        asked = input_width("span", upstream, question)
        self.attend = nn.Linear(asked, 1)
        self.start, self.end = nn.Linear(asked, self.width), nn.Linear(asked, self.width)
        self.dropout = nn.Dropout(dropout)
        self.longest, self.best = longest, best
        self.fitted = threshold is None
        self.register_buffer("threshold", torch.tensor(threshold or 0.0))

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """Whether some questions have no answer. Raises DataError where none has one."""
        counts = [
            len(right_answers(example, self.passage, f"span: train: example {number}"))
            for number, example in enumerate(examples, 1)
        ]
        if not any(counts):
            raise DataError("span: no training example has an answer. Give a split that has some.")
        if min(counts) and not self.fitted:
            raise DataError(
                "span: threshold: every training example has an answer, so that none is ever "
                "refused. Remove 'threshold', or give questions without an answer."
            )
        return {"unanswerable": not min(counts)}

    def ready(self, learnt: Learnt) -> None:
        """Allocates the vector of no answer, where some questions have none."""
        self.nothing = None
        if learnt["unanswerable"]:
            self.nothing = nn.Parameter(torch.randn(self.width) * self.width**-0.5)

    def prepare(self, example: Example, rng: Generator | None = None) -> dict[str, np.ndarray]:
        """Gives "golds" [gold 2], the first and the last piece of each, where there is a gold.

        They are the fewest pieces that cover an answer. What no piece covers is left out. Raises
        DataError.
        """
        del rng
        if example.gold is None:
            return {}
        rights = right_answers(example, self.passage, "span")
        pieces = pieces_of(example, self.passage, "span")
        found = {place for right in rights if (place := covering(right, pieces))}
        if not rights and self.nothing is not None:
            found = {(NOWHERE, NOWHERE)}
        return {"golds": np.array(sorted(found), np.int32).reshape(-1, 2)}

    def scores(self, inputs: Mapping[str, Vectors]) -> Scores:
        """How well an answer begins and ends at each piece, in fp32 under autocast too."""
        passage = inputs[input_name("span", inputs, self.passage)]
        question = inputs[input_name("span", inputs, self.question)]
        with torch.autocast(passage.values.device.type, enabled=False):
            read, asked = (self.dropout(one.values.float()) for one in (passage, question))
            query = self.summed(asked, question)
            starts, no_start = self.end_scores(read, self.start(query), passage)
            ends, no_end = self.end_scores(read, self.end(query), passage)
        return Scores(starts, ends, no_start, no_end, passage.lengths)

    def end_scores(
        self,
        read: Float[Tensor, "batch time width"],
        asked: Float[Tensor, "batch width"],
        passage: Vectors,
    ) -> tuple[Float[Tensor, "batch time"], Float[Tensor, " batch"]]:
        """Of one end: at each piece, and of no answer; LOW where there always is one."""
        found = (read @ asked.unsqueeze(2)).squeeze(2).masked_fill(~passage.mask, LOW)
        none = asked.new_full((len(asked),), LOW) if self.nothing is None else asked @ self.nothing
        return found, none

    def summed(
        self, values: Float[Tensor, "batch time width"], question: Vectors
    ) -> Float[Tensor, "batch width"]:
        """The question as one vector; zero for one without a piece."""
        if not values.shape[1]:
            return values.new_zeros(len(values), values.shape[2])
        weights = self.attend(values).squeeze(2).masked_fill(~question.mask, LOW).softmax(1)
        found: Tensor = (weights.unsqueeze(1) @ values).squeeze(1)
        return found

    def loss(self, inputs: Mapping[str, Vectors], batch: Batch) -> Loss:
        """Minus the logarithm of the probability of the golds; the count is of questions.

        Several golds of a question are alternatives, whose probabilities add up. A question whose
        golds are all covered by no piece counts for nothing.
        """
        scores = self.scores(inputs)
        golds = batch["golds"].long()
        real = time_mask(batch["golds.lengths"], golds.shape[1])
        starts, ends = scores.log_probabilities()
        places = golds.where(golds >= 0, starts.shape[1] - 1).masked_fill(~real.unsqueeze(2), 0)
        likely = starts.gather(1, places[:, :, 0]) + ends.gather(1, places[:, :, 1])
        counted = real.any(1)
        total = likely.masked_fill(~real, LOW).logsumexp(1).where(counted, 0.0).sum()
        return Loss(-total, counted.sum())

    @torch.no_grad()
    def predict(
        self, inputs: Mapping[str, Vectors], batch: Batch, examples: Sequence[Example]
    ) -> list[Answer]:
        """The likeliest span of each passage: its text as `value`, and its positions as `span`.

        `confidence` is its probability among all spans that are short enough, and no answer, which
        is the empty text, its span None. `remark` says why a text without pieces is not answered.
        """
        del batch
        rows = candidates(self.scores(inputs), self.longest)
        return [self.answer(*row) for row in zip(examples, rows, strict=True)]

    def answer(self, example: Example, likely: Float[np.ndarray, " candidate"]) -> Answer:
        """The answer to one question. likely: log-probabilities of all spans, that of none last."""
        for name in (self.question, self.passage):
            if not len(example.inputs[name]):
                remark = f"the {name} is empty"
                return {"value": "", "span": None, "confidence": 0.0, "remark": remark}
        pieces = pieces_of(example, self.passage, "span")
        spans, none = likely[:-1], float(likely[-1])
        (first, *_) = best_candidates(spans, 1)
        refused = self.nothing is not None and none - spans[first] > float(self.threshold)
        found: dict[str, Any] = self.told(len(spans) if refused else first, likely, pieces)
        found["confidence"] = found.pop("probability")
        if self.best is not None:
            most = best_candidates(likely if self.nothing is not None else spans, self.best)
            found["alternatives"] = [self.told(place, likely, pieces) for place in most]
        return found

    def told(
        self, place: int, likely: Float[np.ndarray, " candidate"], pieces: Pieces
    ) -> dict[str, Any]:
        """A candidate by its place among all."""
        sure = {"probability": round(float(np.exp(likely[place])), 4)}
        if place == len(likely) - 1:
            return {"value": "", "span": None, **sure}
        first, more = divmod(place, self.longest)
        start, end = text_span(pieces, first, first + more)
        return {"value": pieces.source.text[start:end], "span": [start, end], **sure}

    @torch.no_grad()
    def calibrate(self, batches: Iterable[tuple[Mapping[str, Vectors], Batch]]) -> list[str]:
        """Fits the threshold of no answer with which most answers of dev are right."""
        if self.nothing is None or not self.fitted:
            return []
        above, span_right, none_right = list[float](), list[bool](), list[bool]()
        for inputs, batch in batches:
            rows = zip(batch["golds"].tolist(), batch["golds.lengths"].tolist(), strict=True)
            scored = candidates(self.scores(inputs), self.longest)
            for likely, (golds, count) in zip(scored, rows, strict=True):
                if len(likely) == 1:
                    continue
                (first, *_) = best_candidates(likely[:-1], 1)
                begin, more = divmod(first, self.longest)
                above.append(float(likely[-1] - likely[first]))
                span_right.append([begin, begin + more] in golds[:count])
                none_right.append([NOWHERE, NOWHERE] in golds[:count])
        found, line = best_threshold(np.array(above), np.array(span_right), np.array(none_right))
        self.threshold.fill_(found)
        return [line]

    @torch.no_grad()
    def attended(
        self, inputs: Mapping[str, Vectors], batch: Batch, example: Example, answer: Answer
    ) -> Attended:
        """The probability of each piece of the passage that the answer begins or ends with it.

        They sum up to less than one where there may be no answer.
        """
        del batch, answer
        pieces = pieces_of(example, self.passage, "span")
        ends = (end[0, : len(pieces)].exp() for end in self.scores(inputs).log_probabilities())
        weights = tuple(tuple(end.tolist()) for end in ends)
        return Attended(("begins", "ends"), tuple(pieces.strings), weights)

    def gold(self, example: Example) -> Answer:
        """The first answer of the file, and all as `references`. Raises DataError."""
        texts = [right.text for right in right_answers(example, self.passage, "span")] or [""]
        return {"value": texts[0], "references": list(dict.fromkeys(texts))}

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """What the answers are, and what is wrong with them: see `describe_answers`."""
        asked = [
            Asked(
                pieces_of(example, self.question, "span"),
                pieces_of(example, self.passage, "span"),
                right_answers(example, self.passage, "span"),
                [
                    place
                    for place in self.prepare(example)["golds"].tolist()
                    if NOWHERE not in place
                ],
            )
            for example in examples
        ]
        return describe_answers(asked, split, self.longest, self.nothing is not None)
