"""The 88 keys of a piano: frames of zeros and ones, and the MIDI notes that they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from seqkit.errors import DataError
from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import UInt8

KEYS = 88
LOWEST, HIGHEST = 21, 108
"""The MIDI notes of the first and the last key."""


def piano_roll(values: np.ndarray, where: str) -> UInt8[np.ndarray, "time 88"]:
    """Numbers as a piano roll. Raises DataError where they are not [time, 88] of zeros and ones."""
    if values.ndim != 2 or values.shape[1] != KEYS or values.dtype.kind not in "biuf":
        form = " x ".join(map(str, values.shape))
        raise DataError(
            f"{where}: has frames of the form {form} ({values.dtype}), not time x {KEYS} numbers. "
            f"Give a zero or a one for each MIDI note from {LOWEST} to {HIGHEST}."
        )
    wrong = (values != 0) & (values != 1)
    if wrong.any():
        step, key = np.argwhere(wrong)[0].tolist()
        raise DataError(
            f"{where}: step {step + 1} has {values[step, key]:g} for the note {LOWEST + key}. "
            "Give 1 where a note sounds and 0 where it does not."
        )
    return values.astype(np.uint8)


def long_enough(roll: UInt8[np.ndarray, "time 88"], where: str) -> UInt8[np.ndarray, "time 88"]:
    """The roll. Raises DataError where no step comes after another."""
    if len(roll) < 2:
        steps = "one step" if len(roll) else "no step"
        raise DataError(f"{where}: has {steps}, and nothing comes next. Leave the piece out.")
    return roll


def roll_of(steps: Sequence[Sequence[int]]) -> UInt8[np.ndarray, "time 88"]:
    """The MIDI notes of each step as a piano roll."""
    roll = np.zeros((len(steps), KEYS), np.uint8)
    for step, sounding in enumerate(steps):
        roll[step, [note - LOWEST for note in sounding]] = 1
    return roll


def notes_of(roll: UInt8[np.ndarray, "time 88"]) -> list[list[int]]:
    """The MIDI notes that sound at each step, in rising order."""
    return [(np.flatnonzero(frame) + LOWEST).tolist() for frame in roll]
