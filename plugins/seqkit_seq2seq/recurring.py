"""The recurrent layers of a decoder, over a whole text or one step at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast, final

import torch
from torch import Tensor, nn

from seqkit.abilities import Advance, Stepping
from seqkit.errors import PluginError
from seqkit.settings import CHECK_SHAPES, Nested
from seqkit.stages import Encoder, Upstream, Vectors

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float

    from seqkit.stages import State


@final
class Recurrence(nn.Module):
    """Any causal encoder that gives a state. Raises PluginError for another one."""

    def __init__(self, encode: Nested[Encoder], inputs: int) -> None:
        super().__init__()
        encoder = encode.build(Upstream(inputs))
        if not encoder.causal or encoder.stride != 1:
            raise PluginError(
                "attention: encode: it reads ahead of what was written. Use lstm, gru or another "
                "causal encoder."
            )
        self.encoder = cast("nn.Module", encoder)
        self.width, self.inputs = encoder.width, inputs
        if self.end(Vectors(torch.zeros(1, 0, inputs), torch.zeros(1, dtype=torch.long))) is None:
            raise PluginError(
                "attention: encode: it has no state to carry on. Use lstm, gru or another "
                "recurrent encoder."
            )

    def end(self, vectors: Vectors, state: State | None = None) -> State | None:
        """The state after some steps."""
        found: Vectors = self.encoder(vectors, state)
        return found.state

    def first(self, batch: int) -> State:
        """The state before the first step."""
        like = next(self.encoder.parameters())
        none = Vectors(
            like.new_zeros(batch, 0, self.inputs),
            torch.zeros(batch, dtype=torch.long, device=like.device),
        )
        return cast("State", self.end(none))

    def forward(self, vectors: Vectors, state: State) -> Float[Tensor, "batch time width"]:
        """All steps at once. What it gives past a row's length is not looked at."""
        batch, time, _ = vectors.values.shape
        # rows without padding: kernels then need not find the state after each row's last step
        even = torch.full((batch,), time, dtype=torch.long, device=vectors.values.device)
        found: Vectors = self.encoder(Vectors(vectors.values, even), state)
        return found.values

    def stepper(self) -> Advance:
        """What reads one step: the encoder's own way, or its forward over one step."""
        if isinstance(self.encoder, Stepping):
            return self.encoder.stepper()
        encoder: Any = self.encoder

        def step(values: Tensor, state: State) -> tuple[Tensor, State]:
            ones = torch.ones(len(values), dtype=torch.long, device=values.device)
            found = encoder(Vectors(values.unsqueeze(1), ones), state)
            return found.values[:, 0], found.state

        return step
