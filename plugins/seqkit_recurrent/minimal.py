"""The minimal recurrent units, whose gates see the input alone (Feng et al. 2024).

    h' = z h + (1 - z) g          g = W_g x + b_g, no tanh

    minGRU    z = sigmoid(W_z x + b_z)              the update gate: the share of h that is kept
    minLSTM   z = f / (f + i),  f = sigmoid(W_f x + b_f),  i = sigmoid(W_i x + b_i)

The paper's update gate is the share that is new, 1 - z: the same model, but here `gru` and `mingru`
mean the same by it. These are the paper's units in real numbers; those in logarithms need a
positive g. Nothing waits for the hidden state of the step before, so that all steps are computed at
once. Initial weights: Xavier uniform (Glorot & Bengio 2010), gate by gate; biases zero, but one in
the forget gate (Jozefowicz et al. 2015), or those of `memories`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqkit.settings import CHECK_SHAPES
from seqkit_recurrent.gates import gate_series, half_life, memories, norm
from seqkit_recurrent.rows import Rows
from seqkit_recurrent.scan import linear_scan

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float

    from seqkit.stages import State
    from seqkit_recurrent.stack import Series

Minimal = Literal["mingru", "minlstm"]


@final
class MinimalUnits(nn.Module):
    """One layer of minGRU or minLSTM, by kind."""

    def __init__(self, kind: Minimal, inputs: int, width: int, chrono: int | None = None) -> None:
        super().__init__()
        self.width, self.kind = width, kind
        parts = 2 if kind == "mingru" else 3  # new content, then gates
        self.linear = nn.Linear(inputs, parts * width)
        for weight in self.linear.weight.chunk(parts):
            nn.init.xavier_uniform_(weight)
        nn.init.zeros_(self.linear.bias)
        self.remember(chrono)

    @torch.no_grad()
    def remember(self, chrono: int | None) -> None:
        """Sets the gates' biases: with chrono, the share that is kept is u / (1 + u)."""
        _, keep, *enter = self.linear.bias.chunk(2 if self.kind == "mingru" else 3)
        if chrono:
            keep.copy_(memories(keep, chrono))
            for gate in enter:
                gate.copy_(-keep)
        elif enter:
            nn.init.ones_(keep)

    def initial(self, batch: int) -> State:
        """The first hidden state [batch width]: zero."""
        return (self.linear.weight.new_zeros(batch, self.width),)

    def forward(
        self, values: Float[Tensor, "time batch inputs"], rows: Rows, state: State, carry: bool
    ) -> tuple[Float[Tensor, "time batch width"], State]:
        """The outputs, and the hidden state after each row's last real step."""
        del carry
        keep, new = self.gated(values)
        output = linear_scan(keep, new, state[0])
        return output, (rows.ends(output, state[0]),)

    def gated(
        self, values: Float[Tensor, "time batch inputs"]
    ) -> tuple[Float[Tensor, "time batch width"], Float[Tensor, "time batch width"]]:
        """For each step the share that is kept, and what is added, in fp32 at least."""
        drive = self.linear(values)
        drive = drive.to(torch.promote_types(drive.dtype, torch.float32))
        content, *gates = drive.chunk(2 if self.kind == "mingru" else 3, 2)
        if self.kind == "mingru":
            (balance,) = gates
        else:
            forget, enter = gates
            balance = F.logsigmoid(forget) - F.logsigmoid(enter)
        return torch.sigmoid(balance), torch.sigmoid(-balance) * content

    def observe(
        self,
        values: Float[Tensor, "time batch inputs"],
        rows: Rows,
        state: State,
        probe: Float[Tensor, "time batch width"],
    ) -> tuple[Float[Tensor, "time batch width"], State, Series]:
        """The gate, the half-life that it gives the hidden state, and the norm of that.

        Of minLSTM the gates are normalised, so that the input gate is 1 minus the forget gate.
        """
        keep, new = self.gated(values)
        output = linear_scan(keep, new + probe, state[0])
        gates = {"update gate": keep}
        if self.kind == "minlstm":
            gates = {"input gate": 1.0 - keep, "forget gate": keep}
        more = {"half-life": half_life(keep), "hidden norm": norm(output)}
        return output, (rows.ends(output, state[0]),), {**gate_series(gates), **more}
