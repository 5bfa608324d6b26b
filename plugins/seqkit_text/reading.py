"""What stands often in a batch is read once, with what is of like length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional as F

from seqkit.settings import CHECK_SHAPES
from seqkit.stages import time_mask
from seqkit_text.vocabulary import PADDING

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Bool, Float, Int
    from torch import Tensor

    from seqkit.stages import Batch


def read_forms(
    forms: Int[Tensor, "batch time"],
    real: Bool[Tensor, "batch time"],
    width: int,
    read: Callable[[Int[Tensor, " form"]], Float[Tensor, "form width"]],
) -> Float[Tensor, "batch time width"]:
    """A vector for each real place, computed once for all places of one form; others are zero.

    read: is handed a place of each form, in the batch flattened, and gives their vectors.
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
    batch: Batch,
    width: int,
    step: int,
    read: Callable[
        [Int[Tensor, "word character"], Int[Tensor, " word"]], Float[Tensor, "word width"]
    ],
) -> Float[Tensor, "batch time width"]:
    """A vector for each piece from "forms" and "characters", as `Alphabet.prepare` gives them.

    Each spelling is read once, among those of like length. read: from padded characters and how
    many are real, at least one of each word, to vectors. step: what a group of words costs beside
    its characters, in characters... 
    """
    sizes = batch["characters.lengths"]
    characters = batch["characters"].flatten(0, 1)
    real = time_mask(batch["forms.lengths"], sizes.shape[1]) & (sizes > 0)

    def grouped(places: Int[Tensor, " form"]) -> Float[Tensor, "form width"]:
        return in_groups(characters[places], sizes.flatten()[places], step, read)

    return read_forms(batch["forms"], real, width, grouped)
