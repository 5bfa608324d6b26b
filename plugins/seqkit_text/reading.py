"""What stands often in a batch is read once, beside what is of like length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from seqkit.settings import CHECK_SHAPES
from seqkit.stages import time_mask
from seqkit_text.vocabulary import PADDING

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Bool, Float, Int

    from seqkit.stages import Batch

STEP_COST = 48
"""What a recurrent step costs beside its rows, in rows: measured on a CPU with AVX-512.

A convolution over all steps has about the same best groups.
"""
LAUNCH_COST = 2048
"""The same on an accelerator, where launching a step costs more than its rows do."""


def read_forms(
    forms: Int[Tensor, "batch time"],
    real: Bool[Tensor, "batch time"],
    width: int,
    read: Callable[[Tensor], Tensor],
) -> Float[Tensor, "batch time width"]:
    """A vector for each real place, computed once for all places of a form; the others are zero.

    read: from a place of each form [form], in the batch flattened, to their vectors [form width].
    """
    places = real.flatten().nonzero().squeeze(1)
    if len(places) == 0:
        return torch.zeros(*forms.shape, width, device=forms.device)
    found, which = torch.unique(forms.flatten()[places], return_inverse=True)
    values = read(which.new_empty(len(found)).scatter_(0, which, places))
    # Row 0 is for what is not real; the embedding's gradient beats that of an index.
    index = which.new_zeros(forms.numel()).scatter_(0, places, which + 1)
    values = torch.cat([values.new_zeros(1, width), values])
    return F.embedding(index.view(forms.shape), values, padding_idx=0)


def read_spellings(
    batch: Batch, width: int, read: Callable[[Tensor, Tensor], Tensor]
) -> Float[Tensor, "batch time width"]:
    """A vector for each piece from "forms" and "characters", as `Alphabet.prepare` gives them.

    Pieces without characters get zeros. read: from some spellings' characters [word character],
    padded, and how many each has [word] to their vectors [word width].
    """
    sizes = batch["characters.lengths"]
    real = time_mask(batch["forms.lengths"], sizes.shape[1]) & (sizes > 0)
    characters = batch["characters"].flatten(0, 1)

    def grouped(places: Int[Tensor, " word"]) -> Float[Tensor, "word width"]:
        return read_groups(characters[places], sizes.flatten()[places], read)

    return read_forms(batch["forms"], real, width, grouped)


def read_groups(
    characters: Int[Tensor, "word character"],
    sizes: Int[Tensor, " word"],
    read: Callable[[Tensor, Tensor], Tensor],
) -> Float[Tensor, "word width"]:
    """The vectors of spellings that are read in groups of like length."""
    order = sizes.argsort(stable=True)
    ranks = torch.empty_like(order)
    ranks[order] = torch.arange(len(order), device=order.device)
    lengths, counts = torch.unique(sizes, return_counts=True)
    step = STEP_COST if sizes.device.type == "cpu" else LAUNCH_COST
    groups = length_groups(lengths.tolist(), counts.tolist(), step)
    found = []
    parts = torch.split_with_sizes(order, [rows for _, rows in groups])
    for (longest, _), group in zip(groups, parts, strict=True):
        spelt = characters[group, :longest]
        spelt = spelt.masked_fill(~time_mask(sizes[group], longest), PADDING)
        found.append(read(spelt, sizes[group]))
    return F.embedding(ranks, torch.cat(found))


def length_groups(
    lengths: Sequence[int], counts: Sequence[int], step: int
) -> list[tuple[int, int]]:
    """Parts rows by length so that reading them padded costs least: longest and rows of each group.

    lengths: rising, with how many rows have each. A group costs its longest length times its rows
    and `step` more. Exact, by dynamic programming over the last group.
    """
    before = [0, *accumulate(counts)]
    best: list[tuple[int, int]] = [(0, 0)]
    for last, longest in enumerate(lengths):
        best.append(
            min(
                (best[first][0] + longest * (before[last + 1] - before[first] + step), first)
                for first in range(last + 1)
            )
        )
    groups = []
    end = len(lengths)
    while end:
        first = best[end][1]
        groups.append((lengths[end - 1], before[end] - before[first]))
        end = first
    return groups[::-1]
