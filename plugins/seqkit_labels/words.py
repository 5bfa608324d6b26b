"""The host side of decoders that label words: golds to arrays, labels to answers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from seqkit.abilities import Finding, Form
from seqkit.errors import DataError
from seqkit.inputs import input_name
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer, Example, Frames, Learnt, Pieces
from seqkit_labels import gold as golds
from seqkit_labels.descriptions import describe_words
from seqkit_labels.gold import Label
from seqkit_labels.rewriting import Tail, finished, rewrite
from seqkit_labels.schemes import (
    OUTSIDE,
    Span,
    convert,
    detect,
    parts,
    spans,
    write,
)

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int

Speaker = Literal["first", "last", "mean"]
NO_PIECE = -(2**30)
UNSEEN, NO_GOLD = -1, -2
"""Labels of words whose gold training had not, and of words that have none."""
Certainty = Callable[[Sequence[Sequence[Span]]], Sequence[Sequence[float]]]
"""Gives the probabilities of the spans of each row of a batch."""


class WordLabels:
    """Golds and arrays, labels and answers of a decoder that labels words.

    who: the decoder's name in messages. scheme: the tag scheme to learn, or `keep` for the file's.
    gaps: whether a word may have no gold, which is None; never where labels follow a scheme.

    After ready: labels (in the scheme that is learnt), scheme (that one, or None), and along_time.
    Where each word of the training split is one piece, all arrays have one row a piece; otherwise
    none may be cut into windows.
    """

    def __init__(
        self, who: str, *, over: str | None, word: Speaker, scheme: str, gaps: bool = False
    ) -> None:
        self.who, self.over, self.word, self.wanted, self.gaps = who, over, word, scheme, gaps
        self.labels: list[str] = []
        self.file_scheme: str | None = None
        self.scheme: str | None = None
        self.along_time: frozenset[str] = frozenset()

    def source(self, example: Example) -> Pieces | Frames:
        """The input whose words are labelled."""
        return example.inputs[input_name(self.who, example.inputs, self.over)]

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """The labels with their counts, the tag scheme, the form of the gold."""
        reading, aligned = golds.Reading(self.who), True
        sources: list[Pieces | Frames] = []
        for example in examples:
            source = self.source(example)
            reading.add(example.gold, source)
            sources.append(source)
            aligned = aligned and one_piece_a_word(source)
        tags = reading.finish()
        scheme = "BIO" if reading.form == "spans" else detect(tags)
        for number, (labels, source) in enumerate(zip(reading.tags, sources, strict=True), 1):
            self.refuse_gap(labels, source, scheme, f"{self.who}: train: example {number}")
        if scheme is None and self.wanted != "keep":
            plain = ", ".join(strangest({label for row in tags for label in row})[:3])
            raise DataError(
                f"{self.who}: scheme: the labels, such as {plain}, follow no tag scheme that could "
                f"become {self.wanted}. Set 'scheme' to keep."
            )
        learnt = self.learnt_scheme(scheme)
        counts = Counter(
            label for row in tags for label in (convert(row, learnt) if learnt else row)
        )
        if learnt:
            counts.setdefault(OUTSIDE, 0)  # so that every length has a legal path
        ranked = sorted(counts, key=lambda label: (-counts[label], label))
        return {
            "labels": ranked,
            "counts": [counts[label] for label in ranked],
            "scheme": scheme,
            "form": reading.form,
            "aligned": aligned,
        }

    def refuse_gap(
        self, labels: Sequence[Label], source: Pieces | Frames, scheme: str | None, where: str
    ) -> None:
        """Raises DataError where a word has no gold, but needs it."""
        if scheme:
            golds.refuse_gap(labels, source, where, "a span is read from the tags of all")
        elif not self.gaps:
            why = f"{self.who} labels words together: use `tagger`"
            golds.refuse_gap(labels, source, where, why)

    def learnt_scheme(self, scheme: str | None) -> str | None:
        """The scheme that is learnt where the file has the given one."""
        return scheme if scheme is None or self.wanted == "keep" else self.wanted

    def ready(self, learnt: Learnt) -> None:
        """Takes over what fit found."""
        self.labels, self.counts = list(learnt["labels"]), list(learnt["counts"])
        self.index = {label: index for index, label in enumerate(self.labels)}
        self.file_scheme, self.form = learnt["scheme"], learnt["form"]
        self.scheme = self.learnt_scheme(self.file_scheme)
        arrays = ["labels", "shift", *(["owner"] if self.word == "mean" else [])]
        self.along_time = frozenset(arrays if learnt["aligned"] else [])

    def answer_form(self) -> Form:
        """A label for each word, or spans where the labels follow a scheme."""
        if self.scheme is None:
            return Form("words", tuple(self.labels))
        inside = {parts(label)[1] for label in self.labels if parts(label)[0] != OUTSIDE}
        return Form("spans", tuple(sorted(inside)))

    def read(self, example: Example) -> list[Label]:
        """The gold labels of an example's words, in the scheme of the file. Raises DataError."""
        source = self.source(example)
        labels = golds.read(example.gold, source, self.form, self.who)
        self.refuse_gap(labels, source, self.file_scheme, self.who)
        return labels

    def prepare(self, example: Example) -> dict[str, np.ndarray]:
        """Positions of the words, and their labels where the example has gold.

        shift [word]: index of the piece that speaks for a word, minus the word's own; NO_PIECE
        where there is none. owner [piece], for means: index of a piece's word, minus the piece's
        own. labels [word]: UNSEEN where training had no such label, NO_GOLD where there is none.
        """
        source = self.source(example)
        arrays = positions(source, self.word)
        if example.gold is not None:
            labels = self.read(example)
            if self.scheme:
                labels = [*convert(golds.given_labels(labels), self.scheme)]
            found = [
                NO_GOLD if label is None else self.index.get(label, UNSEEN) for label in labels
            ]
            arrays["labels"] = np.array(found, np.int32)
        return arrays

    def gold(self, example: Example) -> Answer:
        """An example's gold as an answer: the labels of the file, untouched."""
        tags = self.read(example)
        found = spans(golds.given_labels(tags)) if self.file_scheme else []
        return self.answer(tags, found, self.source(example))

    def answer(
        self, tags: Sequence[Label], found: Sequence[Span], source: Pieces | Frames
    ) -> dict[str, Any]:
        """Labels of the file, with their spans in characters where they follow a scheme."""
        if self.file_scheme is None:
            return {"value": list(tags)}
        placed = in_characters(found, source)
        return {"value": list(tags), "spans": placed, "scheme": self.file_scheme}

    def answers(
        self,
        labels: Int[np.ndarray, "batch time"],
        lengths: Int[np.ndarray, " batch"],
        confidence: Float[np.ndarray, "batch time"] | None,
        examples: Sequence[Example],
        of_spans: Certainty | None = None,
    ) -> list[Answer]:
        """The answers of a batch: `value`, one label a word, and what is known about them.

        With a scheme also `spans`, [start, end, label] in characters, and `scheme`. With confidence
        also `confidence`, the probability of each word's label, and for spans `span_confidence`.

        of_spans: gives the probabilities of spans; without it, that of a span is the product of its
        words', as of labels that do not depend on each other.
        """
        rows = self.named(labels, lengths)
        found: list[dict[str, Any]] = [{"value": tags} for tags in rows]
        every = [spans(tags) for tags in rows] if self.scheme else []
        for row, read in enumerate(every):
            tags = self.written(rows[row], read)
            found[row] = self.answer(tags, read, self.source(examples[row]))
        if confidence is None:
            return list[Answer](found)
        for answer, sure in zip(found, rounded(confidence), strict=True):
            answer["confidence"] = sure[: len(answer["value"])]
        if self.scheme:
            known = of_spans(every) if of_spans else products(every, confidence)
            for answer, likely in zip(found, known, strict=True):
                answer["span_confidence"] = [round(one, 4) for one in likely]
        return list[Answer](found)

    def named(
        self, labels: Int[np.ndarray, "batch time"], lengths: Int[np.ndarray, " batch"]
    ) -> list[list[str]]:
        """The names of labels, those past a text's end left out."""
        names = self.labels
        return [
            [names[index] for index in indices[:length]]
            for indices, length in zip(labels.tolist(), lengths.tolist(), strict=True)
        ]

    def read_spans(
        self, labels: Int[np.ndarray, "batch time"], lengths: Int[np.ndarray, " batch"]
    ) -> list[list[Span]]:
        """The spans over words that are read from labels; none where there is no scheme."""
        return [spans(tags) if self.scheme else [] for tags in self.named(labels, lengths)]

    def written(self, tags: list[str], found: Sequence[Span]) -> list[str]:
        """Tags of the scheme that is learnt in that of the file."""
        if self.file_scheme is None or self.scheme == self.file_scheme:
            return tags
        return write(found, len(tags), self.file_scheme)

    def alternative(
        self, labels: Sequence[int], probability: float, source: Pieces | Frames
    ) -> dict[str, Any]:
        """One of several answers to a text: `value`, `spans` with a scheme, and `probability`."""
        tags = [self.labels[index] for index in labels]
        found = spans(tags) if self.scheme else []
        answer = self.answer(self.written(tags, found), found, source)
        answer.pop("scheme", None)
        return {**answer, "probability": float(f"{probability:.4g}")}

    def push(
        self, tail: Tail, labels: Sequence[int], confidence: Float[np.ndarray, " word"] | None
    ) -> tuple[list[Answer], Tail]:
        """The answers that are settled when more words have their labels, and what is remembered.

        One answer a word: `value`, its label in the scheme of the file, and with confidence
        `confidence`.
        """
        found: list[Answer] = [{"value": self.labels[index]} for index in labels]
        if confidence is not None:
            sure = rounded(confidence)
            found = [{**one, "confidence": p} for one, p in zip(found, sure, strict=True)]
        if self.file_scheme is None or self.scheme == self.file_scheme:
            return found, tail
        return rewrite(tail, found, self.file_scheme)

    def finish(self, tail: Tail) -> list[Answer]:
        """The answer that was not settled when the text ended."""
        return finished(tail, self.file_scheme) if self.file_scheme else []

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """Labels, tag scheme, and what is wrong with them: see `describe_words`."""
        return describe_words(self, examples, split)


