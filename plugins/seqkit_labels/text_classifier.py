"""A decoder that gives a whole text one label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqkit.abilities import Finding
from seqkit.errors import DataError
from seqkit.inputs import input_name, input_width
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer, Example, Learnt, Loss, Upstream, Vectors
from seqkit_labels.descriptions import describe_texts
from seqkit_labels.gold import counted, cut
from seqkit_labels.scores import full_precision

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float
    from numpy.random import Generator

    from seqkit.stages import Batch

UNSEEN = -1


@dataclass(frozen=True)
class Pool:
    """What is remembered of a text whose steps still come.

    values: the vector that they are pooled to. weight: the logarithm of the sum of their weights.
    Both are in double precision, in which a million steps add up.
    """

    values: Float[Tensor, "batch width"]
    weight: Float[Tensor, ""]


@final
class Classifier(nn.Module):
    """Pools the steps of a text and labels it. The arguments are the settings of `classifier`."""

    samples: bool = False
    along_time: frozenset[str] = frozenset()

    def __init__(
        self,
        upstream: Upstream,
        *,
        pool: Literal["last", "max", "mean", "attention"] = "max",
        dropout: float = 0.0,
        smoothing: float = 0.0,
        over: str | None = None,
    ) -> None:
        super().__init__()
        self.width = input_width("classifier", upstream, over)
        self.pool, self.smoothing, self.over = pool, smoothing, over
        self.dropout = nn.Dropout(dropout)
        self.weigh = nn.Linear(self.width, 1, bias=False) if pool == "attention" else None

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """The labels with their counts. Raises DataError where there are fewer than two."""
        counts: Counter[str] = Counter()
        for number, example in enumerate(examples, 1):
            counts[label_of(example.gold, f"classifier: train: example {number}")] += 1
        if len(counts) < 2:
            only = f"the only label is '{next(iter(counts))}'" if counts else "there is no label"
            raise DataError(
                f"classifier: {only} in {counted(counts.total(), 'training example')}, so there "
                "is nothing to learn. Check which field data.gold names."
            )
        ranked = sorted(counts, key=lambda label: (-counts[label], label))
        return {"labels": ranked, "counts": [counts[label] for label in ranked]}

    def ready(self, learnt: Learnt) -> None:
        """Allocates the weights."""
        self.labels, self.counts = list(learnt["labels"]), list(learnt["counts"])
        self.index = {label: index for index, label in enumerate(self.labels)}
        self.linear = nn.Linear(self.width, len(self.labels))

    def prepare(self, example: Example, rng: Generator | None = None) -> dict[str, np.ndarray]:
        """label: a scalar, UNSEEN where training had no such label. Raises DataError."""
        del rng
        if example.gold is None:
            return {}
        found = self.index.get(label_of(example.gold, "classifier"), UNSEEN)
        return {"label": np.array(found, np.int32)}

    def scores(self, inputs: Mapping[str, Vectors]) -> Float[Tensor, "batch label"]:
        """The score of each label for each text."""
        return self.scored(self.pooled(inputs[input_name("classifier", inputs, self.over)]))

    def scored(self, pooled: Float[Tensor, "batch width"]) -> Float[Tensor, "batch label"]:
        """The score of each label for each text's vector."""
        scores: Tensor = self.linear(self.dropout(pooled))
        return scores

    def pooled(self, vectors: Vectors) -> Float[Tensor, "batch width"]:
        """One vector a text: zero for a text without a step, whatever its neighbours are."""
        values, lengths = full_precision(vectors.values), vectors.lengths
        mask = vectors.mask.unsqueeze(2)
        if self.pool == "last":
            return last_step(vectors)
        if not values.shape[1]:
            return values.new_zeros(len(values), self.width)
        if self.pool == "mean":
            return values.sum(1) / lengths.clamp(min=1).unsqueeze(1)
        if self.weigh is not None:
            weights = full_precision(self.weigh(values))
            weights = weights.masked_fill(~mask, torch.finfo(weights.dtype).min)
            return torch.sum(weights.softmax(1) * values, 1)
        tops = values.masked_fill(~mask, -torch.inf).amax(1)
        return tops.masked_fill(lengths.unsqueeze(1) == 0, 0.0)

    def loss(self, inputs: Mapping[str, Vectors], batch: Batch) -> Loss:
        """Cross-entropy, summed over texts; a label that training has not seen counts for none."""
        labels = batch["label"].long()
        total = F.cross_entropy(
            self.scores(inputs),
            labels,
            ignore_index=UNSEEN,
            label_smoothing=self.smoothing,
            reduction="sum",
        )
        return Loss(total, (labels != UNSEEN).sum())

    @torch.no_grad()
    def predict(
        self,
        inputs: Mapping[str, Vectors],
        batch: Batch,
        examples: Sequence[Example],
    ) -> list[Answer]:
        """The likeliest label of each text as `value`, and its probability as `confidence`."""
        del batch, examples
        return self.answers(self.scores(inputs))

    def answers(self, scores: Float[Tensor, "batch label"]) -> list[Answer]:
        """The likeliest label of each text, and its probability."""
        best, labels = scores.float().softmax(1).max(1)
        sure = best.double().cpu().numpy().round(4).tolist()
        return [
            {"value": self.labels[label], "confidence": confidence}
            for label, confidence in zip(labels.tolist(), sure, strict=True)
        ]

    def begin(self) -> Pool | None:
        """What is remembered of a text before its first step."""
        return None

    @torch.no_grad()
    def push(
        self, memory: Pool | None, inputs: Mapping[str, Vectors], batch: Batch, example: Example
    ) -> tuple[list[Answer], Pool | None]:
        """Pools more steps with those before; there is no answer before the text ends."""
        del batch, example
        vectors = inputs[input_name("classifier", inputs, self.over)]
        if not int(vectors.lengths[0]):
            return [], memory
        here, weight = self.pooled(vectors).double(), self.log_weight(vectors)
        if memory is None or self.pool == "last":
            return [], Pool(here, weight)
        if self.pool == "max":
            return [], Pool(torch.maximum(memory.values, here), weight)
        total = torch.logaddexp(memory.weight, weight)
        share = (weight - total).exp()
        return [], Pool(memory.values + share * (here - memory.values), total)

    def log_weight(self, vectors: Vectors) -> Float[Tensor, ""]:
        """The logarithm of the sum of the weights by which a text's steps are pooled."""
        if self.weigh is None:
            return vectors.lengths[0].double().log()
        weights: Tensor = self.weigh(vectors.values[0, : int(vectors.lengths[0])])
        return weights.double().flatten().logsumexp(0)

    @torch.no_grad()
    def finish(self, memory: Pool | None) -> list[Answer]:
        """The answer to all steps that have come; to a zero vector where none has."""
        weights = self.linear.weight
        none = weights.new_zeros(1, self.width)
        return self.answers(self.scored(none if memory is None else memory.values.to(weights)))

    def gold(self, example: Example) -> Answer:
        """The label of the file. Raises DataError where the example has none."""
        return {"value": label_of(example.gold, "classifier")}

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """Labels, what is wrong with them, and examples: see `describe_texts`."""
        every = list(examples)
        golds = [[label_of(example.gold, "classifier")] for example in every]
        decoded = (
            (
                example.inputs[input_name("classifier", example.inputs, self.over)],
                [self.labels[int(self.prepare(example)["label"])]],
            )
            for example in every
        )
        return describe_texts(golds, decoded, self.index, split)


