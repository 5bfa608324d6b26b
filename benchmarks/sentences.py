"""The sentences that all taggers are measured on: UD English-EWT, gold words and one field."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import NamedTuple

FIELDS = {"form": 1, "lemma": 2, "upos": 3, "xpos": 4, "feats": 5}
"""The columns of CoNLL-U, by name."""


class Sentence(NamedTuple):
    """The words of one sentence and their tags."""

    words: list[str]
    tags: list[str]


def treebank(data: Path, split: str) -> Path:
    """The file of a split, train, dev or test, in the folder of the data sets."""
    return data / f"ud_english_ewt/en_ewt-ud-{split}.conllu.gz"


def load(path: Path, field: str = "upos") -> list[Sentence]:
    """Reads the forms and one field of a CoNLL-U file, gzipped or not."""
    reader = gzip.open if path.suffix == ".gz" else open
    with reader(path, "rt", encoding="utf-8") as file:
        blocks = file.read().strip().split("\n\n")
    form, column = FIELDS["form"], FIELDS[field]
    sentences = []
    for block in blocks:
        rows = [line.split("\t") for line in block.split("\n") if not line.startswith("#")]
        rows = [row for row in rows if row[0].isdigit()]
        sentences.append(Sentence([row[form] for row in rows], [row[column] for row in rows]))
    return sentences
