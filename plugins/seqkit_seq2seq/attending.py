"""Attention: which steps of the input a query looks at, and what it sees there.

    e_i = v' tanh(W q + U m_i)      additive (Bahdanau et al. 2015)
    e_i = q' m_i / sqrt(width)      dot, of equal widths (Luong et al. 2015)
    e_i = q' W m_i                  general (Luong et al. 2015)
    a   = softmax(e);  c = sum_i a_i m_i

Several heads share out the projected width of keys, queries and values (Vaswani et al. 2017).
With coverage, e_i also sees the sum of the weights of the steps before (See et al. 2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, final

import torch
from torch import Tensor, nn

from seqkit.settings import CHECK_SHAPES
from seqkit.unrolling import Product, unrolled

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Bool, Float, Int

Kind = Literal["additive", "dot", "general", "heads", "monotonic"]
"""The last one has a decoder of its own."""
LOW = -1e30
"""A score whose softmax is exactly zero beside any real one."""


@dataclass(frozen=True)
class Seen:
    """What a batch of inputs offers to queries.

    values: of the encoder, zero past a row's length. keys: what queries are compared with. mask:
    True where a step is real. query: the weights of queries, where they have some.
    """

    values: Float[Tensor, "batch source width"]
    keys: Float[Tensor, "batch source key"]
    mask: Bool[Tensor, "batch source"]
    query: Product | None = None

    @cached_property
    def compared(self) -> Product:
        """From queries [batch query key] to their products with each key."""
        return unrolled(self.keys.transpose(1, 2))

    @cached_property
    def summed(self) -> Product:
        """From weights [batch query source] to the sums of the values by them."""
        return unrolled(self.values)

    def rows(self, rows: Int[Tensor, " kept"]) -> Seen:
        """What some of the inputs offer."""
        return Seen(self.values[rows], self.keys[rows], self.mask[rows], self.query)


@final
class Attention(nn.Module):
    """Weights of the input's steps for each query, and their weighted sum."""

    def __init__(
        self, kind: Kind, inputs: int, queries: int, heads: int = 1, coverage: bool = False
    ) -> None:
        super().__init__()
        self.kind, self.heads, self.width = kind, heads, inputs
        if kind == "additive":
            self.key = nn.Linear(inputs, queries, bias=False)
            self.query = nn.Linear(queries, queries)
            self.score = nn.Linear(queries, 1, bias=False)
        elif kind == "general":
            self.key = nn.Linear(inputs, queries, bias=False)
        elif kind == "heads":
            self.key = nn.Linear(inputs, inputs, bias=False)
            self.query = nn.Linear(queries, inputs, bias=False)
            self.value = nn.Linear(inputs, inputs, bias=False)
        self.covered = nn.Linear(1, queries, bias=False) if coverage else None

    def see(
        self, values: Float[Tensor, "batch source width"], mask: Bool[Tensor, "batch source"]
    ) -> Seen:
        """Prepares a batch of encoded inputs, once for all queries."""
        values = values.contiguous()  # else torch may copy the weights for each text
        keys = values if self.kind == "dot" else self.key(values)
        offered = self.value(values) if self.kind == "heads" else values
        asks = self.kind in ("additive", "heads")
        return Seen(offered, keys, mask, unrolled(self.query.weight.t()) if asks else None)

    def forward(
        self,
        seen: Seen,
        queries: Float[Tensor, "batch query width"],
        coverage: Float[Tensor, "batch query source"] | None = None,
    ) -> tuple[Float[Tensor, "batch query context"], Float[Tensor, "batch query source"]]:
        """The contexts and the weights; of a row without a step, zeros. Of heads, the mean."""
        scores = self.scores(seen, queries, coverage).float()
        blocked = ~seen.mask.unsqueeze(1)
        if self.kind == "heads":
            blocked = blocked.unsqueeze(1)
        # a finite number: a row without a step would have NaN as its gradient
        weights = scores.masked_fill(blocked, LOW).softmax(-1).masked_fill(blocked, 0.0)
        if self.kind != "heads":
            return seen.summed(weights.to(seen.values.dtype)), weights
        contexts = weights.to(seen.values.dtype) @ self.split(seen.values)
        return contexts.transpose(1, 2).flatten(2), weights.mean(1)

    def scores(
        self, seen: Seen, queries: Tensor, coverage: Tensor | None
    ) -> Float[Tensor, "batch ... source"]:
        """How well each step answers each query."""
        if self.kind == "additive":
            assert seen.query is not None
            mixed = (seen.query(queries) + self.query.bias).unsqueeze(2) + seen.keys.unsqueeze(1)
            if self.covered is not None and coverage is not None:
                mixed = mixed + self.covered(coverage.unsqueeze(3).to(mixed.dtype))
            found: Tensor = self.score(torch.tanh(mixed)).squeeze(3)
            return found
        if self.kind == "heads":
            assert seen.query is not None
            asked, keys = self.split(seen.query(queries)), self.split(seen.keys)
            alike: Tensor = asked @ keys.transpose(2, 3) * (self.width // self.heads) ** -0.5
            return alike
        scale = self.width**-0.5 if self.kind == "dot" else 1.0
        return seen.compared(queries) * scale

    def split(
        self, values: Float[Tensor, "batch time width"]
    ) -> Float[Tensor, "batch head time part"]:
        """The parts of each head."""
        batch, time, width = values.shape
        return values.view(batch, time, self.heads, width // self.heads).transpose(1, 2)
