"""The alternatives of a comparison: named, checked all at once, each with its recipe."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from seqkit.errors import Problem, RecipeError
from seqkit.marks import short
from seqkit.plugins import STAGES
from seqkit.recipe import Recipe
from seqkit.swaps import Swap, as_flow, settled, stage_at

WIDTH = "width"
REACH = 64
"""How far from a width that a stage refuses others are tried: heads that must divide it, say."""
LONGEST = 48
"""Characters of a folder's name, without a number that tells it from another."""


@dataclass(frozen=True)
class Alternative:
    """One value for the swapped setting, and the recipe that it makes.

    name: for people. folder: the name of its run's. value: what stands at the path, with the
    settings that it keeps of the recipe. dropped: the recipe's settings that it does not have.
    width: of the stage that it is, where it has one. free: whether another width may be chosen.
    """

    name: str
    folder: str
    value: Any
    recipe: Recipe
    dropped: tuple[str, ...] = ()
    width: int | None = None
    free: bool = False

    def at(self, swap: Swap, width: int) -> Alternative:
        """The alternative with another width. Raises RecipeError where it refuses that."""
        value = {**long_form(self.value), WIDTH: width}
        return replace(self, value=value, recipe=swap.recipe(value), width=width)


def checked(swap: Swap, given: Sequence[Any], match: bool) -> tuple[Recipe, list[Alternative]]:
    """The recipe as it stands, and the alternatives. Raises RecipeError with all their problems.

    match: whether widths may be chosen, so that an alternative that refuses the recipe's width
    begins with one near it.
    """
    names = [label(value) for value in given]
    refuse_few(swap, names)
    base, said = swap.before()
    stage = stage_at(base, swap.path)
    found: list[Alternative] = []
    problems: list[Problem] = []
    for name, value, folder in zip(names, given, folders(names), strict=True):
        put, dropped = settled(stage, said, value)
        own = isinstance(value, Mapping) and WIDTH in value
        try:
            put, recipe = begun(swap, put, match and not own)
        except RecipeError as error:
            problems += [renamed(problem, swap, name) for problem in error.problems]
            continue
        has, width = width_of(recipe, swap.path)
        free = match and has and not own
        found.append(Alternative(name, folder, put, recipe, dropped, width, free))
    if problems:
        raise RecipeError(problems)
    return base, found


def refuse_few(swap: Swap, names: Sequence[str]) -> None:
    """Raises RecipeError where there is nothing to compare, or one alternative stands twice."""
    where = swap.place()
    if len(names) < 2:
        what = f"names '{names[0]}' alone" if names else "names nothing"
        message = f"{what}. Give two alternatives or more, with commas between."
        raise RecipeError([Problem(where, "", message)])
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise RecipeError(
            [Problem(where, "", f"names '{name}' twice. Keep one.") for name in twice]
        )


def begun(swap: Swap, put: Any, free: bool) -> tuple[Any, Recipe]:
    """What is put at the path, and its recipe; with a width nearby where its own is refused.

    Raises RecipeError, with the problems of the recipe's own width.
    """
    try:
        return put, swap.recipe(put)
    except RecipeError:
        width = put.get(WIDTH) if free and isinstance(put, Mapping) else None
        if type(width) is not int or not in_order(swap, put, None):
            raise
        other = next((other for other in nearby(width) if in_order(swap, put, other)), None)
        if other is None:
            raise
        return {**put, WIDTH: other}, swap.recipe({**put, WIDTH: other})


def in_order(swap: Swap, put: Mapping[str, Any], width: int | None) -> bool:
    """Whether a stage takes a width; None: whether it is its default width."""
    others = {key: value for key, value in put.items() if key != WIDTH}
    try:
        swap.recipe(others if width is None else {**put, WIDTH: width})
    except RecipeError:
        return False
    return True


def nearby(width: int) -> Iterator[int]:
    """The widths around one, itself first, then those nearest to it."""
    yield width
    for distance in range(1, REACH + 1):
        yield width + distance
        if width > distance:
            yield width - distance


def width_of(recipe: Recipe, path: str) -> tuple[bool, int | None]:
    """Whether a stage of the pipeline with a width stands at a path, and the width that it has."""
    chosen = stage_at(recipe, path)
    if chosen is None or chosen.stage.kind not in STAGES or WIDTH not in chosen.settings:
        return False, None
    width = chosen.settings[WIDTH]
    return True, width if type(width) is int else None


def renamed(problem: Problem, swap: Swap, name: str) -> Problem:
    """A problem in the name of the alternative that it comes from."""
    own = problem.where == f"--set {short(swap.path)}"
    where = swap.place(name)
    return Problem(where if own else f"{where}: {problem.where}", problem.path, problem.message)


def long_form(value: Any) -> Mapping[str, Any]:
    """A stage as a mapping: `lstm` is short for `{use: lstm}`."""
    return value if isinstance(value, Mapping) else {"use": value}


def label(value: Any) -> str:
    """An alternative's name: `lstm`, `lstm peephole=true`, `0.5`."""
    if isinstance(value, str):
        return short(value)
    if isinstance(value, Mapping):
        parts = [str(value["use"])] if "use" in value else []
        parts += [f"{key}={label(item)}" for key, item in value.items() if key != "use"]
        return short(" ".join(parts))
    return short(as_flow(value))


def folders(names: Sequence[str]) -> list[str]:
    """A folder's name for each alternative; two that would be alike are numbered."""
    found: list[str] = []
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9_.]+", "-", name)[:LONGEST].strip("-.") or "alternative"
        numbered = (f"{plain}-{number}" for number in range(2, len(names) + 1))
        found.append(next(each for each in (plain, *numbered) if each not in found))
    return found
