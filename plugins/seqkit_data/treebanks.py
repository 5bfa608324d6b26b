"""CoNLL-U, the format of Universal Dependencies (universaldependencies.org/format)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

from seqkit.errors import DataError
from seqkit.stages import Row
from seqkit_data.lines import named_file, read_lines, some

COLUMNS = ["id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc"]
NO_WORD = re.compile(r"[0-9]+[-.][0-9]+")
NO_HEAD = -1
WORD = "word"
"""The label of every segment."""


@final
class Conllu:
    """Reads one row a sentence. Raises DataError that names the file and the line.

    segments: whether rows say where the tokens stand in the text.
    """

    def __init__(self, segments: bool) -> None:
        self.segments = segments

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]:
        """Yields id, text and the nine columns after ID, each a list of one item a word."""
        path = named_file(split, place)
        return some(path, self.rows(path))

    def rows(self, path: Path) -> Iterator[Row]:
        """Yields the sentences of a file, one at a time."""
        for number, sentence in enumerate(read_sentences(path), 1):
            row = sentence.row(number)
            if self.segments:
                row["segments"] = token_spans(sentence, row["text"])
            yield row


@dataclass
class Sentence:
    """A sentence as the file has it.

    where: its first word's file and line. tokens: surface forms, of which a multiword token is one,
    and whether a space follows.
    """

    where: str = ""
    comments: dict[str, str] = field(default_factory=dict)
    words: list[list[str]] = field(default_factory=list)
    heads: list[int] = field(default_factory=list)
    tokens: list[tuple[str, bool]] = field(default_factory=list)
    covered: int = 0

    def add(self, where: str, cells: list[str]) -> None:
        """Adds the next line: a word, a multiword token, or an empty node. Raises DataError."""
        self.where = self.where or where
        word = is_word(where, cells, len(self.words) + 1)
        if word:
            self.words.append(cells)
            self.heads.append(read_head(where, cells[6]))
        if "-" in cells[0] or (word and len(self.words) > self.covered):
            self.tokens.append((cells[1], "SpaceAfter=No" not in cells[9].split("|")))
        if "-" in cells[0]:
            self.covered = int(cells[0].partition("-")[2])

    def row(self, number: int) -> dict[str, Any]:
        """The sentence as a row. number: its id where it has none."""
        columns: dict[str, Any] = dict(
            zip(COLUMNS, map(list, zip(*self.words, strict=True)), strict=True)
        )
        columns["head"] = self.heads
        columns["id"] = self.comments.get("sent_id", str(number))
        joined = "".join(form + " " * spaced for form, spaced in self.tokens)
        columns["text"] = self.comments.get("text", joined.rstrip(" "))
        return columns


def read_sentences(path: Path) -> Iterator[Sentence]:
    """Yields the sentences of a file, one at a time."""
    sentence = Sentence()
    for number, line in read_lines(path):
        if line.startswith("#"):
            key, _, value = line[1:].partition("=")
            sentence.comments[key.strip()] = value.strip()
        elif line and not line.isspace():
            sentence.add(f"{path}:{number}", line.split("\t"))
        else:
            if sentence.words:
                yield sentence
            sentence = Sentence()
    if sentence.words:
        yield sentence


def token_spans(sentence: Sentence, text: str) -> list[list[Any]]:
    """Where the tokens stand in the text, each [start, end, "word"].

    Raises DataError where the text is not the tokens with white space between.
    """
    spans: list[list[Any]] = []
    at = 0
    for token in [*(form for form, _ in sentence.tokens), ""]:
        while at < len(text) and text[at].isspace():
            at += 1
        if not text.startswith(token, at) or (not token and at < len(text)):
            due = f"the token '{token}' is due" if token else "it should end"
            raise DataError(
                f"{sentence.where}: the text goes on with '{text[at : at + 20]}' where {due}. Mend "
                "the text comment, or delete it: the tokens then make the text."
            )
        spans.append([at, at + len(token), WORD])
        at += len(token)
    return spans[:-1]


def is_word(where: str, cells: list[str], expected: int) -> bool:
    """Whether a line is the sentence's next word; False for ranges and empty nodes.

    Raises DataError where it is neither.
    """
    if len(cells) != len(COLUMNS):
        noun = "column" if len(cells) == 1 else "columns"
        raise DataError(
            f"{where}: {len(cells)} {noun} between tabs, expected {len(COLUMNS)} "
            f"({', '.join(COLUMNS)}). Mend the line."
        )
    if cells[0] == str(expected):
        return True
    if NO_WORD.fullmatch(cells[0]):
        return False
    raise DataError(
        f"{where}: word id '{cells[0]}', expected '{expected}'. "
        "Number a sentence's words from 1 and end it with a blank line."
    )


def read_head(where: str, cell: str) -> int:
    """The number of a word's head, 0 for the root, NO_HEAD for '_'."""
    if cell == "_":
        return NO_HEAD
    if cell.isascii() and cell.isdigit() and len(cell) < 10:
        return int(cell)
    raise DataError(f"{where}: head '{cell}' is no word's number. Write a number, or '_' for none.")
