"""Strings of the input that the target has no number for, and how they get one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, final

import numpy as np

from seqkit.errors import DataError
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Frames, Pieces
from seqkit_seq2seq.target import UNKNOWN, Target

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Int32


@final
class Copies:
    """Numbers the strings of one input: as the target does, and from its size on those it lacks."""

    def __init__(self, target: Target) -> None:
        self.target = target

    def extra(self, given: Pieces | Frames) -> Mapping[str, int]:
        """The numbers of the strings that only this input has. Raises DataError for frames."""
        if not isinstance(given, Pieces):
            raise DataError(
                "attention: 'copy' copies pieces, but the input is frames. Leave it out."
            )
        lacking = (string for string in given.strings if self.target.number(string) == UNKNOWN)
        return {
            string: self.target.size + place for place, string in enumerate(dict.fromkeys(lacking))
        }

    def numbers(self, given: Pieces | Frames) -> Int32[np.ndarray, " source"]:
        """The number of each step of an input."""
        extra = self.extra(given)
        strings = given.strings if isinstance(given, Pieces) else ()
        found = [extra.get(string) or self.target.number(string) for string in strings]
        return np.array(found, np.int32)

    def wanted(self, given: Pieces | Frames, strings: Sequence[str]) -> list[int]:
        """The number of each piece of a target, which may be one of its input's own."""
        extra = self.extra(given)
        return [extra.get(string) or self.target.number(string) for string in strings]
