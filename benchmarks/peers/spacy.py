"""spaCy's own tagger: hashed embeddings, a convolutional network of 96 x 4, a softmax."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from measuring import Tag
from sentences import Sentence, load, treebank
from spacy.cli.init_config import init_config
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.training.initialize import init_nlp
from spacy.training.loop import train as train_loop
from spacy.util import load_model, load_model_from_config
from spacy.vocab import Vocab

ROWS = 32
BATCH = 256
"""Texts that are tagged together; spaCy's own 1000 are slower on the processors that we have."""


def config(pipes: Sequence[str], encoder: dict[str, Any] | None = None) -> Any:
    """What `spacy init config --optimize efficiency` gives for English: no vectors."""
    found = init_config(lang="en", pipeline=list(pipes), optimize="efficiency", silent=True)
    if encoder:
        found["components"]["tok2vec"]["model"]["encode"] = encoder
    return found


def updates(train: Sequence[Sentence], encoder: dict[str, Any] | None = None) -> Iterator[int]:
    """Updates from 32 random sentences each, as spaCy's own loop makes them."""
    nlp = load_model_from_config(config(["tagger"], encoder), auto_fill=True)
    examples = [
        Example(Doc(nlp.vocab, words=words), Doc(nlp.vocab, words=words, tags=tags))
        for words, tags in train
    ]
    optimiser = nlp.initialize(lambda: examples)
    chance = random.Random(1)
    while True:
        chance.shuffle(examples)
        for start in range(0, len(examples), ROWS):
            batch = examples[start : start + ROWS]
            nlp.update(batch, sgd=optimiser, drop=0.1)
            yield sum(map(len, batch))


def train_to_convergence(settings: Any, place: Path) -> Language:
    """Trains on place/{train,dev}.spacy as `spacy train` does; the best model by dev."""
    for split in ("train", "dev"):
        settings["paths"][split] = str(place / f"{split}.spacy")
    train_loop(init_nlp(settings), place)
    return load_model(place / "model-best")


def prepare(
    train: Sequence[Sentence],
    dev: Sequence[Sentence],
    place: Path,
    encoder: dict[str, Any] | None = None,
) -> str:
    """Trains with spaCy's defaults until dev has not improved for 1600 updates."""
    vocab = Vocab()
    for split, sentences in (("train", train), ("dev", dev)):
        docs = [Doc(vocab, words=words, tags=tags) for words, tags in sentences]
        DocBin(attrs=["TAG"], docs=docs).to_disk(place / f"{split}.spacy")
    train_to_convergence(config(["tagger"], encoder), place)
    return "to convergence"


def tagger(place: Path) -> Tag:
    """The kept pipeline."""
    nlp = load_model(place / "model-best")

    def tag(texts: list[list[str]]) -> list[list[str]]:
        docs = nlp.pipe((Doc(nlp.vocab, words=words) for words in texts), batch_size=BATCH)
        return [[token.tag_ for token in doc] for doc in docs]

    return tag


def retrain(data: Path, place: Path) -> list[list[list[str]]]:
    """A tagger (language-specific tags) and a morphologizer (the others) on one network."""
    vocab = Vocab()
    for split in ("train", "dev"):
        columns = [load(treebank(data, split), name) for name in ("upos", "xpos", "feats")]
        docs = [
            Doc(
                vocab,
                words=words,
                pos=pos,
                tags=tags,
                morphs=["" if f == "_" else f for f in feats],
            )
            for (words, pos), (_, tags), (_, feats) in zip(*columns, strict=True)
        ]
        DocBin(attrs=["TAG", "POS", "MORPH"], docs=docs).to_disk(place / f"{split}.spacy")
    nlp = train_to_convergence(config(["tagger", "morphologizer"]), place)
    texts = [sentence.words for sentence in load(treebank(data, "test"))]
    docs = list(nlp.pipe(Doc(nlp.vocab, words=words) for words in texts))
    return [
        [[token.pos_ for token in doc] for doc in docs],
        [[token.tag_ for token in doc] for doc in docs],
        [[features(str(token.morph)) for token in doc] for doc in docs],
    ]


def features(morph: str) -> str:
    """Features as the treebank writes them: in the order of their names, whatever their case."""
    return "|".join(sorted(morph.split("|"), key=str.lower)) or "_"
