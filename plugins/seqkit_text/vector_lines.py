"""Word vectors as lines of text: GloVe, word2vec, fastText."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from seqkit.errors import DataError
from seqkit_text.pretrained_words import AGAIN, FORMS, LARGEST, Kept, Pretrained

BLOCK = 2048
"""Lines whose numbers are read at once."""
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)


def read_text(lines: Iterable[bytes], path: Path, kept: Kept) -> Pretrained:
    """A word and its numbers on each line, with single spaces between them.

    A first line of two whole numbers is word2vec's header: how many words, and how many numbers a
    word. A word may have spaces, as in GloVe 840B: the last numbers of a line are the vector.
    """
    reader = TextReader(path, kept)
    for line in lines:
        reader.add(line)
    return reader.finish()


class TextReader:
    """Reads the lines of a text file, and their numbers in blocks."""

    def __init__(self, path: Path, kept: Kept) -> None:
        self.path, self.kept = path, kept
        self.line, self.width, self.told = 0, 0, ""
        self.promised: int | None = None
        self.waiting: list[tuple[int, str, str]] = []
        self.blocks: list[np.ndarray] = []

    def add(self, raw: bytes) -> None:
        """Reads one line."""
        self.line += 1
        text = self.decoded(raw.removeprefix(BOM_UTF8) if self.line == 1 else raw)
        if self.line == 1 and self.header(text):
            return
        if not text:
            return
        word, numbers = self.parted(text)
        if self.kept.take(word):
            self.waiting.append((self.line, word, numbers))
            if len(self.waiting) == BLOCK:
                self.empty()

    def decoded(self, raw: bytes) -> str:
        """A line as text, without its end."""
        try:
            return raw.rstrip(b" \r\n").decode()
        except UnicodeDecodeError as error:
            raise self.wrong(
                f"byte {error.start + 1} (0x{error.object[error.start]:02x}) is not UTF-8. Convert "
                "the file to UTF-8; of a binary file (.bin), use the text form."
            ) from None

    def header(self, text: str) -> bool:
        """Whether the first line is a header; else it has a vector and says how wide all are."""
        parts = text.split(" ")
        if len(parts) == 2 and all(part.isdecimal() for part in parts):
            self.promised, self.width = int(parts[0]), int(parts[1])
            self.told = "the header says"
            if self.promised and self.width:
                return True
        if len(parts) < 3:
            raise self.wrong(
                f"{text[:40]!r} is neither a header (how many words, and how many numbers a word) "
                f"nor a word with its numbers. {FORMS}"
            )
        self.width, self.told = len(parts) - 1, "the first line has"
        return False

    def parted(self, text: str) -> tuple[str, str]:
        """The word of a line, and its numbers."""
        gaps = text.count(" ")
        if gaps == self.width:
            word, _, numbers = text.partition(" ")
            return word, numbers
        word = text.rsplit(" ", self.width)[0] if gaps > self.width else ""
        first, *others = word.split(" ")
        if gaps < self.width or all(is_number(part) for part in others):
            raise self.wrong(
                f"{first[:40] or text.split(' ')[0][:40]!r} has {gaps} numbers, but {self.told} "
                f"{self.width}. Mend the line, or remove it."
            )
        return word, text[len(word) + 1 :]

    def empty(self) -> None:
        """Reads the numbers of the lines that wait."""
        waiting, self.waiting = self.waiting, []
        if not waiting:
            return
        lines = [numbers for _, _, numbers in waiting]
        try:
            with np.errstate(over="ignore"):
                block = np.loadtxt(lines, np.float32, comments=None, ndmin=2)
            fits = block.shape == (len(lines), self.width) and bool(np.isfinite(block).all())
        except ValueError:
            fits = False
        if not fits:
            self.blame(waiting)
        self.blocks.append(block)

    def blame(self, waiting: list[tuple[int, str, str]]) -> None:
        """Raises DataError for the first line with what is no number."""
        for self.line, word, numbers in waiting:
            for part in numbers.split(" "):
                if not is_number(part):
                    raise self.wrong(
                        f"the vector of {word[:40]!r} has {part[:40]!r}, which is no finite "
                        "number. Mend the line, or remove it."
                    )

    def finish(self) -> Pretrained:
        """The vectors, when all lines have been read."""
        self.empty()
        if not self.blocks:
            raise DataError(f"{self.path}: has no vectors. {FORMS}")
        if self.promised not in (None, self.kept.seen):
            raise DataError(
                f"{self.path}: has {self.kept.seen:,} words, but its header says "
                f"{self.promised:,}. {AGAIN}"
            )
        return self.kept.found(np.concatenate(self.blocks))

    def wrong(self, message: str) -> DataError:
        """The error for the line."""
        return DataError(f"{self.path}:{self.line}: {message}")


def is_number(text: str) -> bool:
    """Whether a text is a finite number."""
    return bool(NUMBER.fullmatch(text)) and abs(float(text)) <= LARGEST
