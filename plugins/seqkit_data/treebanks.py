"""CoNLL-U, the format of Universal Dependencies (universaldependencies.org/format)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, final

from seqkit.errors import DataError
from seqkit.stages import Row
from seqkit_data.lines import named_file, read_lines, some

COLUMNS = ["id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc"]
NO_WORD = re.compile(r"[0-9]+[-.][0-9]+")
NO_HEAD = -1


@final
class Conllu:
    """Reads one row a sentence. Raises DataError that names the file and the line."""

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]:
        """Yields id, text and the nine columns after ID, each a list of one item a word."""
        path = named_file(split, place)
        return some(path, read_sentences(path))


def read_sentences(path: Path) -> Iterator[Row]:
    """Yields the sentences of a file, one at a time."""
    sentence = 1
    comments: dict[str, str] = {}
    words: list[list[str]] = []
    heads: list[int] = []
    for number, line in read_lines(path):
        if line.startswith("#"):
            key, _, value = line[1:].partition("=")
            comments[key.strip()] = value.strip()
        elif line and not line.isspace():
            cells = line.split("\t")
            if is_word(f"{path}:{number}", cells, len(words) + 1):
                heads.append(read_head(f"{path}:{number}", cells[6]))
                words.append(cells)
        elif words:
            yield sentence_row(sentence, comments, words, heads)
            sentence += 1
            comments, words, heads = {}, [], []
        else:
            comments = {}
    if words:
        yield sentence_row(sentence, comments, words, heads)


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


def sentence_row(
    sentence: int, comments: dict[str, str], words: list[list[str]], heads: list[int]
) -> Row:
    """One sentence as a row."""
    columns: dict[str, Any] = dict(zip(COLUMNS, map(list, zip(*words, strict=True)), strict=True))
    columns["head"] = heads
    columns["id"] = comments.get("sent_id", str(sentence))
    columns["text"] = comments.get("text", " ".join(columns["form"]))
    return columns
