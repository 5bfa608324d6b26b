"""A vector for any piece, from tables whose rows many share (bloom embeddings)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqkit.abilities import Finding
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Example, Vectors, time_mask
from seqkit_text.dropout import Dropout
from seqkit_text.reading import read_forms
from seqkit_text.shapes import word_shape
from seqkit_text.tables import drawn_table
from seqkit_text.vocabulary import Remembered, count_strings, pieces_of

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int
    from numpy.random import Generator

    from seqkit.stages import Arrays, Batch, Learnt

FEATURES: Mapping[str, Callable[[str], str]] = {
    "piece": str,
    "lower": str.lower,
    "prefix": lambda string: string[:1],
    "suffix": lambda string: string[-3:],
    "shape": word_shape,
}
"""What of a piece is looked up; prefix and suffix are as long as spaCy's."""
HASH = np.dtype("<u8")
"""A hash, which picks one row."""
MAXOUT = 3
"""How many linear maps `maxout` takes the highest of, as in spaCy."""


@final
class Hashed(nn.Module):
    """Each feature is the sum of a few rows of its table, which hashes pick; a layer mixes them.

    As spaCy's MultiHashEmbed (Miranda et al. 2022; bloom embeddings: Serrà & Karatzoglou 2017).
    rows: of each feature's table. The tables stand one behind the other, after a row of padding.
    maxout: whether the layer is the highest of three linear maps, normalised, or one linear map.
    """

    samples = False
    along_time = frozenset({"forms", "rows"})

    def __init__(
        self,
        *,
        width: int,
        rows: Mapping[str, int],
        hashes: int,
        maxout: bool,
        dropout: float,
        locked: bool,
    ) -> None:
        super().__init__()
        self.width, self.rows, self.hashes = width, dict(rows), hashes
        self.table = drawn_table(1 + sum(rows.values()), width, zeros=1)
        with torch.no_grad():
            self.table.weight.div_(hashes**0.5)  # a sum is then as wide as one row of a lookup
        maps = MAXOUT if maxout else 1
        self.mix = nn.Linear(len(rows) * width, maps * width)
        self.norm = nn.LayerNorm(width) if maxout else nn.Identity()
        self.dropout = Dropout(dropout, locked)
        self.numbers = Remembered(self.hashed)

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """Learns nothing."""
        del examples
        return {}

    def ready(self, learnt: Learnt) -> None:
        """Needs nothing."""

    def picked(self, value: str, rows: int) -> Int[np.ndarray, " hash"]:
        """Which of a table's rows stand for the value of a feature."""
        size = HASH.itemsize * self.hashes
        digest = blake2b(value.encode("utf-8", "surrogatepass"), digest_size=size).digest()
        return (np.frombuffer(digest, HASH) % rows).astype(np.int32)

    def hashed(self, string: str) -> tuple[int, bytes]:
        """A number for the piece, equal for equal rows, and its rows of all tables as int32."""
        first, found = 1, []
        for feature, rows in self.rows.items():
            found.append(first + self.picked(FEATURES[feature](string), rows))
            first += rows
        spelt = np.concatenate(found).tobytes()
        return int.from_bytes(blake2b(spelt, digest_size=8).digest(), "big") >> 1, spelt

    def prepare(self, example: Example, name: str, rng: Generator | None = None) -> Arrays:
        """Gives "forms" [piece] and "rows" [piece row]. Raises DataError for frames."""
        del rng
        found = list(self.numbers.all(pieces_of(example, name, "hashed").strings))
        rows = np.frombuffer(bytearray().join(rows for _, rows in found), np.int32)
        return {
            "forms": np.array([form for form, _ in found], np.int64),
            "rows": rows.reshape(-1, len(self.rows) * self.hashes),
        }

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """How many distinct values of each feature share its table, and how many share all rows."""
        del split
        strings = count_strings(examples, "hashed")
        told = []
        for feature, rows in self.rows.items():
            values = {FEATURES[feature](string) for string in strings}
            apart = {self.picked(value, rows).tobytes() for value in values}
            told.append(f"{feature} {len(values):,} ({len(values) - len(apart):,} not told apart)")
        return [Finding(f"distinct values: {', '.join(told)}")] if strings else []

    def forward(self, batch: Batch) -> Vectors:
        """The vectors of "rows" [batch time row], those of each form computed once."""
        forms, lengths = batch["forms"], batch["forms.lengths"]
        rows = batch["rows"].flatten(0, 1)

        def read(places: Int[Tensor, " form"]) -> Float[Tensor, "form width"]:
            return self.mixed(rows[places])

        values = read_forms(forms, time_mask(lengths, forms.shape[1]), self.width, read)
        return Vectors(self.dropout(values), lengths)

    def mixed(self, rows: Int[Tensor, "form row"]) -> Float[Tensor, "form width"]:
        """The features' sums, end to end, through the layer."""
        sums = F.embedding_bag(rows.reshape(-1, self.hashes), self.table.weight, mode="sum")
        maps = self.mix(sums.view(len(rows), -1)).view(len(rows), self.width, -1)
        mixed: Tensor = self.norm(maps.amax(dim=2))
        return mixed
