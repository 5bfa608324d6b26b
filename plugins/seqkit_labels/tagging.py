"""Decoders that label words: tagger, crf and features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from seqkit.settings import Dropout, Name, PositiveFloat, PositiveInt, Probability
from seqkit.stages import Decoder, Upstream


def tagger(
    upstream: Upstream,
    *,
    dropout: Dropout = 0.0,
    word: Literal["first", "last", "mean"] = "first",
    smoothing: Probability = 0.0,
    weights: Literal["balanced"] | Mapping[Name, PositiveFloat] | None = None,
    scheme: Literal["keep", "IOB1", "BIO", "BIOES", "BILOU"] = "keep",
    confidence: bool = True,
    calibrate: bool = True,
    over: Name | None = None,
) -> Decoder:
    """Labels each word on its own, by a softmax over the labels that training has seen.

    Gold is a list of labels, one a word, or a list of [start, end, label] in characters. Tags in
    IOB1, BIO, BIOES or BILOU are recognised, and answers then have spans too.

    dropout: share of values dropped before the output layer.
    word: which piece speaks for a word of several, or the mean of all of them.
    smoothing: probability that is spread evenly over all labels (Szegedy et al. 2016).
    weights: what the loss of a word is multiplied by, for its label: `balanced` makes up for how
        often labels occur; a mapping names some labels of the scheme that is learnt, others have 1.
    scheme: the tag scheme that is learnt; answers are in the file's all the same.
    confidence: gives the probability of each word's label, and that of each span, the product of
        its words'.
    calibrate: fits a temperature for these probabilities on dev, once after training; labels stay.
    over: the input whose words are labelled, where there are several.
    """
    from seqkit_labels.word_tagger import Tagger

    return Tagger(
        upstream,
        dropout=dropout,
        word=word,
        smoothing=smoothing,
        weights=weights,
        scheme=scheme,
        confidence=confidence,
        calibrate=calibrate,
        over=over,
    )


def crf(
    upstream: Upstream,
    *,
    dropout: Dropout = 0.0,
    word: Literal["first", "last", "mean"] = "first",
    scheme: Literal["keep", "IOB1", "BIO", "BIOES", "BILOU"] = "keep",
    constrain: bool = True,
    best: PositiveInt | None = None,
    confidence: bool = True,
    calibrate: bool = True,
    over: Name | None = None,
) -> Decoder:
    """Labels the words of a text together, by a conditional random field (Lafferty et al. 2001).

    Gold is a list of labels, one a word, or a list of [start, end, label] in characters. Tags in
    IOB1, BIO, BIOES or BILOU are recognised, and answers then have spans too.

    dropout: share of values dropped before the output layer.
    word: which piece speaks for a word of several, or the mean of all of them.
    scheme: the tag scheme that is learnt; answers are in the file's all the same.
    constrain: forbids what the tag scheme does not allow, in training and in answers.
    best: gives so many of the likeliest answers as `alternatives`, each with its probability.
    confidence: gives the marginal probability of each word's label, and that of each span.
    calibrate: fits a temperature for these probabilities on dev, once after training; labels stay.
    over: the input whose words are labelled, where there are several.
    """
    from seqkit_labels.word_crf import CRF

    return CRF(
        upstream,
        dropout=dropout,
        word=word,
        scheme=scheme,
        constrain=constrain,
        best=best,
        confidence=confidence,
        calibrate=calibrate,
        over=over,
    )


def features(
    upstream: Upstream,
    *,
    dropout: Dropout = 0.0,
    word: Literal["first", "last", "mean"] = "first",
    smoothing: Probability = 0.0,
    confidence: bool = True,
    calibrate: bool = True,
    over: Name | None = None,
) -> Decoder:
    """Gives each word its morphological features, each by a softmax over its values, or none.

    Gold is a list of bundles, one a word, as Universal Dependencies write them:
    `Case=Nom|Number=Sing`, or `_`. Answers are bundles too, also ones that training has not seen
    whole. The other way to learn bundles is `tagger`, to which each is a label of its own.

    dropout: share of values dropped before the output layer.
    word: which piece speaks for a word of several, or the mean of all of them.
    smoothing: probability that is spread evenly over the values of each feature (Szegedy et al.
        2016).
    confidence: gives the probability of each word's bundle, and of each feature in it.
    calibrate: fits a temperature for these probabilities on dev, once after training; values stay.
    over: the input whose words are described, where there are several.
    """
    from seqkit_labels.word_features import Features

    return Features(
        upstream,
        dropout=dropout,
        word=word,
        smoothing=smoothing,
        confidence=confidence,
        calibrate=calibrate,
        over=over,
    )
