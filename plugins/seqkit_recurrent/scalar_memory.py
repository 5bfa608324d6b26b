"""The sLSTM: memory cells with exponential gates (Beck et al. 2024, section 2.2, appendix A).

    z = tanh(W_z x + R_z h + b_z)                       new content
    i = exp (W_i x + R_i h + b_i)                       input gate
    f = sigmoid or exp (W_f x + R_f h + b_f)            forget gate
    o = sigmoid(W_o x + R_o h + b_o)                    output gate
    c' = f c + i z,   n' = f n + i                      cells, and the normaliser that counts them
    h' = o c' / n'

As exponentials overflow, c and n are kept divided by exp(m): m' = max(log f + m, log i), which
cancels in c / n (equations 15 to 17). R is block-diagonal: a head's cells see those of their head.

m starts so low that nothing is carried into the first step: from there on n is 1 at least.

Initial weights: input Xavier uniform (Glorot & Bengio 2010) and recurrent orthogonal (Saxe et al.
2014), gate by gate; biases zero, but in the forget gate evenly from 3 to 6 over a head's cells, as
in the authors' code; an exponential one starts with the values of that sigmoid.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqkit.settings import CHECK_SHAPES
from seqkit_recurrent.gates import gate_series, half_life, norm
from seqkit_recurrent.rows import Rows

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float

    from seqkit.stages import State
    from seqkit_recurrent.stack import Series

Forget = Literal["sigmoid", "exponential"]
NOTHING = -1e30
"""The first m: the logarithm of nothing, but finite, so that states can be compared and saved."""


@final
class ScalarMemory(nn.Module):
    """One layer. heads: divide the width. forget: what makes a forget gate of its input."""

    def __init__(self, inputs: int, width: int, heads: int, forget: Forget) -> None:
        super().__init__()
        self.width, self.heads, self.forget = width, heads, forget
        each = width // heads
        self.linear = nn.Linear(inputs, 4 * width)  # head by head: content, input, forget, output
        self.recurrent = nn.Parameter(torch.empty(heads, each, 4 * each))
        self.initialise()

    @torch.no_grad()
    def initialise(self) -> None:
        """Fills the weights as this module's docstring says."""
        for weight in self.linear.weight.chunk(4 * self.heads):
            nn.init.xavier_uniform_(weight)
        for head in self.recurrent:
            for gate in head.chunk(4, 1):
                nn.init.orthogonal_(gate)
        start = torch.linspace(3.0, 6.0, self.width // self.heads)
        nn.init.zeros_(self.linear.bias)
        biases = self.linear.bias.view(self.heads, 4, -1)
        biases[:, 2] = start if self.forget == "sigmoid" else F.logsigmoid(start)

    def initial(self, batch: int) -> State:
        """Zero hidden state, cells and normaliser, and the stabiliser m; each [batch width]."""
        zeros = self.recurrent.new_zeros(batch, self.width)
        return zeros, zeros, zeros, zeros + NOTHING

    def forward(
        self, values: Float[Tensor, "time batch inputs"], rows: Rows, state: State, carry: bool
    ) -> tuple[Float[Tensor, "time batch width"], State]:
        """The outputs, and h, c, n and m after each row's last real step."""
        parts, _ = self.explicit(values, state)
        wanted = parts if carry else parts[:1]
        return parts[0], tuple(map(rows.ends, wanted, state))

    def explicit(
        self,
        values: Float[Tensor, "time batch inputs"],
        state: State,
        probe: Float[Tensor, "time batch width"] | None = None,
    ) -> tuple[
        list[Float[Tensor, "time batch width"]], dict[str, Float[Tensor, "time batch width"]]
    ]:
        """Step after step: h, c, n and m of each step, and where there is a probe the gates."""
        drive = self.by_head(self.linear(values))
        hidden, cells, count, top = map(self.by_head, state)
        probes = [] if probe is None else self.by_head(probe).unbind()
        parts: list[tuple[Tensor, ...]] = []
        gates: dict[str, list[Tensor]] = {}
        for step, now in enumerate(drive.unbind()):
            content, enter, forget, leave = torch.baddbmm(now, hidden, self.recurrent).chunk(4, 2)
            stays = top + (F.logsigmoid(forget) if self.forget == "sigmoid" else forget)
            top = torch.maximum(stays, enter).detach()  # it cancels, in gradients too
            keep, add, show = (stays - top).exp(), (enter - top).exp(), torch.sigmoid(leave)
            old, count = count, keep * count + add
            cells = keep * cells + add * torch.tanh(content)
            hidden = show * cells / count
            if probes:
                hidden = hidden + probes[step]
                gates.setdefault("kept share", []).append(keep * old / count)
                gates.setdefault("output gate", []).append(show)
                if self.forget == "sigmoid":
                    gates.setdefault("forget gate", []).append(torch.sigmoid(forget))
            parts.append((hidden, cells, count, top))
        whole = [self.side_by_side(part) for part in zip(*parts, strict=True)]
        return whole, {name: self.side_by_side(gate) for name, gate in gates.items()}

    def by_head(self, values: Float[Tensor, "*time batch wide"]) -> Tensor:
        """[*time heads batch each] of [*time batch heads*each]."""
        return values.reshape(*values.shape[:-1], self.heads, -1).transpose(-3, -2)

    def side_by_side(self, steps: Sequence[Tensor]) -> Float[Tensor, "time batch width"]:
        """The heads' values [heads batch each] of all steps as one tensor."""
        return torch.stack(list(steps)).transpose(1, 2).flatten(2)

    def observe(
        self,
        values: Float[Tensor, "time batch inputs"],
        rows: Rows,
        state: State,
        probe: Float[Tensor, "time batch width"],
    ) -> tuple[Float[Tensor, "time batch width"], State, Series]:
        """Gates, the norm of what is read, c / n, and the half-life of that.

        An exponential gate has no upper end. What the cells keep is told by the share of c / n that
        was there before, f n / n'; the rest of it is new.
        """
        parts, gates = self.explicit(values, state, probe)
        output, cells, count, _ = parts
        series = gate_series(gates)
        series["half-life"] = half_life(gates["kept share"])
        series |= {"cell norm": norm(cells / count), "hidden norm": norm(output)}
        return output, tuple(map(rows.ends, parts, state)), series
