"""The factories of what recipes may name, and what rules their settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from annotated_types import MinLen

from seqkit.settings import DataFolder, Dropout, Name, PositiveInt
from seqkit.stages import Embedder, Source, Tokeniser, Upstream


def spacy_tokeniser(
    upstream: Upstream,
    *,
    lang: Name | None = None,
    pipeline: DataFolder | None = None,
    lower: bool = False,
) -> Tokeniser:
    """Finds words as spaCy does, by the rules of a language or of a pipeline; takes given words.

    White space is no word. A saved model holds the rules, so that it splits texts as in training
    whatever spaCy becomes. Where more than 500 characters stand without white space they are read
    500 at a time: spaCy's time for them grows with their square.

    lang: a language as spaCy calls it, such as de; xx is one of many.
    pipeline: a folder of a pipeline that spaCy has saved, whose tokeniser is used instead.
    lower: puts pieces into lower case; their spans stay.
    """
    del upstream
    from seqkit_spacy.tokeniser import SpacyTokeniser

    return SpacyTokeniser(lang, pipeline, lower)


def spacy_rules(settings: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """One of lang and pipeline, and a language that spaCy has."""
    lang, pipeline = settings["lang"], settings["pipeline"]
    if (lang is None) == (pipeline is None):
        yield "lang", "is one of two. Set it, such as en, or 'pipeline', a folder"
    elif lang is not None:
        from seqkit_spacy.languages import unknown

        message = unknown(lang)
        if message:
            yield "lang", message


def floret(
    upstream: Upstream,
    *,
    pipeline: DataFolder,
    dropout: Dropout = 0.0,
) -> Embedder:
    """Gives each piece a vector made of those of its parts, as a spaCy pipeline has them (floret).

    So every piece has one, known or not. The vectors stay as they are; a saved model holds them.
    Where a pipeline has a list of words with vectors, `vectors` reads it.

    pipeline: a folder of a pipeline that spaCy has saved.
    dropout: share of the output's elements that training sets to zero.
    """
    del upstream
    from seqkit_spacy.floret_vectors import FloretVectors

    return FloretVectors(pipeline, dropout)


Attribute = Literal["pos", "tag", "morph", "dep", "lemma", "ent_type", "ent_iob", "shape", "norm"]


def spacy_features(
    upstream: Upstream,
    *,
    pipeline: DataFolder,
    attributes: Annotated[list[Attribute], MinLen(1)] | None = None,
    tensor: bool = False,
    width: PositiveInt = 16,
    dropout: Dropout = 0.0,
) -> Embedder:
    """What the components of a spaCy pipeline say of each word: tags, entities, their own vectors.

    The pipeline reads the words as seqkit's tokeniser finds them. It stays as it is; a saved model
    holds it whole. Every text goes through it anew: keep it small.

    pipeline: a folder of a pipeline that spaCy has saved.
    attributes: each value that training has seen gets a vector that is learnt; others share one.
    tensor: adds `doc.tensor`, the vectors of the pipeline's tok2vec.
    width: of the vector of each attribute.
    dropout: share of the output's elements that training sets to zero.
    """
    del upstream
    from seqkit_spacy.features import SpacyFeatures

    return SpacyFeatures(pipeline, attributes or [], tensor, width, dropout)


def features_rules(settings: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Says where nothing of the pipeline is taken."""
    if settings["attributes"] is None and not settings["tensor"]:
        yield "attributes", "is missing, and so is 'tensor'. Set it, such as [pos], or 'tensor'"


def docbin(*, unit: Literal["document", "sentence"] = "document") -> Source:
    """Reads Docs that spaCy has saved (DocBin, .spacy).

    Fields: `text`, with the tokens that are not white space as its words; a list of one item a word
    for each of `words`, `tag`, `pos`, `morph`, `lemma`, `dep`, `ent_type`; `ents`, and each group
    of spans by its key, as [start, end, label] in characters; `label`, the likeliest category, and
    `labels`, all that are at least as likely as not.

    unit: what becomes a row, a Doc or each of its sentences.
    """
    from seqkit_spacy.saved_docs import DocBins

    return DocBins(unit)
