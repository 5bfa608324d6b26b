"""A stage on which coloured shapes come, move past each other and go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from numpy.random import RandomState

COLOURS = ("red", "blue", "green", "yellow", "white", "black")
SHAPES = ("circle", "square", "triangle", "star", "cross")
SHORTEST = 2
"""Places that an act goes at least: who leaves a corner by one place looks alike whichever way."""
DIRECTIONS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}

Place = tuple[int, int]
"""Across from the left, and down from the top; -1 is outside, and so is the stage's side."""
Kind = Literal["enters", "moves", "passes", "leaves"]


class Thing(NamedTuple):
    """A coloured shape. Of two, the one that comes first in a scene is nearer."""

    colour: str
    shape: str


class Act(NamedTuple):
    """One thing goes straight from a place to another. passed: the thing on its way, or None."""

    kind: Kind
    thing: int
    direction: str
    begin: Place
    end: Place
    passed: int | None = None

    @property
    def behind(self) -> bool:
        """Whether it passes behind the other thing, not in front of it."""
        return self.passed is not None and self.thing > self.passed


@dataclass(frozen=True)
class Scene:
    """What happens. standing: where the things are that are there from the start.

    side: places of the stage, across and down.
    """

    side: int
    things: tuple[Thing, ...]
    standing: Mapping[int, Place]
    acts: tuple[Act, ...]


def draw_scene(random: RandomState, side: int, objects: int, acts: int) -> Scene:
    """A scene of 1 to `objects` things and 1 to `acts` acts, in which each thing has its part."""
    while True:
        count = random.randint(1, objects + 1)
        kinds = random.choice(len(COLOURS) * len(SHAPES), count, replace=False).tolist()
        things = tuple(Thing(COLOURS[k % len(COLOURS)], SHAPES[k // len(COLOURS)]) for k in kinds)
        standing = draw_standing(random, side, count)
        played = tuple(play(random, side, count, standing, random.randint(1, acts + 1)))
        seen = {act.thing for act in played} | {act.passed for act in played}
        if seen:
            kept = {thing: place for thing, place in standing.items() if thing in seen}
            return Scene(side, things, kept, played)


def draw_standing(random: RandomState, side: int, count: int) -> dict[int, Place]:
    """Places for most of the things, often all in one lane, so that they can pass each other."""
    free = [(across, down) for across in range(side) for down in range(side)]
    axis, lane = random.randint(3), random.randint(side)
    if axis < 2 and count <= side:
        free = [place for place in free if place[axis] == lane]
    chosen = random.choice(len(free), count, replace=False).tolist()
    return {thing: free[at] for thing, at in enumerate(chosen) if random.uniform() < 0.7}


def play(
    random: RandomState, side: int, count: int, standing: Mapping[int, Place], acts: int
) -> Iterator[Act]:
    """Acts one after the other, fewer where none is possible.

    A passing is rarely possible, so that it comes twice as often; other kinds are as likely.
    """
    stage = dict(standing)
    outside = [thing for thing in range(count) if thing not in stage]
    for _ in range(acts):
        possible: dict[Kind, list[Act]] = {}
        for act in possible_acts(side, stage, outside):
            possible.setdefault(act.kind, []).append(act)
        if not possible:
            return
        kinds = list(possible)
        kind = kinds[random.randint(len(kinds))]
        if "passes" in possible and random.uniform() < 0.5:
            kind = "passes"
        choices = possible[kind]
        act = choices[random.randint(len(choices))]
        yield act
        if act.kind == "enters":
            outside.remove(act.thing)
        if act.kind == "leaves":
            del stage[act.thing]
        else:
            stage[act.thing] = act.end


def possible_acts(side: int, stage: Mapping[int, Place], outside: Iterable[int]) -> Iterator[Act]:
    """Every act that may come next. stage: where things are; outside: those not seen yet."""
    for direction, (across, down) in DIRECTIONS.items():
        for thing, place in stage.items():
            yield from ways(side, stage, thing, place, direction)
        edge = -1 if across + down > 0 else side
        for lane in range(side):
            begin = (edge, lane) if across else (lane, edge)
            for thing in outside:
                yield from ways(side, stage, thing, begin, direction)


def ways(
    side: int, stage: Mapping[int, Place], thing: int, begin: Place, direction: str
) -> Iterator[Act]:
    """The acts of one thing in one direction: how far it may go.

    It passes one other thing at most, and none where it enters or leaves.
    """
    taken = {place: other for other, place in stage.items()}
    across, down = DIRECTIONS[direction]
    enters, passed = not inside(side, begin), None
    for steps in range(1, side + 1):
        end = (begin[0] + across * steps, begin[1] + down * steps)
        if not inside(side, end):
            if passed is None and steps >= SHORTEST:
                yield Act("leaves", thing, direction, begin, end)
            return
        if end in taken:
            if enters or passed is not None:
                return
            passed = taken[end]
        elif steps >= SHORTEST:
            kind: Kind = "enters" if enters else "moves" if passed is None else "passes"
            yield Act(kind, thing, direction, begin, end, passed)


def inside(side: int, place: Place) -> bool:
    """Whether a place is on the stage."""
    return all(0 <= at < side for at in place)
