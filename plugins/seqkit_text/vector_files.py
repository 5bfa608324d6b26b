"""Files of pretrained word vectors: GloVe and word2vec text, JSON, and what spaCy saves."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np

from seqkit.errors import DataError
from seqkit_text.pretrained_words import AGAIN, FORMS, LARGEST, Kept, Pretrained
from seqkit_text.vector_lines import read_text

GZIP = b"\x1f\x8b"
ZIP = b"PK\x03\x04"


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


def unpacked(raw: io.BufferedReader, path: Path) -> io.BufferedReader:
    """The file itself, or what its gzip data holds: the first bytes decide, not the name."""
    start = raw.peek(len(ZIP))
    if start.startswith(ZIP):
        raise DataError(f"{path}: is a zip archive. Unpack it, and name the file that was in it.")
    if not start.startswith(GZIP):
        return raw
    # GzipFile reads lines in Python; a buffer over it reads them in C.
    return io.BufferedReader(cast("io.RawIOBase", gzip.GzipFile(fileobj=raw)), 1 << 16)


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
    if not fits or not (np.abs(vectors) <= LARGEST).all() or not vectors.size:
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
            "Embed by {use: floret, pipeline: ...}."
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
