"""Strings spliced from recordings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np
from numpy.random import RandomState

from seqkit.errors import DataError, nearest
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Frames, Row, Source

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float32


@final
class Spliced:
    """Draws strings of recordings; the same settings and recordings give the same rows anywhere.

    The arguments are the settings of `spliced`; count, silence: least and most. sizes: the number
    of rows of each split.
    """

    def __init__(
        self,
        source: Source,
        *,
        of: str,
        same: str | None,
        count: tuple[int, int],
        silence: tuple[float, float],
        gain: float,
        sizes: Mapping[str, int],
        seed: int,
    ) -> None:
        self.source, self.of, self.same = source, of, same
        self.count, self.silence, self.gain = count, silence, gain
        self.sizes, self.seed = sizes, seed

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]:
        """Yields the strings of a split. Raises DataError for recordings that cannot be spliced."""
        if split not in self.sizes:
            raise DataError(f"spliced: no split '{split}'. {nearest(split, self.sizes)}")
        groups = self.groups(list(self.source.read(split, place)))
        random = numbers(f"{self.seed} {split}")
        for number in range(self.sizes[split] if groups else 0):
            group = groups[random.randint(len(groups))]
            size = random.randint(self.count[0], self.count[1] + 1)
            chosen = [group[place] for place in random.randint(len(group), size=size)]
            row = {
                "audio": self.joined(random, chosen),
                "text": " ".join(row[self.of] for row in chosen),
                "name": f"{split} {number}",
                "parts": [row["name"] for row in chosen],
            }
            yield {**row, self.same: chosen[0][self.same]} if self.same else row

    def groups(self, rows: Sequence[Row]) -> list[list[Row]]:
        """The recordings that may stand in one string. Raises DataError."""
        found: dict[Any, list[Row]] = {}
        for row in rows:
            for name in filter(None, (self.of, self.same, "audio", "name")):
                if name not in row:
                    raise DataError(
                        f"spliced: the source gives no field '{name}'. {nearest(name, row)}"
                    )
            if not isinstance(row[self.of], str):
                raise DataError(f"spliced: '{self.of}' holds no text. Name another field.")
            if row["audio"].rate != rows[0]["audio"].rate:
                raise DataError(
                    f"spliced: {row['name']} has {row['audio'].rate:g} samples a second, but "
                    f"{rows[0]['name']} {rows[0]['audio'].rate:g}. Set the source's 'rate'."
                )
            found.setdefault(row[self.same] if self.same else "", []).append(row)
        return [found[key] for key in sorted(found, key=str)]

    def joined(self, random: RandomState, rows: Sequence[Row]) -> Frames:
        """The recordings one after the other, silence around each."""
        rate = rows[0]["audio"].rate
        parts = [self.pause(random, rate)]
        for row in rows:
            decibels = random.uniform(-self.gain, self.gain)
            louder = np.float32(10 ** (decibels / 20))
            parts += [row["audio"].values * louder, self.pause(random, rate)]
        return Frames(np.concatenate(parts), rate)

    def pause(self, random: RandomState, rate: float) -> Float32[np.ndarray, "time 1"]:
        """A silence of random length."""
        return np.zeros((round(random.uniform(*self.silence) * rate), 1), np.float32)


def numbers(seed: str) -> RandomState:
    """Random numbers from a seed. numpy keeps this generator as it is, whatever its version."""
    digest = blake2b(seed.encode()).digest()
    return RandomState(np.frombuffer(digest, "<u4").tolist())
