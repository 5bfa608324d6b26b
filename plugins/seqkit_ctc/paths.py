"""Ways to lay a text on steps: the likeliest of all, those of one text, and their sum.

scores [step label]: log-probabilities; label 0 is the blank. A text is laid on a lattice of its
pieces with blanks around each (Graves et al. 2006, section 4.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from seqkit.settings import CHECK_SHAPES
from seqkit_ctc.targets import BLANK

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Bool, Float64, Int64

NEVER = -np.inf


def best_path(scores: Float64[np.ndarray, "step label"]) -> list[int]:
    """The text of the likeliest label at each step."""
    likeliest = scores.argmax(axis=1).tolist()
    return [label for label, _ in groupby(likeliest) if label != BLANK]


def log_probability(scores: Float64[np.ndarray, "step label"], labels: Sequence[int]) -> float:
    """The logarithm of the sum over all ways to lay a text on the steps."""
    if not len(scores):
        return 0.0 if not labels else NEVER
    states, jumps = lattice(labels)
    reached = first(scores, states)
    for step in scores[1:]:
        once, twice = before(reached, jumps)
        reached = np.logaddexp(np.logaddexp(reached, once), twice) + step[states]
    return float(np.logaddexp.reduce(reached[-2:]))


def aligned(
    scores: Float64[np.ndarray, "step label"], labels: Sequence[int]
) -> list[tuple[int, int]]:
    """Where each piece begins and ends on the likeliest way, in steps (Viterbi).

    There are steps enough for the text.
    """
    if not labels:
        return []
    states, jumps = lattice(labels)
    reached, moves = first(scores, states), []
    for step in scores[1:]:
        ways = np.stack((reached, *before(reached, jumps)))
        moves.append(ways.argmax(axis=0))
        reached = ways.max(axis=0) + step[states]
    state = len(states) - 2 + int(reached[-1] > reached[-2])
    found = [state]
    for move in reversed(moves):
        state -= int(move[state])
        found.append(state)
    places = np.array(found[::-1])
    return [
        (int(at[0]), int(at[-1]) + 1)
        for piece in range(len(labels))
        if len(at := np.flatnonzero(places == 2 * piece + 1))
    ]


def lattice(
    labels: Sequence[int],
) -> tuple[Int64[np.ndarray, " state"], Bool[np.ndarray, " state"]]:
    """The label of each state, and which states may be reached without the blank before them."""
    states = np.full(2 * len(labels) + 1, BLANK, np.int64)
    states[1::2] = labels
    jumps = np.zeros(len(states), bool)
    jumps[2:] = (states[2:] != BLANK) & (states[2:] != states[:-2])
    return states, jumps


def first(
    scores: Float64[np.ndarray, "step label"], states: Int64[np.ndarray, " state"]
) -> Float64[np.ndarray, " state"]:
    """The states after the first step: the first blank, or the first piece."""
    reached = np.full(len(states), NEVER)
    reached[:2] = scores[0, states[:2]]
    return reached


def before(
    reached: Float64[np.ndarray, " state"], jumps: Bool[np.ndarray, " state"]
) -> tuple[Float64[np.ndarray, " state"], Float64[np.ndarray, " state"]]:
    """What comes from one state and from two states before."""
    around = np.concatenate(([NEVER, NEVER], reached))
    return around[1:-1], np.where(jumps, around[:-2], NEVER)
