"""A decoder of the next piece: each line begins with a piece that stands for the last line's end.

So lines end to end are one text, in which each piece and each end is foretold once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, final

import numpy as np
from torch import Tensor, nn
from torch.nn import functional as F

from seqkit.plugins import Register, hookimpl
from seqkit.stages import Answer, Decoder, Example, Loss, Pieces, Upstream, Vectors


@hookimpl
def seqkit_stages(register: Register) -> None:
    register.decoder("next", following)


def following(upstream: Upstream) -> Decoder:
    """The log-probability of a line."""
    return Next(upstream.width)


@final
class Next(nn.Module):
    samples: bool = False
    along_time: frozenset[str] = frozenset({"next"})

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def fit(self, examples: Iterable[Example]) -> Mapping[str, Any]:
        return {"strings": sorted({string for one in examples for string in strings(one)})}

    def ready(self, learnt: Mapping[str, Any]) -> None:
        self.known = {string: number for number, string in enumerate(learnt["strings"], 1)}
        self.linear = nn.Linear(self.width, 1 + len(self.known))

    def prepare(self, example: Example, rng: Any = None) -> dict[str, Any]:
        after = [self.known.get(string, 0) for string in strings(example)[1:]]
        return {"next": np.array([*after, 0][: len(strings(example))], np.int32)}

    def losses(self, inputs: Mapping[str, Vectors], batch: Mapping[str, Tensor]) -> Tensor:
        scores, wanted = self.linear(inputs["text"].values), batch["next"].long()
        losses = F.cross_entropy(scores.transpose(1, 2), wanted, reduction="none")
        return losses * inputs["text"].mask

    def loss(self, inputs: Mapping[str, Vectors], batch: Mapping[str, Tensor]) -> Loss:
        return Loss(self.losses(inputs, batch).sum(), inputs["text"].lengths.sum())

    def predict(
        self,
        inputs: Mapping[str, Vectors],
        batch: Mapping[str, Tensor],
        examples: Sequence[Example],
    ) -> list[Answer]:
        return [{"value": -total} for total in self.losses(inputs, batch).sum(1).tolist()]

    def gold(self, example: Example) -> Answer:
        return {"value": 0.0}


def strings(example: Example) -> Sequence[str]:
    pieces = example.inputs["text"]
    assert isinstance(pieces, Pieces)
    return pieces.strings
