"""From the numbers that a search has found to texts and their evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from seqkit.stages import Answer, Frames, Pieces
from seqkit_seq2seq.copying import Copies
from seqkit_seq2seq.target import FIRST, Target

EVIDENCE = ("score", "probabilities", "alignment")


def answers_of(
    target: Target, copies: Copies | None, given: Pieces | Frames, found: Sequence[Answer]
) -> Answer:
    """The best answer as text, with its evidence, and the others as its alternatives.

    pieces: of the text. score: what the search compares. probabilities: of each piece, and of the
    end. alignment: for each piece, the step of the input that weighed most.
    """
    texts = [written(target, copies, given, one) for one in found]
    best, *others = texts
    return {**best, "alternatives": others} if others else best


def written(
    target: Target, copies: Copies | None, given: Pieces | Frames, found: Answer
) -> dict[str, Any]:
    """One answer with its text."""
    strings = list(named(target, copies, given, found["value"]))
    evidence = {name: found[name] for name in EVIDENCE if name in found}
    return {"value": target.text(strings), "pieces": strings, **evidence}


def named(
    target: Target, copies: Copies | None, given: Pieces | Frames, numbers: Sequence[int]
) -> Iterator[str]:
    """The string of each number, which may be one of the input's own."""
    own = copies.extra(given) if copies else {}
    strings = {number: string for string, number in own.items()}
    for number in numbers:
        yield target.strings[number - FIRST] if number < target.size else strings[number]
