"""The gated recurrent unit (Cho et al. 2014) and the simple recurrent network (Elman 1990).

    r = sigmoid(W_r x + R_r h + b_r)                    reset gate
    z = sigmoid(W_z x + R_z h + b_z)                    update gate: the share of h that is kept
    n = tanh(W_n x + b_n + r (R_n h + b_m))
    h' = (1 - z) n + z h

    h' = tanh(W x + R h + b)                            the simple network

The reset gate stands behind the recurrent product, as in `torch.nn.GRU`. Initial weights: as in
`memory_cell`; biases zero, but with chrono those of the update gate, by `memories`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqkit.abilities import Advance
from seqkit.settings import CHECK_SHAPES
from seqkit.unrolling import Product, pays, unrolled
from seqkit_recurrent.dropout import scale
from seqkit_recurrent.gates import gate_series, half_life, memories, norm
from seqkit_recurrent.rows import Rows, first_state

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float

    from seqkit.stages import State
    from seqkit_recurrent.stack import Series

Kind = Literal["gru", "rnn"]


@final
class Units(nn.Module):
    """One direction of one layer of `torch.nn.GRU` or `torch.nn.RNN`, by kind."""

    first_hidden: Tensor

    def __init__(
        self,
        kind: Kind,
        inputs: int,
        width: int,
        weight_drop: float = 0.0,
        learned_state: bool = False,
        chrono: int | None = None,
    ) -> None:
        super().__init__()
        self.width, self.kind, self.weight_drop = width, kind, weight_drop
        self.kernel = nn.GRU(inputs, width) if kind == "gru" else nn.RNN(inputs, width)
        initialise(self.kernel, 3 if kind == "gru" else 1, chrono)
        first_state(self, learned_state, first_hidden=width)

    def initial(self, batch: int) -> State:
        """The first hidden state [batch width]: zero, or learned."""
        return (self.first_hidden.expand(batch, -1),)

    def forward(
        self, values: Float[Tensor, "time batch inputs"], rows: Rows, state: State, carry: bool
    ) -> tuple[Float[Tensor, "time batch width"], State]:
        """The outputs, and the hidden state after each row's last real step."""
        del carry
        before = state[0].unsqueeze(0).contiguous()
        if self.training and self.weight_drop:
            kernel: Any = torch._VF  # what torch.nn.GRU calls
            run = kernel.gru if self.kind == "gru" else kernel.rnn_tanh
            output, _ = run(values, before, self.weights(), True, 1, 0.0, True, False, False)
        else:
            output, _ = self.kernel(values, before)
        return output, (rows.ends(output, state[0]),)

    def stepper(self) -> Advance:
        """What reads one step from a state."""
        weights, recurrent, *biases = self.weights()
        if pays(recurrent):
            return self.explicit_steps(unrolled(weights.t()), unrolled(recurrent.t()), *biases)
        kernel: Any = torch._VF  # what torch.nn.GRUCell calls
        run = kernel.gru_cell if self.kind == "gru" else kernel.rnn_tanh_cell

        def step(values: Tensor, state: State) -> tuple[Tensor, State]:
            hidden = run(values, state[0], weights, recurrent, *biases)
            return hidden, (hidden,)

        return step

    def explicit_steps(
        self, read: Product, back: Product, bias: Tensor, again_bias: Tensor
    ) -> Advance:
        """The same, written out."""

        def step(values: Tensor, state: State) -> tuple[Tensor, State]:
            (hidden,) = state
            drive, again = read(values) + bias, back(hidden) + again_bias
            hidden, _ = unit_step(self.kind, drive, again, hidden)
            return hidden, (hidden,)

        return step

    def weights(self) -> list[Tensor]:
        """Input and recurrent weights, input and recurrent biases, as the kernel takes them."""
        weights, recurrent, *biases = list[Tensor](self.kernel.parameters())
        if self.training and self.weight_drop:
            recurrent = recurrent * scale(recurrent.shape, self.weight_drop, recurrent)
        return [weights, recurrent, *biases]

    def observe(
        self,
        values: Float[Tensor, "time batch inputs"],
        rows: Rows,
        state: State,
        probe: Float[Tensor, "time batch width"],
    ) -> tuple[Float[Tensor, "time batch width"], State, Series]:
        """Gates where there are any, the norm of the hidden state, and what a half-life it has."""
        weights, recurrent, bias, again_bias = self.weights()
        drive = F.linear(values, weights, bias)
        (hidden,) = state
        outputs, seen, probes = [], dict[str, list[Tensor]](), probe.unbind()
        for step, given in enumerate(drive.unbind()):
            again = F.linear(hidden, recurrent, again_bias)
            output, gates = unit_step(self.kind, given, again, hidden)
            output = output + probes[step]
            hidden = torch.where(rows.mask[step], output, hidden)
            outputs.append(output)
            for name, gate in gates.items():
                seen.setdefault(name, []).append(gate)
        whole, gates = torch.stack(outputs), {name: torch.stack(g) for name, g in seen.items()}
        if self.kind == "rnn":
            flat = (whole.abs() > 0.9).to(whole.dtype).mean(2)
            return whole, (hidden,), {"saturated": flat, "hidden norm": norm(whole)}
        more = {"half-life": half_life(gates["update gate"]), "hidden norm": norm(whole)}
        return whole, (hidden,), {**gate_series(gates), **more}


def unit_step(
    kind: Kind,
    drive: Float[Tensor, "batch gates"],
    again: Float[Tensor, "batch gates"],
    hidden: Float[Tensor, "batch width"],
) -> tuple[Float[Tensor, "batch width"], dict[str, Float[Tensor, "batch width"]]]:
    """The next hidden state, and the gates."""
    if kind == "rnn":
        return torch.tanh(drive + again), {}
    parts = zip(drive.chunk(3, 1), again.chunk(3, 1), strict=True)
    (reset_x, reset_h), (update_x, update_h), (new_x, new_h) = parts
    reset, update = torch.sigmoid(reset_x + reset_h), torch.sigmoid(update_x + update_h)
    new = torch.tanh(new_x + reset * new_h)
    return new + update * (hidden - new), {"reset gate": reset, "update gate": update}


@torch.no_grad()
def initialise(kernel: nn.GRU | nn.RNN, gates: int, chrono: int | None) -> None:
    """Fills the weights as this module's docstring says."""
    for name, parameter in kernel.named_parameters():
        for gate in parameter.chunk(gates):
            if name.startswith("weight_hh"):
                nn.init.orthogonal_(gate)
            elif name.startswith("weight"):
                nn.init.xavier_uniform_(gate)
            else:
                nn.init.zeros_(gate)
        if chrono and name.startswith("bias_ih"):
            update = parameter.chunk(gates)[1]
            update.copy_(memories(update, chrono))
