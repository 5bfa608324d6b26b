"""The metrics for labels: accuracy, exact, macro_f1, label_f1, span_f1 and calibration."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Le

from seqkit.stages import Metric


def accuracy() -> Metric:
    """Share of labels that are right, in percent: of words, or of texts with one label each."""
    from seqkit_labels.metrics import Accuracy

    return Accuracy()


def exact() -> Metric:
    """Share of answers that are right as a whole, in percent: every label of a text, or its one."""
    from seqkit_labels.metrics import Exact

    return Exact()


def macro_f1() -> Metric:
    """Mean of the F1 of all labels, each counting alike, in percent: of words, or of texts.

    Labels that occur in gold or in an answer count; one that is never right has an F1 of 0.
    """
    from seqkit_labels.metrics import MacroF1

    return MacroF1()


def label_f1(*, average: Literal["micro", "macro"] = "micro") -> Metric:
    """F1 of the labels of texts that have any number of them, in percent.

    average: `micro` counts all labels together; `macro` is the mean of the F1 of the labels that
        occur in gold or in an answer, each counting alike.
    """
    from seqkit_labels.label_sets import LabelF1

    return LabelF1(average=average)


def calibration(
    *,
    of: Literal["labels", "sets", "spans"] = "labels",
    bins: Annotated[int, Ge(2), Le(1000)] = 10,
) -> Metric:
    """Expected calibration error in percent: how far confidence is from the share that is right.

    0 is best (Naeini et al. 2015; Guo et al. 2017).

    of: whose confidence: that of labels, one a word or one a text; of the labels of texts that have
        sets of them; or of spans. Of sets and spans, those count that were given.
    bins: ranges of confidence, of equal width, in each of which it is set against what was right.
    """
    from seqkit_labels.reliability import Calibration

    return Calibration(of=of, bins=bins)


def span_f1(*, mode: Literal["conlleval", "strict"] = "conlleval") -> Metric:
    """F1 of spans with the right edges and the right label, over all labels, in percent.

    mode: how tags are read that the scheme does not allow. `conlleval` mends them, as the script of
        the CoNLL shared tasks does, by which published scores are measured; `strict` counts a span
        only where its tags are written as the scheme writes them.
    """
    from seqkit_labels.span_scores import SpanF1

    return SpanF1(mode=mode)
