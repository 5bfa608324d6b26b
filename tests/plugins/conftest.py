"""Small saved models, with weights as drawn, one for each form of answers; recordings."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

WORDS = ["Ann", "sees", "a", "big", "dog", "in", "New", "York", "."]
UPOS = ["PROPN", "VERB", "DET", "ADJ", "NOUN", "ADP", "PROPN", "PROPN", "PUNCT"]
TAGS = ["B-PER", "O", "O", "O", "O", "O", "B-LOC", "I-LOC", "O"]
TEXT = "Ann sees a big dog in New York."
ROWS: list[dict[str, Any]] = [
    {
        "words": WORDS[start:],
        "upos": UPOS[start:],
        "xpos": [tag.lower() for tag in UPOS[start:]],
        "feats": ["Number=Sing" if tag == "NOUN" else "_" for tag in UPOS[start:]],
        "tags": TAGS[start:],
        "text": " ".join(WORDS[start:]),
        "topic": ["animals", "places", "people"][start % 3],
        "topics": ["animals", "places"][: start % 3],
        "de": ["Anna sieht einen großen Hund", "ein Hund in New York"][start % 2],
    }
    for start in range(7)
]
CHARACTERS = {"use": "characters", "width": 6, "character_width": 4}
EMBED = {"use": "concat", "parts": [{"use": "lookup", "width": 8}, CHARACTERS]}
ATTENTION = {
    "use": "attention",
    "tokenise": "shared",
    "embed": "shared",
    "encode": {"use": "lstm", "width": 16},
    "search": {"use": "beam", "size": 2},
}
PIECES = {"use": "sentencepiece", "size": 28, "byte_fallback": False}
HEADS = {"use": "heads", "parts": dict.fromkeys(("upos", "xpos", "feats"), "tagger")}
FORMS: Mapping[str, Mapping[str, Any]] = {
    "words": {"text": "words", "gold": "upos", "decode": "crf"},
    "heads": {"text": "words", "gold": dict.fromkeys(HEADS["parts"], None), "decode": HEADS},
    "spans": {"text": "words", "gold": "tags", "decode": "crf"},
    "label": {"text": "text", "gold": "topic", "decode": "classifier"},
    "labels": {"text": "text", "gold": "topics", "decode": "classifier"},
    "text": {
        "text": "text",
        "gold": "de",
        "tokenise": PIECES,
        "embed": {"use": "lookup", "width": 8},
        "decode": ATTENTION,
    },
}


@pytest.fixture(scope="session")
def rows() -> list[dict[str, Any]]:
    """What the saved models have been fitted on."""
    return ROWS


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a saved pipeline whose answers are of a form; tests leave it as it is."""
    from seqkit.pipeline import build
    from seqkit.recipe import recipe_from_plain

    made: dict[str, Path] = {}

    def folder(form: str) -> Path:
        if form not in made:
            said = FORMS[form]
            gold = {name: name for name in said["gold"]} if form == "heads" else said["gold"]
            data = {"use": "jsonl", "train": "no.jsonl", "text": said["text"], "gold": gold}
            content = {
                "seqkit": 1,
                "name": form,
                "data": data,
                "tokenise": said.get("tokenise", "words"),
                "embed": said.get("embed", EMBED),
                "encode": {"use": "bilstm", "width": 12},
                "decode": said["decode"],
            }
            torch.manual_seed(3)
            place = tmp_path_factory.mktemp("saved") / form
            build(recipe_from_plain(content, form), ROWS).save(place)
            made[form] = place
        return made[form]

    return folder


@pytest.fixture(scope="session")
def wav() -> Callable[..., bytes]:
    """Makes a .wav of numbers from -1 to 1, [time] or [time, channel], of `width` bytes each."""

    def made(values: Any, width: int = 2, rate: int = 8000) -> bytes:
        given = np.asarray(values, np.float64)
        whole = np.round(given * 2 ** (8 * width - 1)).astype(np.int64)
        whole += 128 if width == 1 else 0
        content = np.ascontiguousarray(whole).view(np.uint8).reshape(-1, 8)[:, :width].tobytes()
        stream = io.BytesIO()
        with wave.open(stream, "wb") as file:
            file.setnchannels(given.shape[1] if given.ndim == 2 else 1)
            file.setsampwidth(width)
            file.setframerate(rate)
            file.writeframes(content)
        return stream.getvalue()

    return made
