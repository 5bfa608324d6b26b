"""Vectors made of parts of words, from a pipeline that spaCy has saved."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, final

import numpy as np
from spacy.strings import StringStore
from spacy.vectors import Mode, Vectors
from torch import nn

from seqkit import stages
from seqkit.errors import DataError
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Arrays, Example, Learnt, Pieces
from seqkit_spacy.languages import saved

if TYPE_CHECKING or CHECK_SHAPES:
    from numpy.random import Generator

    from seqkit.stages import Batch

WHO = "floret"


@final
class FloretVectors(nn.Module):
    """The mean of the vectors of a piece's parts (floret, Explosion 2021)."""

    samples = False
    along_time = frozenset({"vectors"})

    def __init__(self, pipeline: str, dropout: float) -> None:
        super().__init__()
        self.pipeline, self.dropout = pipeline, nn.Dropout(dropout)
        self.width = 0
        self.vectors = Vectors(strings=StringStore())

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """Reads the vectors; examples teach it nothing. Raises DataError where there are none."""
        del examples
        vectors = saved(self.pipeline, WHO).vocab.vectors
        if not isinstance(vectors, Vectors) or vectors.mode != Mode.floret:
            raise DataError(
                f"{WHO}: {self.pipeline}: its vectors are not made of parts of words. Embed by "
                f"{{use: vectors, file: {self.pipeline}}}."
            )
        return {"vectors": vectors.to_bytes(exclude=["strings"])}

    def ready(self, learnt: Learnt) -> None:
        """Takes the vectors."""
        self.vectors = Vectors(strings=StringStore()).from_bytes(learnt["vectors"])
        self.width = int(self.vectors.shape[1])

    def prepare(self, example: Example, name: str, rng: Generator | None = None) -> Arrays:
        """Vectors [piece width]. Raises DataError where the input is frames."""
        del rng
        pieces = example.inputs[name]
        if not isinstance(pieces, Pieces):
            raise DataError(f"{WHO}: the input is frames. Embed them by {{use: frames}}.")
        if not len(pieces):
            return {"vectors": np.zeros((0, self.width), np.float32)}
        found = self.vectors.get_batch(list(pieces.strings))
        return {"vectors": np.asarray(found, np.float32)}

    def forward(self, batch: Batch) -> stages.Vectors:
        """The vectors [batch time width]."""
        return stages.Vectors(self.dropout(batch["vectors"]), batch["vectors.lengths"])
