"""What is kept of a file of word vectors, whatever its form."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float32, Int32

AGAIN = "Fetch the file again."
FORMS = (
    "Use a text file with a word and its numbers on each line (GloVe, .vec), .json, or a folder "
    "that spaCy has saved."
)
LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Pretrained:
    """The vectors of a file.

    rows: of each word, the row of its vector; words may share one. repeated: words that stand in
    the file more than once, whose first vector counts.
    """

    words: list[str]
    rows: Int32[np.ndarray, " word"]
    vectors: Float32[np.ndarray, "row width"]
    repeated: list[str]


@dataclass
class Kept:
    """The words that are kept of a file, while it is read."""

    limit: int | None
    wanted: Collection[str]
    words: dict[str, None] = field(default_factory=dict)
    repeated: dict[str, None] = field(default_factory=dict)
    seen: int = 0

    def take(self, word: str) -> bool:
        """Whether the vector of the file's next word is kept."""
        self.seen += 1
        if word in self.words:
            self.repeated[word] = None
            return False
        if self.limit is not None and self.seen > self.limit and word not in self.wanted:
            return False
        self.words[word] = None
        return True

    def found(self, vectors: np.ndarray, rows: np.ndarray | None = None) -> Pretrained:
        """The words with their vectors: one each, or those in the given rows."""
        rows = np.arange(len(vectors), dtype=np.int32) if rows is None else rows
        return Pretrained(list(self.words), rows, vectors, list(self.repeated))
