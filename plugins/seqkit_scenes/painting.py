"""A scene as frames: pictures of the stage, and what a fixed random layer makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.random import RandomState

from seqkit.settings import CHECK_SHAPES
from seqkit_scenes.stage import COLOURS, SHAPES, SIDE, Scene, Thing

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float64

LOOK = len(COLOURS) + len(SHAPES)
"""Numbers of one place: how much of each colour is there, and of each shape."""


def pictures(
    random: RandomState, scene: Scene, frames: int
) -> Float64[np.ndarray, "time across down look"]:
    """The stage before anything happens, and `frames` to one and a half times as many of an act."""
    places: dict[int, tuple[float, float]] = dict(scene.standing)
    shown = [picture(scene, places)]
    for act in scene.acts:
        steps = random.randint(frames, frames + frames // 2 + 1)
        begin, end = np.array(act.begin), np.array(act.end)
        for step in range(1, steps + 1):
            across, down = (begin + (end - begin) * step / steps).tolist()
            places[act.thing] = (across, down)
            shown.append(picture(scene, places))
    return np.stack(shown)


def picture(
    scene: Scene, places: Mapping[int, tuple[float, float]]
) -> Float64[np.ndarray, "across down look"]:
    """One frame, painted from the farthest thing to the nearest."""
    found = np.zeros((SIDE, SIDE, LOOK))
    cells = np.arange(SIDE)
    for thing in sorted(places, reverse=True):
        across, down = (np.maximum(0.0, 1 - np.abs(cells - at)) for at in places[thing])
        covered = np.multiply.outer(across, down)[:, :, None]
        found += covered * (look(scene.things[thing]) - found)
    return found


def look(thing: Thing) -> Float64[np.ndarray, " look"]:
    """1 for its colour and 1 for its shape."""
    found = np.zeros(LOOK)
    found[[COLOURS.index(thing.colour), len(COLOURS) + SHAPES.index(thing.shape)]] = 1
    return found


def layer(channels: int) -> Float64[np.ndarray, "look channel"]:
    """Random weights, always the same: what one thing gives a channel has a deviation of 1."""
    inputs = SIDE * SIDE * LOOK
    weights: Float64[np.ndarray, "look channel"] = RandomState(channels).standard_normal(
        (inputs, channels)
    )
    return weights / np.sqrt(2)
