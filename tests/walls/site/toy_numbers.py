"""Numbers out: a decoder whose answer is a number, and a metric of its error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, final

import numpy as np
from torch import Tensor, nn

from seqkit.plugins import Register, hookimpl
from seqkit.stages import Answer, Decoder, Example, Loss, Metric, Upstream, Vectors


@hookimpl
def seqkit_stages(register: Register) -> None:
    register.decoder("number", number)
    register.metric("error", error)


def number(upstream: Upstream) -> Decoder:
    """A number, linear in the mean of all steps, by squared error."""
    return Number(upstream.width)


def error() -> Metric:
    """The mean absolute error."""
    return Error()


@final
class Number(nn.Module):
    samples: bool = False
    along_time: frozenset[str] = frozenset()

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, 1)

    def fit(self, examples: Iterable[Example]) -> Mapping[str, Any]:
        golds = [example.gold for example in examples]
        return {"mean": float(np.mean(golds)), "deviation": float(np.std(golds))}

    def ready(self, learnt: Mapping[str, Any]) -> None:
        self.mean, self.deviation = learnt["mean"], learnt["deviation"]

    def prepare(self, example: Example, rng: Any = None) -> dict[str, Any]:
        return {} if example.gold is None else {"gold": np.array(example.gold, np.float32)}

    def numbers(self, vectors: Vectors) -> Tensor:
        pooled = vectors.values.sum(1) / vectors.lengths.clamp(min=1).unsqueeze(1)
        found: Tensor = self.linear(pooled).squeeze(1) * self.deviation + self.mean
        return found

    def loss(self, inputs: Mapping[str, Vectors], batch: Mapping[str, Tensor]) -> Loss:
        gap = (self.numbers(inputs["text"]) - batch["gold"]) / self.deviation
        return Loss((gap**2).sum(), batch["gold"].new_tensor(len(gap)))

    def predict(
        self,
        inputs: Mapping[str, Vectors],
        batch: Mapping[str, Tensor],
        examples: Sequence[Example],
    ) -> list[Answer]:
        return [{"value": value} for value in self.numbers(inputs["text"]).tolist()]

    def gold(self, example: Example) -> Answer:
        return {"value": float(example.gold)}


@final
class Error:
    signature: str = "mean absolute error"
    higher_is_better: bool = False

    def counts(self, answer: Answer, gold: Answer) -> Any:
        return np.array([abs(answer["value"] - gold["value"]), 1.0])

    def value(self, totals: Any) -> float:
        return float(totals[0] / totals[1]) if totals[1] else 0.0
