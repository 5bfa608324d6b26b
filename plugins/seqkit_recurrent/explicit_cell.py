"""The explicit cell of an LSTM layer, one step at a time: the equations of `memory_cell`."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import torch
from torch import Tensor

from seqkit.settings import CHECK_SHAPES
from seqkit.unrolling import unrolled
from seqkit_recurrent.dropout import scale

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float

if TYPE_CHECKING:
    from seqkit_recurrent.memory_cell import MemoryCells

Gates = dict[str, Tensor]


@final
class Cell:
    """A layer's cell, with what training draws once for all steps: dropped weights, a mask."""

    def __init__(self, layer: MemoryCells) -> None:
        self.layer, self.switches = layer, layer.switches
        weights, recurrent, self.bias, projection = layer.weights()
        self.weights, self.recurrent = unrolled(weights.t()), unrolled(recurrent.t())
        self.projection = None if projection is None else unrolled(projection.t())
        self.locked: Tensor | None = None

    def drive(self, values: Float[Tensor, "*steps inputs"]) -> Float[Tensor, "*steps gates"]:
        """What the input of one step or of many adds to the gates."""
        drive = self.weights(values)
        return (self.layer.norm_input(drive) if self.switches.layer_norm else drive) + self.bias

    def advance(
        self,
        given: Float[Tensor, "batch gates"],
        hidden: Float[Tensor, "batch width"],
        cells: Float[Tensor, "batch cells"],
    ) -> tuple[Float[Tensor, "batch width"], Float[Tensor, "batch cells"], Gates]:
        """The next hidden state and cells, and the gates."""
        layer, switches = self.layer, self.switches
        again = self.recurrent(self.read(hidden))
        again = layer.norm_recurrent(again) if switches.layer_norm else again
        content, gates = self.gated(given + again, cells)
        shown = torch.tanh(layer.norm_cells(content) if switches.layer_norm else content)
        output = gates["output gate"] * shown
        output = output if self.projection is None else self.projection(output)
        output = self.zoned(output, hidden, switches.zoneout)
        return output, self.zoned(content, cells, switches.cell_zoneout), gates

    def read(self, hidden: Float[Tensor, "batch width"]) -> Float[Tensor, "batch width"]:
        """The hidden state as the gates see it: in training, some of it is dropped."""
        rate = self.switches.recurrent_dropout if self.layer.training else 0.0
        if not rate:
            return hidden
        if self.locked is None:
            self.locked = scale(hidden.shape, rate, hidden)
        return hidden * self.locked

    def gated(
        self, drive: Float[Tensor, "batch gates"], cells: Float[Tensor, "batch cells"]
    ) -> tuple[Float[Tensor, "batch cells"], Gates]:
        """The new cells before zoneout, and the gates."""
        enter, *forget, content, leave = drive.chunk(self.layer.gates, 1)
        peepholes = self.layer.peepholes
        if peepholes is not None:
            enter = enter + peepholes[0] * cells
            forget = [one + peepholes[1] * cells for one in forget]
        gates = {"input gate": torch.sigmoid(enter)}
        if self.layer.gates == 4:
            gates["forget gate"] = torch.sigmoid(forget[0])
        elif self.switches.coupled:
            gates["forget gate"] = 1.0 - gates["input gate"]
        kept = gates["forget gate"] * cells if "forget gate" in gates else cells
        new = kept + gates["input gate"] * torch.tanh(content)
        if peepholes is not None:
            leave = leave + peepholes[-1] * new
        gates["output gate"] = torch.sigmoid(leave)
        return new, gates

    def zoned(self, new: Tensor, old: Tensor, rate: float) -> Tensor:
        """Zoneout (Krueger et al. 2017): units keep their value; when predicting, a mix."""
        if not rate:
            return new
        if not self.layer.training:
            return rate * old + (1.0 - rate) * new
        return torch.where(torch.rand(new.shape, device=new.device) < rate, old, new)
