"""What the answers of a split are, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from seqkit.abilities import Finding
from seqkit.stages import Pieces
from seqkit_answers.golds import Right, covering, on_borders, shown, text_span

MANY = 0.05
"""Share of answers beyond which a reader should look."""
SWAPPED = 0.5
"""Share of questions longer than their passages beyond which both seem to be swapped."""


@dataclass(frozen=True)
class Asked:
    """A question, its passage and its right answers.

    places: the first and the last piece of each answer, as the decoder's own array has them.
    """

    question: Pieces
    passage: Pieces
    rights: Sequence[Right]
    places: Sequence[Sequence[int]]

    def __str__(self) -> str:
        """The question, and the answers that are learnt."""
        spans = [text_span(self.passage, *place) for place in self.places]
        texts = [shown(self.passage.source.text[start:end]) for start, end in spans]
        return f"{shown(self.question.source.text)} → {' or '.join(texts) or 'no answer'}"


def describe_answers(
    asked: Sequence[Asked], split: str, longest: int, unanswerable: bool
) -> list[Finding]:
    """How many answers there are, which of them cannot be given, and three examples.

    unanswerable: whether a decoder may say that there is no answer.
    """
    found = [totals(asked), *unreachable(asked, longest)]
    longer = sum(len(one.question) > len(one.passage) for one in asked)
    if longer:
        text = f"{many(longer, 'question')} longer than the passage: are the two swapped?"
        found.append(Finding(text, "warning" if longer > SWAPPED * len(asked) else "note"))
    unanswered = sum(not one.rights for one in asked)
    if unanswered and not unanswerable:
        text = f"{many(unanswered, 'question')} without an answer, but training has none of these"
        found.append(Finding(f"{text}: whatever is answered counts as wrong", "warning"))
    if split == "train":
        found += [Finding(f"example: {one}") for one in asked[:3]]
    return found


def totals(asked: Sequence[Asked]) -> Finding:
    """How many questions and answers there are, and how long answers are."""
    answers = sum(len(one.rights) for one in asked)
    text = f"{many(len(asked), 'question')}, {many(answers, 'answer')}"
    unanswered = sum(not one.rights for one in asked)
    if unanswered:
        text += f", {unanswered:,} of the questions without one"
    sizes = [last - first + 1 for one in asked for first, last in one.places]
    if sizes:
        text += (
            f"; half of them have {np.median(sizes):g} pieces or fewer, the longest {max(sizes):,}"
        )
    return Finding(text)


def unreachable(asked: Sequence[Asked], longest: int) -> Iterator[Finding]:
    """Answers that no model can give exactly: cut off, too long, or not of whole pieces."""
    pairs = [(right, one.passage) for one in asked for right in one.rights]
    spans = [covering(*pair) for pair in pairs]
    outside = [span is None for span in spans]
    long = [span is not None and span[1] - span[0] >= longest for span in spans]
    off = [
        span is not None and not on_borders(*pair) for pair, span in zip(pairs, spans, strict=True)
    ]
    for marked, wrong in (
        (outside, "in no piece of the passage, which is not learnt"),
        (long, f"of more than {longest} pieces, which is never given"),
        (off, "not on the borders of pieces: the fewest that cover it are learnt"),
    ):
        which = [right for (right, _), is_wrong in zip(pairs, marked, strict=True) if is_wrong]
        if which:
            share, first = len(which) / len(pairs), shown(which[0].text)
            text = f"{many(len(which), 'answer')} ({share:.1%}) {wrong}, such as {first}"
            yield Finding(text, "warning" if share > MANY else "note")


def many(count: int, noun: str) -> str:
    """`1 answer`, `2,000 answers`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
