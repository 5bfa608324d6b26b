"""Tables of vectors that are learnt with the model."""

from __future__ import annotations

import torch
from torch import nn

from seqkit_text.vocabulary import FIRST, PADDING


def drawn_table(rows: int, width: int, zeros: int = FIRST) -> nn.Embedding:
    """A table whose first rows are zero; row 0 is padding and stays so.

    The others are uniform within sqrt(3 / width), so that their elements have the variance
    1 / width (Ma & Hovy 2016, section 4.1).
    """
    table = nn.Embedding(rows, width, padding_idx=PADDING)
    bound = (3 / width) ** 0.5
    with torch.no_grad():
        table.weight[zeros:].uniform_(-bound, bound)
        table.weight[:zeros].zero_()
    return table
