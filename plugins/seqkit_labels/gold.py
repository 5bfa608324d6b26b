"""The gold of a decoder that labels words: labels one a word, or character spans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from seqkit.errors import DataError
from seqkit.stages import Frames, Pieces
from seqkit_labels.schemes import OUTSIDE, Span, write

Form = Literal["labels", "spans"]
"""`labels`: one label a word. `spans`: [start, end, label] in characters of the user's text."""
Label = str | None
"""None where a word has no gold: it is neither learnt nor scored."""


def cut(text: str, most: int = 60) -> str:
    """A text, cut where it is long."""
    return text if len(text) <= most else text[: most - 1] + "…"


def quoted(text: str, most: int = 60) -> str:
    """A text between quotes, cut where it is long."""
    return repr(cut(text, most))


def spans_of_words(source: Pieces | Frames) -> np.ndarray:
    """[word, 2]: where each word stands in the text; for frames, each is a word of its own."""
    if isinstance(source, Pieces):
        return source.word_spans
    starts = np.arange(len(source), dtype=np.int32)
    return np.stack([starts, starts + 1], axis=1)


def text_of(source: Pieces | Frames) -> str:
    """The user's text; frames have none."""
    return source.source.text if isinstance(source, Pieces) else ""


def form_of(gold: Any, where: str) -> Form | None:
    """Which form a gold has; None where it is empty, which either form may be.

    Raises DataError where it is neither.
    """
    if isinstance(gold, str):
        raise DataError(
            f"{where}: the gold is one string, {quoted(gold)}, but each word takes a label. "
            "Give a list of labels, or decode with `classifier`."
        )
    if isinstance(gold, Mapping):
        raise DataError(
            f"{where}: there are several golds, {', '.join(map(str, gold))}. "
            "Name one field under data.gold."
        )
    if not isinstance(gold, Sequence):
        raise DataError(
            f"{where}: the gold is {cut(repr(gold))}, neither labels nor spans. Give a list of "
            "labels, one a word, or a list of [start, end, label]."
        )
    kinds = {"labels" if part is None or isinstance(part, str) else "spans" for part in gold}
    if len(kinds) > 1:
        raise DataError(f"{where}: the gold mixes labels and spans. Give one of them.")
    return "labels" if "labels" in kinds else "spans" if kinds else None


def word_labels(gold: Sequence[Label], source: Pieces | Frames, where: str) -> list[Label]:
    """The labels of the words. Raises DataError where there are not as many, or one is empty."""
    words = spans_of_words(source)
    if len(gold) != len(words):
        text = text_of(source)
        shown = ", ".join(repr(text[start:end]) for start, end in words[:5].tolist() if text)
        shown = f" ({shown}{', …' if len(words) > 5 else ''})" if shown else ""
        raise DataError(
            f"{where}: {counted(len(gold), 'label')} for {counted(len(words), 'word')}{shown}. "
            "Give one label a word, with a tokeniser that keeps the words as they are given."
        )
    for place, label in enumerate(gold):
        if label is not None and not label.strip():
            raise DataError(
                f"{where}: the label of {word_at(place, source)} is empty. Give it one; in a file "
                "of columns, check how they are split."
            )
    return [None if label is None else str(label) for label in gold]


def refuse_gap(labels: Sequence[Label], source: Pieces | Frames, where: str, why: str) -> None:
    """Raises DataError where a word has no label. why: that cannot be."""
    if None in labels:
        named = word_at(labels.index(None), source)
        raise DataError(f"{where}: {named} has no label, but {why}. Give it one.")


def given_labels(labels: Iterable[Label]) -> list[str]:
    """The labels of the words that have one."""
    return [label for label in labels if label is not None]


def word_at(place: int, source: Pieces | Frames) -> str:
    """`word 3 'York'`."""
    start, end = spans_of_words(source)[place].tolist()
    shown = f" {quoted(text_of(source)[start:end], 30)}" if text_of(source) else ""
    return f"word {place + 1:,}{shown}"


