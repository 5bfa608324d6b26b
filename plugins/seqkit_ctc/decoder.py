"""The decoder that lays a text on steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqkit.abilities import Finding, Form, Framing
from seqkit.errors import DataError, ModelError
from seqkit.inputs import input_name, input_width
from seqkit.settings import CHECK_SHAPES, Nested
from seqkit.stages import Answer, Example, Frames, Learnt, Loss, Tokeniser, Upstream, Vectors
from seqkit_ctc import Language
from seqkit_ctc.grams import Grams, count
from seqkit_ctc.paths import aligned, best_path, log_probability
from seqkit_ctc.prefixes import Found, Spoken, beam_search
from seqkit_ctc.survey import survey
from seqkit_ctc.targets import BLANK, Targets, needed, text_of

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float32, Float64
    from numpy.random import Generator

    from seqkit.stages import Batch


@final
class CTC(nn.Module):
    """A linear layer on each step, and all ways through them. The arguments are those of `ctc`."""

    samples: bool = False
    along_time: frozenset[str] = frozenset()

    def __init__(
        self,
        upstream: Upstream,
        *,
        tokenise: Nested[Tokeniser],
        beam: int | None = None,
        best: int = 1,
        language: Language | None = None,
        dropout: float = 0.0,
        over: str | None = None,
    ) -> None:
        super().__init__()
        self.width = input_width("ctc", upstream, over)
        self.upstream, self.over = upstream, over
        self.beam, self.best, self.language = beam, best, language
        self.dropout = nn.Dropout(dropout)
        self.targets = Targets(tokenise)
        self.spoken: Spoken | None = None

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """The pieces of the golds, and the counts of the language model. Raises DataError."""
        every = list(examples)
        learnt = self.targets.fit(every)
        if self.language is None:
            return learnt
        targets = Targets(self.targets.tokenise)
        targets.ready(learnt)
        golds = (targets.numbers(targets.pieces(one.gold), "ctc") for one in every)
        return {
            **learnt,
            "order": self.language.order,
            "grams": count(golds, self.language.order),
        }

    def ready(self, learnt: Learnt) -> None:
        """Allocates the weights. Raises ModelError for a language model that was not fitted."""
        self.targets.ready(learnt)
        self.linear = nn.Linear(self.width, self.targets.size)
        if self.language is None:
            return
        order, fitted = self.language.order, learnt.get("order")
        if order != fitted:
            what = f"one of order {fitted}" if fitted else "none"
            raise ModelError(
                f"ctc: 'language' has order {order}, but training fitted {what}. Train with it, or "
                "leave it as it was."
            )
        grams = Grams(learnt["grams"], order, self.targets.size)
        self.spoken = Spoken(grams, self.language.weight, self.language.bonus)

    def prepare(self, example: Example, rng: Generator | None = None) -> dict[str, np.ndarray]:
        """Gives "target" [piece], numbers, where there is a gold.

        Raises DataError, which names the recording, for a gold that does not fit its steps, or has
        a piece that training has not.
        """
        del rng
        if example.gold is None:
            return {}
        where, pieces = f"ctc: {self.called(example)}", self.targets.pieces(example.gold)
        numbers, steps = self.targets.numbers(pieces, where), self.steps(example)
        if needed(pieces) > steps:
            raise DataError(
                f"{where}: its gold takes {needed(pieces)} steps ({len(pieces)} pieces, a blank "
                f"between equal ones), but there are {steps}. Leave it out, or use an embedder or "
                "an encoder with more steps."
            )
        return {"target": np.array(numbers, np.int32)}

    def read(self, example: Example) -> str:
        """The name of the input that is read."""
        return input_name("ctc", example.inputs, self.over)

    def called(self, example: Example) -> str:
        """An example by the name that its source gives, or by its input."""
        known = example.fields.get("name")
        return f"'{known}'" if isinstance(known, str) else f"input '{self.read(example)}'"

    def steps(self, example: Example) -> int:
        """How many steps there are at least for an example."""
        name = self.read(example)
        front = self.upstream.inputs.get(name)
        steps = len(example.inputs[name])
        if front and isinstance(front.embedder, Framing):
            steps = front.embedder.steps(steps)
        return steps // self.upstream.stride

    def seconds(self, example: Example) -> float:
        """How long a step is: in seconds for frames, in pieces for pieces."""
        name = self.read(example)
        front, given = self.upstream.inputs.get(name), example.inputs[name]
        hop = front.embedder.hop if front and isinstance(front.embedder, Framing) else 1
        return self.upstream.stride * hop / (given.rate if isinstance(given, Frames) else 1.0)

    def scores(self, vectors: Vectors) -> Float32[Tensor, "batch time label"]:
        """The log-probabilities of labels at each step, in fp32 under autocast too."""
        with torch.autocast(vectors.values.device.type, enabled=False):
            found: Tensor = self.linear(self.dropout(vectors.values.float()))
            return found.log_softmax(2)

    def loss(self, inputs: Mapping[str, Vectors], batch: Batch) -> Loss:
        """The negative logarithm of the sum over all ways of each gold; counted by its pieces.

        An empty gold counts as one. Torch computes it in log space, alike each time on a CPU.
        """
        vectors = inputs[input_name("ctc", inputs, self.over)]
        scores, sizes = self.scores(vectors), batch["target.lengths"]
        counted = sizes.clamp(min=1).sum()
        if not scores.shape[1]:
            return Loss(scores.sum(), counted)
        losses = F.ctc_loss(
            scores.transpose(0, 1),
            batch["target"].long(),
            vectors.lengths,
            sizes,
            blank=BLANK,
            reduction="none",
        )
        return Loss(losses.sum(), counted)

    @torch.no_grad()
    def predict(
        self, inputs: Mapping[str, Vectors], batch: Batch, examples: Sequence[Example]
    ) -> list[Answer]:
        """The text of each row as `value`, with its `pieces`, their `times` and its `score`.

        times: where each piece begins and ends on the text's likeliest way. score: the logarithm of
        the text's probability; of a beam, what it compares, the language model included.
        """
        del batch
        vectors = inputs[input_name("ctc", inputs, self.over)]
        scores = self.scores(vectors).double().cpu().numpy()
        rows = zip(scores, vectors.lengths.tolist(), examples, strict=True)
        return [self.answer(row[:length], example) for row, length, example in rows]

    def answer(self, scores: Float64[np.ndarray, "time label"], example: Example) -> Answer:
        """The answer to one row."""
        (labels, score), *others = self.found(scores)
        step, pieces = self.seconds(example), self.targets.named(labels)
        answer: dict[str, Any] = {
            "value": self.targets.text(pieces),
            "pieces": pieces,
            "times": [
                [round(place * step, 4) for place in span] for span in aligned(scores, labels)
            ],
            "score": round(score, 4),
        }
        if others:
            answer["alternatives"] = [
                {"value": self.targets.text(self.targets.named(one)), "score": round(total, 4)}
                for one, total in others
            ]
        return answer

    def found(self, scores: Float64[np.ndarray, "time label"]) -> list[Found]:
        """The best texts, each with its score."""
        if self.beam is None:
            labels = best_path(scores)
            return [(labels, log_probability(scores, labels))]
        return beam_search(scores, self.beam, self.spoken)[: self.best]

    def form(self) -> Form:
        """A text."""
        return Form("text")

    def gold(self, example: Example) -> Answer:
        """The text of the file. Raises DataError where there is none."""
        return {"value": text_of(example.gold).text}

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """Lengths and pieces of golds, and which of them cannot be written: see `survey`."""
        rows = [
            (self.called(one), self.targets.pieces(one.gold), self.steps(one)) for one in examples
        ]
        return survey(rows, self.targets.index, split)
