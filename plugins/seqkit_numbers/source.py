"""Rows with one number each, in digits and in words."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import final

from num2words import num2words

from seqkit.errors import DataError, nearest
from seqkit.stages import Row

OWN = 100
"""Below this, a number's words cannot be told from those of others."""


@final
class Numbers:
    """Draws rows; the same settings give the same rows anywhere."""

    def __init__(
        self, languages: Sequence[str], sizes: Mapping[str, int], largest: int, seed: int
    ) -> None:
        self.languages, self.sizes = languages, sizes
        self.largest, self.seed = largest, seed

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]:
        """Yields digits, words, language and prompt; the languages take turns."""
        if split not in self.sizes:
            raise DataError(f"numbers: no split '{split}'. {nearest(split, self.sizes)}")
        if place is not None:
            raise DataError(
                f"data.{split}: numbers reads no files, got '{place}'. "
                "Remove it; size and held_out say how many rows to draw."
            )
        rng = random.Random(f"{self.seed} {split}")
        for row in range(self.sizes[split]):
            language = self.languages[row % len(self.languages)]
            number = self.draw(rng, split)
            yield {
                "digits": str(number),
                "words": " ".join(num2words(number, lang=language).split()),
                "language": language,
                "prompt": f"{language} {number}",
            }

    def draw(self, rng: random.Random, split: str) -> int:
        """A random number that belongs to the split."""
        places = len(str(self.largest))
        while True:
            number = rng.randrange(10 ** rng.randint(1, places))
            if number <= self.largest and split_of(number) == split:
                return number


def split_of(number: int) -> str:
    """The one split that a number belongs to: one in ten is for test, one in ten for dev.

    Those below 100 are for train: languages have words of their own for many of them, and build the
    others of these.
    """
    if number < OWN:
        return "train"
    digest = blake2b(str(number).encode(), digest_size=8).digest()
    return {0: "test", 1: "dev"}.get(int.from_bytes(digest, "big") % 10, "train")
