"""The mLSTM: a matrix of memory for each head, written and read by key (Beck et al. 2024, 2.3).

    q = W_q x + b_q,  k = (W_k x + b_k) / sqrt(width of a head),  v = W_v x + b_v
    i = exp(w_i x + b_i)                                input gate, one for a head
    f = sigmoid(w_f x + b_f)                            forget gate, one for a head
    o = sigmoid(W_o x + b_o)                            output gate
    C' = f C + i v k^T,   n' = f n + i k                memory, and normaliser
    h' = o (C' q) / max(|n' q|, 1)

As exponentials overflow, C and n are kept divided by exp(m), which cancels if the 1 is divided too:
m' = max(log f + m, log i, 0). The paper's m has no 0 in it; with it that 1 never overflows.

Nothing waits for h. A chunk of steps is computed at once, as attention is, of which each step's
weight for an earlier one is i times the product of the f between (appendix A.3); memory is handed
on from chunk to chunk, so that space grows with time alone.

Initial weights: Xavier uniform (Glorot & Bengio 2010), those of the input and forget gates zero;
biases zero, but in the forget gate evenly from 3 to 6 over the heads, as in the authors' code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, final

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

CHUNK = 64
"""Steps that are computed at once: about the width of a head, so that neither half dominates."""
LEAST = 30.0
"""Minus the logarithm of the least divisor: what is nearer to zero is rounding error."""


class Memory(NamedTuple):
    """What stands between two steps, divided by exp(top); top is m."""

    matrix: Float[Tensor, "batch heads key value"]
    normaliser: Float[Tensor, "batch heads key"]
    top: Float[Tensor, "batch heads"]


class Steps(NamedTuple):
    """What the steps of a text write and read; gates as logarithms."""

    query: Float[Tensor, "batch heads time key"]
    key: Float[Tensor, "batch heads time key"]
    value: Float[Tensor, "batch heads time value"]
    enter: Float[Tensor, "batch heads time"]
    keep: Float[Tensor, "batch heads time"]


@final
class MatrixMemory(nn.Module):
    """One layer. heads: divide the width."""

    def __init__(self, inputs: int, width: int, heads: int) -> None:
        super().__init__()
        self.width, self.heads = width, heads
        self.linear = nn.Linear(inputs, 4 * width)  # query, key, value, output gate
        self.gates = nn.Linear(inputs, 2 * heads)  # input, forget
        for weight in self.linear.weight.chunk(4):
            nn.init.xavier_uniform_(weight)
        for zero in (self.linear.bias, self.gates.weight, self.gates.bias):
            nn.init.zeros_(zero)
        with torch.no_grad():
            self.gates.bias[heads:] = torch.linspace(3.0, 6.0, heads)

    def initial(self, batch: int) -> State:
        """Zero h [batch width], C [batch heads key value], n [batch heads key], m [batch heads]."""
        each = self.width // self.heads
        zeros = self.linear.weight.new_zeros
        memory = zeros(batch, self.heads, each, each), zeros(batch, self.heads, each)
        return zeros(batch, self.width), *memory, zeros(batch, self.heads)

    def forward(
        self, values: Float[Tensor, "time batch inputs"], rows: Rows, state: State, carry: bool
    ) -> tuple[Float[Tensor, "time batch width"], State]:
        """The outputs, and h, C, n and m after each row's last real step."""
        steps, show = self.steps(values, rows)
        read, _, memory = run(steps, Memory(*state[1:]))
        output = show * side_by_side(read)
        hidden = rows.ends(output, state[0])
        return output, (hidden, *memory) if carry else (hidden,)

    def steps(
        self, values: Float[Tensor, "time batch inputs"], rows: Rows
    ) -> tuple[Steps, Float[Tensor, "time batch width"]]:
        """What is written and read, and the output gate. Padding writes and forgets nothing."""
        *parts, leave = self.linear(values).chunk(4, 2)
        # [batch heads time each] of [time batch heads*each]
        query, key, value = (
            part.reshape(*part.shape[:2], self.heads, -1).permute(1, 2, 0, 3) for part in parts
        )
        gates = self.gates(values)
        enter, forget = gates.to(torch.promote_types(gates.dtype, torch.float32)).chunk(2, 2)
        enter = enter.masked_fill(~rows.mask, -torch.inf).permute(1, 2, 0)
        keep = F.logsigmoid(forget).masked_fill(~rows.mask, 0.0).permute(1, 2, 0)
        key = key / key.shape[3] ** 0.5
        return Steps(query, key, value, enter, keep), torch.sigmoid(leave)

    def observe(
        self,
        values: Float[Tensor, "time batch inputs"],
        rows: Rows,
        state: State,
        probe: Float[Tensor, "time batch width"],
    ) -> tuple[Float[Tensor, "time batch width"], State, Series]:
        """Gates, the norm of what is read before the output gate, and the memory's half-life.

        The input gate is told divided by exp(m): 1 where a step is the strongest that is still in
        memory. The probe is added to h, which nothing carries on: C and n do.
        """
        steps, show = self.steps(values, rows)
        read, tops, memory = run(steps, Memory(*state[1:]))
        cells = side_by_side(read)
        output = show * cells + probe
        logarithms = {"input gate": steps.enter - tops, "forget gate": steps.keep}
        gates = {name: log.exp().permute(2, 0, 1) for name, log in logarithms.items()}
        series = gate_series({**gates, "output gate": show})
        series["half-life"] = half_life(gates["forget gate"])
        series |= {"cell norm": norm(cells), "hidden norm": norm(output)}
        return output, (rows.ends(output, state[0]), *memory), series


