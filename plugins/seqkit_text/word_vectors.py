"""Pretrained word vectors, frozen or trained further."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqkit.abilities import Finding
from seqkit.errors import DataError
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Example, Vectors, time_mask
from seqkit_text.dropout import Dropout
from seqkit_text.vector_files import read_vectors
from seqkit_text.vocabulary import FIRST, PADDING, UNKNOWN, Remembered, count_strings, pieces_of

if TYPE_CHECKING or CHECK_SHAPES:
    from numpy.random import Generator

    from seqkit.stages import Arrays, Batch, Learnt

DIGIT = re.compile(r"\d")
MARK = "\u2581"
"""What the first piece of a word begins with that sentencepiece has split."""
SHOWN = 5
"""Words without a vector that are named."""


@final
class WordVectors(nn.Module):
    """A table of vectors that come from a file. A piece that is not in it gets zeros.

    What is learnt holds the file's words and vectors, so that a saved model answers for words of
    the file that training never saw, and needs the file no more.
    """

    samples = False
    along_time = frozenset({"pieces"})
    table: Tensor

    def __init__(
        self,
        *,
        file: str,
        limit: int | None,
        lower: bool,
        digits: bool,
        normalise: bool,
        coverage: float,
        train: bool,
        dropout: float,
        locked: bool,
    ) -> None:
        super().__init__()
        self.file, self.limit, self.coverage = file, limit, coverage
        self.lower, self.digits, self.normalise = lower, digits, normalise
        self.trained = train
        self.dropout = Dropout(dropout, locked)
        self.width = 0
        self.known: dict[str, int] = {}
        self.repeated: list[str] = []
        self.numbers = Remembered(self.number)

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """Reads the file. Raises DataError where it has vectors for too few of the pieces."""
        counts = count_strings(examples, "vectors")
        if not counts:
            raise DataError(
                "vectors: the training split has no piece. Give it texts that are not empty."
            )
        wanted = {form for string in counts for form in forms(string, self.lower, self.digits)}
        found = read_vectors(Path(self.file), self.limit, wanted)
        known = frozenset(found.words)
        if self.share(counts, known) < self.coverage:
            raise DataError(f"vectors: {self.uncovered(counts, known)}")
        return {
            "words": found.words,
            "rows": found.rows,
            "vectors": found.vectors,
            "repeated": found.repeated,
        }

    def share(self, counts: Counter[str], known: Collection[str]) -> float:
        """The share of pieces that have a vector."""
        return 1 - without(counts, known, self.lower, self.digits).total() / counts.total()

    def uncovered(self, counts: Counter[str], known: Collection[str]) -> str:
        """Why too few pieces have a vector, and what to do."""
        share = self.share(counts, known)
        lowered = (
            1 - without(counts, known, lower=True, digits=self.digits).total() / counts.total()
        )
        marked = sum(count for string, count in counts.items() if string.startswith(MARK))
        if marked > counts.total() / 4:
            hint = "The pieces are parts of words, but the file has words: use `tokenise: words`"
        elif lowered >= max(self.coverage, 2 * share):
            hint = f"The file is in lower case: with `lower: true` {lowered:.1%} have one"
        else:
            hint = "Is the file of this language? Name another, or set 'coverage' lower"
        return (
            f"{self.file} has a vector for {share:.1%} of the {counts.total():,} pieces of the "
            f"training split, and {self.coverage:.1%} are asked for. Most frequent without: "
            f"{self.missing(counts, known)}. {hint}."
        )

    def missing(self, counts: Counter[str], known: Collection[str]) -> str:
        """The most frequent pieces without a vector, with their counts."""
        every = without(counts, known, self.lower, self.digits).items()
        first = sorted(every, key=lambda item: (-item[1], item[0]))[:SHOWN]
        return ", ".join(f"{string[:40]!r} ({count:,})" for string, count in first)

    def ready(self, learnt: Learnt) -> None:
        """Takes over the table: weights where it is trained, and no weight where it is frozen."""
        vectors = torch.tensor(learnt["vectors"])
        if self.normalise:
            vectors = F.normalize(vectors, dim=1)
        self.width = vectors.shape[1]
        rows = (np.asarray(learnt["rows"]) + FIRST).tolist()
        self.known = dict(zip(learnt["words"], rows, strict=True))
        self.repeated = list(learnt["repeated"])
        self.numbers.clear()
        table = torch.cat([torch.zeros(FIRST, self.width), vectors])
        if self.trained:
            self.table = nn.Parameter(table)
        else:
            self.register_buffer("table", table, persistent=False)

    def number(self, string: str) -> int:
        """The number of a piece's vector."""
        found = (self.known.get(form) for form in forms(string, self.lower, self.digits))
        return next((number for number in found if number is not None), UNKNOWN)

    def prepare(self, example: Example, name: str, rng: Generator | None = None) -> Arrays:
        """Gives "pieces" [piece]. Raises DataError where the input is frames."""
        del rng
        strings = pieces_of(example, name, "vectors").strings
        return {"pieces": np.fromiter(self.numbers.all(strings), np.int32, len(strings))}

    def forward(self, batch: Batch) -> Vectors:
        """The vectors of "pieces" [batch time]."""
        pieces, lengths = batch["pieces"], batch["pieces.lengths"]
        pieces = pieces.masked_fill(~time_mask(lengths, pieces.shape[1]), PADDING)
        return Vectors(self.dropout(F.embedding(pieces, self.table, PADDING)), lengths)

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """How many pieces of a split have a vector, and which frequent ones have none."""
        counts, found = count_strings(examples, "vectors"), list[Finding]()
        if split == "train":
            size = self.table.numel() * self.table.element_size() / 1e6
            said = f"{len(self.known):,} words of width {self.width}, {size:,.1f} MB of the model"
            found.append(Finding(said))
            if self.repeated:
                what = "words stand" if len(self.repeated) > 1 else "word stands"
                found.append(
                    Finding(
                        f"{len(self.repeated):,} {what} more than once in the file, such as "
                        f"{self.repeated[0][:40]!r}; the first vector of each counts",
                        "warning",
                    )
                )
        if not counts:
            return found
        share, kinds = (self.share(one, self.known) for one in (counts, Counter(counts.keys())))
        said = f"{share:.1%} of the pieces have a vector, {kinds:.1%} of the distinct ones"
        if missing := self.missing(counts, self.known):
            said += f"; most frequent without: {missing}"
        found.append(Finding(said, "warning" if share < self.coverage else "note"))
        return found


def forms(string: str, lower: bool, digits: bool) -> Iterator[str]:
    """The forms under which a piece is looked for, in their order."""
    yield string
    if lower:
        string = string.lower()
        yield string
    if digits:
        yield DIGIT.sub("0", string)


def without(
    counts: Counter[str], known: Collection[str], lower: bool, digits: bool
) -> Counter[str]:
    """The pieces without a vector, with their counts."""
    return Counter(
        {
            string: count
            for string, count in counts.items()
            if not any(form in known for form in forms(string, lower, digits))
        }
    )
