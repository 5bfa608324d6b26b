"""Source: little scenes as frames of features, with captions that are known; it needs no files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le

from seqkit.plugins import Register, hookimpl
from seqkit.settings import NonNegativeFloat, PositiveInt
from seqkit.stages import Source

Side = Annotated[int, Ge(3), Le(9)]
Objects = Annotated[int, Ge(1), Le(9)]
Phrasings = Annotated[int, Ge(1), Le(3)]


@hookimpl
def seqkit_stages(register: Register) -> None:
    """Registers the source."""
    register.source("scenes", scenes, rules=scenes_rules)


def scenes(
    *,
    side: Side = 3,
    objects: Objects = 2,
    acts: PositiveInt = 2,
    frames: PositiveInt = 6,
    channels: PositiveInt = 128,
    noise: NonNegativeFloat = 0.1,
    phrasings: Phrasings = 3,
    apart: Literal["scenes", "stories"] = "scenes",
    size: PositiveInt = 10000,
    held_out: PositiveInt = 1000,
    seed: int = 1,
) -> Source:
    """Coloured shapes that come, move past each other and go, drawn at random, with captions.

    Objects stand on a stage or are outside, each of another colour or shape; one after the other
    they enter from a side, move, pass behind or in front of another one, or leave. What neither
    moves nor is passed is not there. Each frame is a picture of the stage, an object between places
    standing on each in part and a nearer one hiding what is behind it, in a fixed random
    projection: as of a network's features, no channel means anything by itself. The projection is
    the same for all splits and seeds.

    Fields: frames (an array [time, channels]), caption, such as "a red circle enters from the left
    then the red circle moves up behind a blue star", and references, all captions that are right.
    A scene, with its objects and where they are and go, belongs to one split, whatever the seed;
    within a split it may come again, with other noise and at another pace.

    side: places of the stage, across and down.
    objects: the most of a scene.
    acts: how much happens in a scene at most.
    frames: those of one act, at least; half as many more at most.
    channels: numbers in a frame. A picture has 11 for each place.
    noise: deviation of the normal noise on each number; what an object gives has 1.
    phrasings: ways in which a story may be told. One of them, drawn at random, is the caption.
    apart: what belongs to one split. `scenes`: what a caption of test tells may stand in train, of
        other places. `stories`: no caption of dev or test does, in any phrasing, which is harder.
    size: rows of train.
    held_out: rows of dev, and of test.
    seed: which rows are drawn.
    """
    from seqkit_scenes.source import Scenes

    sizes = {"train": size, "dev": held_out, "test": held_out}
    return Scenes(side, objects, acts, frames, channels, noise, phrasings, apart, sizes, seed)


def scenes_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuses so few frames that an object would jump past another one."""
    frames, side = settings["frames"], settings["side"]
    if frames < side:
        yield "frames", f"is {frames}, too few to cross {side} places. Use {side} or more"
