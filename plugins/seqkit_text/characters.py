"""Characters and bytes as pieces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, final

import numpy as np

from seqkit.abilities import Finding
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Example, Pieces, Text

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Int32
    from numpy.random import Generator

    from seqkit.stages import Learnt

HEX = [f"{byte:02x}" for byte in range(256)]
BYTES = {string: bytes([byte]) for byte, string in enumerate(HEX)}
REPLACEMENT = "\N{REPLACEMENT CHARACTER}".encode()


@final
class Characters:
    """One piece a character."""

    samples = False

    def __init__(self, spaces: bool) -> None:
        self.spaces = spaces

    def fit(self, texts: Iterable[Text]) -> Learnt:
        """Learns nothing."""
        del texts
        return {}

    def ready(self, learnt: Learnt) -> None:
        """Needs nothing."""

    def prepare(self, text: Text, rng: Generator | None = None) -> Pieces:
        """The characters of a raw text, each a word of its own, or of the given words."""
        del rng
        string, starts, words, word_spans = letters(text)
        strings = list(string)
        if not self.spaces:
            kept = np.fromiter((not one.isspace() for one in strings), np.bool_, len(strings))
            strings = [one for one, keep in zip(strings, kept, strict=True) if keep]
            starts = starts[kept]
            if text.words is None:
                words, word_spans = words[: len(strings)], word_spans[kept]
            else:
                words = words[kept]
        return Pieces(text, strings, np.stack([starts, starts + 1], axis=1), words, word_spans)

    def text(self, strings: Sequence[str]) -> str:
        """Joins characters."""
        return "".join(strings)

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """How many pieces a word has."""
        del split
        return fertility(examples)


@final
class Bytes:
    """One piece a byte of UTF-8."""

    samples = False

    def fit(self, texts: Iterable[Text]) -> Learnt:
        """Learns nothing."""
        del texts
        return {}

    def ready(self, learnt: Learnt) -> None:
        """Needs nothing."""

    def prepare(self, text: Text, rng: Generator | None = None) -> Pieces:
        """The bytes of a raw text, a word for each character, or of the given words."""
        del rng
        string, starts, words, word_spans = letters(text)
        codes = np.frombuffer(string.encode("utf-32-le", "surrogatepass"), np.uint32)
        sizes = 1 + (codes >= 0x80) + (codes >= 0x800) + (codes >= 0x10000)
        starts = np.repeat(starts, sizes)
        strings = [HEX[byte] for byte in string.encode("utf-8", "surrogatepass")]
        spans = np.stack([starts, starts + 1], axis=1)
        return Pieces(text, strings, spans, np.repeat(words, sizes), word_spans)

    def text(self, strings: Sequence[str]) -> str:
        """Decodes bytes; what is no UTF-8 becomes U+FFFD."""
        joined = b"".join(BYTES.get(string, REPLACEMENT) for string in strings)
        return joined.decode("utf-8", "replace")

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """How many pieces a word has."""
        del split
        return fertility(examples)


def fertility(examples: Iterable[Example]) -> list[Finding]:
    """Pieces a word, where these are not the same; in a raw text, a character is a word."""
    every = [pieces for example in examples for pieces in example.inputs.values()]
    pieces = sum(len(one) for one in every if isinstance(one, Pieces))
    words = sum(len(one.word_spans) for one in every if isinstance(one, Pieces))
    return [Finding(f"{pieces / words:.2f} pieces a word")] if words and words != pieces else []


def letters(
    text: Text,
) -> tuple[
    str,
    Int32[np.ndarray, " piece"],
    Int32[np.ndarray, " piece"],
    Int32[np.ndarray, "word 2"],
]:
    """The characters that are in words, where each stands, its word, and the words' spans."""
    if text.words is None:
        starts = np.arange(len(text.text), dtype=np.int32)
        return text.text, starts, starts, np.stack([starts, starts + 1], axis=1)
    parts = [text.text[start:end] for start, end in text.words]
    word_spans = np.array(text.words, np.int32).reshape(-1, 2)
    sizes = np.fromiter(map(len, parts), np.int32, len(parts))
    words = np.repeat(np.arange(len(parts), dtype=np.int32), sizes)
    first = np.cumsum(sizes, dtype=np.int32) - sizes
    starts = np.arange(len(words), dtype=np.int32) + (word_spans[:, 0] - first)[words]
    return "".join(parts), starts, words, word_spans
