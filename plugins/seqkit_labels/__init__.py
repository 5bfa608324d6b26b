"""Decoders that give labels, to words or to whole texts, and the metrics for labels."""

from __future__ import annotations

from typing import Literal

from seqkit.plugins import Register, hookimpl
from seqkit.settings import Dropout, Name, Probability
from seqkit.stages import Decoder, Metric, Upstream


@hookimpl
def seqkit_stages(register: Register) -> None:
    """Registers tagger, crf and classifier, accuracy, exact and span_f1."""
    register.decoder("tagger", tagger)
    register.decoder("crf", crf)
    register.decoder("classifier", classifier)
    register.metric("accuracy", accuracy)
    register.metric("exact", exact)
    register.metric("span_f1", span_f1)


def tagger(
    upstream: Upstream,
    *,
    dropout: Dropout = 0.0,
    word: Literal["first", "last", "mean"] = "first",
    smoothing: Probability = 0.0,
    scheme: Literal["keep", "IOB1", "BIO", "BIOES", "BILOU"] = "keep",
    confidence: bool = True,
    over: Name | None = None,
) -> Decoder:
    """Labels each word on its own, by a softmax over the labels that training has seen.

    Gold is a list of labels, one a word, or a list of [start, end, label] in characters. Tags in
    IOB1, BIO, BIOES or BILOU are recognised, and answers then have spans too.

    dropout: share of values dropped before the output layer.
    word: which piece speaks for a word of several, or the mean of all of them.
    smoothing: probability that is spread evenly over all labels (Szegedy et al. 2016).
    scheme: the tag scheme that is learnt; answers are in the file's all the same.
    confidence: gives the probability of each word's label.
    over: the input whose words are labelled, where there are several.
    """
    from seqkit_labels.word_tagger import Tagger

    return Tagger(
        upstream,
        dropout=dropout,
        word=word,
        smoothing=smoothing,
        scheme=scheme,
        confidence=confidence,
        over=over,
    )


def crf(
    upstream: Upstream,
    *,
    dropout: Dropout = 0.0,
    word: Literal["first", "last", "mean"] = "first",
    scheme: Literal["keep", "IOB1", "BIO", "BIOES", "BILOU"] = "keep",
    constrain: bool = True,
    confidence: bool = True,
    over: Name | None = None,
) -> Decoder:
    """Labels the words of a text together, by a conditional random field (Lafferty et al. 2001).

    Gold is a list of labels, one a word, or a list of [start, end, label] in characters. Tags in
    IOB1, BIO, BIOES or BILOU are recognised, and answers then have spans too.

    dropout: share of values dropped before the output layer.
    word: which piece speaks for a word of several, or the mean of all of them.
    scheme: the tag scheme that is learnt; answers are in the file's all the same.
    constrain: forbids what the tag scheme does not allow, in training and in answers.
    confidence: gives the marginal probability of each word's label; about 2 µs a word.
    over: the input whose words are labelled, where there are several.
    """
    from seqkit_labels.word_crf import CRF

    return CRF(
        upstream,
        dropout=dropout,
        word=word,
        scheme=scheme,
        constrain=constrain,
        confidence=confidence,
        over=over,
    )


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


def accuracy() -> Metric:
    """Share of labels that are right, in percent: of words, or of texts with one label each."""
    from seqkit_labels.metrics import Accuracy

    return Accuracy()


def exact() -> Metric:
    """Share of answers that are right as a whole, in percent: every label of a text, or its one."""
    from seqkit_labels.metrics import Exact

    return Exact()


def span_f1(*, mode: Literal["conlleval", "strict"] = "conlleval") -> Metric:
    """F1 of spans with the right edges and the right label, over all labels, in percent.

    mode: how tags are read that the scheme does not allow. `conlleval` mends them, as the script of
        the CoNLL shared tasks does, by which published scores are measured; `strict` counts a span
        only where its tags are written as the scheme writes them.
    """
    from seqkit_labels.metrics import SpanF1

    return SpanF1(mode=mode)
