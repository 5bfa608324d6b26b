"""A vector for each known piece."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, final

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.abilities import Finding
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Example, Vectors, time_mask
from seqkit_text.dropout import Dropout
from seqkit_text.tables import drawn_table
from seqkit_text.vocabulary import (
    FIRST,
    PADDING,
    UNKNOWN,
    Remembered,
    count_strings,
    numbered,
    pieces_of,
    unknown_share,
    vocabulary,
)

if TYPE_CHECKING or CHECK_SHAPES:
    from numpy.random import Generator

    from seqkit.stages import Arrays, Batch, Learnt


@final
class Lookup(nn.Module):
    """A table of vectors. Row 0 is padding and stays zero, row 1 is every unknown piece."""

    samples = False
    along_time = frozenset({"pieces"})
    table: nn.Embedding
    rates: Tensor

    def __init__(
        self,
        *,
        width: int,
        minimum: int,
        limit: int | None,
        lower: bool,
        dropout: float,
        locked: bool,
        word_dropout: float,
        unknown: float,
    ) -> None:
        super().__init__()
        self.width, self.minimum, self.limit, self.lower = width, minimum, limit, lower
        self.word_dropout, self.unknown = word_dropout, unknown
        self.dropout = Dropout(dropout, locked)
        self.known: dict[str, int] = {}
        self.numbers = Remembered(self.number)

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """Counts the pieces of every input. Raises DataError where there is none to know."""
        counts = count_strings(examples, "lookup")
        if self.lower:
            lowered: Counter[str] = Counter()
            for string, count in counts.items():
                lowered[string.lower()] += count
            counts = lowered
        return vocabulary(counts, "lookup", "piece", self.minimum, self.limit)

    def ready(self, learnt: Learnt) -> None:
        """Allocates the table; the unknown vector is zero."""
        self.known = numbered(learnt["strings"])
        self.numbers.clear()
        size = FIRST + len(self.known)
        self.table = drawn_table(size, self.width)
        counts = torch.tensor(learnt["counts"], dtype=torch.float32)
        rates = torch.zeros(size)
        kept = (1 - self.word_dropout) * counts / (counts + self.unknown)
        rates[FIRST:] = 1 - kept
        self.register_buffer("rates", rates, persistent=False)

    def number(self, string: str) -> int:
        """The number of a piece's vector."""
        return self.known.get(string.lower() if self.lower else string, UNKNOWN)

    def prepare(self, example: Example, name: str, rng: Generator | None = None) -> Arrays:
        """Gives "pieces" [piece]. Raises DataError where the input is frames."""
        del rng
        strings = pieces_of(example, name, "lookup").strings
        return {"pieces": np.fromiter(self.numbers.all(strings), np.int32, len(strings))}

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """The share of a split's pieces that have no vector of their own."""
        counts = count_strings(examples, "lookup")
        return unknown_share(counts, lambda string: self.number(string) > UNKNOWN, "pieces", split)

    def forward(self, batch: Batch) -> Vectors:
        """The vectors of "pieces" [batch time]; in training some are the unknown one."""
        pieces, lengths = batch["pieces"], batch["pieces.lengths"]
        pieces = pieces.masked_fill(~time_mask(lengths, pieces.shape[1]), PADDING)
        if self.training and (self.word_dropout or self.unknown):
            lost = torch.rand(pieces.shape, device=pieces.device) < self.rates[pieces]
            pieces = pieces.masked_fill(lost, UNKNOWN)
        return Vectors(self.dropout(self.table(pieces)), lengths)
