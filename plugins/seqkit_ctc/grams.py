"""An n-gram model of texts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, final

import numpy as np

from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float64

END = 0
"""Stands for the end of a text behind it, and for what is before its beginning."""
Counts = Mapping[str, Mapping[str, int]]
"""By context, labels with spaces between, how often each label follows."""


def count(texts: Iterable[Sequence[int]], order: int) -> dict[str, dict[str, int]]:
    """How often each label follows each context of fewer than `order` labels."""
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for text in texts:
        padded = [*[END] * (order - 1), *text, END]
        for place in range(order - 1, len(padded)):
            for size in range(order):
                context = " ".join(map(str, padded[place - size : place]))
                found[context][str(padded[place])] += 1
    return {context: dict(after) for context, after in found.items()}


@final
class Grams:
    """Probabilities by interpolation (Witten & Bell 1991, as in Chen & Goodman 1998, 2.4).

    p(w | h) = (c(h w) + N(h) p(w | h')) / (c(h) + N(h)), where N(h) counts the labels that follow
    h, and h' lacks its first label; before the shortest context all are alike.
    """

    def __init__(self, counts: Counts, order: int, labels: int) -> None:
        self.order, self.labels = order, labels
        self.counts = {
            tuple(map(int, context.split())): {int(label): n for label, n in after.items()}
            for context, after in counts.items()
        }
        self.known: dict[tuple[int, ...], Float64[np.ndarray, " label"]] = {}

    def following(self, text: Sequence[int]) -> Float64[np.ndarray, " label"]:
        """The log-probability of each next label of a text, and at 0 of its end."""
        padded = (*[END] * (self.order - 1), *text)
        found: Float64[np.ndarray, " label"] = np.log(
            self.after(padded[len(padded) - self.order + 1 :])
        )
        return found

    def after(self, context: tuple[int, ...]) -> Float64[np.ndarray, " label"]:
        """The probability of each label after a context."""
        while context not in self.counts and context:
            context = context[1:]
        if context not in self.known:
            shorter = self.after(context[1:]) if context else np.full(self.labels, 1 / self.labels)
            follow = self.counts[context]
            found = len(follow) * shorter
            found[list(follow)] += list(follow.values())
            self.known[context] = found / (sum(follow.values()) + len(follow))
        return self.known[context]
