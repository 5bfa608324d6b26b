"""What an example asks of its answer: how it begins, and what it must have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seqkit.errors import DataError
from seqkit.inputs import input_name
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Example, time_mask
from seqkit_seq2seq.copying import Copies
from seqkit_seq2seq.describing import cut
from seqkit_seq2seq.including import BETWEEN
from seqkit_seq2seq.target import UNKNOWN, Target

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Int32

    from seqkit.stages import Batch

OPEN = -1
"""Stands for a piece of a beginning that cannot be written: any may come there."""


def beginning(target: Target, example: Example, field: str) -> Int32[np.ndarray, " steps"]:
    """The numbers of how an answer begins."""
    strings = target.pieces(example.fields.get(field) or "")
    return np.array([target.numbers.get(string, OPEN) for string in strings], np.int32)


def phrases(
    target: Target, copies: Copies | None, example: Example, field: str, over: str | None
) -> Int32[np.ndarray, " steps"]:
    """The numbers of what an answer must have. Raises DataError for what cannot be written."""
    found: list[int] = []
    for phrase in phrase_list(example, field):
        strings = target.pieces(phrase)
        if copies is None:
            numbers = [target.number(string) for string in strings]
        else:
            name = input_name("attention", example.inputs, over)
            numbers = copies.wanted(example.inputs[name], strings)
        if UNKNOWN in numbers:
            raise DataError(
                f"attention: '{field}': {cut(phrase)} cannot be written: no target of the "
                f"training split has {strings[numbers.index(UNKNOWN)]!r}. Leave the phrase out."
            )
        found += [*numbers, BETWEEN]
    return np.array(found, np.int32)


def phrase_list(example: Example, field: str) -> list[str]:
    """The phrases that an example's answer must have. Raises DataError where they are no list."""
    found = example.fields.get(field) or []
    if not isinstance(found, list) or not all(
        isinstance(one, str) and one.strip() for one in found
    ):
        raise DataError(
            f"attention: '{field}' is {found!r:.60}, not a list of phrases. Give one, such as "
            '["the phrase"].'
        )
    return found


def padded(batch: Batch) -> Batch:
    """A batch whose beginnings and phrases are padded with what asks nothing."""
    asked = {}
    for name in ("prefix", "include"):
        if name in batch:
            real = time_mask(batch[f"{name}.lengths"], batch[name].shape[1])
            asked[name] = batch[name].long().masked_fill(~real, OPEN)
    return {**batch, **asked}
