"""The factories of sources: piano_rolls and midi."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqkit.settings import PositiveFloat
from seqkit.stages import Source


def piano_rolls(*, step: PositiveFloat = 1.0) -> Source:
    """Reads piano rolls whose splits are inside one file, or one file for each split.

    A .mat file (MATLAB 5 to 7.2) has the cells traindata, validdata and testdata, each of matrices
    [time, 88] of zeros and ones. A .json or .json.gz file has lists train, valid and test, or is a
    list itself: a piece is a list of steps, a step a list of MIDI notes from 21 to 108, in which -1
    stands for a silent voice. Fields: piece (where it stands), notes (an array [time, 88] of zeros
    and ones, the MIDI notes 21 to 108).

    step: beats of a step, which no such file says; `seqkit compose` goes by it.
    """
    del step
    from seqkit_music.rolls import PianoRolls

    return PianoRolls()


def midi(*, step: PositiveFloat = 0.5) -> Source:
    """Reads MIDI files (Standard MIDI Files 0 and 1): one, or all of a folder and those in it.

    All tracks and channels sound together, but for drums (channel 10). A note begins at the nearest
    step and sounds for one at least; pedals, loudness and tempo do not count. A piece begins with
    its first note and ends with its last. Fields: piece (the file), notes (an array [time, 88] of
    zeros and ones, the MIDI notes 21 to 108).

    step: beats (quarter notes) of a step.
    """
    from seqkit_music.midi_reading import MidiFiles

    return MidiFiles(step)


def midi_places(settings: Mapping[str, Any], place: Path) -> list[Path]:
    """The MIDI files that are read for a place."""
    del settings
    from seqkit_music.midi_reading import files_of

    return files_of(place)
