"""Widths by which the alternatives of a comparison come to the same number of parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from seqkit.alternatives import Alternative, nearby
from seqkit.data import read_rows, trained
from seqkit.errors import DataError, Problem, RecipeError, SeqkitError
from seqkit.pipeline import build, rebuild
from seqkit.recipe import Recipe
from seqkit.stages import Learnt
from seqkit.swaps import Swap, stage_at

WIDEST = 65536
START = 64
"""Where the search begins for a stage that has no width unless one is chosen."""
OFF = 0.05
"""The share of the target beyond which a count is told to be off."""
Count = Callable[[int], int | None]
"""From a width to the number of parameters; None where the width is refused."""


def nearest_width(count: Count, start: int, target: int) -> tuple[int, int] | None:
    """The width whose count is nearest to the target, and the count; of two, the smaller width.

    By bisection, as a count grows with the width. Refused widths are passed over; where none near a
    width is taken, those beyond it are taken to be refused too. None where none near start is.
    """
    counts: dict[int, int | None] = {}
    low, high, width = 0, WIDEST + 1, start
    while low + 1 < high:
        at = None
        for near in nearby(width):
            if low < near < high:
                if near not in counts:
                    counts[near] = count(near)
                if counts[near] is not None:
                    at = near
                    break
        known = [each for each, n in counts.items() if n is not None]
        if not known:
            return None
        found = None if at is None else counts[at]
        if at is None or found is None:
            low, high = (low, width) if width > min(known) else (width, high)
        elif found < target:
            low = at
        else:
            high = at
        width = min(2 * low, WIDEST) if high > WIDEST else (low + high) // 2
    taken = {each: n for each, n in counts.items() if n is not None}
    best = min(taken, key=lambda each: (abs(taken[each] - target), each))
    return best, taken[best]


def matched(
    swap: Swap,
    base: Recipe,
    found: Sequence[Alternative],
    target: int | None,
    sample: int | None = None,
) -> tuple[int, list[tuple[Alternative, int]]]:
    """The target, and each alternative at the width that comes nearest to it, with its parameters.

    base: the recipe as it stands, whose count is the target where none is given. sample: rows of
    the training split that the runs will see. Stages are fitted once; an encoder learns nothing, so
    that what the others learnt is built upon anew for each width. Raises RecipeError with the
    problems of all alternatives, DataError.
    """
    folder = swap.data or Path()
    rows = list(read_rows(trained(base), "train", folder, sample))
    if not rows:
        raise DataError("data.train: has no examples. Give a split that has some.")
    pipeline = build(base.located(folder), rows)
    target = target or pipeline.parameters
    pairs: list[tuple[Alternative, int]] = []
    problems: list[Problem] = []
    for alternative in found:
        chosen = stage_at(alternative.recipe, swap.path)
        encoder = chosen is not None and chosen.stage.kind == "encoder"
        try:
            located = alternative.recipe.located(folder)
            learnt = pipeline.learnt if encoder else build(located, rows).learnt
            pairs.append(at_best(swap, alternative, learnt, target))
        except (SeqkitError, ValueError) as error:
            problems.append(Problem(swap.place(alternative.name), swap.path, str(error)))
    if problems:
        raise RecipeError(problems)
    return target, pairs


def at_best(
    swap: Swap, alternative: Alternative, learnt: Learnt, target: int
) -> tuple[Alternative, int]:
    """An alternative at the width nearest to the target, or as it is where that is not free.

    Raises SeqkitError where no width near its own can be built.
    """

    def count(width: int) -> int | None:
        try:
            return rebuild(alternative.at(swap, width).recipe, learnt).parameters
        except (SeqkitError, ValueError):
            return None

    if alternative.free:
        nearest = nearest_width(count, alternative.width or START, target)
        if nearest:
            return alternative.at(swap, nearest[0]), nearest[1]
    return alternative, rebuild(alternative.recipe, learnt).parameters


def is_off(parameters: int, target: int) -> bool:
    """Whether a count is so far from the target that it is to be told."""
    return abs(parameters - target) > OFF * target
