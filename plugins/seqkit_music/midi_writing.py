"""Piano rolls as MIDI files."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from seqkit.settings import CHECK_SHAPES
from seqkit_music.keyboard import KEYS, LOWEST
from seqkit_music.midi_library import library

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import UInt8

TICKS = 480
"""Of a beat."""
LOUDNESS = 80


def midi_bytes(
    roll: UInt8[np.ndarray, "time 88"], step: float, *, tempo: float, struck: bool = False
) -> bytes:
    """A piano roll as a MIDI file of one track (Standard MIDI File 0), for a piano.

    step: beats of a step. tempo: beats a minute. struck: whether a note that sounds at several
    steps in a row is struck at each of them, or held. Raises PluginError without mido.
    """
    mido = library()
    track = mido.MidiTrack()
    track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo)))
    now = 0
    for place, starts, note in events(roll, struck):
        tick = round(place * step * TICKS)
        kind = "note_on" if starts else "note_off"
        track.append(
            mido.Message(kind, note=note, velocity=LOUDNESS if starts else 0, time=tick - now)
        )
        now = tick
    end = round(len(roll) * step * TICKS)
    track.append(mido.MetaMessage("end_of_track", time=end - now))
    midi = mido.MidiFile(type=0, ticks_per_beat=TICKS)
    midi.tracks.append(track)
    content = io.BytesIO()
    midi.save(file=content)
    return content.getvalue()


def events(roll: UInt8[np.ndarray, "time 88"], struck: bool) -> Iterator[tuple[int, bool, int]]:
    """Step, whether a note starts there or ends, and the note; what ends comes first."""
    silent = np.zeros((1, KEYS), np.uint8)
    before, after = (np.concatenate(parts) for parts in ([silent, roll], [roll, silent]))
    ends = before if struck else before & ~after
    starts = after if struck else after & ~before
    for place in range(len(roll) + 1):
        for starting, changes in ((False, ends), (True, starts)):
            for key in np.flatnonzero(changes[place]).tolist():
                yield place, starting, LOWEST + key
