"""From a vector to the probability of the next piece: one layer, a tied one, or several parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, final, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqkit.cross_entropy import blocks, linear_cross_entropy
from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int

SCORES = 2**22
"""How many scores are in memory at a time when texts are scored."""


NARROWER = 4
"""How much narrower each tail of an adaptive layer is than the part before it."""


@runtime_checkable
class OutputLayer(Protocol):
    """Scores labels from vectors. A label is the number of a piece, by falling frequency."""

    def loss(
        self, vectors: Float[Tensor, "row width"], wanted: Int[Tensor, " row"], smoothing: float
    ) -> Float[Tensor, ""]:
        """The cross-entropy summed over rows, without the scores of all rows in memory."""
        ...

    def log_probabilities(self, vectors: Float[Tensor, "row width"]) -> Float[Tensor, "row label"]:
        """The log-probability of every label, in fp32."""
        ...


@final
class LinearOutput(nn.Module):
    """A linear layer."""

    def __init__(self, width: int, labels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, labels)
        nn.init.uniform_(self.linear.weight, -0.1, 0.1)
        nn.init.zeros_(self.linear.bias)

    def loss(self, vectors: Tensor, wanted: Tensor, smoothing: float) -> Tensor:
        """As of any output layer."""
        weight, bias = self.linear.weight, self.linear.bias
        return linear_cross_entropy(vectors, weight, bias, wanted, smoothing)

    def log_probabilities(self, vectors: Tensor) -> Tensor:
        """As of any output layer."""
        return F.linear(vectors.float(), self.linear.weight, self.linear.bias).log_softmax(1)


@final
class TiedOutput(nn.Module):
    """A linear layer whose weights are rows of an embedder's table (Press & Wolf 2017).

    rows: the row of each label, by label.
    """

    def __init__(self, table: nn.Embedding, rows: Sequence[int]) -> None:
        super().__init__()
        self.table = table
        self.bias = nn.Parameter(torch.zeros(len(rows)))
        first = rows[0] if rows else 0
        # a slice of the table is no copy
        self.first = first if list(rows) == list(range(first, first + len(rows))) else None
        self.register_buffer("rows", torch.tensor(rows), persistent=False)

    def weight(self) -> Float[Tensor, "label width"]:
        """The vectors of all labels."""
        if self.first is not None:
            return self.table.weight[self.first : self.first + len(self.bias)]
        found: Tensor = self.table.weight[self.get_buffer("rows")]
        return found

    def loss(self, vectors: Tensor, wanted: Tensor, smoothing: float) -> Tensor:
        """As of any output layer."""
        if self.first is None:
            return linear_cross_entropy(vectors, self.weight(), self.bias, wanted, smoothing)
        table = self.table.weight
        return linear_cross_entropy(vectors, table, self.bias, wanted, smoothing, self.first)

    def log_probabilities(self, vectors: Tensor) -> Tensor:
        """As of any output layer."""
        return F.linear(vectors.float(), self.weight(), self.bias).log_softmax(1)


@final
class AdaptiveOutput(nn.Module):
    """A head of frequent labels, and tails of rarer ones with fewer weights (Grave et al. 2017).

    cutoffs: the first label of each tail.
    """

    def __init__(self, width: int, labels: int, cutoffs: Sequence[int]) -> None:
        super().__init__()
        self.parts = nn.AdaptiveLogSoftmaxWithLoss(width, labels, list(cutoffs), NARROWER)

    def loss(self, vectors: Tensor, wanted: Tensor, smoothing: float) -> Tensor:
        """As of any output layer; `smoothing` is not known to it."""
        del smoothing
        total = vectors.new_zeros((), dtype=torch.float32)
        for part in blocks(vectors, SCORES // max(self.parts.cutoffs[0], 1)):
            found = self.parts(vectors[part].float(), wanted[part])
            total = total - found.output.sum()
        return total

    def log_probabilities(self, vectors: Tensor) -> Tensor:
        """As of any output layer."""
        found: Tensor = self.parts.log_prob(vectors.float())
        return found


def reached(
    layer: OutputLayer,
    vectors: Float[Tensor, "row width"],
    wanted: Int[Tensor, " row"],
    labels: int,
) -> Float[Tensor, " row"]:
    """The log-probability of each row's label, a few rows at a time."""
    found = [
        layer.log_probabilities(vectors[part]).gather(1, wanted[part].unsqueeze(1)).squeeze(1)
        for part in blocks(vectors, SCORES // labels)
    ]
    return torch.cat(found) if found else vectors.new_zeros(0)
