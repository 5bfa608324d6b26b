"""What a decoder of words has answered on a split with gold, to calibrate its confidence on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from seqkit.settings import CHECK_SHAPES
from seqkit_labels.schemes import OUTSIDE, Span
from seqkit_labels.temperature import FEWEST, fit_temperature
from seqkit_labels.words import NO_GOLD, UNSEEN, Certainty, WordLabels

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Bool, Float, Int
    from torch import Tensor


class Answered(NamedTuple):
    """The texts of a batch that have words, not all with labels that training has not seen.

    paths: the labels that are answered; real: the words that have gold; right_words: which of them
    are right, in the order of the texts. spans: those that are read from the labels; right_spans:
    which of them gold has.
    """

    scores: Float[Tensor, "batch word label"]
    lengths: Int[Tensor, " batch"]
    paths: Int[np.ndarray, "batch word"]
    real: Bool[np.ndarray, "batch word"]
    right_words: Bool[np.ndarray, " real"]
    spans: list[list[Span]]
    right_spans: list[bool]


Sure = Callable[[Answered, float], tuple["Float[np.ndarray, 'batch word']", Certainty]]
"""Gives the probabilities of answered labels, and of spans, at a temperature."""


def answered(
    words: WordLabels,
    scores: Float[Tensor, "batch word label"],
    lengths: Int[Tensor, " batch"],
    paths: Int[np.ndarray, "batch word"],
    labels: Int[np.ndarray, "batch word"],
) -> Answered:
    """The texts of a batch that confidence can be judged on. labels: gold, as `prepare` has it."""
    sizes = lengths.cpu().numpy()
    real = (np.arange(labels.shape[1]) < sizes[:, None]) & (labels != NO_GOLD)
    kept = np.flatnonzero(((labels != UNSEEN) & real).any(1))
    sizes, real, paths, labels = sizes[kept], real[kept], paths[kept], labels[kept]
    known = np.where(labels < 0, words.index.get(OUTSIDE, 0), labels)
    found, wanted = (words.read_spans(rows, sizes) for rows in (paths, known))
    pairs = zip(found, map(set, wanted), strict=True)
    right = [span in gold for given, gold in pairs for span in given]
    chosen = torch.from_numpy(kept).to(lengths.device)
    scores, lengths = scores[chosen], lengths[chosen]
    return Answered(scores, lengths, paths, real, (paths == labels)[real], found, right)


def fit_words(every: Sequence[Answered], sure: Sure) -> tuple[float, str]:
    """The temperature for a decoder of words, and a line about it; see `fit_temperature`.

    It is fitted on the spans that are answered: they are what users act on. Where they are too few,
    it is fitted on the labels of words.
    """
    texts = sum(len(one.lengths) for one in every)
    spans = [right for one in every for right in one.right_spans]
    if len(spans) >= FEWEST:
        return fit_temperature(
            lambda value: np.array(
                [p for one in every for row in sure(one, value)[1](one.spans) for p in row]
            ),
            np.array(spans),
            texts,
            "spans",
        )
    nothing = np.zeros(0)
    return fit_temperature(
        lambda value: np.concatenate([sure(one, value)[0][one.real] for one in every] or [nothing]),
        np.concatenate([one.right_words for one in every] or [nothing.astype(bool)]),
        texts,
        "words",
    )
