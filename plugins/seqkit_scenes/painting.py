"""A scene as frames: pictures of the stage, and how they are mixed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.random import RandomState

from seqkit.settings import CHECK_SHAPES
from seqkit_scenes.stage import COLOURS, SHAPES, Scene, Thing

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float64

LOOK = len(COLOURS) + len(SHAPES)
"""Numbers of one place: how much of each colour is there, and of each shape."""


def pictures(
    random: RandomState, scene: Scene, frames: int
) -> Float64[np.ndarray, "time across down look"]:
    """The stage before anything happens, and `frames` to one and a half times as many of an act.

    It is painted from the farthest thing to the nearest, all frames at once.
    """
    places = paths(random, scene, frames)
    found = np.zeros((places.shape[1], scene.side, scene.side, LOOK))
    cells = np.arange(scene.side)
    for thing, place in reversed(list(zip(scene.things, places, strict=True))):
        across, down = (np.maximum(0.0, 1 - np.abs(at[:, None] - cells)) for at in place.T)
        covered = across[:, :, None, None] * down[:, None, :, None]
        found += covered * (look(thing) - found)
    return found


def paths(random: RandomState, scene: Scene, frames: int) -> Float64[np.ndarray, "thing time axis"]:
    """Where each thing is in each frame, across and down; outside before it enters."""
    steps = [random.randint(frames, frames + frames // 2 + 1) for _ in scene.acts]
    places = np.full((len(scene.things), 1 + sum(steps), 2), -1.0)
    for thing, place in scene.standing.items():
        places[thing] = place
    first = 1
    for act, taken in zip(scene.acts, steps, strict=True):
        begin, end = np.array(act.begin), np.array(act.end)
        share = np.arange(1, taken + 1)[:, None] / taken
        places[act.thing, first:] = end
        places[act.thing, first : first + taken] = begin + (end - begin) * share
        first += taken
    return places


def look(thing: Thing) -> Float64[np.ndarray, " look"]:
    """1 for its colour and 1 for its shape."""
    found = np.zeros(LOOK)
    found[[COLOURS.index(thing.colour), len(COLOURS) + SHAPES.index(thing.shape)]] = 1
    return found


def projection(side: int, channels: int) -> Float64[np.ndarray, "look channel"]:
    """Random weights, always the same: what one thing gives a channel has a deviation of 1."""
    size = (side * side * LOOK, channels)
    found: Float64[np.ndarray, "look channel"] = RandomState(channels).normal(0, 0.5**0.5, size)
    return found
