"""The best path through a linear chain (Viterbi 1967), for a batch at once on the host."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int


def best_paths(
    emissions: Float[np.ndarray, "batch time label"],
    lengths: Int[np.ndarray, " batch"],
    first: Float[np.ndarray, " label"],
    pair: Float[np.ndarray, "label label"],
    last: Float[np.ndarray, " label"],
) -> Int[np.ndarray, "batch time"]:
    """The path with the greatest score of each row, 0 past lengths.

    Forward, only the best score of each label is kept: which label it came from is asked again on
    the way back, for the labels of the path alone. Of equal scores the lower label wins.
    """
    order = np.argsort(-lengths, kind="stable")
    active = (lengths[order] > np.arange(emissions.shape[1])[:, None]).sum(1).tolist()
    local = np.ascontiguousarray(emissions[order].transpose(1, 2, 0))
    best = np.zeros_like(local)
    paths = np.zeros(emissions.shape[:2], np.int64)
    for t, rows in enumerate(active):
        if not rows:
            break
        now = best[t, :, :rows]
        if t:
            reached = best[t - 1, :, None, :rows] + pair[:, :, None]
            np.add(reached.max(0), local[t, :, :rows], out=now)
            now -= now.max(0)  # only differences matter, and small numbers are exact
        else:
            np.add(first[:, None], local[t, :, :rows], out=now)
    after, came = 0, np.zeros(0, np.int64)
    onward = np.ascontiguousarray(pair.T)
    for t in range(len(active) - 1, -1, -1):
        rows = active[t]
        came = np.concatenate(
            [
                (best[t, :, :after].T + onward[came]).argmax(1),
                (best[t, :, after:rows].T + last).argmax(1),
            ]
        )
        paths[order[:rows], t] = came
        after = rows
    return paths
