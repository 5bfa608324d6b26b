"""The device side of a pipeline: from a batch to vectors, to a loss or to answers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from torch import nn

from seqkit.stages import Answer, Decoder, Embedder, Encoder, Example, Joint, Loss, Vectors

if TYPE_CHECKING:
    from torch import Tensor

    from seqkit.stages import Batch, State

DECODE = "decode/"

Step = Joint | Mapping[str, Encoder]
"""One step of encoding: a joint encoder, or an encoder for each input."""
States = Mapping[str, "State"]
"""The state of each recurrent encoder, under `step/input`."""
Read = Callable[[str, Encoder, Vectors, "State | None"], Vectors]
"""Reads vectors, from a state on, with the encoder that stands under `step/input`."""


def scoped(batch: Batch, prefix: str) -> dict[str, Tensor]:
    """The arrays of one stage: those under its prefix, the prefix taken off."""
    cut = len(prefix)
    return {name[cut:]: value for name, value in batch.items() if name.startswith(prefix)}


def once(stages: Iterable[Any]) -> nn.ModuleList:
    """The modules among which a stage that several inputs share stands once."""
    return nn.ModuleList({id(stage): cast("nn.Module", stage) for stage in stages}.values())


def run_forward(key: str, encoder: Encoder, vectors: Vectors, state: State | None) -> Vectors:
    """Reads vectors as the encoder's forward does."""
    del key
    return cast("Vectors", cast("Any", encoder)(vectors, state))


class Network(nn.Module):
    """Embedders, encoders and the decoder of a pipeline; its forward gives the loss.

    embedders: by input name; an embedder that several inputs share stands here once.
    """

    def __init__(
        self, embedders: Mapping[str, Embedder], steps: Sequence[Step], decoder: Decoder
    ) -> None:
        super().__init__()
        self.embedders = dict(embedders)
        self.steps = tuple(steps)
        self.decoder = decoder
        self.embedding = once(embedders.values())
        every = (step.values() if isinstance(step, Mapping) else [step] for step in steps)
        self.encoding = once(itertools.chain.from_iterable(every))

    def encode(
        self, batch: Batch, states: States | None = None, read: Read = run_forward
    ) -> tuple[dict[str, Vectors], dict[str, State]]:
        """Embeds and encodes every input; states go in, and those after the last real steps out.

        read: how an encoder of a single input is run.
        """
        vectors = {
            name: cast("Vectors", cast("Any", embedder)(scoped(batch, f"{name}/")))
            for name, embedder in self.embedders.items()
        }
        after: dict[str, State] = {}
        for number, step in enumerate(self.steps):
            if not isinstance(step, Mapping):
                vectors = dict(cast("Any", step)(vectors))
                continue
            for name, encoder in step.items():
                key = f"{number}/{name}"
                before = states.get(key) if states else None
                stateless = replace(vectors[name], state=None)  # a state is the last encoder's
                vectors[name] = read(key, encoder, stateless, before)
                state = vectors[name].state
                if state is not None:
                    after[key] = state
        return vectors, after

    def forward(
        self, batch: Batch, states: States | None = None
    ) -> tuple[Loss, Tensor | None, dict[str, State]]:
        """The loss of a batch, the sum of the encoders' penalties, and the states to carry on."""
        vectors, after = self.encode(batch, states)
        penalties = [one.penalty for one in vectors.values() if one.penalty is not None]
        penalty = sum(penalties[1:], start=penalties[0]) if penalties else None
        return self.decoder.loss(vectors, scoped(batch, DECODE)), penalty, after

    def answer(self, batch: Batch, examples: Sequence[Example]) -> list[Answer]:
        """The answers of a batch, one for each example."""
        vectors, _ = self.encode(batch)
        return self.decoder.predict(vectors, scoped(batch, DECODE), examples)
