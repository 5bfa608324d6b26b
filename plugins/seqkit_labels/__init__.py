"""Decoders that give labels, to words or to whole texts, and the metrics for labels."""

from __future__ import annotations

from seqkit.plugins import Register, hookimpl
from seqkit_labels.classifying import classifier, classifier_rules
from seqkit_labels.multitask import heads, heads_rules
from seqkit_labels.scoring import (
    accuracy,
    calibration,
    exact,
    label_f1,
    macro_f1,
    span_f1,
)
from seqkit_labels.tagging import crf, features, tagger


@hookimpl
def seqkit_stages(register: Register) -> None:
    """Registers tagger, crf, features, classifier and heads, and the metrics for labels."""
    register.decoder("tagger", tagger)
    register.decoder("crf", crf)
    register.decoder("features", features)
    register.decoder("classifier", classifier, rules=classifier_rules)
    register.decoder("heads", heads, rules=heads_rules)
    register.metric("accuracy", accuracy)
    register.metric("calibration", calibration)
    register.metric("exact", exact)
    register.metric("label_f1", label_f1)
    register.metric("macro_f1", macro_f1)
    register.metric("span_f1", span_f1)
