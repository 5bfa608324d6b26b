"""The device side of decoders that label words: vectors of pieces to scores of words."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import torch
from torch import Tensor, nn

from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Vectors, time_mask

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int

    from seqkit.stages import Batch


@final
class WordScores(nn.Module):
    """Dropout and a linear layer on every piece, then the pieces that speak for each word.

    Taking words after the linear layer gives what taking them before it would, on fewer numbers. A
    word that owns no piece has the bias alone: the score of a zero vector.
    """

    def __init__(self, width: int, *, dropout: float) -> None:
        super().__init__()
        self.width = width
        self.dropout = nn.Dropout(dropout)

    def ready(self, labels: int) -> None:
        """Allocates the layer for a number of labels."""
        self.linear = nn.Linear(self.width, labels)

    def forward(self, vectors: Vectors, batch: Batch) -> Float[Tensor, "batch word label"]:
        """The scores of each word's labels in fp32 at least; past a row's words they mean nothing.

        batch: shift [batch word], and owner [batch time] where a word is the mean of its pieces,
        as `WordLabels.prepare` gives them.
        """
        scores = full_precision(self.linear(self.dropout(vectors.values)))
        shift, owner = batch["shift"], batch.get("owner")
        words = shift.shape[1]
        if not (shift.any() or (owner is not None and owner.any())):
            return scores[:, :words]  # every word is one piece
        if owner is None:
            return spoken(scores, self.linear.bias, shift)
        return meant(scores, self.linear.bias, owner, vectors.lengths, words)


def full_precision(values: Tensor) -> Tensor:
    """In fp32 at least: nothing is summed in half precision."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def spoken(
    scores: Float[Tensor, "batch time label"],
    silent: Float[Tensor, " label"],
    shift: Int[Tensor, "batch word"],
) -> Float[Tensor, "batch word label"]:
    """Each word's scores are those of one piece, or `silent`."""
    batch, time, labels = scores.shape
    piece = torch.arange(shift.shape[1], device=shift.device) + shift
    piece = torch.where(piece < 0, time, piece).clamp(max=time).long()
    every = torch.cat((scores, silent.to(scores).expand(batch, 1, labels)), dim=1)
    return every.gather(1, piece.unsqueeze(2).expand(-1, -1, labels))


def meant(
    scores: Float[Tensor, "batch time label"],
    silent: Float[Tensor, " label"],
    owner: Int[Tensor, "batch time"],
    lengths: Int[Tensor, " batch"],
    words: int,
) -> Float[Tensor, "batch word label"]:
    """Each word's scores are the mean of its pieces', or `silent`."""
    batch, time, labels = scores.shape
    rows = torch.arange(batch, device=owner.device).unsqueeze(1) * words
    word = torch.arange(time, device=owner.device) + owner + rows
    word = torch.where(time_mask(lengths, time), word, batch * words).long().reshape(-1)
    flat = scores.reshape(-1, labels)
    sums = flat.new_zeros(batch * words + 1, labels).index_add(0, word, flat)[:-1]
    counts = torch.bincount(word, minlength=batch * words + 1)[:-1].unsqueeze(1).to(flat)
    means = torch.where(counts > 0, sums / counts.clamp(min=1), silent.to(flat))
    return means.view(batch, words, labels)
