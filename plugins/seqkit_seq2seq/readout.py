"""From a decoder's hidden vector and what it looked at to the probabilities of the next piece."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqkit.cross_entropy import CACHED, blocks, linear_cross_entropy
from seqkit.settings import CHECK_SHAPES
from seqkit.unrolling import Product, unrolled

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int


@final
class Readout(nn.Module):
    """The attentional vector tanh(W [hidden; context]) and the layer that scores labels from it.

    deep: W also sees the vector of the piece before (deep output, Bahdanau et al. 2015). tied: the
    output weights are handed in (Press & Wolf 2017), so that width is that of the pieces' vectors.
    copying: a gate decides between writing a label and copying a step of the input (See et al.
    2017).
    """

    def __init__(
        self,
        widths: tuple[int, int, int],
        width: int,
        labels: int,
        *,
        deep: bool,
        tied: bool,
        copying: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        hidden, context, embedded = widths
        seen = hidden + context
        self.deep, self.width = deep, width
        self.mix = nn.Linear(seen + (embedded if deep else 0), width)
        self.dropout = nn.Dropout(dropout)
        self.output = None if tied else nn.Linear(width, labels)
        self.bias = nn.Parameter(torch.zeros(labels)) if tied else None
        self.gate = nn.Linear(seen + embedded, 1) if copying else None

    def mixer(self) -> Product:
        """The product with W, for all steps of a batch."""
        return unrolled(self.mix.weight.t())

    def forward(
        self,
        mixer: Product,
        hidden: Float[Tensor, "*rows hidden"],
        context: Float[Tensor, "*rows context"],
        embedded: Float[Tensor, "*rows embedded"],
    ) -> Float[Tensor, "*rows width"]:
        """The attentional vector. mixer: of this batch."""
        seen = (hidden, context, embedded) if self.deep else (hidden, context)
        mixed: Tensor = self.dropout(torch.tanh(mixer(torch.cat(seen, -1)) + self.mix.bias))
        return mixed

    def scores(
        self, mixed: Float[Tensor, "*rows width"], tied: Float[Tensor, "label width"] | None
    ) -> Float[Tensor, "*rows label"]:
        """The score of each label. tied: the weights, where they are the pieces' vectors."""
        return F.linear(mixed, *self.layer(tied))

    def loss(
        self,
        mixed: Float[Tensor, "row width"],
        tied: Float[Tensor, "label width"] | None,
        wanted: Int[Tensor, " row"],
        smoothing: float,
    ) -> Float[Tensor, ""]:
        """The cross-entropy summed over rows, with label smoothing."""
        return linear_cross_entropy(mixed, *self.layer(tied), wanted, smoothing)

    def layer(self, tied: Tensor | None) -> tuple[Tensor, Tensor]:
        """Weights and biases of the labels."""
        if self.output is not None:
            return self.output.weight, self.output.bias
        assert tied is not None
        assert self.bias is not None
        return tied, self.bias

    def writes(
        self,
        hidden: Float[Tensor, "*rows hidden"],
        context: Float[Tensor, "*rows context"],
        embedded: Float[Tensor, "*rows embedded"],
    ) -> Float[Tensor, "*rows 1"]:
        """The score of writing a label rather than copying: its sigmoid is the probability."""
        assert self.gate is not None
        found: Tensor = self.gate(torch.cat((hidden, context, embedded), -1))
        return found


def log_probabilities(scores: Float[Tensor, "row label"]) -> Float[Tensor, "row label"]:
    """The log-softmax of scores that are one's own: in place, where no gradient needs them.

    A second matrix of this size costs more than what is done with it, and so a few rows at a time
    go through the cache.
    """
    if torch.is_grad_enabled() or scores.device.type != "cpu":
        return scores.log_softmax(1)
    for part in blocks(scores, CACHED // scores.shape[1]):
        scores[part] = scores[part].log_softmax(1)
    return scores


def mixed_scores(
    scores: Float[Tensor, "row label"],
    writes: Float[Tensor, "row 1"],
    looked: Float[Tensor, "row source"],
    copies: Int[Tensor, "row source"],
    extra: int,
) -> Float[Tensor, "row more"]:
    """Log-probabilities of labels and of `extra` strings that only the input has.

    p(w) = g softmax(scores)_w + (1 - g) sum of looked_i over the steps i that are w
    (See et al. 2017, equation 9). copies: the number of each step's string.
    """
    gate = torch.sigmoid(writes.float())
    written = F.pad(scores.float().softmax(1) * gate, (0, extra))
    return floored(written.scatter_add(1, copies, looked * (1.0 - gate)))


def mixed_loss(
    scores: Float[Tensor, "row label"],
    writes: Float[Tensor, "row 1"],
    looked: Float[Tensor, "row source"],
    copies: Int[Tensor, "row source"],
    wanted: Int[Tensor, " row"],
) -> Float[Tensor, " row"]:
    """Minus the log-probability of each wanted string under `mixed_scores`, which is not built."""
    gate = torch.sigmoid(writes.float()).squeeze(1)
    known = wanted < scores.shape[1]
    label = wanted.where(known, 0).unsqueeze(1)
    written = scores.float().softmax(1).gather(1, label).squeeze(1) * known
    copied = (looked * (copies == wanted.unsqueeze(1))).sum(1)
    return -floored(gate * written + (1.0 - gate) * copied)


def floored(probabilities: Tensor) -> Tensor:
    """Logarithms that stay finite."""
    return probabilities.clamp(min=1e-12).log()