def strangest(labels: Iterable[str]) -> list[str]:
    """Labels, those first that are no tags of spans."""
    return sorted(labels, key=lambda tag: (tag == OUTSIDE or parts(tag)[0] != OUTSIDE, tag))


def rounded(confidence: Float[np.ndarray, "*axes"]) -> list[Any]:
    """Probabilities to four places."""
    found: list[Any] = confidence.astype(np.float64).round(4).tolist()
    return found


def products(
    found: Sequence[Sequence[Span]], confidence: Float[np.ndarray, "batch time"]
) -> list[list[float]]:
    """For each span the product of its words' probabilities."""
    return [
        [math.prod(words[start:end]) for start, end, _ in every]
        for every, words in zip(found, confidence.tolist(), strict=True)
    ]


def one_piece_a_word(source: Pieces | Frames) -> bool:
    """Whether each word is exactly one piece."""
    if isinstance(source, Frames):
        return True
    pieces = len(source.strings)
    return pieces == len(source.word_spans) and bool((source.words == np.arange(pieces)).all())


def positions(source: Pieces | Frames, word: Speaker) -> dict[str, np.ndarray]:
    """The arrays shift, and owner for means, of one input."""
    if isinstance(source, Pieces) and source.spans is source.word_spans:
        shift = np.zeros(len(source), np.int32)  # pieces that are the words: most texts by far
        return {"shift": shift, "owner": shift} if word == "mean" else {"shift": shift}
    owners = source.words if isinstance(source, Pieces) else np.arange(len(source))
    words = len(golds.spans_of_words(source))
    speakers = np.full(words, NO_PIECE, np.int32)
    pieces = np.arange(len(owners), dtype=np.int32)
    if word == "last":
        speakers[owners] = pieces
    else:
        speakers[owners[::-1]] = pieces[::-1]
    here = np.arange(words, dtype=np.int32)
    arrays = {"shift": np.where(speakers == NO_PIECE, NO_PIECE, speakers - here)}
    if word == "mean":
        arrays["owner"] = owners.astype(np.int32) - pieces
    return arrays


def in_characters(found: Sequence[Span], source: Pieces | Frames) -> list[list[Any]]:
    """Spans over words as [start, end, label] in characters of the user's text, or in frames."""
    words = golds.spans_of_words(source)
    return [[int(words[start, 0]), int(words[end - 1, 1]), label] for start, end, label in found]
