"""Subwords: parts of words, by a sentencepiece model that is trained on the training split."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, final

import numpy as np
import sentencepiece

from seqkit.abilities import Finding
from seqkit.errors import DataError
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Example, Pieces, Text
from seqkit_text.vocabulary import Remembered

if TYPE_CHECKING or CHECK_SHAPES:
    from numpy.random import Generator

    from seqkit.stages import Learnt

MARK = "\u2581"
"""Begins a word's first piece; alone, it may also stand for a space."""
UNSAYABLE = re.compile(f"[{MARK}\ud800-\udfff]")
RUN = re.compile(r"\s+|\S+")
BETWEEN = re.compile(rf"(?<=[^\s{MARK}]){MARK}(?=[^\s{MARK}])")
FIRST = re.compile(rf"(?<![^\s{MARK}]){MARK}(?=[^\s{MARK}])")
BYTE = re.compile("<0x([0-9A-F]{2})>")
BYTES = re.compile(f"(?:{BYTE.pattern})+")
TOO_LARGE = re.compile(r"too high.* <= (\d+)")
TOO_SMALL = re.compile(r"required_chars\. \d+ vs (\d+)")
PART = 1000
"""Characters of a word that training sees at once: one of 65,536 would not fit sentencepiece."""
FATAL = 3
"""sentencepiece's level of what it may log."""
ILL_FITTING = 0.1
"""Share of bytes, or of unknown pieces, from which a split is another language."""

Algorithm = Literal["unigram", "bpe"]


class Split(NamedTuple):
    """The pieces of a string, and where each begins and ends in it."""

    strings: Sequence[str]
    begins: Sequence[int]
    ends: Sequence[int]


