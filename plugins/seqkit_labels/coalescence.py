"""The best path through a chain whose words still come (Šrámek, Brejová & Vinař 2007).

The best paths to all labels of the last word have a common beginning: it is that of the best path
of the whole text, whatever comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int

ROOM = 1000
"""Words that may stay open. Where more do, the path that is best so far decides the older half."""


@dataclass(frozen=True)
class Paths:
    """The best paths to each label of the last word, from where they part.

    best: their scores, less the greatest; None before the first word. came: for each open word but
    the last, its label on the best path to each label of the word after it.
    """

    best: Float[np.ndarray, " label"] | None = None
    came: tuple[Int[np.ndarray, " label"], ...] = ()


def extend(
    paths: Paths,
    emissions: Float[np.ndarray, "word label"],
    first: Float[np.ndarray, " label"],
    pair: Float[np.ndarray, "label label"],
) -> tuple[list[int], Paths]:
    """Goes on by some words: the labels that are settled with them, and the paths that are open.

    The same numbers as in `best_paths`, so that equal scores fall to the same label.
    """
    best, rows, settled = paths.best, list(paths.came), list[int]()
    for local in emissions:
        if best is None:
            best = first + local
            continue
        reached = best[:, None] + pair
        rows.append(reached.argmax(0))
        best = reached.max(0) + local
        best = best - best.max()
        if len(rows) == ROOM:
            labels, rows = settle(best, rows)
            settled += labels
        if len(rows) == ROOM:
            labels, best, rows = decide(best, rows)
            settled += labels
    if best is not None:
        labels, rows = settle(best, rows)
        settled += labels
    return settled, Paths(best, tuple(rows))


def settle(
    best: Float[np.ndarray, " label"], came: list[Int[np.ndarray, " label"]]
) -> tuple[list[int], list[Int[np.ndarray, " label"]]]:
    """The labels on which all possible paths agree, and what is open after them."""
    alive = np.flatnonzero(best > -np.inf)
    for place in range(len(came) - 1, -1, -1):
        alive = np.unique(came[place][alive])
        if len(alive) == 1:
            return traced(came[:place], int(alive[0])), came[place + 1 :]
    return [], came


def decide(
    best: Float[np.ndarray, " label"], came: list[Int[np.ndarray, " label"]]
) -> tuple[list[int], Float[np.ndarray, " label"], list[Int[np.ndarray, " label"]]]:
    """The older half of the labels on the best path; paths with another label there end."""
    half = len(came) // 2
    there = np.arange(len(best))
    for row in reversed(came[half:]):
        there = row[there]
    chosen = int(there[best.argmax()])
    kept = np.where(there == chosen, best, best.dtype.type(-np.inf))
    return traced(came[:half], chosen), kept, came[half + 1 :]


def finish(paths: Paths, last: Float[np.ndarray, " label"]) -> list[int]:
    """The labels of the words that are open, now that no more will come."""
    if paths.best is None:
        return []
    return traced(paths.came, int((paths.best + last).argmax()))


def traced(came: Sequence[Int[np.ndarray, " label"]], label: int) -> list[int]:
    """The labels of a path, of which the last is given."""
    labels = [label]
    for row in reversed(came):
        labels.append(int(row[labels[-1]]))
    return labels[::-1]