def counted(count: int, noun: str) -> str:
    """`1 label`, `2 labels`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def place(gold: Iterable[Any], source: Pieces | Frames) -> tuple[list[Span], list[str]]:
    """Character spans as spans over words, sorted, and what is wrong with those that do not fit.

    Raises nothing: the caller decides when to.
    """
    words, text = spans_of_words(source).tolist(), text_of(source)
    size = len(text) if isinstance(source, Pieces) else len(source)
    starts = {start: word for word, (start, end) in enumerate(words) if end > start}
    ends = {end: word + 1 for word, (start, end) in enumerate(words) if end > start}
    found: list[Span] = []
    wrong: list[str] = []
    sortable = []
    for span in gold:
        if well_formed(span):
            sortable.append((int(span[0]), int(span[1]), span[2]))
        else:
            wrong.append(f"{cut(repr(span))} is not [start, end, label]")
    reached, before = 0, ""
    for start, end, label in sorted(sortable):
        shown = f"[{start}, {end}, {label!r}]"
        named = f"{shown} {quoted(text[max(start, 0) : end], 30)}" if text else shown
        if not 0 <= start < end <= size:
            wrong.append(f"{shown} lies outside the text of {size} characters, {quoted(text)}")
        elif start not in starts or end not in ends:
            wrong.append(f"{named} does not begin and end where words do, in {quoted(text)}")
        elif start < reached:
            wrong.append(f"{named} overlaps {before}, in {quoted(text)}")
        elif not label.strip():
            wrong.append(f"{named} has an empty label, in {quoted(text)}")
        else:
            found.append((starts[start], ends[end], label))
            reached, before = end, named
    return found, wrong


def well_formed(span: Any) -> bool:
    """Whether a value is [start, end, label]."""
    return (
        isinstance(span, Sequence)
        and len(span) == 3
        and all(isinstance(edge, int) and not isinstance(edge, bool) for edge in span[:2])
        and isinstance(span[2], str)
    )


def span_labels(gold: Iterable[Any], source: Pieces | Frames, where: str) -> list[str]:
    """BIO tags of the words for character spans. Raises DataError for a span that does not fit."""
    found, wrong = place(gold, source)
    if wrong:
        raise DataError(misfit(where, wrong[0], len(wrong)))
    return write(found, len(spans_of_words(source)), "BIO")


def misfit(where: str, first: str, count: int) -> str:
    """The message for spans that words cannot carry."""
    more = f" ({count:,} spans do not fit.)" if count > 1 else ""
    return (
        f"{where}: the span {first}. Correct it, or use a tokeniser that splits there, such as "
        f"`characters`.{more}"
    )


class Reading:
    """The golds of a training split, read once: their form, their tags, and how words own pieces.

    Raises DataError at the first gold that cannot be read; spans that do not fit their words are
    counted first.
    """

    def __init__(self, who: str) -> None:
        self.who = who
        self.form: Form | None = None
        self.tags: list[list[Label]] = []
        self.wrong: list[tuple[str, str]] = []
        self.empty: list[tuple[str, Any]] = []

    def add(self, gold: Any, source: Pieces | Frames) -> None:
        """Reads one more gold."""
        where = f"{self.who}: train: example {len(self.tags) + 1}"
        if gold is None:
            raise DataError(f"{where} has no gold. Name the field of the labels under data.gold.")
        form = form_of(gold, where)
        if form and self.form and form != self.form:
            raise DataError(f"{where} has {form}, but those before have {self.form}. Give one.")
        self.form = self.form or form
        if form == "labels":
            self.tags.append(word_labels(gold, source, where))
        elif form == "spans":
            found, wrong = place(gold, source)
            self.wrong += [(where, problem) for problem in wrong]
            self.tags.append([*write(found, len(spans_of_words(source)), "BIO")])
        else:
            self.tags.append([OUTSIDE for _ in spans_of_words(source)])
            if self.tags[-1]:
                self.empty.append((where, source))

    def finish(self) -> list[list[str]]:
        """The tags of the words that have one. Raises DataError where they teach nothing."""
        if self.wrong:
            raise DataError(misfit(*self.wrong[0], len(self.wrong)))
        if self.form == "labels" and self.empty:
            where, source = self.empty[0]
            word_labels([], source, where)
        every = [given_labels(tags) for tags in self.tags]
        counts = Counter(label for tags in every for label in tags)
        if len(counts) < 2:
            only = f"the only label is '{next(iter(counts))}'" if counts else "there is no label"
            raise DataError(
                f"{self.who}: {only} in {counted(len(self.tags), 'training example')}, so there is "
                "nothing to learn. Check which field data.gold names."
            )
        return every


def read(gold: Any, source: Pieces | Frames, form: Form, where: str) -> list[Label]:
    """The labels of the words, in the scheme of the file. Raises DataError."""
    if gold is None:
        raise DataError(f"{where}: the example has no gold. Name its field under data.gold.")
    found = form_of(gold, where)
    if found and found != form:
        raise DataError(f"{where}: the gold has {found}, but the model has learnt from {form}.")
    if form == "labels":
        return word_labels(gold, source, where)
    return [*span_labels(gold, source, where)]