@final
class Subwords:
    """Splits words into the pieces of a sentencepiece model (Kudo & Richardson 2018).

    A word is a run without white space, or one that is given. Its first piece begins with ▁. A
    single space between two words is no piece; any other white space is a piece a character, a
    space as ▁, and belongs to the word before it. Bytes, as in <0xE2>, have their character's span.
    ▁ itself is read as U+FFFD, so that `text` gives back any other text as it was.
    """

    def __init__(
        self,
        *,
        algorithm: Algorithm,
        size: int,
        byte_fallback: bool,
        character_coverage: float,
        sampling: float,
    ) -> None:
        self.algorithm, self.size, self.sampling = algorithm, size, sampling
        self.byte_fallback, self.character_coverage = byte_fallback, character_coverage
        self.samples = sampling > 0
        self.known = Remembered(self.split)

    def fit(self, texts: Iterable[Text]) -> Learnt:
        """Trains the model. Raises DataError where the texts cannot fill the vocabulary."""
        lines = [line for text in texts for line in training_lines(text)]
        if not lines:
            raise DataError(
                "sentencepiece: the training split has no word. Give it texts that are not empty."
            )
        model = io.BytesIO()
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(lines),
                model_writer=model,
                model_type=self.algorithm,
                vocab_size=self.size,
                byte_fallback=self.byte_fallback,
                character_coverage=self.character_coverage,
                normalization_rule_name="identity",
                remove_extra_whitespaces=False,
                bos_id=-1,
                eos_id=-1,
                max_sentence_length=2**30,
                num_threads=1,
                minloglevel=FATAL,
            )
        except RuntimeError as error:
            raise DataError(f"sentencepiece: {self.untrained(str(error))}") from error
        return {"model": model.getvalue()}

    def untrained(self, reason: str) -> str:
        """Why sentencepiece did not train a model, and what to do."""
        if found := TOO_LARGE.search(reason):
            return (
                f"the training split has words for {int(found[1]):,} pieces at most, not for "
                f"{self.size:,}. Set 'size' to {found[1]} or lower."
            )
        if found := TOO_SMALL.search(reason):
            also = ", and the 256 bytes," if self.byte_fallback else ""
            return (
                f"the characters of the training split{also} are {int(found[1]):,} pieces, but "
                f"there is room for {self.size:,}. Set 'size' to {found[1]} or higher, or "
                "'character_coverage' lower."
            )
        return f"cannot be trained on these texts: {reason} Look for words in them."

    def ready(self, learnt: Learnt) -> None:
        """Loads the model."""
        self.model = sentencepiece.SentencePieceProcessor(model_proto=learnt["model"])
        self.known.clear()

    def prepare(self, text: Text, rng: Generator | None = None) -> Pieces:
        """The pieces of all words. rng: where given and asked for, splits are drawn from it."""
        split = self.drawn(rng) if rng is not None and self.samples else self.known.__getitem__
        said = UNSAYABLE.sub("\N{REPLACEMENT CHARACTER}", text.text)
        if text.words is None:
            word_spans, units = runs_and_words(said)
        else:
            word_spans = list(text.words)
            units = [(start, said[start:end], word) for word, (start, end) in enumerate(word_spans)]
        strings, begins, ends, counts = list[str](), list[int](), list[int](), list[int]()
        for _, string, _ in units:
            found = split(string)
            strings += found.strings
            begins += found.begins
            ends += found.ends
            counts.append(len(found.strings))
        starts = np.repeat(np.array([start for start, _, _ in units], np.int32), counts)
        words = np.repeat(np.array([word for _, _, word in units], np.int32), counts)
        spans = (np.array([begins, ends], np.int32) + starts).T
        return Pieces(text, strings, spans, words, np.array(word_spans, np.int32).reshape(-1, 2))

    def split(self, string: str) -> Split:
        """The best pieces of a string."""
        return self.joined(string, self.model.encode)

    def drawn(self, rng: Generator) -> Callable[[str], Split]:
        """Draws pieces of strings, always the same from the same rng.

        By unigrams, from all splits of a word in proportion to P(split)^sampling (Kudo 2018,
        section 3.2); by BPE, each merge is left out with that probability (Provilkov et al. 2020).
        """
        sentencepiece.set_random_generator_seed(int(rng.integers(2**32)))

        def encode(word: str, out_type: type) -> list[str]:
            found: list[str] = self.model.encode(
                word, out_type=out_type, enable_sampling=True, alpha=self.sampling, nbest_size=-1
            )
            return found

        return lambda string: self.joined(string, encode)

    def joined(self, string: str, encode: Callable[..., list[str]]) -> Split:
        """The pieces of a string, whose words `encode` splits."""
        strings, begins, ends = list[str](), list[int](), list[int]()
        for start, run in runs(string):
            pieces = self.spaces(run) if run.isspace() else encode(run, out_type=str)
            strings += pieces
            for begin, end in self.placed(pieces, space=run.isspace()):
                begins.append(start + begin)
                ends.append(start + end)
        return Split(strings, begins, ends)

    def spaces(self, run: str) -> list[str]:
        """The pieces of white space."""
        if self.byte_fallback:
            return [
                piece
                for character in run
                for piece in (
                    [MARK]
                    if character == " "
                    else [f"<0x{byte:02X}>" for byte in character.encode()]
                )
            ]
        return [MARK if character == " " else character for character in run]

    def placed(self, pieces: Sequence[str], space: bool) -> Iterator[tuple[int, int]]:
        """Where each piece of a run begins and ends in it."""
        at = 0
        for piece in pieces:
            byte = BYTE.fullmatch(piece) if self.byte_fallback else None
            if byte:
                at += int(byte[1], 16) & 0xC0 != 0x80  # UTF-8: a byte that begins a character
                yield at - 1, at
                continue
            size = len(piece) - (piece[0] == MARK and not space)
            yield at, at + size
            at += size

    def text(self, strings: Sequence[str]) -> str:
        """Joins pieces to words, and words by spaces. Bytes that are no UTF-8 become U+FFFD."""
        joined = "".join(strings)
        if self.byte_fallback:
            joined = BYTES.sub(lambda found: in_utf8(found[0]), joined)
        return FIRST.sub("", BETWEEN.sub(" ", joined)).replace(MARK, " ")

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """How many pieces a word has, and what share of them the model does not know."""
        del split
        words, counts = 0, Counter[str]()
        for example in examples:
            for pieces in example.inputs.values():
                if isinstance(pieces, Pieces):
                    words += len(pieces.word_spans)
                    counts.update(pieces.strings)
        total = counts.total()
        if not total:
            return []
        what = "bytes" if self.byte_fallback else "unknown"
        share = sum(count for string, count in counts.items() if self.foreign(string)) / total
        said = (
            f"{total / max(words, 1):.2f} pieces a word ({len(counts):,} distinct of "
            f"{self.model.get_piece_size():,}); {share:.2%} of the pieces are {what}"
        )
        return [Finding(said, "warning" if share > ILL_FITTING else "note")]

    def foreign(self, string: str) -> bool:
        """Whether a piece stands for what the model does not know."""
        number = self.model.piece_to_id(string)
        return bool(self.model.is_byte(number) or self.model.is_unknown(number))


def in_utf8(bytes_: str) -> str:
    """What a row of byte pieces says."""
    return bytes.fromhex("".join(BYTE.findall(bytes_))).decode("utf-8", "replace")


def runs(text: str) -> Iterator[tuple[int, str]]:
    """The runs of white space and of all else, and where each starts.

    A single space between two words is left out.
    """
    for found in RUN.finditer(text):
        run = found.group()
        if run != " " or found.start() == 0 or found.end() == len(text):
            yield found.start(), run


def runs_and_words(text: str) -> tuple[list[tuple[int, int]], list[tuple[int, str, int]]]:
    """The spans of a raw text's words, and its runs, each with its start and its word.

    White space belongs to the word before it; a text of nothing else is a word.
    """
    spans, units = list[tuple[int, int]](), list[tuple[int, str, int]]()
    for start, run in runs(text):
        if not run.isspace():
            spans.append((start, start + len(run)))
        units.append((start, run, max(len(spans) - 1, 0)))
    return spans or [(0, len(text))] * bool(text), units


def training_lines(text: Text) -> Iterator[str]:
    """The words of a text, each in parts that are not too long for training."""
    said = UNSAYABLE.sub("\N{REPLACEMENT CHARACTER}", text.text)
    given = [said] if text.words is None else [said[start:end] for start, end in text.words]
    for string in given:
        for word in string.split():
            for start in range(0, len(word), PART):
                yield word[start : start + PART]
