"""Tag schemes: IOB1 and BIO (Ramshaw & Marcus 1995), BIOES and BILOU (Ratinov & Roth 2009).

A tag is `O`, or one of the letters B I E S (in BILOU: B I L U) with the label of its span, as in
`B-PER`. A span is (start, end, label) with word indices, the end exclusive.

IOB1 writes B only where a span touches the one before it and both have the same label; BIO (also
called IOB2) begins every span with B; BIOES and BILOU also mark the last word of a span and the
span of one word.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Bool

SCHEMES = ("IOB1", "BIO", "BIOES", "BILOU")
OUTSIDE = "O"
ENDS = {"BIOES": ("E", "S"), "BILOU": ("L", "U")}
"""How schemes that mark ends write the last word of a span, and a span of one word."""
LETTERS = {"B": "B", "I": "I", "E": "E", "L": "E", "S": "S", "U": "S"}

Span = tuple[int, int, str]


class Legal(NamedTuple):
    """Which labels a scheme lets stand first, after one another [from to], and last."""

    first: Bool[np.ndarray, " label"]
    pair: Bool[np.ndarray, "label label"]
    last: Bool[np.ndarray, " label"]


@lru_cache(maxsize=65536)
def parts(tag: str) -> tuple[str, str]:
    """The role of a tag (B I E S, or O) and its label: `L-PER` gives E and PER.

    A tag of any other form stands outside of all spans.
    """
    letter, dash, label = tag.partition("-")
    if letter in LETTERS and (not dash or label):
        return LETTERS[letter], label
    return OUTSIDE, ""


def detect(sequences: Iterable[Sequence[str]]) -> str | None:
    """The scheme that the tags of a file follow, or None for plain labels such as parts of speech.

    Where a file has B and I alone, it is IOB1 if more spans begin with an I, which BIO would not
    write, than with a B that IOB1 would not write, and BIO otherwise.
    """
    letters: set[str] = set()
    strange = begun_by_b = begun_by_i = 0
    bare = outside = False
    for tags in sequences:
        before = (OUTSIDE, "")
        for tag in tags:
            role, label = now = parts(tag)
            if role != OUTSIDE:
                letters.add(tag[0])
                bare = bare or not label
                touches = before[0] != OUTSIDE and before[1] == label
                begun_by_b += role == "B" and not touches
                begun_by_i += role == "I" and not touches
            elif tag == OUTSIDE:
                outside = True
            else:
                strange += 1
            before = now
    if strange or not letters or (bare and not (outside and "B" in letters)):
        return None
    if letters <= {"B", "I"}:
        return "IOB1" if begun_by_i > begun_by_b else "BIO"
    if letters & {"B", "S"} and letters <= set("BIES"):
        return "BIOES"
    return "BILOU" if letters & {"B", "U"} and letters <= set("BILU") else None


def spans(tags: Sequence[str]) -> list[Span]:
    """The spans of a tag sequence, as the CoNLL-2000 script conlleval reads them.

    It reads every scheme alike and mends what is illegal: an I with nothing to continue begins a
    span, and a span that is never ended ends where the next tag does not go on.
    """
    found = []
    start, before = 0, (OUTSIDE, "")
    for place, tag in enumerate(tags):
        now = parts(tag)
        if now == before == (OUTSIDE, ""):
            continue
        if before[0] != OUTSIDE:
            if goes_on(before, now):
                before = now
                continue
            found.append((start, place, before[1]))
        start, before = place, now
    if before[0] != OUTSIDE:
        found.append((start, len(tags), before[1]))
    return found


def goes_on(before: tuple[str, str], now: tuple[str, str]) -> bool:
    """Whether a tag goes on with the span of the tag before it, as `spans` reads them."""
    return before[0] in "BI" and now[0] in "IE" and before[1] == now[1]


def strict_spans(tags: Sequence[str], scheme: str) -> list[Span]:
    """The spans of a tag sequence that are written exactly as the scheme writes them.

    Equal to seqeval's strict mode for BIO, BIOES and BILOU.
    """
    every = spans(tags)
    right = write(every, len(tags), scheme)
    return [span for span in every if right[span[0] : span[1]] == list(tags[span[0] : span[1]])]


def write(every: Iterable[Span], length: int, scheme: str) -> list[str]:
    """The tags of `length` words in a scheme. The spans are sorted and do not overlap."""
    tags = [OUTSIDE] * length
    before: Span = (0, 0, "")
    ends, alone = ENDS.get(scheme, ("I", "B"))
    for span in every:
        start, end, label = span
        after = f"-{label}" if label else ""
        if scheme == "IOB1":
            touches = before[1] == start > 0 and before[2] == label
            tags[start] = ("B" if touches else "I") + after
        else:
            tags[start] = ("B" if end - start > 1 else alone) + after
        if end - start > 1:
            tags[start + 1 : end] = ["I" + after] * (end - start - 2) + [ends + after]
        before = span
    return tags


def convert(tags: Sequence[str], scheme: str) -> list[str]:
    """The same spans in another scheme; an illegal sequence comes out legal."""
    return write(spans(tags), len(tags), scheme)


def legal(scheme: str, labels: Sequence[str]) -> Legal:
    """Which of the labels a scheme lets stand first, next to each other, and last."""
    known = [parts(label) for label in labels]
    outside = (OUTSIDE, "")
    return Legal(
        np.array([follows(scheme, outside, tag) for tag in known], bool),
        np.array([[follows(scheme, tag, after) for after in known] for tag in known], bool),
        np.array([follows(scheme, tag, outside) for tag in known], bool),
    )


def follows(scheme: str, before: tuple[str, str], now: tuple[str, str]) -> bool:
    """Whether one tag may follow another. Outside stands for the edges of a text."""
    touches = before[0] != OUTSIDE and before[1] == now[1]
    if scheme == "IOB1":
        return now[0] != "B" or touches
    if scheme == "BIO":
        return now[0] != "I" or touches
    if before[0] in "BI":
        return now[0] in "IE" and touches
    return now[0] not in "IE"


def illegal(tags: Sequence[str], scheme: str) -> list[int]:
    """Where a tag may not stand, the end of the text included: it comes after the last word."""
    before, wrong = (OUTSIDE, ""), []
    for place, tag in enumerate((*tags, OUTSIDE)):
        now = parts(tag)
        if not follows(scheme, before, now):
            wrong.append(place)
        before = now
    return wrong