def last_step(vectors: Vectors) -> Float[Tensor, "batch width"]:
    """The state of the last layer, [batch layers width], or else the last real step's vector."""
    width = vectors.values.shape[2]
    if vectors.state and vectors.state[0].ndim == 3 and vectors.state[0].shape[2] == width:
        found = vectors.state[0][:, -1]
    elif not vectors.values.shape[1]:
        found = vectors.values.new_zeros(len(vectors.values), width)
    else:
        place = (vectors.lengths - 1).clamp(min=0).view(-1, 1, 1).expand(-1, 1, width)
        found = vectors.values.gather(1, place).squeeze(1)
    return found.masked_fill(vectors.lengths.unsqueeze(1) == 0, 0.0)


def label_of(gold: Any, where: str) -> str:
    """A gold as a label: a string, or a whole number. Raises DataError for anything else."""
    if isinstance(gold, str | int | np.integer):
        if not str(gold).strip():
            raise DataError(f"{where}: the label is empty. Give it one, or leave the example out.")
        return str(gold)
    if gold is None:
        raise DataError(f"{where} has no gold. Name the field of the label under data.gold.")
    raise DataError(
        f"{where}: the gold is {cut(repr(gold))}, but a text takes one label, a string or a whole "
        "number. Name another field under data.gold, or decode with `tagger`."
    )
