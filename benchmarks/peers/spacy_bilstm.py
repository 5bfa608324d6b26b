"""spaCy's tagger with its BiLSTM, as wide as the convolutional network that it replaces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from measuring import Tag
from peers import spacy
from sentences import Sentence

ENCODER: dict[str, Any] = {
    "@architectures": "spacy.TorchBiLSTMEncoder.v1",
    "width": 96,
    "depth": 2,
    "dropout": 0.1,
}


def updates(train: Sequence[Sentence]) -> Iterator[int]:
    """Updates from 32 random sentences each."""
    return spacy.updates(train, ENCODER)


def prepare(train: Sequence[Sentence], dev: Sequence[Sentence], place: Path) -> str:
    """Trains with spaCy's defaults."""
    return spacy.prepare(train, dev, place, ENCODER)


def tagger(place: Path) -> Tag:
    """The kept pipeline."""
    return spacy.tagger(place)
