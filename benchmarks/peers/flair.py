"""Flair's SequenceTagger at the sizes of the bare loops: trained word vectors, characters, CRF."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import flair
import torch
from flair import data
from flair.datasets import FlairDatapointDataset
from flair.embeddings import CharacterEmbeddings, OneHotEmbeddings, StackedEmbeddings
from flair.models import SequenceTagger
from flair.trainers import ModelTrainer
from measuring import Tag
from sentences import Sentence

ROWS = 32
RATE = 2e-3
EPOCHS = 4
TAG = "upos"


def corpus(train: Sequence[Sentence], dev: Sequence[Sentence]) -> data.Corpus:
    """Sentences as Flair's own."""
    return data.Corpus(labelled(train), labelled(dev), sample_missing_splits=False)


def labelled(sentences: Sequence[Sentence]) -> FlairDatapointDataset:
    """Sentences with a label on each token."""
    found = []
    for words, tags in sentences:
        sentence = data.Sentence(words)
        for token, tag in zip(sentence, tags, strict=True):
            token.add_label(TAG, tag)
        found.append(sentence)
    return FlairDatapointDataset(found)


def model(given: data.Corpus) -> SequenceTagger:
    """Word vectors of 100 for words seen twice, characters 2 x 25, BiLSTM 2 x 256, CRF."""
    letters = data.Dictionary()
    for sentence in given.train:
        for letter in sentence.text:
            letters.add_item(letter)
    words = OneHotEmbeddings.from_corpus(given, min_freq=2, embedding_length=100)
    return SequenceTagger(
        # Flair joins vectors in the order of names, and saved words lose the number in theirs: in
        # this order alone a loaded model is the one that was saved.
        StackedEmbeddings([CharacterEmbeddings(letters, 25, 25), words]),
        given.make_label_dictionary(TAG, add_unk=False),
        TAG,
        hidden_size=256,
        reproject_embeddings=False,
        dropout=0.3,
        word_dropout=0.0,
        locked_dropout=0.0,
    )


def updates(train: Sequence[Sentence]) -> Iterator[int]:
    """Updates from 32 random sentences each."""
    logging.disable(logging.INFO)
    given = corpus(train, train[:1])
    tagger = model(given)
    tagger.train()
    optimiser = torch.optim.Adam(tagger.parameters(), lr=RATE)
    sentences, chance = list(given.train), random.Random(1)
    while True:
        chance.shuffle(sentences)
        for start in range(0, len(sentences), ROWS):
            batch = sentences[start : start + ROWS]
            loss, count = tagger.forward_loss(batch)
            optimiser.zero_grad()
            (loss / count).backward()
            torch.nn.utils.clip_grad_norm_(tagger.parameters(), 5.0)
            optimiser.step()
            for sentence in batch:
                sentence.clear_embeddings()
            yield count


def prepare(train: Sequence[Sentence], dev: Sequence[Sentence], place: Path) -> str:
    """Trains with Adam, the rate falling to zero over a few epochs, and keeps the last model."""
    flair.set_seed(1)
    given = corpus(train, dev)
    trainer = ModelTrainer(model(given), given)
    trainer.fine_tune(
        place,
        learning_rate=RATE,
        optimizer=torch.optim.Adam,
        mini_batch_size=ROWS,
        max_epochs=EPOCHS,
    )
    return f"{EPOCHS} epochs"


def tagger(place: Path) -> Tag:
    """The kept model."""
    logging.disable(logging.INFO)
    loaded = SequenceTagger.load(place / "final-model.pt")

    def tag(texts: list[list[str]]) -> list[list[str]]:
        sentences = [data.Sentence(words) for words in texts]
        loaded.predict(sentences, mini_batch_size=ROWS)
        return [[token.get_label(TAG).value for token in sentence] for sentence in sentences]

    return tag
