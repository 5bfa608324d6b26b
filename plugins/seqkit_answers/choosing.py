"""From the scores of both ends to the likeliest spans, on the host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Bool, Float, Int

LOW = -1e30
"""A score whose softmax is exactly zero beside any real one."""
NEAR = 1e-5
"""Log-probabilities that differ by less are equal: a batch's other rows may move them so far."""
EVEN = 0.0
"""The threshold where none is set or fitted: the likelier one is given."""


@dataclass(frozen=True)
class Scores:
    """Of both ends at each piece, LOW past a row's length, and of both ends of no answer."""

    starts: Float[Tensor, "batch time"]
    ends: Float[Tensor, "batch time"]
    no_start: Float[Tensor, " batch"]
    no_end: Float[Tensor, " batch"]
    lengths: Int[Tensor, " batch"]

    def log_probabilities(
        self,
    ) -> tuple[Float[Tensor, "batch place"], Float[Tensor, "batch place"]]:
        """Of both ends, each on its own; no answer is the last place."""
        pairs = ((self.starts, self.no_start), (self.ends, self.no_end))
        start, end = (torch.cat([s, none.unsqueeze(1)], 1).log_softmax(1) for s, none in pairs)
        return start, end


def candidates(scores: Scores, longest: int) -> list[Float[np.ndarray, " candidate"]]:
    """The log-probability of each span of a row, and behind them that of no answer.

    The span from piece i to i + k stands at i x longest + k. They are normalised over all spans of
    at most `longest` pieces, and no answer. Spans that end behind the row are LOW.
    """
    time = scores.ends.shape[1]
    ends = F.pad(scores.ends, (0, longest), value=LOW).unfold(1, longest, 1)[:, :time]
    both = scores.starts.unsqueeze(2) + ends
    none = scores.no_start + scores.no_end
    every = torch.cat([both.flatten(1), none.unsqueeze(1)], dim=1).clamp(min=LOW)
    likely = (every.double() - every.double().logsumexp(1, keepdim=True)).cpu().numpy()
    counts = (scores.lengths * longest).tolist()
    return [np.append(row[:count], row[-1]) for row, count in zip(likely, counts, strict=True)]


def best_candidates(likely: Float[np.ndarray, " candidate"], best: int) -> list[int]:
    """The places of the likeliest, best first; of equal ones the first wins.

    There are fewer where there are not as many real ones.
    """
    left, found = likely.copy(), list[int]()
    for _ in range(min(best, len(left))):
        top = left.max()
        if top < LOW / 2:
            break
        found.append(int((left >= top - NEAR).argmax()))
        left[found[-1]] = -np.inf
    return found


def best_threshold(
    above: Float[np.ndarray, " question"],
    span_right: Bool[np.ndarray, " question"],
    none_right: Bool[np.ndarray, " question"],
) -> tuple[float, str]:
    """The threshold with which most answers are right, and a line that says what it did.

    above: by how much no answer is likelier than the best span, as a difference of logarithms.
    span_right, none_right: whether that span would be right, and no answer. The threshold lies in
    the middle between two questions, and stays 0 where no other is better.
    """
    order = np.argsort(above, kind="stable")
    ranked = above[order]
    spans = np.append(0, span_right[order].cumsum())  # the lowest n are answered by a span
    right = spans + none_right.sum() - np.append(0, none_right[order].cumsum())
    cuts = np.append(True, np.append(ranked[1:] > ranked[:-1], True))[: len(right)]
    before = int(np.where(above > EVEN, none_right, span_right).sum())
    place = int(np.where(cuts, right, -1).argmax())
    total = f"{len(above):,} answer{'' if len(above) == 1 else 's'}"
    if not len(above) or right[place] <= before:
        return EVEN, f"threshold stays 0: no other makes more of {total} of dev right"
    edges = np.concatenate([[ranked[0] - 1], ranked, [ranked[-1] + 1]])
    found = float((edges[place] + edges[place + 1]) / 2)
    shares = [f"{100 * number / len(above):.1f}%" for number in (before, int(right[place]))]
    return found, f"threshold {found:.2f} fitted on {total} of dev: right {' → '.join(shares)}"
