"""Several embedders side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast, final

import torch
from torch import nn

from seqkit.abilities import Describing, Finding
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Embedder, Example, Vectors
from seqkit_text.dropout import Dropout

if TYPE_CHECKING or CHECK_SHAPES:
    from numpy.random import Generator

    from seqkit.stages import Arrays, Batch, Learnt


@final
class Concat(nn.Module):
    """Concatenates its parts' vectors; the arrays of part i are called "i/..."."""

    def __init__(self, parts: Sequence[Embedder], dropout: float, locked: bool) -> None:
        super().__init__()
        self.parts = nn.ModuleList(cast("Sequence[nn.Module]", parts))
        self.dropout = Dropout(dropout, locked)
        self.samples = any(part.samples for part in parts)
        self.along_time = frozenset(
            f"{number}/{name}" for number, part in enumerate(parts) for name in part.along_time
        )
        self.width = 0

    @property
    def embedders(self) -> list[Embedder]:
        """The parts, in order."""
        return [cast("Embedder", part) for part in self.parts]

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """What each part learns."""
        if isinstance(examples, Iterator):
            examples = list(examples)
        return {"parts": [part.fit(examples) for part in self.embedders]}

    def ready(self, learnt: Learnt) -> None:
        """Allocates each part."""
        for part, own in zip(self.embedders, learnt["parts"], strict=True):
            part.ready(own)
        self.width = sum(part.width for part in self.embedders)

    def prepare(self, example: Example, name: str, rng: Generator | None = None) -> Arrays:
        """The arrays of each part under its number."""
        return {
            f"{number}/{key}": array
            for number, part in enumerate(self.embedders)
            for key, array in part.prepare(example, name, rng).items()
        }

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """What each part says, under the number that it has in the recipe."""
        if isinstance(examples, Iterator):
            examples = list(examples)
        return [
            replace(found, text=f"parts.{number}: {found.text}")
            for number, part in enumerate(self.parts)
            if isinstance(part, Describing)
            for found in part.describe(examples, split)
        ]

    def forward(self, batch: Batch) -> Vectors:
        """The parts' vectors end to end, and the sum of their penalties."""
        found = []
        for number, part in enumerate(self.parts):
            start = f"{number}/"
            own = {key[len(start) :]: batch[key] for key in batch if key.startswith(start)}
            found.append(cast("Vectors", part(own)))
        values = torch.cat([vectors.values for vectors in found], dim=2)
        penalties = [vectors.penalty for vectors in found if vectors.penalty is not None]
        penalty = torch.stack(penalties).sum() if penalties else None
        return Vectors(self.dropout(values), found[0].lengths, penalty=penalty)
