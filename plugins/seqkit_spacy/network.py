"""Encoders of seqkit over a ragged batch, as spaCy's Tok2Vec hands it on.

    x' = N(x + D(W E(x)))                with residual and norm, the default

E is an encoder, W makes its width that of x where they differ, D is dropout with one mask a text
(Gal & Ghahramani 2016), N layer normalisation. Texts never touch: they are read in groups of like
lengths, each padded by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast, final

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.denormals import flushed
from seqkit.errors import SeqkitError
from seqkit.recipe import check_stage
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Encoder, Upstream, Vectors, time_mask

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int

GROUP = 4000
"""Padded steps of a group: enough for the processor, small in memory."""


@dataclass(frozen=True)
class Group:
    """Texts of like lengths, padded to `time`.

    rows: which of the batch they are. steps: where their steps stand in the ragged batch. cells:
    where in the padded one.
    """

    rows: list[int]
    steps: Int[Tensor, " step"]
    cells: Int[Tensor, " step"]
    lengths: Int[Tensor, " batch"]
    time: int


@dataclass(frozen=True)
class Shape:
    """What an architecture sets. hidden: width of what the encoder gives, before W."""

    width: int
    depth: int
    hidden: int
    residual: bool
    norm: bool


@final
class Block(nn.Module):
    """One encoder and what stands around it."""

    def __init__(self, encoder: Encoder, shape: Shape) -> None:
        super().__init__()
        self.encoder, width = cast("nn.Module", encoder), shape.width
        self.project = nn.Linear(encoder.width, width) if encoder.width != width else nn.Identity()
        self.norm = nn.LayerNorm(width) if shape.norm else nn.Identity()
        self.residual = shape.residual

    def forward(
        self,
        values: Float[Tensor, "batch time width"],
        lengths: Int[Tensor, " batch"],
        rate: float,
    ) -> Float[Tensor, "batch time width"]:
        """What the block makes of padded texts; past a text's length it means nothing."""
        encoder = cast("Encoder", self.encoder)
        found = self.project(encoder.forward(Vectors(values, lengths)).values)
        if self.training and rate:
            found = found * torch.empty_like(found[:, :1]).bernoulli_(1 - rate) / (1 - rate)
        if self.residual:
            found = found + values
        return cast("Tensor", self.norm(found))


@final
class Blocks(nn.Module):
    """Blocks one after the other, over texts that stand end to end."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    @flushed()
    def forward(
        self, flat: Float[Tensor, "step width"], lengths: Sequence[int], rate: float = 0.0
    ) -> Float[Tensor, "step width"]:
        """Reads texts of the given lengths. rate: of dropout, in training."""
        width = flat.shape[1]
        found, places = [], []
        for group in grouped(lengths, flat.device):
            values = padded(flat, group)
            padding = ~time_mask(group.lengths, group.time).unsqueeze(2)
            for block in self.blocks:
                values = block(values, group.lengths, rate).masked_fill(padding, 0.0)
            found.append(values.reshape(-1, width).index_select(0, group.cells))
            places.append(group.steps)
        if not found:
            return flat
        return torch.cat(found).index_select(0, torch.cat(places).argsort())


def grouped(lengths: Sequence[int], device: torch.device) -> Iterator[Group]:
    """Texts with steps, the shortest first, in groups of GROUP padded steps at most or one text."""
    sizes = np.asarray(lengths, np.int64)
    starts = sizes.cumsum() - sizes
    order = np.argsort(sizes, kind="stable")
    order = order[sizes[order] > 0]
    first = 0
    for end in range(1, len(order) + 1):
        if end < len(order) and sizes[order[end]] * (end + 1 - first) <= GROUP:
            continue
        rows, time = order[first:end], int(sizes[order[end - 1]])
        inside = np.arange(time) < sizes[rows, None]
        steps = (starts[rows, None] + np.arange(time))[inside]
        arrays = (steps, np.flatnonzero(inside), sizes[rows])
        taken, cells, size = (torch.from_numpy(array).to(device) for array in arrays)
        yield Group(rows.tolist(), taken, cells, size, time)
        first = end


def padded(flat: Float[Tensor, "step width"], group: Group) -> Float[Tensor, "batch time width"]:
    """The texts of a group, zero past their lengths."""
    rows = flat.new_zeros(len(group.rows) * group.time, flat.shape[1])
    rows = rows.index_copy(0, group.cells, flat.index_select(0, group.steps))
    return rows.view(len(group.rows), group.time, -1)


def blocks(use: str, settings: Mapping[str, Any], shape: Shape) -> Blocks:
    """The blocks of an architecture. Raises SeqkitError for an encoder that cannot stand here."""
    chosen = check_stage("encoder", {"use": use, "width": shape.hidden, **settings})
    made = []
    for _ in range(shape.depth):
        encoder: Encoder = chosen.build(Upstream(width=shape.width))
        if chosen.stage.joint or encoder.stride != 1:
            raise SeqkitError(f"{use}: gives no vector for each token. Use another encoder.")
        made.append(Block(encoder, shape))
    return Blocks(made)
