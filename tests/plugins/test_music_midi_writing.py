"""Piano rolls as MIDI files: held notes and struck ones, tempo, the end."""

from __future__ import annotations

import io
from typing import Any

import mido
import pytest

from seqkit_music.keyboard import roll_of
from seqkit_music.midi_writing import events, midi_bytes

ROLL = roll_of([[60], [60, 64], [], [60], []])


def read(**settings: Any) -> mido.MidiFile:
    return mido.MidiFile(file=io.BytesIO(midi_bytes(ROLL, 0.5, **settings)))


def messages(file: mido.MidiFile) -> list[tuple[str, int, int]]:
    """Kind, note and tick of each message of the one track."""
    now, found = 0, []
    for message in file.tracks[0]:
        now += message.time
        found.append((message.type, getattr(message, "note", 0), now))
    return found


def test_a_note_of_several_steps_is_held() -> None:
    file = read(tempo=90.0)
    assert (file.type, len(file.tracks), file.ticks_per_beat) == (0, 1, 480)
    assert messages(file) == [
        ("set_tempo", 0, 0),
        ("note_on", 60, 0),
        ("note_on", 64, 240),
        ("note_off", 60, 480),
        ("note_off", 64, 480),
        ("note_on", 60, 720),
        ("note_off", 60, 960),
        ("end_of_track", 0, 1200),
    ]


def test_or_it_is_struck_at_each_step() -> None:
    struck = list(events(ROLL[:2], struck=True))
    assert struck == [
        (0, True, 60),
        (1, False, 60),
        (1, True, 60),
        (1, True, 64),
        (2, False, 60),
        (2, False, 64),
    ]
    ons = [note for kind, note, _ in messages(read(tempo=90.0, struck=True)) if kind == "note_on"]
    assert ons == [60, 60, 64, 60]


@pytest.mark.parametrize("tempo", [4.0, 90.0, 960.0])
def test_the_tempo_is_in_beats_a_minute(tempo: float) -> None:
    file = read(tempo=tempo)
    assert file.length == pytest.approx(5 * 0.5 * 60 / tempo, rel=1e-4)


def test_nothing_is_a_piece_too() -> None:
    file = mido.MidiFile(file=io.BytesIO(midi_bytes(ROLL[:0], 1.0, tempo=120.0)))
    assert [message.type for message in file.tracks[0]] == ["set_tempo", "end_of_track"]
