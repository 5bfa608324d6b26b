"""The decoder that labels whole texts: classifier."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from annotated_types import MinLen

from seqkit.settings import Dropout, Name, PositiveFloat, PositiveInt, Probability
from seqkit.stages import Decoder, Upstream

Pool = Literal["last", "max", "mean", "attention"]


def classifier(
    upstream: Upstream,
    *,
    pool: Pool | Annotated[Sequence[Pool], MinLen(1)] = "max",
    dropout: Dropout = 0.0,
    smoothing: Probability = 0.0,
    weights: Literal["balanced"] | Mapping[Name, PositiveFloat] | None = None,
    threshold: Probability | None = None,
    best: PositiveInt | None = None,
    calibrate: bool = True,
    over: Name | None = None,
) -> Decoder:
    """Gives a whole text its label, or labels, from one vector that its steps are pooled to.

    Gold is a string or a whole number: then the answer is one label. Or it is a list of these, in
    any order: then the answer is a list, each label is decided on its own, and `label_f1` is the
    metric.

    pool: the encoder's last state, the greatest or the mean value of all steps, or their sum
        weighted by attention (Yang et al. 2016); several stand side by side.
    dropout: share of values dropped before the output layer.
    smoothing: probability that is spread evenly over all labels (Szegedy et al. 2016).
    weights: what the loss of a text is multiplied by, for its label: `balanced` makes up for how
        often labels occur; a mapping names some labels, others have 1.
    threshold: where texts have lists of labels, the probability from which a label is given
        (default: the one with the best F1 on dev, or 0.5).
    best: gives so many of the likeliest labels as `alternatives`, each with its probability.
    calibrate: fits a temperature for these probabilities on dev, once after training, and the
        threshold where it is not set.
    over: the input that is labelled, where there are several.
    """
    from seqkit_labels.text_classifier import Classifier

    return Classifier(
        upstream,
        pool=pool,
        dropout=dropout,
        smoothing=smoothing,
        weights=weights,
        threshold=threshold,
        best=best,
        calibrate=calibrate,
        over=over,
    )


def classifier_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """No kind of pooling twice."""
    pool = settings["pool"]
    twice = [kind for kind in pool if pool.count(kind) > 1] if isinstance(pool, list) else []
    if twice:
        yield "pool", f"has '{twice[0]}' twice, which gives the same vector twice. Keep one"
