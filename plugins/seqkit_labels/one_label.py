"""One label for each text: the likeliest, by a softmax over all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer, Loss
from seqkit_labels.class_weights import Weights, class_weights
from seqkit_labels.temperature import UNFITTED, fit_temperature
from seqkit_labels.texts import UNSEEN, TextLabels

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float

    from seqkit.stages import Batch

Scored = tuple[Tensor, "Batch"]
"""The scores of a batch [batch label], and its arrays."""


@final
class OneLabel(nn.Module):
    """Scores of labels to a loss and to answers, where a text has one label."""

    temperature: Tensor
    label_weights: Tensor | None

    def __init__(
        self, texts: TextLabels, *, smoothing: float, weights: Weights, best: int | None
    ) -> None:
        super().__init__()
        self.labels, self.smoothing, self.best = texts.labels, smoothing, best
        balanced = class_weights(weights, texts.labels, texts.counts)
        self.register_buffer("label_weights", balanced, persistent=False)
        self.register_buffer("temperature", torch.ones(()))

    def loss(self, scores: Float[Tensor, "batch label"], batch: Batch) -> Loss:
        """Cross-entropy, summed over texts; a label that training has not seen counts for none."""
        labels = batch["label"].long()
        total = F.cross_entropy(
            scores,
            labels,
            weight=self.label_weights,
            ignore_index=UNSEEN,
            label_smoothing=self.smoothing,
            reduction="sum",
        )
        return Loss(total, (labels != UNSEEN).sum())

    def answers(self, scores: Float[Tensor, "batch label"]) -> list[Answer]:
        """The likeliest label of each text as `value`, and its probability as `confidence`.

        With `best` also `alternatives`, the likeliest labels in order, each with its probability.
        """
        chosen = scores.argmax(1).tolist()
        likely = (scores.float() / self.temperature).softmax(1).double().cpu().numpy()
        return [
            {
                "value": self.labels[label],
                "confidence": round(float(sure[label]), 4),
                **alternatives(self.labels, sure, self.best),
            }
            for label, sure in zip(chosen, likely, strict=True)
        ]

    def calibrate(self, held: Sequence[Scored]) -> list[str]:
        """Fits the temperature at which gold is likeliest (Guo et al. 2017)."""
        if not held:
            return [UNFITTED]
        scores = torch.cat([scores for scores, _ in held]).float()
        labels = torch.cat([batch["label"] for _, batch in held]).long()
        scores, labels = scores[labels != UNSEEN], labels[labels != UNSEEN]
        found, line = fit_temperature(
            lambda value: (scores / value).softmax(1).amax(1).cpu().numpy(),
            (scores.argmax(1) == labels).cpu().numpy(),
            len(labels),
            "labels",
            lambda value: float(F.cross_entropy(scores / value, labels)),
        )
        self.temperature.fill_(found)
        return [line]


def alternatives(
    labels: Sequence[str], likely: Float[np.ndarray, " label"], best: int | None
) -> dict[str, list[dict[str, object]]]:
    """The likeliest labels with their probabilities; nothing where they are not asked for."""
    if best is None:
        return {}
    order = np.argsort(-likely, kind="stable")[:best].tolist()
    found = [{"value": labels[n], "probability": float(f"{likely[n]:.4g}")} for n in order]
    return {"alternatives": found}
