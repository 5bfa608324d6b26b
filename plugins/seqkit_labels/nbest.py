"""The best paths through a linear chain, in order (Schwartz & Chow 1990), on the host.

For each step and label the best few paths that end there are kept, each as the label before it and
its rank among that label's. They are exact: a path among the best few of a text goes on from one of
the best few of its beginning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int


def n_best_paths(
    emissions: Float[np.ndarray, "batch time label"],
    lengths: Int[np.ndarray, " batch"],
    first: Float[np.ndarray, " label"],
    pair: Float[np.ndarray, "label label"],
    last: Float[np.ndarray, " label"],
    best: int,
) -> tuple[Int[np.ndarray, "batch best time"], Float[np.ndarray, "batch best"]]:
    """The paths of each row with the greatest scores, best first, and their scores.

    A score is minus infinity where a row has fewer paths. Of equal scores the lower label wins, as
    in `best_paths`, whose path is the first of these.
    """
    batch, time, labels = emissions.shape
    order = np.argsort(-lengths, kind="stable")
    active = (lengths[order] > np.arange(time)[:, None]).sum(1).tolist()
    local = np.ascontiguousarray(emissions[order].transpose(1, 2, 0))
    top = np.full((labels, best, batch), -np.inf, local.dtype)
    origins = np.zeros((time, labels, best, batch), np.int32)
    shift = np.zeros(batch)
    for t, rows in enumerate(active):
        if not rows:
            break
        reached = np.full((labels, best, rows), -np.inf, local.dtype)
        if t:
            reached, origins[t, :, :, :rows] = merge(top[:, :, :rows], pair)
        else:
            reached[:, 0] = first[:, None]
        reached += local[t, :, None, :rows]
        greatest = reached.max((0, 1))
        top[:, :, :rows] = reached - greatest  # differences matter, and small numbers are exact
        shift[:rows] += greatest
    (ends,), (origin,) = merge(top, last[:, None])
    scores = (ends + shift).T
    scores[lengths[order] == 0, 0] = 0.0  # the one path of a text without a word
    back = np.argsort(order)
    return traced(origins, active, origin)[back], scores[back]


def merge(
    top: Float[np.ndarray, "source best row"], weights: Float[np.ndarray, "source label"]
) -> tuple[Float[np.ndarray, "label best row"], Int[np.ndarray, "label best row"]]:
    """The best paths to each label: their scores, and source x best + rank of what they go on from.

    The paths to a source come in order, so that only the first one left of each can be the next.
    """
    sources, best, rows = top.shape
    labels = weights.shape[1]
    heads = top[:, 0, None] + weights[:, :, None]
    rank = np.zeros((sources, labels, rows), np.int32)
    scores = np.empty((labels, best, rows), top.dtype)
    origins = np.empty((labels, best, rows), np.int32)
    label, row = np.arange(labels)[:, None], np.arange(rows)
    more = np.concatenate([top, np.full_like(top[:, :1], -np.inf)], axis=1)
    for place in range(best):
        source = heads.argmax(0)
        scores[:, place] = heads[source, label, row]
        taken = rank[source, label, row]
        origins[:, place] = source * best + taken
        rank[source, label, row] = taken + 1
        heads[source, label, row] = more[source, taken + 1, row] + weights[source, label]
    return scores, origins


def traced(
    origins: Int[np.ndarray, "time label best batch"],
    active: list[int],
    origin: Int[np.ndarray, "best batch"],
) -> Int[np.ndarray, "batch best time"]:
    """The labels of the paths, from where their ends come from; rows in the order of lengths."""
    best, batch = origin.shape
    paths = np.zeros((batch, best, len(active)), np.int64)
    for t in range(len(active) - 1, -1, -1):
        rows = active[t]
        label, rank = np.divmod(origin[:, :rows], best)
        paths[:rows, :, t] = label.T
        if t:
            origin[:, :rows] = origins[t, label, rank, np.arange(rows)]
    return paths
