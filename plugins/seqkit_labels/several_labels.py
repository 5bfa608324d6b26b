"""Any number of labels for each text: all that are likely enough, each on its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer, Loss, time_mask
from seqkit_labels.class_weights import Weights, class_weights
from seqkit_labels.gold import counted
from seqkit_labels.one_label import Scored, alternatives
from seqkit_labels.scores import full_precision
from seqkit_labels.temperature import UNFITTED, fit_temperature
from seqkit_labels.texts import UNSEEN, TextLabels

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Bool, Float

    from seqkit.stages import Batch

EVEN = 0.5
"""The threshold where none is set or fitted: what is likelier than not."""


@final
class SeveralLabels(nn.Module):
    """Scores of labels to a loss and to answers, where a text has any number of labels.

    threshold: the probability from which a label is given; None where dev is to tell.
    """

    temperature: Tensor
    threshold: Tensor
    label_weights: Tensor | None

    def __init__(
        self,
        texts: TextLabels,
        *,
        smoothing: float,
        weights: Weights,
        best: int | None,
        threshold: float | None,
    ) -> None:
        super().__init__()
        self.labels, self.smoothing, self.best = texts.labels, smoothing, best
        self.fitted = threshold is None
        balanced = positive_weights(weights, texts)
        self.register_buffer("label_weights", balanced, persistent=False)
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("threshold", torch.tensor(EVEN if threshold is None else threshold))

    def loss(self, scores: Float[Tensor, "batch label"], batch: Batch) -> Loss:
        """Binary cross-entropy, summed over labels and texts; the count is of texts.

        So the loss of a text is minus the logarithm of the probability of its set of labels. Labels
        that training has not seen count for nothing.
        """
        scores = full_precision(scores)
        wanted = self.wanted(batch).to(scores)
        smoothed = wanted * (1 - self.smoothing) + self.smoothing / 2
        total = F.binary_cross_entropy_with_logits(
            scores, smoothed, pos_weight=self.label_weights, reduction="sum"
        )
        return Loss(total, torch.tensor(len(scores), device=scores.device))

    def wanted(self, batch: Batch) -> Bool[Tensor, "batch label"]:
        """Which labels each text has."""
        given = batch["labels"].long()
        real = time_mask(batch["labels.lengths"], given.shape[1]) & (given != UNSEEN)
        found = torch.zeros(len(given), len(self.labels) + 1, dtype=torch.bool, device=given.device)
        return found.scatter_(1, given.where(real, len(self.labels)), True)[:, :-1]

    def likely(self, scores: Float[Tensor, "batch label"]) -> Float[np.ndarray, "batch label"]:
        """The probability of each label."""
        found: np.ndarray = (scores.float() / self.temperature).sigmoid().double().cpu().numpy()
        return found

    def answers(self, scores: Float[Tensor, "batch label"]) -> list[Answer]:
        """The labels of each text as `value`, sorted, and the probability of each as `confidence`.

        With `best` also `alternatives`, the likeliest labels in order, each with its probability.
        """
        found = list[Answer]()
        least = self.threshold.item()
        for sure in self.likely(scores):
            given = sorted((self.labels[n], float(sure[n])) for n in np.flatnonzero(sure >= least))
            found.append(
                {
                    "value": [label for label, _ in given],
                    "confidence": [round(one, 4) for _, one in given],
                    **alternatives(self.labels, sure, self.best),
                }
            )
        return found

    def calibrate(self, held: Sequence[Scored]) -> list[str]:
        """Fits the temperature at which gold is likeliest, then the threshold with the best F1."""
        if not held:
            return [UNFITTED]
        scores = torch.cat([scores for scores, _ in held]).float()
        wanted = torch.cat([self.wanted(batch) for _, batch in held])
        given = scores > 0
        found, line = fit_temperature(
            lambda value: (scores[given] / value).sigmoid().cpu().numpy(),
            wanted[given].cpu().numpy(),
            len(scores),
            "labels",
            lambda value: float(F.binary_cross_entropy_with_logits(scores / value, wanted.float())),
        )
        self.temperature.fill_(found)
        if not self.fitted:
            return [line]
        likely, right = self.likely(scores).ravel(), wanted.cpu().numpy().ravel()
        least, before, after = best_threshold(likely, right)
        self.threshold.fill_(least)
        texts = counted(len(scores), "text")
        if least == EVEN:
            return [line, f"threshold stays 0.5: no other has a better F1 of labels on {texts}"]
        return [
            line,
            f"threshold {least:.2f} fitted on {texts}: F1 of labels {before:.1f}% → {after:.1f}%",
        ]


def positive_weights(weights: Weights, texts: TextLabels) -> Float[Tensor, " label"] | None:
    """The weight of each label where it is there; where it is not, it counts 1.

    Balanced ones are texts without the label / texts with it, so that both sides count alike. A
    label that no text is without counts 1.
    """
    if weights != "balanced":
        return class_weights(weights, texts.labels, texts.counts)
    return torch.tensor([(texts.texts - count) / count or 1.0 for count in texts.counts])


def best_threshold(
    likely: Float[np.ndarray, " choice"], wanted: Bool[np.ndarray, " choice"]
) -> tuple[float, float, float]:
    """The threshold with the greatest F1 over all choices, and that F1 at 0.5 and with it.

    It lies in the middle between two probabilities. It is 0.5 where no other is better.
    """
    order = np.argsort(-likely, kind="stable")
    ranked, total = likely[order], wanted.sum()
    right = wanted[order].cumsum()
    scores = 200 * right / (np.arange(1, len(ranked) + 1) + total) if len(ranked) else right
    last = np.append(ranked[1:] < ranked[:-1], True)[: len(ranked)]  # equal ones stand together
    given = likely >= EVEN
    both = given.sum() + total
    before = float(200 * (given & wanted).sum() / both) if both else 0.0
    place = int(np.where(last, scores, -1.0).argmax()) if len(ranked) else 0
    if not len(ranked) or scores[place] <= before:
        return EVEN, before, before
    below = ranked[place + 1] if place + 1 < len(ranked) else 0.0
    return float((ranked[place] + below) / 2), before, float(scores[place])
