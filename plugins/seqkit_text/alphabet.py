"""The characters of pieces, in the numbers of those that are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b
from typing import TYPE_CHECKING, final

import numpy as np

from seqkit.abilities import Finding
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Example
from seqkit_text.vocabulary import (
    FIRST,
    UNKNOWN,
    Remembered,
    count_strings,
    numbered,
    pieces_of,
    unknown_share,
    vocabulary,
)

if TYPE_CHECKING or CHECK_SHAPES:
    from seqkit.stages import Arrays, Learnt

SPELT = frozenset({"forms", "characters"})
"""The arrays that `Alphabet.prepare` gives, with a row a piece each."""


@final
class Alphabet:
    """Spells pieces for an embedder that reads characters.

    stage: who is named where something is wrong. longest: of a longer piece, as many characters are
    read, half of its head, half of its tail.
    """

    def __init__(self, stage: str, minimum: int, longest: int) -> None:
        self.stage, self.minimum = stage, minimum
        self.head, self.tail = longest - longest // 2, longest // 2
        self.known: dict[str, int] = {}
        self.spellings = Remembered(self.spell)

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """Counts the characters of every input. Raises DataError where there is none to know."""
        return vocabulary(self.count(examples), self.stage, "character", self.minimum)

    def count(self, examples: Iterable[Example]) -> Counter[str]:
        """How often each character stands in the pieces."""
        counts: Counter[str] = Counter()
        for string, count in count_strings(examples, self.stage).items():
            for character in string:
                counts[character] += count
        return counts

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """The share of a split's characters that have no vector of their own."""
        return unknown_share(self.count(examples), self.known.__contains__, "characters", split)

    def ready(self, learnt: Learnt) -> int:
        """Knows the characters; gives how many numbers there are, padding and unknown included."""
        self.known = numbered(learnt["strings"])
        self.spellings.clear()
        return FIRST + len(self.known)

    def spell(self, string: str) -> tuple[int, bytes]:
        """A number for the spelling, equal for equal spellings, and its characters as int32."""
        if len(string) > self.head + self.tail:
            string = string[: self.head] + string[len(string) - self.tail :]
        characters = [self.known.get(character, UNKNOWN) for character in string]
        spelt = np.array(characters, np.int32).tobytes()
        return int.from_bytes(blake2b(spelt, digest_size=8).digest(), "big") >> 1, spelt

    def prepare(self, example: Example, name: str) -> Arrays:
        """Gives "forms" [piece] and, ragged, "characters". Raises DataError for frames."""
        found = list(self.spellings.all(pieces_of(example, name, self.stage).strings))
        spelt = [characters for _, characters in found]
        offsets = np.zeros(len(found) + 1, np.int32)
        np.cumsum(np.fromiter(map(len, spelt), np.int32, len(spelt)) // 4, out=offsets[1:])
        return {
            "forms": np.array([form for form, _ in found], np.int64),
            "characters": np.frombuffer(bytearray().join(spelt), np.int32),
            "characters.offsets": offsets,
        }
