"""The decoder that labels whole texts: classifier."""

from __future__ import annotations

from typing import Literal

from seqkit.settings import Dropout, Name, Probability
from seqkit.stages import Decoder, Upstream


def classifier(
    upstream: Upstream,
    *,
    pool: Literal["last", "max", "mean", "attention"] = "max",
    dropout: Dropout = 0.0,
    smoothing: Probability = 0.0,
    over: Name | None = None,
) -> Decoder:
    """Gives a whole text one label, from one vector that its steps are pooled to.

    Gold is a string or a whole number.

    pool: the encoder's last state, the greatest or the mean value of all steps, or their sum
        weighted by attention (Yang et al. 2016).
    dropout: share of values dropped before the output layer.
    smoothing: probability that is spread evenly over all labels (Szegedy et al. 2016).
    over: the input that is labelled, where there are several.
    """
    from seqkit_labels.text_classifier import Classifier

    return Classifier(upstream, pool=pool, dropout=dropout, smoothing=smoothing, over=over)
