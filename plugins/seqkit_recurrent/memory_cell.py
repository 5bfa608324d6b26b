"""Long short-term memory (Hochreiter & Schmidhuber 1997) with every textbook switch.

With input x, hidden state h and memory cells c (Gers et al. 2000; gates in this order):

    i = sigmoid(W_i x + R_i h + p_i c  + b_i)          input gate
    f = sigmoid(W_f x + R_f h + p_f c  + b_f)          forget gate; coupled: 1 - i; without: 1
    g = tanh   (W_g x + R_g h          + b_g)          new content
    c' = f c + i g
    o = sigmoid(W_o x + R_o h + p_o c' + b_o)          output gate
    h' = o tanh(c'); with a projection: P (o tanh(c'))

Initial weights: input Xavier uniform (Glorot & Bengio 2010) and recurrent orthogonal (Saxe et al.
2014), gate by gate; peepholes zero; biases zero, but for the forget gate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqkit.abilities import Advance
from seqkit.settings import CHECK_SHAPES
from seqkit.unrolling import pays
from seqkit_recurrent.dropout import scale
from seqkit_recurrent.explicit_cell import Cell
from seqkit_recurrent.gates import gate_series, half_life, memories, norm
from seqkit_recurrent.rows import Rows, first_state
from seqkit_recurrent.switches import Switches

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float

    from seqkit.stages import State
    from seqkit_recurrent.stack import Series

ALIGNED = 16
"""The kernels for bf16 take four times as long for an odd number of inputs as for one of these."""
WRONG = 1024
"""The width from which oneDNN's gradients in bf16 are wrong (torch 2.13): such layers stay fp32.

It has no kernel for projected cells.
"""
SHUT = 1e4
"""A gate's input beyond which its sigmoid is exactly 0 or 1 in every floating type."""


class ThreeGates(nn.Module):
    """The weights of cells without a forget gate of their own, named as in `torch.nn.LSTM`."""

    def __init__(self, inputs: int, cells: int, width: int) -> None:
        super().__init__()
        self.weight_ih_l0 = nn.Parameter(torch.empty(3 * cells, inputs))
        self.weight_hh_l0 = nn.Parameter(torch.empty(3 * cells, width))
        self.bias_ih_l0 = nn.Parameter(torch.empty(3 * cells))
        if width != cells:
            self.weight_hr_l0 = nn.Parameter(torch.empty(width, cells))