def side_by_side(
    values: Float[Tensor, "batch heads time each"],
) -> Float[Tensor, "time batch width"]:
    """The heads' values as one."""
    return values.permute(2, 0, 1, 3).flatten(2)


def run(
    steps: Steps, memory: Memory
) -> tuple[Float[Tensor, "batch heads time each"], Float[Tensor, "batch heads time"], Memory]:
    """What is read at each step, chunk after chunk; m at each step; memory after the last one."""
    reads, tops = [], []
    for chunk in zip(*(torch.split(part, CHUNK, 2) for part in steps), strict=True):
        read, top, memory = at_once(Steps(*chunk), memory)
        reads.append(read)
        tops.append(top)
    return torch.cat(reads, 2), torch.cat(tops, 2), memory


def at_once(
    steps: Steps, memory: Memory
) -> tuple[Float[Tensor, "batch heads time each"], Float[Tensor, "batch heads time"], Memory]:
    """What is read at each step of a chunk; m at each step; memory after the last one."""
    query, key, value, enter, keep = steps
    weights, fades, top = strengths(enter, keep, memory.top)
    scores = (query @ key.mT) * weights
    read = scores @ value + fades.unsqueeze(3) * (query @ memory.matrix)
    total = scores.sum(3) + fades * (query @ memory.normaliser.unsqueeze(3)).squeeze(3)
    one = (-top.clamp(max=LEAST)).exp()
    read = read / torch.maximum(total.abs(), one).unsqueeze(3)
    written, fade = key * weights[:, :, -1].unsqueeze(3), fades[:, :, -1:]
    matrix = fade.unsqueeze(3) * memory.matrix + written.mT @ value
    normaliser = fade * memory.normaliser + written.sum(2)
    return read, top, Memory(matrix, normaliser, top[:, :, -1])


def strengths(
    enter: Float[Tensor, "batch heads time"],
    keep: Float[Tensor, "batch heads time"],
    top: Float[Tensor, "batch heads"],
) -> tuple[
    Float[Tensor, "batch heads time source"],
    Float[Tensor, "batch heads time"],
    Float[Tensor, "batch heads time"],
]:
    """How strong each step of a chunk, and what stood before it, still are at each step; and m.

    The forget gates between two steps are added up for each pair of them, as differences of running
    totals would lose the digits that matter where a gate is nearly shut.
    """
    time = enter.shape[2]
    pairs = torch.ones(time, time, dtype=torch.bool, device=enter.device)
    between = keep.unsqueeze(3).masked_fill(~pairs.tril(-1), 0.0).cumsum(2)
    traces = (between + enter.unsqueeze(2)).masked_fill(~pairs.tril(), -torch.inf)
    stays = keep.cumsum(2) + top.unsqueeze(2)
    tops = torch.maximum(traces.amax(3), stays).clamp(min=0.0).detach()  # cancels in gradients too
    return (traces - tops.unsqueeze(3)).exp(), (stays - tops).exp(), tops
