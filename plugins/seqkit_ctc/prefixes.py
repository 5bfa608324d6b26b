"""Prefix beam search: the likeliest texts, each with the sum over its ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import numpy as np

from seqkit.settings import CHECK_SHAPES
from seqkit_ctc.grams import Grams
from seqkit_ctc.paths import NEVER
from seqkit_ctc.targets import BLANK

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float64, Int64

Found = tuple[list[int], float]
"""A text's labels, and its score."""


@final
class Spoken:
    """What a language model adds to the score of a text. weight, bonus: see `Language`."""

    def __init__(self, grams: Grams, weight: float, bonus: float) -> None:
        self.grams, self.weight, self.bonus = grams, weight, bonus

    def following(self, labels: tuple[int, ...]) -> Float64[np.ndarray, " label"]:
        """What each next label adds to a text; at 0, what its end adds."""
        added = self.weight * self.grams.following(labels)
        added[1:] += self.bonus
        return added


@final
class Prefixes:
    """All prefixes that a search has come by, as a tree; number 0 is the empty one."""

    def __init__(self, labels: int, spoken: Spoken | None) -> None:
        self.spoken, self.nothing = spoken, np.zeros(labels)
        self.parents, self.lasts = [0], [BLANK]
        self.added = [0.0]
        self.numbers: dict[tuple[int, int], int] = {}
        self.ahead: dict[int, Float64[np.ndarray, " label"]] = {}

    def longer(self, prefix: int, label: int) -> int:
        """The number of a prefix with one label more."""
        number = self.numbers.setdefault((prefix, label), len(self.parents))
        if number == len(self.parents):
            self.added.append(self.added[prefix] + float(self.following(prefix)[label]))
            self.parents.append(prefix)
            self.lasts.append(label)
        return number

    def following(self, prefix: int) -> Float64[np.ndarray, " label"]:
        """What the language model adds for each next label, and at 0 for the end."""
        if self.spoken is None:
            return self.nothing
        if prefix not in self.ahead:
            order = self.spoken.grams.order
            self.ahead[prefix] = self.spoken.following(tuple(self.labels(prefix, order - 1)))
        return self.ahead[prefix]

    def labels(self, prefix: int, most: int | None = None) -> list[int]:
        """The labels of a prefix; the last few alone where `most` is given."""
        found: list[int] = []
        while prefix and len(found) != most:
            found.append(self.lasts[prefix])
            prefix = self.parents[prefix]
        return found[::-1]


def beam_search(
    scores: Float64[np.ndarray, "step label"], size: int, spoken: Spoken | None = None
) -> list[Found]:
    """The likeliest texts, best first (Hannun et al. 2014, algorithm 1).

    A prefix is kept with two sums over its ways, those that end in a blank and those that do not;
    the `size` best go on. Where none had to go, the scores are exact.
    """
    tree = Prefixes(scores.shape[1], spoken)
    kept = np.zeros(1, np.int64)
    blank, other = np.zeros(1), np.full(1, NEVER)
    for step in scores:
        kept, blank, other = advance(tree, kept, blank, other, step, size)
    ends = [tree.added[prefix] + float(tree.following(prefix)[BLANK]) for prefix in kept.tolist()]
    totals = np.logaddexp(blank, other) + np.array(ends)
    order = np.argsort(-totals, kind="stable").tolist()
    return [(tree.labels(int(kept[place])), float(totals[place])) for place in order]


def advance(
    tree: Prefixes,
    kept: Int64[np.ndarray, " beam"],
    blank: Float64[np.ndarray, " beam"],
    other: Float64[np.ndarray, " beam"],
    step: Float64[np.ndarray, " label"],
    size: int,
) -> tuple[Int64[np.ndarray, " kept"], Float64[np.ndarray, " kept"], Float64[np.ndarray, " kept"]]:
    """The best prefixes after one more step, with their sums."""
    lasts = np.array([tree.lasts[prefix] for prefix in kept.tolist()])
    total = np.logaddexp(blank, other)
    longer = total[:, None] + step
    rows = np.arange(len(kept))
    longer[rows, lasts] = blank + step[lasts]  # the same label again needs a blank between
    longer[:, BLANK] = NEVER
    blank = total + step[BLANK]
    other = np.where(lasts == BLANK, NEVER, other + step[lasts])
    places = {prefix: place for place, prefix in enumerate(kept.tolist())}
    for place, prefix in enumerate(kept.tolist()):
        parent = places.get(tree.parents[prefix])
        if prefix and parent is not None:
            last = tree.lasts[prefix]
            other[place] = np.logaddexp(other[place], longer[parent, last])
            longer[parent, last] = NEVER
    added = np.array([tree.added[prefix] for prefix in kept.tolist()])
    ahead = np.stack([tree.following(prefix) for prefix in kept.tolist()])
    ranks = np.concatenate(
        (np.logaddexp(blank, other) + added, (longer + added[:, None] + ahead).ravel())
    )
    chosen = np.argsort(-ranks, kind="stable")[:size]
    chosen = chosen[ranks[chosen] > NEVER]
    staying = chosen[chosen < len(kept)]
    origins, labels = np.divmod(chosen[chosen >= len(kept)] - len(kept), len(step))
    pairs = zip(kept[origins].tolist(), labels.tolist(), strict=True)
    new = np.array([tree.longer(prefix, label) for prefix, label in pairs], np.int64)
    return (
        np.concatenate((kept[staying], new)),
        np.concatenate((blank[staying], np.full(len(new), NEVER))),
        np.concatenate((other[staying], longer[origins, labels])),
    )
