"""The factories of embedders that come from files, and what rules their settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import Annotated, Any, Literal

from annotated_types import MinLen

from seqkit.settings import DataFile, DataFolder, Dropout, PositiveInt, Probability
from seqkit.stages import Embedder, Upstream
from seqkit_text.rules import locked_rules, repeated


def vectors_embedder(
    upstream: Upstream,
    *,
    file: DataFile | DataFolder,
    limit: PositiveInt | None = None,
    lower: bool = True,
    digits: bool = False,
    normalise: bool = False,
    train: bool = False,
    coverage: Probability = 0.05,
    dropout: Dropout = 0.0,
    locked: bool = False,
) -> Embedder:
    """Looks each piece up among pretrained word vectors; pieces without one get zeros.

    A saved pipeline holds the vectors of all words of the file, not of those in training alone, and
    needs the file no more. Put it beside a `lookup` in a `concat` for vectors that are learnt.

    file: GloVe or word2vec text (.txt, .vec), or JSON, {word: [numbers]}, each also as .gz; or a
        folder of a pipeline that spaCy has saved.
    limit: how many words are kept from the file's start, beside those of training; all of them,
        where it is not given.
    lower: looks a piece that is not in the file up in lower case.
    digits: then looks it up with each digit as 0 (Collobert et al. 2011).
    normalise: gives each vector the length 1.
    train: trains the vectors with the model. They are then saved twice, as they were and as they
        became; set 'limit'.
    coverage: share of the training split's pieces that must have a vector.
    dropout: share of the output's elements that training sets to zero.
    locked: drops the same elements at every step of a text (Gal & Ghahramani 2016).
    """
    del upstream
    from seqkit_text.word_vectors import WordVectors

    return WordVectors(
        file=file,
        limit=limit,
        lower=lower,
        digits=digits,
        normalise=normalise,
        train=train,
        coverage=coverage,
        dropout=dropout,
        locked=locked,
    )


def contextual_embedder(
    upstream: Upstream,
    *,
    model: DataFolder,
    layers: Annotated[list[int], MinLen(1)] | None = None,
    mix: bool = False,
    piece: Literal["first", "mean"] = "first",
    window: PositiveInt | None = None,
    dropout: Dropout = 0.0,
    locked: bool = False,
) -> Embedder:
    """Gives each piece the vector that a pretrained transformer, which stays frozen, has of it.

    Needs the package transformers: pip install 'seqkit[transformers]'. A saved pipeline holds the
    whole model and needs its folder no more. Each batch goes through the model anew: on a CPU, use
    a small one.

    model: a folder with config.json, tokenizer.json and weights as safetensors. Nothing is fetched.
    layers: the hidden layers that are averaged, from 0, the embeddings, or from -1, the last; the
        last one, or with 'mix' all, where it is not given.
    mix: learns how much each layer counts (Peters et al. 2018).
    piece: of a piece of several tokens, takes the first one's vector, or their mean.
    window: how many tokens the model reads at once, 512 or what it says; longer texts are read in
        windows that overlap by half.
    dropout: share of the output's elements that training sets to zero.
    locked: drops the same elements at every step of a text (Gal & Ghahramani 2016).
    """
    del upstream
    from seqkit_text.contextual import Contextual

    return Contextual(
        model=model,
        layers=layers,
        mix=mix,
        piece=piece,
        window=window,
        dropout=dropout,
        locked=locked,
    )


def contextual_rules(settings: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Says where the package lacks, or settings have no effect."""
    if find_spec("transformers") is None:
        yield (
            "model",
            "needs the package transformers, which is not installed. "
            "Run: pip install 'seqkit[transformers]'",
        )
    layers = settings["layers"]
    if layers is not None:
        yield from repeated(settings, "layers")
    if settings["mix"] and layers is not None and len(layers) == 1:
        yield "mix", "has no effect on a single layer. Give 'layers' more of them"
    yield from locked_rules(settings)
