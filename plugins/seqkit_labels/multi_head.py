"""A decoder that is several: one encoder, a head for each gold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast, final

import torch
from torch import nn

from seqkit.abilities import Calibrating, Describing, Finding, Form, Formed
from seqkit.errors import DataError, nearest
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer, Batch, Decoder, Example, Learnt, Loss, Vectors

if TYPE_CHECKING or CHECK_SHAPES:
    import numpy as np
    from numpy.random import Generator


@final
class MultiHead(nn.Module):
    """Decoders by the name of their gold. An answer is a mapping from these names to answers.

    The arrays of the head for "slots" are called "slots/...".
    """

    def __init__(self, heads: Mapping[str, Decoder], weights: Mapping[str, float]) -> None:
        super().__init__()
        self.heads = dict(heads)
        self.parts = nn.ModuleList(cast("Iterable[nn.Module]", heads.values()))
        self.weights = {name: weights.get(name, 1.0) for name in heads}
        self.samples = any(head.samples for head in heads.values())
        self.along_time: frozenset[str] = frozenset()

    def own(self, example: Example, name: str) -> Example:
        """The example as one head sees it. Raises DataError where the recipe has no such gold."""
        gold = example.gold
        if gold is None:
            return example
        if not isinstance(gold, Mapping):
            form = "{" + ", ".join(f"{name}: FIELD" for name in self.heads) + "}"
            raise DataError(f"heads: needs a gold for each part. Write `data.gold` as {form}.")
        if name not in gold:
            raise DataError(f"heads: data.gold names no '{name}'. {nearest(name, gold)}")
        return replace(example, gold=gold[name])

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """What each head learns. Raises DataError where a gold is missing."""
        every = list(examples)
        return {
            name: head.fit(self.own(example, name) for example in every)
            for name, head in self.heads.items()
        }

    def ready(self, learnt: Learnt) -> None:
        """Allocates each head."""
        for name, head in self.heads.items():
            head.ready(learnt[name])
        self.along_time = frozenset(
            f"{name}/{array}" for name, head in self.heads.items() for array in head.along_time
        )

    def prepare(self, example: Example, rng: Generator | None = None) -> dict[str, np.ndarray]:
        """The arrays of each head under its name."""
        return {
            f"{name}/{key}": array
            for name, head in self.heads.items()
            for key, array in head.prepare(self.own(example, name), rng).items()
        }

    def loss(self, inputs: Mapping[str, Vectors], batch: Batch) -> Loss:
        """The weighted sum of the heads' summed losses, over the greatest of their counts."""
        losses = {name: head.loss(inputs, scoped(batch, name)) for name, head in self.heads.items()}
        total = sum(self.weights[name] * loss.total for name, loss in losses.items())
        count = torch.stack([loss.count for loss in losses.values()]).amax()
        return Loss(cast("torch.Tensor", total), count)

    def predict(
        self, inputs: Mapping[str, Vectors], batch: Batch, examples: Sequence[Example]
    ) -> list[Answer]:
        """Each head's answers under its name."""
        found = [
            head.predict(
                inputs, scoped(batch, name), [self.own(example, name) for example in examples]
            )
            for name, head in self.heads.items()
        ]
        return [dict(zip(self.heads, row, strict=True)) for row in zip(*found, strict=True)]

    def form(self) -> dict[str, Form]:
        """What the heads give that say so; a head of several golds gives nothing of one form."""
        found = {name: head.form() for name, head in self.heads.items() if isinstance(head, Formed)}
        return {name: form for name, form in found.items() if isinstance(form, Form)}

    def gold(self, example: Example) -> Answer:
        """Each head's gold under its name."""
        return {name: head.gold(self.own(example, name)) for name, head in self.heads.items()}

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """What each head found, with its name before it."""
        every = list(examples)
        return [
            replace(finding, text=f"{name}: {finding.text}")
            for name, head in self.heads.items()
            if isinstance(head, Describing)
            for finding in head.describe([self.own(one, name) for one in every], split)
        ]

    def calibrate(self, batches: Iterable[tuple[Mapping[str, Vectors], Batch]]) -> list[str]:
        """Calibrates each head that can be."""
        every = list(batches)
        return [
            f"{name}: {line}"
            for name, head in self.heads.items()
            if isinstance(head, Calibrating)
            for line in head.calibrate(self.narrowed(every, name))
        ]

    def narrowed(
        self, batches: Iterable[tuple[Mapping[str, Vectors], Batch]], name: str
    ) -> Iterator[tuple[Mapping[str, Vectors], Batch]]:
        """The batches with the arrays of one head."""
        for inputs, batch in batches:
            yield inputs, scoped(batch, name)


def scoped(batch: Batch, name: str) -> Batch:
    """The arrays of one head."""
    start = f"{name}/"
    return {key[len(start) :]: value for key, value in batch.items() if key.startswith(start)}
