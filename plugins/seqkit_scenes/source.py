"""Draws scenes with their captions, each in the one split that it belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Literal, final

import numpy as np
from numpy.random import RandomState

from seqkit.errors import DataError, nearest
from seqkit.stages import Row
from seqkit_scenes.painting import pictures, projection
from seqkit_scenes.stage import Scene, draw_scene
from seqkit_scenes.telling import PHRASINGS, captions, told

Apart = Literal["scenes", "stories"]


@final
class Scenes:
    """Draws scenes; the same settings give the same rows anywhere.

    The arguments are the settings of `scenes`; sizes: the number of rows of each split.
    """

    def __init__(
        self,
        side: int,
        objects: int,
        acts: int,
        frames: int,
        channels: int,
        noise: float,
        phrasings: int,
        apart: Apart,
        sizes: Mapping[str, int],
        seed: int,
    ) -> None:
        self.side, self.objects, self.acts, self.frames = side, objects, acts, frames
        self.noise, self.phrasings, self.apart = noise, phrasings, apart
        self.projection = projection(side, channels)
        self.sizes, self.seed = sizes, seed

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]:
        """Yields the rows of a split. Raises DataError for another split, or a place."""
        if split not in self.sizes:
            raise DataError(f"scenes: no split '{split}'. {nearest(split, self.sizes)}")
        if place is not None:
            raise DataError(
                f"data.{split}: scenes reads no files, got '{place}'. "
                "Remove it; size and held_out say how many rows to draw."
            )
        random = numbers(f"{self.seed} {split}")
        for _ in range(self.sizes[split]):
            yield self.row(random, self.draw(random, split))

    def draw(self, random: RandomState, split: str) -> Scene:
        """A random scene that belongs to the split."""
        while True:
            scene = draw_scene(random, self.side, self.objects, self.acts)
            if split_of(scene, self.apart) == split:
                return scene

    def row(self, random: RandomState, scene: Scene) -> Row:
        """A scene as a row."""
        seen = pictures(random, scene, self.frames)
        features = seen.reshape(len(seen), -1) @ self.projection
        features += self.noise * random.standard_normal(features.shape)
        right = captions(scene, self.phrasings)
        return {
            "frames": features.astype(np.float32),
            "caption": right[random.randint(len(right))],
            "references": right,
        }


def numbers(seed: str) -> RandomState:
    """Random numbers from a seed. numpy keeps this generator as it is, whatever its version."""
    digest = blake2b(seed.encode()).digest()
    return RandomState(np.frombuffer(digest, "<u4").tolist())


def split_of(scene: Scene, apart: Apart) -> str:
    """The one split of a scene, or of its story: one in ten is for test, one in ten for dev."""
    content = repr(scene) if apart == "scenes" else told(scene, PHRASINGS[0])
    digest = blake2b(content.encode(), digest_size=8).digest()
    return {0: "test", 1: "dev"}.get(int.from_bytes(digest, "big") % 10, "train")
