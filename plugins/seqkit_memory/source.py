"""Draws the rows of a task, each in the one split that it belongs to."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import final

import numpy as np
from numpy.random import RandomState

from seqkit.errors import DataError, nearest
from seqkit.stages import Row
from seqkit_memory.arithmetic import adding, multiplication
from seqkit_memory.grammar import reber
from seqkit_memory.recall import copy, order


@final
class Synthetic:
    """Draws rows of one task; the same settings give the same rows anywhere.

    The arguments are the settings of `synthetic`; sizes: the number of rows of each split.
    """

    def __init__(
        self,
        task: str,
        length: int,
        symbols: int,
        markers: int,
        sizes: Mapping[str, int],
        seed: int,
        shortest: int | None = None,
    ) -> None:
        draws: Mapping[str, Callable[[RandomState, int], Row]] = {
            "adding": adding,
            "multiplication": multiplication,
            "copy": partial(copy, symbols=symbols),
            "order": partial(order, markers=markers),
            "reber": lambda random, _: reber(random),
        }
        self.draw = draws[task]
        self.length, self.shortest = length, shortest
        self.sizes = sizes
        self.seed = seed

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]:
        """Yields the rows of a split. Raises DataError for another split, or a place."""
        if split not in self.sizes:
            raise DataError(f"synthetic: no split '{split}'. {nearest(split, self.sizes)}")
        if place is not None:
            raise DataError(
                f"data.{split}: synthetic reads no files, got '{place}'. "
                "Remove it; size and held_out say how many rows to draw."
            )
        random = numbers(f"{self.seed} {split}")
        for _ in range(self.sizes[split]):
            yield self.draw_row(random, split)

    def draw_row(self, random: RandomState, split: str) -> Row:
        """A random row that belongs to the split; a series of numbers belongs to any."""
        while True:
            row = self.draw(random, self.drawn_length(random, split))
            if "words" not in row or split_of(row["words"]) == split:
                return row

    def drawn_length(self, random: RandomState, split: str) -> int:
        """The length of a row: in training, each octave from the shortest on is as likely."""
        if self.shortest is None or split != "train":
            return self.length
        octaves = math.log(self.length / self.shortest)
        return round(self.shortest * math.exp(octaves * random.uniform()))


def numbers(seed: str) -> RandomState:
    """Random numbers from a seed. numpy keeps this generator as it is, whatever its version."""
    digest = blake2b(seed.encode()).digest()
    return RandomState(np.frombuffer(digest, "<u4").tolist())


def split_of(words: Sequence[str]) -> str:
    """The one split that words belong to: one sequence in ten is for test, one in ten for dev."""
    digest = blake2b(" ".join(words).encode(), digest_size=8).digest()
    return {0: "test", 1: "dev"}.get(int.from_bytes(digest, "big") % 10, "train")
