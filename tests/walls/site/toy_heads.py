"""Two decoders behind one encoder: an answer is a mapping from each gold's name to its answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast, final

from torch import Tensor, nn

from seqkit.plugins import Register, hookimpl
from seqkit.settings import Nested
from seqkit.stages import Answer, Decoder, Example, Loss, Upstream, Vectors


@hookimpl
def seqkit_stages(register: Register) -> None:
    register.decoder("pair", pair)


def pair(upstream: Upstream, *, slots: Nested[Decoder], intent: Nested[Decoder]) -> Decoder:
    """Two decoders, trained together.

    slots, intent: a decoder for the gold of that name.
    """
    return Heads({"slots": slots.build(upstream), "intent": intent.build(upstream)})


def own(example: Example, name: str) -> Example:
    """The example as one head sees it."""
    return replace(example, gold=None if example.gold is None else example.gold[name])


@final
class Heads(nn.Module):
    along_time: frozenset[str] = frozenset()

    def __init__(self, heads: Mapping[str, Decoder]) -> None:
        super().__init__()
        self.heads = dict(heads)
        self.parts = nn.ModuleDict(cast("Mapping[str, nn.Module]", heads))
        self.samples = any(head.samples for head in heads.values())

    def fit(self, examples: Iterable[Example]) -> Mapping[str, Any]:
        every = list(examples)
        return {k: head.fit(own(one, k) for one in every) for k, head in self.heads.items()}

    def ready(self, learnt: Mapping[str, Any]) -> None:
        for name, head in self.heads.items():
            head.ready(learnt[name])

    def prepare(self, example: Example, rng: Any = None) -> dict[str, Any]:
        found = {name: head.prepare(own(example, name), rng) for name, head in self.heads.items()}
        return {
            f"{name}/{key}": array for name, each in found.items() for key, array in each.items()
        }

    def loss(self, inputs: Mapping[str, Vectors], batch: Mapping[str, Tensor]) -> Loss:
        losses = [head.loss(inputs, scoped(batch, name)) for name, head in self.heads.items()]
        return Loss(losses[0].total + losses[1].total, losses[0].count + losses[1].count)

    def predict(
        self,
        inputs: Mapping[str, Vectors],
        batch: Mapping[str, Tensor],
        examples: Sequence[Example],
    ) -> list[Answer]:
        found = [
            head.predict(inputs, scoped(batch, name), [own(one, name) for one in examples])
            for name, head in self.heads.items()
        ]
        return [dict(zip(self.heads, row, strict=True)) for row in zip(*found, strict=True)]

    def gold(self, example: Example) -> Answer:
        return {name: head.gold(own(example, name)) for name, head in self.heads.items()}


def scoped(batch: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """The arrays of one head."""
    start = f"{name}/"
    return {key[len(start) :]: value for key, value in batch.items() if key.startswith(start)}