@final
class MemoryCells(nn.Module):
    """One direction of one layer. width: of the hidden state, which is what it gives.

    Runs on the fused kernel of `torch.nn.LSTM` unless a switch needs the explicit cell.
    """

    first_hidden: Tensor
    first_cells: Tensor

    def __init__(self, inputs: int, width: int, switches: Switches) -> None:
        super().__init__()
        self.width, self.switches = width, switches
        self.cells = cells = switches.cells or width
        four = switches.forget_gate and not switches.coupled
        self.gates = 4 if four else 3
        self.kernel: nn.LSTM | ThreeGates = (
            nn.LSTM(inputs, cells, proj_size=width if switches.cells else 0)
            if four
            else ThreeGates(inputs, cells, width)
        )
        initialise(self.kernel, self.gates, switches)
        peepholes = 3 if four else 2  # to the input, forget and output gates
        self.peepholes = nn.Parameter(torch.zeros(peepholes, cells)) if switches.peephole else None
        if switches.layer_norm:
            self.norm_input = nn.LayerNorm(self.gates * cells, bias=False)
            self.norm_recurrent = nn.LayerNorm(self.gates * cells, bias=False)
            self.norm_cells = nn.LayerNorm(cells)
        first_state(self, switches.learned_state, first_hidden=width, first_cells=cells)

    def initial(self, batch: int) -> State:
        """The first hidden state [batch width] and cells [batch cells]: zero, or learned."""
        return self.first_hidden.expand(batch, -1), self.first_cells.expand(batch, -1)

    def forward(
        self, values: Float[Tensor, "time batch inputs"], rows: Rows, state: State, carry: bool
    ) -> tuple[Float[Tensor, "time batch width"], State]:
        """The outputs, and hidden state and cells after each row's last real step."""
        if self.switches.explicit:
            output, end, _ = self.explicit(values, rows, state)
            return output, end
        device, wide = values.device.type, self.width >= WRONG and not self.switches.cells
        if wide and device == "cpu" and torch.is_autocast_enabled(device):
            with torch.autocast(device, enabled=False):
                return self.fused(values.float(), rows, state, carry)
        return self.fused(values, rows, state, carry)

    def fused(
        self, values: Float[Tensor, "time batch inputs"], rows: Rows, state: State, carry: bool
    ) -> tuple[Float[Tensor, "time batch width"], State]:
        """The same by the fused kernel."""
        before = [part.unsqueeze(0).contiguous() for part in state]
        close = carry and not rows.even
        dropped = self.training and self.switches.weight_drop
        if isinstance(self.kernel, nn.LSTM) and not dropped and not close:
            output, (_, cells) = self.kernel(values, tuple(before))
            return output, (rows.ends(output, state[0]), cells[0])
        weights = self.fused_weights()
        if close:
            values, weights = closed(values, rows, weights)
        run: Any = torch._VF  # what torch.nn.LSTM calls
        output, _, cells = run.lstm(
            values, before, weights, True, 1, 0.0, self.training, False, False
        )
        return output, (rows.ends(output, state[0]), cells[0])

    def weights(self) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Input, recurrent, bias, projection; some recurrent ones dropped (Merity et al. 2018)."""
        found: dict[str, Tensor] = dict(self.kernel.named_parameters())
        recurrent, rate = found["weight_hh_l0"], self.switches.weight_drop
        if self.training and rate:
            recurrent = recurrent * scale(recurrent.shape, rate, recurrent)
        bias = found["bias_ih_l0"]
        if "bias_hh_l0" in found:
            bias = bias + found["bias_hh_l0"]
        return found["weight_ih_l0"], recurrent, bias, found.get("weight_hr_l0")

    def fused_weights(self) -> list[Tensor]:
        """The weights as the fused kernel takes them, with four gates.

        sigmoid(-x) is 1 - sigmoid(x), so that a coupled gate is one of turned weights; a gate that
        is always open is one of a large bias.
        """
        *parts, projection = self.weights()
        if self.gates == 3:
            for place, part in enumerate(parts):
                enters, content, leaves = part.chunk(3)
                forget = -enters if self.switches.coupled else torch.zeros_like(enters)
                if place == 2 and not self.switches.coupled:
                    forget = forget + SHUT
                parts[place] = torch.cat((enters, forget, content, leaves))
        weights, recurrent, bias = parts
        plain = [weights, recurrent, bias, torch.zeros_like(bias)]
        return plain if projection is None else [*plain, projection]

    def explicit(
        self,
        values: Float[Tensor, "time batch inputs"],
        rows: Rows,
        state: State,
        probe: Float[Tensor, "time batch width"] | None = None,
    ) -> tuple[Float[Tensor, "time batch width"], State, dict[str, list[Tensor]]]:
        """Step after step: the outputs, the end state, and the gates and cells of each step."""
        cell = Cell(self)
        hidden, cells = state
        seen: dict[str, list[Tensor]] = {}
        outputs, probes = [], () if probe is None else probe.unbind()
        for step, given in enumerate(cell.drive(values).unbind()):
            output, content, gates = cell.advance(given, hidden, cells)
            output = output if probe is None else output + probes[step]
            real = rows.mask[step]
            hidden, cells = torch.where(real, output, hidden), torch.where(real, content, cells)
            outputs.append(output)
            for name, value in (*gates.items(), ("cells", content)):
                seen.setdefault(name, []).append(value)
        return torch.stack(outputs), (hidden, cells), seen

    def stepper(self) -> Advance:
        """What reads one step from a state."""
        recurrent = self.kernel.get_parameter("weight_hh_l0")
        if self.switches.explicit or self.switches.cells or pays(recurrent):
            return self.explicit_steps()
        weights = self.fused_weights()
        run: Any = torch._VF  # what torch.nn.LSTMCell calls

        def step(values: Tensor, state: State) -> tuple[Tensor, State]:
            end = run.lstm_cell(values, state, *weights)
            return end[0], end

        return step

    def explicit_steps(self) -> Advance:
        """The same, by the explicit cell."""
        cell = Cell(self)

        def step(values: Tensor, state: State) -> tuple[Tensor, State]:
            output, cells, _ = cell.advance(cell.drive(values), *state)
            return output, (output, cells)

        return step

    def observe(
        self,
        values: Float[Tensor, "time batch inputs"],
        rows: Rows,
        state: State,
        probe: Float[Tensor, "time batch width"],
    ) -> tuple[Float[Tensor, "time batch width"], State, Series]:
        """Gates, the norm of the cells, and the half-life that the forget gate gives them."""
        output, end, steps = self.explicit(values, rows, state, probe)
        seen = {name: torch.stack(values) for name, values in steps.items()}
        cells = seen.pop("cells")
        series = gate_series(seen)
        if "forget gate" in seen:
            series["half-life"] = half_life(seen["forget gate"])
        return output, end, {**series, "cell norm": norm(cells), "hidden norm": norm(output)}


def closed(
    values: Float[Tensor, "time batch inputs"], rows: Rows, weights: list[Tensor]
) -> tuple[Float[Tensor, "time batch wider"], list[Tensor]]:
    """Lets the fused kernel keep each row's cells through its padding.

    One more input is 1 in padding and 0 elsewhere; its weights shut the input gate and open the
    forget gate, so that c' = 1 c + 0 g. The kernel's last cells are then those of each row's last
    real step, exactly, which it gives nowhere else. It comes with a few inputs of zeros.
    """
    inputs = values.shape[2]
    more = ALIGNED - inputs % ALIGNED
    padding = (~rows.mask).to(values.dtype)
    cells = weights[0].shape[0] // 4
    columns = weights[0].new_zeros(4 * cells, more)
    columns[:cells, 0], columns[cells : 2 * cells, 0] = -SHUT, SHUT
    read = torch.cat((values, F.pad(padding, (0, more - 1))), 2)
    return read, [torch.cat((weights[0], columns), 1), *weights[1:]]


@torch.no_grad()
def initialise(kernel: nn.LSTM | ThreeGates, gates: int, switches: Switches) -> None:
    """Fills the weights as this module's docstring says.

    chrono: forget biases of `memories`, and input biases of minus that.
    """
    for name, parameter in kernel.named_parameters():
        for gate in parameter.chunk(1 if "weight_hr" in name else gates):
            if name.startswith("weight_hh"):
                nn.init.orthogonal_(gate)
            elif name.startswith("weight"):
                nn.init.xavier_uniform_(gate)
            else:
                nn.init.zeros_(gate)
        if name.startswith("bias_ih"):  # torch.nn.LSTM adds a second bias: one of them is enough
            enter, forget = parameter.chunk(gates)[:2]
            if switches.chrono:
                memory = memories(enter, switches.chrono)
                enter.copy_(-memory)
            if gates == 4:
                forget.copy_(
                    memory if switches.chrono else torch.full_like(forget, switches.forget_bias)
                )
