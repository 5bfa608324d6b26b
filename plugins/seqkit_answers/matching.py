"""Which pieces of an input stand in another one too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, final

import numpy as np
from torch import nn

from seqkit.errors import DataError
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Example, Pieces, Vectors

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Bool
    from numpy.random import Generator

    from seqkit.stages import Arrays, Batch, Learnt


@final
class Matches(nn.Module):
    """A 1 for each piece that another input has. The arguments are those of `exact_match`."""

    samples: bool = False
    along_time: frozenset[str] = frozenset({"matches"})

    def __init__(self, runs: Sequence[int], lower: bool) -> None:
        super().__init__()
        self.runs, self.lower = list(runs), lower
        self.width = len(self.runs) * (1 + lower)

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """Learns nothing."""
        del examples
        return {}

    def ready(self, learnt: Learnt) -> None:
        """Needs nothing."""

    def prepare(self, example: Example, name: str, rng: Generator | None = None) -> Arrays:
        """Gives "matches" [piece width]. Raises DataError where there is no other text."""
        del rng
        if len(example.inputs) < 2:
            raise DataError(
                f"exact_match: compares '{name}' with another input, but there is none. Name "
                "several under data.text, such as {passage: passage, question: question}."
            )
        every = {other: strings_of(example, other) for other in example.inputs}
        columns = [shared(every, name, run) for run in self.runs]
        if self.lower:
            lowered = {other: [one.lower() for one in strings] for other, strings in every.items()}
            columns += [shared(lowered, name, run) for run in self.runs]
        return {"matches": np.stack(columns, axis=1).astype(np.uint8)}

    def forward(self, batch: Batch) -> Vectors:
        """The features of "matches" [batch time width]."""
        return Vectors(batch["matches"].float(), batch["matches.lengths"])


def strings_of(example: Example, name: str) -> Sequence[str]:
    """The pieces of one input. Raises DataError where it is frames."""
    pieces = example.inputs[name]
    if not isinstance(pieces, Pieces):
        raise DataError(
            f"exact_match: compares pieces, but input '{name}' is frames. Use it for texts alone."
        )
    return pieces.strings


def shared(inputs: Mapping[str, Sequence[str]], name: str, run: int) -> Bool[np.ndarray, " piece"]:
    """Whether each piece of an input is in a run of so many that another input has too."""
    own = inputs[name]
    others = [strings for other, strings in inputs.items() if other != name]
    known = {part for other in others for part in zip(*shifted(other, run), strict=False)}
    found = [part in known for part in zip(*shifted(own, run), strict=False)]
    marked = np.zeros(len(own), np.bool_)
    for offset in range(run):
        marked[offset : offset + len(found)] |= np.array(found, np.bool_)
    return marked


def shifted(strings: Sequence[str], run: int) -> list[Sequence[str]]:
    """The strings from the first on, from the second on, and so forth."""
    return [strings[offset:] for offset in range(run)]
