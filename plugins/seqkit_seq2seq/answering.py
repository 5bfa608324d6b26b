"""From the numbers that a search has found to texts and their evidence."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from seqkit.stages import Answer, Example, Frames, Pieces
from seqkit_seq2seq.copying import Copies
from seqkit_seq2seq.target import FIRST, Target, read

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


def gold_of(example: Example, references: str | None) -> Answer:
    """A gold as an answer. references: the field that lists all texts that are right."""
    found: dict[str, Any] = {"value": read(example.gold)}
    if references:
        found["references"] = list(example.fields[references])
    return found


def own_number(example: Example) -> np.ndarray:
    """A number that an example's inputs alone decide."""
    inputs = example.inputs.items()
    content = [
        (name, value.source.text if isinstance(value, Pieces) else value.values.tobytes())
        for name, value in inputs
    ]
    return np.array(zlib.crc32(repr(content).encode("utf-8", "replace")) & 0x7FFFFFFF, np.int32)
