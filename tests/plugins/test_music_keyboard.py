"""The 88 keys: frames of zeros and ones, and MIDI notes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqkit.errors import DataError
from seqkit_music.keyboard import HIGHEST, KEYS, LOWEST, long_enough, notes_of, piano_roll, roll_of

NOTES = st.lists(st.sets(st.integers(LOWEST, HIGHEST)).map(sorted), max_size=5)


@given(NOTES)
def test_notes_become_frames_and_notes_again(steps: list[list[int]]) -> None:
    roll = roll_of(steps)
    assert roll.shape == (len(steps), KEYS)
    assert notes_of(roll) == steps


def test_the_keys_are_those_of_a_piano() -> None:
    assert np.flatnonzero(roll_of([[21, 60, 108]])[0]).tolist() == [0, 39, 87]


@pytest.mark.parametrize(
    ("values", "form"),
    [
        (np.zeros((3, 40)), "3 x 40 (float64)"),
        (np.zeros(88, np.uint8), "88 (uint8)"),
        (np.full((2, 88), "x"), "2 x 88 (<U1)"),
    ],
)
def test_frames_of_another_form_are_told(values: np.ndarray, form: str) -> None:
    with pytest.raises(DataError) as told:
        piano_roll(values, "file: piece 2")
    assert str(told.value) == (
        f"file: piece 2: has frames of the form {form}, not time x 88 numbers. "
        "Give a zero or a one for each MIDI note from 21 to 108."
    )


@pytest.mark.parametrize("wrong", [0.5, 2.0, -1.0, np.nan])
def test_what_is_neither_zero_nor_one_is_told_with_its_place(wrong: float) -> None:
    values = np.zeros((3, 88), np.float32)
    values[1, 39] = wrong
    with pytest.raises(DataError) as told:
        piano_roll(values, "here")
    assert str(told.value) == (
        f"here: step 2 has {wrong:g} for the note 60. "
        "Give 1 where a note sounds and 0 where it does not."
    )


@pytest.mark.parametrize(("steps", "said"), [(0, "no step"), (1, "one step")])
def test_a_piece_in_which_nothing_comes_next_is_told(steps: int, said: str) -> None:
    with pytest.raises(DataError) as told:
        long_enough(np.zeros((steps, KEYS), np.uint8), "here")
    assert str(told.value) == f"here: has {said}, and nothing comes next. Leave the piece out."
