"""A language model as what a search writes with: texts that go on from a prompt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, cast, final

import torch
from torch import Tensor

from seqkit.inputs import listed_pieces
from seqkit.pipeline import Pipeline
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Example, Pieces, Vectors
from seqkit.table import collate
from seqkit_language.language_decoder import UNKNOWN, LanguageDecoder

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int

    from seqkit.stages import Arrays, Batch, State

Heard = Callable[[int], None]
"""Is told each piece as soon as it is chosen."""


@final
class Continuing:
    """The prompt's last piece is read at the first step; each state is that of all encoders.

    end: the label that ends a text; the unknown one, which never comes, for texts without an end.
    """

    def __init__(self, pipeline: Pipeline, prompt: Pieces, end: int, heard: Heard | None) -> None:
        self.network = pipeline.network
        self.name = pipeline.names[0]
        self.decoder = cast("LanguageDecoder", self.network.decoder)
        self.prompt, self.end, self.heard = prompt, end, heard
        self.keys: list[tuple[str, int]] = []

    def encoded(
        self, arrays: list[Arrays], states: Mapping[str, State] | None
    ) -> tuple[Vectors, Mapping[str, State]]:
        """What the encoders give, from some states on."""
        device = next(self.network.parameters()).device
        batch = {f"{self.name}/{key}": value.to(device) for key, value in collate(arrays).items()}
        vectors, after = self.network.encode(batch, states)
        return vectors[self.name], after

    def arrays(self, strings: list[str]) -> Arrays:
        """What the embedder reads of some pieces."""
        example = Example({}, {self.name: listed_pieces(strings)})
        return self.network.embedders[self.name].prepare(example, self.name)

    def inputs(self) -> Mapping[str, Vectors]:
        """What a search takes for the input: as many steps as the prompt has."""
        lengths = torch.tensor([len(self.prompt)])
        return {self.name: Vectors(torch.zeros(1, len(self.prompt), 0), lengths)}

    def start(self, inputs: Mapping[str, Vectors], batch: Batch) -> tuple[None, State]:
        """The state after all of the prompt but its last piece, which is still to be read."""
        del inputs, batch
        *read, last = self.prompt.strings
        _, states = self.encoded([self.arrays(read)], None)
        self.keys = [(key, len(state)) for key, state in states.items()]
        pending = torch.tensor([self.decoder.numbers.get(last, UNKNOWN)])
        return None, (pending, *(part for state in states.values() for part in state))

    def step(
        self, memory: None, state: State, last: Int[Tensor, " row"]
    ) -> tuple[Float[Tensor, "row label"], State]:
        """The log-probabilities of the next piece, and the state after the one that is read."""
        del memory
        pending, *parts = state
        if self.heard is not None and bool((pending < 0).all()) and len(last) == 1:
            self.heard(int(last))
        pieces = torch.where(pending < 0, last.cpu(), pending).tolist()
        states: dict[str, State] = {}
        for key, count in self.keys:
            states[key], parts = tuple(parts[:count]), parts[count:]
        vectors, after = self.encoded(
            [self.arrays([self.decoder.names[piece]]) for piece in pieces], states
        )
        found = self.decoder.next_piece(vectors.values[:, 0])
        read = torch.full_like(pending, -1)
        return found, (read, *(part for one in after.values() for part in one))

    def narrow(self, memory: None, rows: Int[Tensor, " text"]) -> None:
        """Nothing: what steps need is in their state."""
        del memory, rows
