"""Files of pretrained word vectors: GloVe and word2vec text, JSON, and what spaCy saves."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from codecs import BOM_UTF8
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from seqkit.errors import DataError
from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float32, Int32

GZIP = b"\x1f\x8b"
ZIP = b"PK\x03\x04"
BLOCK = 2048
"""Lines whose numbers are read at once."""
AGAIN = "Fetch the file again."
FORMS = (
    "Use a text file with a word and its numbers on each line (GloVe, .vec), .json, or a folder "
    "that spaCy has saved."
)

NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Pretrained:
    """The vectors of a file.

    rows: of each word, the row of its vector; words may share one. repeated: words that stand in
    the file more than once, whose first vector counts.
    """

    words: list[str]
    rows: Int32[np.ndarray, " word"]
    vectors: Float32[np.ndarray, "row width"]
    repeated: list[str]


@dataclass
class Kept:
    """The words that are kept of a file, while it is read."""

    limit: int | None
    wanted: Collection[str]
    words: dict[str, None] = field(default_factory=dict)
    repeated: dict[str, None] = field(default_factory=dict)
    seen: int = 0

    def take(self, word: str) -> bool:
        """Whether the vector of the file's next word is kept."""
        self.seen += 1
        if word in self.words:
            self.repeated[word] = None
            return False
        if self.limit is not None and self.seen > self.limit and word not in self.wanted:
            return False
        self.words[word] = None
        return True

    def found(self, vectors: np.ndarray, rows: np.ndarray | None = None) -> Pretrained:
        """The words with their vectors: one each, or those in the given rows."""
        rows = np.arange(len(vectors), dtype=np.int32) if rows is None else rows
        return Pretrained(list(self.words), rows, vectors, list(self.repeated))


def read_vectors(
    path: Path, limit: int | None = None, wanted: Collection[str] = frozenset()
) -> Pretrained:
    """The vectors of a file or of a folder that spaCy has saved, in the order of the file.

    limit: how many words are kept from the start; `wanted` words are kept wherever they stand.
    Raises DataError, with the line where there is one, for what is no such file.
    """
    kept = Kept(limit, wanted)
    with explained(path):
        if path.is_dir():
            return read_spacy(path, kept)
        with open(path, "rb") as raw:
            content = unpacked(raw, path)
            if path.name.removesuffix(".gz").endswith(".json"):
                return read_json(content.read(), path, kept)
            return read_text(content, path, kept)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns what goes wrong in reading into a DataError."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise DataError(f"{path}: the gzip data is damaged or cut off. {AGAIN}") from None
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror}). Check the path and the data folder."
        ) from None


def unpacked(raw: BinaryIO, path: Path) -> BinaryIO:
    """The file itself, or what its gzip data holds: the first bytes decide, not the name."""
    start = raw.read(len(ZIP))
    raw.seek(0)
    if start == ZIP:
        raise DataError(f"{path}: is a zip archive. Unpack it, and name the file that was in it.")
    return cast("BinaryIO", gzip.open(raw)) if start.startswith(GZIP) else raw


def read_json(content: bytes, path: Path, kept: Kept) -> Pretrained:
    """{word: [numbers]}."""

    def pairs(found: list[tuple[str, Any]]) -> Any:
        return found

    try:
        listed = json.loads(content, object_pairs_hook=pairs)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: is no JSON: {error}. {FORMS}") from None
    mapping = isinstance(listed, list) and all(isinstance(pair, tuple) for pair in listed)
    if not mapping or not listed:
        raise DataError(f"{path}: is no JSON object of words with their numbers. {FORMS}")
    own = [numbers for word, numbers in listed if kept.take(word)]
    try:
        vectors = np.array(own)
        fits = vectors.ndim == 2 and vectors.dtype.kind in "if"
    except ValueError:
        fits = False
    if not fits or not np.isfinite(vectors).all() or not vectors.size:
        raise DataError(f"{path}: {odd_vector(listed)}")
    return kept.found(vectors.astype(np.float32))


def odd_vector(listed: list[tuple[str, Any]]) -> str:
    """What is wrong with the first vector that is not like the first one."""
    width = len(listed[0][1]) if isinstance(listed[0][1], list) else 0
    for word, numbers in listed:
        if not isinstance(numbers, list) or not numbers:
            return f"the value of {word[:40]!r} is no list of numbers. {FORMS}"
        if len(numbers) != width:
            return (
                f"the vector of {word[:40]!r} has {len(numbers)} numbers, but that of "
                f"{listed[0][0][:40]!r} has {width}. Mend it, or remove the word."
            )
        for number in numbers:
            if type(number) not in (int, float) or not abs(number) <= LARGEST:
                return (
                    f"the vector of {word[:40]!r} has {str(number)[:40]!r}, which is no finite "
                    "number. Mend it, or remove the word."
                )
    return f"the vectors are none. {FORMS}"


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
                        f"the vector of {word[:40]!r} has {part[:40]!r}, which is no finite number. "
                        "Mend the line, or remove it."
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


def read_spacy(folder: Path, kept: Kept) -> Pretrained:
    """The vectors of a pipeline or a vocab folder that spaCy has saved; no pipe of it is loaded.

    Words that its strings.json lacks have no name and are left out.
    """
    place = folder / "vocab" if (folder / "vocab").is_dir() else folder
    if not (place / "vectors").is_file():
        raise DataError(f"{folder}: has no vocab/vectors. {FORMS}")
    from spacy.vocab import Vocab

    try:
        vocab = Vocab().from_disk(place, exclude=["lookups"])
        mode, data = vocab.vectors.mode, np.asarray(vocab.vectors.data, np.float32)
    except Exception as error:  # whatever spaCy's readers make of a damaged file
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        raise DataError(f"{folder}: spaCy cannot read its vectors ({what}). {AGAIN}") from error
    if mode != "default":
        raise DataError(
            f"{folder}: its vectors are {mode}, made of parts of words, without a list of words. "
            "Name a pipeline with vectors of words."
        )
    rows = [
        row
        for key, row in vocab.vectors.key2row.items()
        if key in vocab.strings and kept.take(vocab.strings[key])
    ]
    if not rows or not data.shape[1]:
        raise DataError(
            f"{folder}: is saved without vectors. Name a pipeline that has some, such as "
            "en_core_web_md."
        )
    used, which = np.unique(rows, return_inverse=True)
    return kept.found(data[used], which.astype(np.int32))
