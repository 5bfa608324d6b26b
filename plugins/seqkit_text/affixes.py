"""A vector for each piece from its prefixes and suffixes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, final

import numpy as np
from torch import nn

from seqkit.abilities import Finding
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Example, Vectors, time_mask
from seqkit_text.dropout import Dropout
from seqkit_text.tables import drawn_table
from seqkit_text.vocabulary import MANY, PADDING, Remembered, count_strings, pieces_of, vocabulary

if TYPE_CHECKING or CHECK_SHAPES:
    from numpy.random import Generator

    from seqkit.stages import Arrays, Batch, Learnt


@final
class Affixes(nn.Module):
    """A table of affixes; a piece's vector is those of its affixes, end to end.

    Row 0 is padding, and rows 1 to n are what is unknown of each of the n affixes that a piece has.
    """

    samples = False
    along_time = frozenset({"affixes"})
    table: nn.Embedding

    def __init__(
        self,
        *,
        prefixes: Sequence[int],
        suffixes: Sequence[int],
        affix_width: int,
        minimum: int,
        lower: bool,
        dropout: float,
        locked: bool,
    ) -> None:
        super().__init__()
        self.ends = {
            **{f"{length}-character prefix": slice(length) for length in prefixes},
            **{f"{length}-character suffix": slice(-length, None) for length in suffixes},
        }
        self.width = len(self.ends) * affix_width
        self.affix_width, self.minimum, self.lower = affix_width, minimum, lower
        self.dropout = Dropout(dropout, locked)
        self.known: list[dict[str, int]] = []
        self.numbers = Remembered(self.number)

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """Counts the affixes of every input. Raises DataError where there is none to know."""
        found = self.count(examples).items()
        return {"affixes": [vocabulary(each, "affixes", end, self.minimum) for end, each in found]}

    def count(self, examples: Iterable[Example]) -> dict[str, Counter[str]]:
        """How often each affix stands at each end of a piece."""
        counts: dict[str, Counter[str]] = {end: Counter() for end in self.ends}
        for string, count in count_strings(examples, "affixes").items():
            for each, affix in zip(counts.values(), self.affixes(string), strict=True):
                if affix:
                    each[affix] += count
        return counts

    def ready(self, learnt: Learnt) -> None:
        """Allocates the affixes' vectors; those of unknown ones are zero."""
        first = 1 + len(self.ends)
        self.known = []
        for found in learnt["affixes"]:
            strings = found["strings"]
            self.known.append({string: first + row for row, string in enumerate(strings)})
            first += len(strings)
        self.numbers.clear()
        self.table = drawn_table(first, self.affix_width, zeros=1 + len(self.ends))

    def affixes(self, string: str) -> list[str]:
        """A piece's affixes, one for each end; those of an empty piece are empty."""
        cased = string.lower() if self.lower else string
        return [cased[end] for end in self.ends.values()]

    def number(self, string: str) -> bytes:
        """The numbers of a piece's affixes, as int32."""
        known = zip(self.known, self.affixes(string), strict=True)
        numbers = [
            each.get(affix, unknown) if affix else PADDING
            for unknown, (each, affix) in enumerate(known, start=1)
        ]
        return np.array(numbers, np.int32).tobytes()

    def prepare(self, example: Example, name: str, rng: Generator | None = None) -> Arrays:
        """Gives "affixes" [piece affix]. Raises DataError where the input is frames."""
        del rng
        numbers = self.numbers.all(pieces_of(example, name, "affixes").strings)
        affixes = np.frombuffer(bytearray().join(numbers), np.int32)
        return {"affixes": affixes.reshape(-1, len(self.ends))}

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """The share of a split's affixes that have no vector of their own, by their length."""
        del split
        shares, told = [], []
        for (end, counts), known in zip(self.count(examples).items(), self.known, strict=True):
            unknown = sum(count for affix, count in counts.items() if affix not in known)
            shares.append(unknown / max(1, counts.total()))
            told.append(f"{shares[-1]:.1%} of {end}es")
        many = sum(shares) > MANY * len(shares)
        return [Finding(f"unknown are {', '.join(told)}", "warning" if many else "note")]

    def forward(self, batch: Batch) -> Vectors:
        """The vectors of "affixes" [batch time affix], side by side."""
        affixes, lengths = batch["affixes"], batch["affixes.lengths"]
        real = time_mask(lengths, affixes.shape[1]).unsqueeze(2)
        affixes = affixes.masked_fill(~real, PADDING)
        return Vectors(self.dropout(self.table(affixes).flatten(2)), lengths)
