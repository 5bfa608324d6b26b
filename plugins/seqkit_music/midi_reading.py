"""MIDI files as piano rolls: which notes sound at each step of so many beats."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, final

import numpy as np

from seqkit.errors import DataError
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Row
from seqkit_music.keyboard import HIGHEST, KEYS, LOWEST, long_enough
from seqkit_music.midi_library import library

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import UInt8

ENDINGS = (".mid", ".midi")
DRUMS = 9
"""The channel whose notes are drums, counted from 0."""
LONGEST = 100_000
"""Steps that a piece may have: more are told by a damaged file, not by music."""


class Note(NamedTuple):
    """A key, and the ticks at which it is struck and released."""

    note: int
    begin: int
    end: int


@final
class MidiFiles:
    """Reads a file a row. step: in beats. Raises DataError that names the file."""

    def __init__(self, step: float) -> None:
        self.step = step

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]:
        """Yields the pieces of a folder in the order of their paths, or that of a file."""
        if place is None:
            raise DataError(f"data.{split}: no folder is named. Name one in the recipe.")
        top = Path(place)
        for path in files_of(top):
            notes = long_enough(midi_roll(path, self.step), str(path))
            name = path.relative_to(top).as_posix() if path != top else path.name
            yield {"piece": name, "notes": notes}


def files_of(place: Path) -> list[Path]:
    """The file, or the MIDI files of a folder and of those in it.

    Raises DataError where there is none.
    """
    if not place.is_dir():
        return [place]
    found = [
        path
        for path in sorted(place.rglob("*"))
        if path.suffix.lower() in ENDINGS and path.name[0] != "." and path.is_file()
    ]
    if not found:
        raise DataError(f"{place}: holds no {' or '.join(ENDINGS)} file. Name another folder.")
    return found


def midi_roll(path: Path, step: float) -> UInt8[np.ndarray, "time 88"]:
    """What sounds at each step, from the first note to the end of the last one. step: in beats.

    Raises DataError where the file is no MIDI, damaged, not in beats, too long, or without a note
    in range, and PluginError without mido.
    """
    midi = parsed(path)
    ticks = midi.ticks_per_beat * step
    places = []
    for note in notes_in(midi.tracks):
        if LOWEST <= note.note <= HIGHEST:
            begin = nearest_step(note.begin, ticks)
            places.append((note.note, begin, max(begin + 1, nearest_step(note.end, ticks))))
    if not places:
        raise DataError(
            f"{path}: has no note from {LOWEST} to {HIGHEST} but drums. Leave the file out."
        )
    first = min(begin for _, begin, _ in places)
    length = max(end for _, _, end in places) - first
    if length > LONGEST:
        raise DataError(
            f"{path}: has {length:,} steps of {step:g} beats, more than {LONGEST:,}. "
            "Set a longer step, or cut the piece."
        )
    roll = np.zeros((length, KEYS), np.uint8)
    for pitch, begin, end in places:
        roll[begin - first : end - first, pitch - LOWEST] = 1
    return roll


def nearest_step(tick: int, ticks: float) -> int:
    """The step that a tick is nearest to, the later one of two. ticks: of a step."""
    return math.floor(tick / ticks + 0.5)


def parsed(path: Path) -> Any:
    """A file as mido reads it. Raises DataError where it is none that counts beats."""
    mido = library()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}). Mend its path.") from error
    if not content:
        raise DataError(f"{path}: is empty. Give a MIDI file.")
    if content[:4] != b"MThd":
        raise DataError(f"{path}: is no MIDI file, which begins with MThd. Give a .mid file.")
    try:
        midi = mido.MidiFile(file=io.BytesIO(content), clip=True)
    except Exception as error:  # mido checks little: whatever fails, the file is damaged
        raise DataError(f"{path}: is no whole MIDI file. Write it again.") from error
    if midi.type == 2:
        raise DataError(f"{path}: each of its tracks is a piece (format 2). Save it as format 1.")
    if midi.ticks_per_beat <= 0:
        raise DataError(
            f"{path}: counts time in parts of a second (SMPTE), not in beats. Save it with ticks "
            "of a beat."
        )
    return midi


def notes_in(tracks: Iterable[Iterable[Any]]) -> Iterator[Note]:
    """The notes of all tracks, without drums.

    A key that is struck again is released first, and the end of its track releases it.
    """
    for track in tracks:
        tick, sounding = 0, dict[tuple[int, int], int]()
        for message in track:
            tick += message.time
            if message.type not in ("note_on", "note_off") or message.channel == DRUMS:
                continue
            key = message.channel, message.note
            if key in sounding:
                yield Note(message.note, sounding.pop(key), tick)
            if message.type == "note_on" and message.velocity:
                sounding[key] = tick
        for (_, note), begin in sounding.items():
            yield Note(note, begin, tick)
