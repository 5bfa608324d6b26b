"""Layers of self-attention (Vaswani et al. 2017), normalised as Xiong et al. (2020) say.

    x' = x + dropout(attention(norm(x)))
    y  = x' + dropout(feed_forward(norm(x')))

    attention(x) = W_o [head_1; ...; head_n]
    head = softmax(q k^T / sqrt(width / n)) v    q, k, v = W_q x, W_k x, W_v x
    feed_forward(x) = W_2 relu(W_1 x + b_1) + b_2

Before the first layer the vectors are scaled by sqrt(width), as in Vaswani et al.; after the last
one their sum is normalised. Initial weights: Xavier uniform (Glorot & Bengio 2010), biases zero.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqkit.errors import PluginError
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Vectors
from seqkit_transformer import uneven, unpaired
from seqkit_transformer.positions import rotated, rotation, sinusoids

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Bool, Float

    from seqkit.stages import State
    from seqkit_transformer.positions import Rotation


@final
class Transformer(nn.Module):
    """A stack of layers in which each step attends to all steps of its row.

    inputs: width of the vectors that it reads. The other arguments are the settings of
    `transformer`.
    """

    stride: int = 1
    causal: bool = False

    def __init__(
        self,
        inputs: int,
        *,
        width: int,
        layers: int = 1,
        heads: int = 1,
        inner: int | None = None,
        dropout: float = 0.0,
        positions: Literal["sinusoidal", "rotary"] = "sinusoidal",
    ) -> None:
        super().__init__()
        if width % heads:
            raise PluginError(f"transformer: heads {uneven(width, heads)}.")
        if positions == "rotary" and width // heads % 2:
            raise PluginError(f"transformer: positions {unpaired(width, heads)}.")
        self.width, self.share = width, width // heads
        self.rotary = positions == "rotary"
        self.project = linear(inputs, width) if inputs != width else None
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(
            Layer(width, heads, inner or 4 * width, dropout) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, vectors: Vectors, state: State | None = None) -> Vectors:
        """Encodes a padded batch [batch time inputs] as [batch time width]; it gives no state.

        Raises PluginError where a state is given: a step attends to the whole text.
        """
        if state is not None:
            raise PluginError(
                "transformer: each step attends to the whole text, so it cannot carry a state "
                "from window to window. Use a causal encoder, or batches of whole texts (tokens or "
                "rows)."
            )
        batch, time, _ = vectors.values.shape
        if not batch or not time:
            values = vectors.values.new_zeros(batch, time, self.width)
            return replace(vectors, values=values, state=None)
        mask = vectors.mask
        padding = ~mask.unsqueeze(2)
        values = self.placed(vectors.values.masked_fill(padding, 0.0))
        keys = mask.clone()
        keys[:, 0] = True  # a softmax over no key would be NaN, in rows without a step
        turn = rotation(time, self.share, values) if self.rotary else None
        for layer in self.layers:
            values = layer(values, keys, turn)
        return replace(vectors, values=self.norm(values).masked_fill(padding, 0.0), state=None)

    def placed(
        self, values: Float[Tensor, "batch time inputs"]
    ) -> Float[Tensor, "batch time width"]:
        """The first layer's input: of its width, scaled, with sinusoids where they are added."""
        if self.project is not None:
            values = self.project(values)
        values = values.to(torch.promote_types(values.dtype, torch.float32)) * math.sqrt(self.width)
        if not self.rotary:
            values = values + sinusoids(values.shape[1], self.width).to(values)
        placed: Tensor = self.dropout(values)
        return placed


class Layer(nn.Module):
    """Self-attention and a feed-forward network, each on normalised values, each added."""

    def __init__(self, width: int, heads: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads)
        self.feed_norm = nn.LayerNorm(width)
        self.feed = nn.Sequential(linear(width, inner), nn.ReLU(), linear(inner, width))
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        values: Float[Tensor, "batch time width"],
        keys: Bool[Tensor, "batch time"],
        turn: Rotation | None,
    ) -> Float[Tensor, "batch time width"]:
        """keys: True where a step may be attended to. turn: what rotates queries and keys."""
        values = values + self.dropout(self.attention(self.attention_norm(values), keys, turn))
        added: Tensor = values + self.dropout(self.feed(self.feed_norm(values)))
        return added


class SelfAttention(nn.Module):
    """Scaled dot-product attention of every step to every step, with several heads."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.project = nn.Linear(width, 3 * width, bias=False)  # W_q, W_k and W_v
        for weight in self.project.weight.detach().chunk(3):
            nn.init.xavier_uniform_(weight)
        self.output = linear(width, width, bias=False)

    def forward(
        self,
        values: Float[Tensor, "batch time width"],
        keys: Bool[Tensor, "batch time"],
        turn: Rotation | None,
    ) -> Float[Tensor, "batch time width"]:
        split = self.project(values).unflatten(2, (3, self.heads, -1))
        query, key, value = split.permute(2, 0, 3, 1, 4).unbind()  # [batch head time share]
        if turn is not None:
            query, key = rotated(query, turn), rotated(key, turn)
        mask = keys.unsqueeze(1).unsqueeze(2)  # [batch head query key]
        heads = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        output: Tensor = self.output(heads.transpose(1, 2).flatten(2))
        return output


def linear(inputs: int, outputs: int, *, bias: bool = True) -> nn.Linear:
    """A linear layer with the initial weights that this module's docstring tells."""
    made = nn.Linear(inputs, outputs, bias=bias)
    nn.init.xavier_uniform_(made.weight)
    if bias:
        nn.init.zeros_(made.bias)
    return made
