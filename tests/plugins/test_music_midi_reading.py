"""MIDI files of the user's own as piano rolls, and what is told of damaged ones."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import mido
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import seqkit
from seqkit.errors import DataError, PluginError
from seqkit_music.keyboard import notes_of, roll_of
from seqkit_music.midi_reading import MidiFiles, midi_roll
from seqkit_music.midi_writing import midi_bytes
from seqkit_music.sources import midi

ONE_FOLDER = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
Event = tuple[int, str, int, int, int]
"""Ticks after the event before, kind, channel, note, velocity."""


def write(path: Path, *tracks: list[Event], kind: int = 1, ticks: int = 100) -> Path:
    """A MIDI file with the given events, whose beat has so many ticks."""
    file = mido.MidiFile(type=kind, ticks_per_beat=ticks)
    for events in tracks:
        messages = [
            mido.Message(name, channel=channel, note=note, velocity=velocity, time=time)
            for time, name, channel, note, velocity in events
        ]
        file.tracks.append(mido.MidiTrack(messages))
    file.save(path)
    return path


def on(time: int, note: int, channel: int = 0) -> Event:
    return time, "note_on", channel, note, 64


def off(time: int, note: int, channel: int = 0) -> Event:
    return time, "note_off", channel, note, 0


def told(path: Path, step: float = 0.5) -> str:
    with pytest.raises(DataError) as caught:
        midi_roll(path, step)
    return str(caught.value)


def test_notes_sound_from_the_nearest_step_to_the_nearest_step(tmp_path: Path) -> None:
    early_and_late = [on(98, 60), on(54, 64), off(100, 60), off(0, 64)]  # 0.98, 1.52, 2.52
    path = write(tmp_path / "x.mid", early_and_late)
    assert notes_of(midi_roll(path, 0.5)) == [[60], [60, 64], [60, 64]]
    assert notes_of(midi_roll(path, 1.0)) == [[60], [60, 64]]


def test_a_note_that_is_shorter_than_a_step_sounds_for_one(tmp_path: Path) -> None:
    path = write(tmp_path / "x.mid", [on(0, 60), off(2, 60), on(198, 62), off(1, 62)])
    assert notes_of(midi_roll(path, 1.0)) == [[60], [], [62]]


def test_tracks_sound_together_and_drums_and_far_notes_do_not(tmp_path: Path) -> None:
    low, high = [on(0, 48), off(200, 48)], [on(100, 72, 3), off(100, 72, 3)]
    far = [on(0, 20), off(100, 20), on(0, 109), off(0, 109), on(0, 60, 9), off(900, 60, 9)]
    path = write(tmp_path / "x.mid", low, high, far)
    assert notes_of(midi_roll(path, 1.0)) == [[48], [48, 72]]


def test_a_key_struck_again_and_one_never_released_end_somewhere(tmp_path: Path) -> None:
    events = [
        on(0, 60),
        on(100, 60),
        (100, "note_on", 0, 60, 0),
        off(0, 60),
        on(0, 62),
        off(100, 1),
    ]
    path = write(tmp_path / "x.mid", events)
    assert notes_of(midi_roll(path, 1.0)) == [[60], [60], [62]]


@given(
    steps=st.lists(st.sets(st.integers(21, 108), max_size=4).map(sorted), min_size=1, max_size=6),
    step=st.sampled_from([0.25, 0.5, 1.0, 1 / 3]),
    struck=st.booleans(),
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_is_written_is_read_again(
    steps: list[list[int]], step: float, struck: bool, tmp_path: Path
) -> None:
    roll = roll_of([[60], *steps, [60]])
    path = tmp_path / "x.mid"
    path.write_bytes(midi_bytes(roll, step, tempo=90.0, struck=struck))
    assert notes_of(midi_roll(path, step)) == notes_of(roll)


def test_a_folder_and_those_in_it_are_read_in_order(tmp_path: Path) -> None:
    piece = [on(0, 60), off(200, 60)]
    (tmp_path / "b").mkdir()
    for name in ("b/one.MID", "a.midi", "._a.mid", "notes.txt"):
        write(tmp_path / name, piece)
    rows = list(midi(step=1.0).read("train", tmp_path))
    assert [row["piece"] for row in rows] == ["a.midi", "b/one.MID"]
    assert notes_of(rows[1]["notes"]) == [[60], [60]]
    (row,) = MidiFiles(1.0).read("test", tmp_path / "a.midi")
    assert row["piece"] == "a.midi"


def test_places_without_music_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        list(MidiFiles(1.0).read("train", tmp_path))
    assert str(caught.value) == f"{tmp_path}: holds no .mid or .midi file. Name another folder."
    with pytest.raises(DataError, match=r"data\.dev: no folder is named\."):
        list(MidiFiles(1.0).read("dev", None))
    path = write(tmp_path / "x.mid", [on(0, 60), off(10, 60)])
    with pytest.raises(DataError, match="has one step, and nothing comes next"):
        list(MidiFiles(1.0).read("train", path))
    assert told(tmp_path / "y.mid").startswith(f"{tmp_path / 'y.mid'}: cannot be read (No such")


def test_files_that_are_no_midi_are_told(tmp_path: Path) -> None:
    path = tmp_path / "x.mid"
    path.write_bytes(b"")
    assert told(path) == f"{path}: is empty. Give a MIDI file."
    path.write_bytes(b"RIFF....")
    assert told(path) == f"{path}: is no MIDI file, which begins with MThd. Give a .mid file."
    write(path, [on(0, 60), off(100, 60)])
    whole = path.read_bytes()
    for cut in (4, 10, 20, len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert told(path) == f"{path}: is no whole MIDI file. Write it again."


@given(place=st.integers(0, 10_000), byte=st.integers(0, 255))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_damaged_byte_gives_a_roll_or_a_clear_error(
    place: int, byte: int, tmp_path: Path
) -> None:
    path = tmp_path / "x.mid"
    content = bytearray(midi_bytes(roll_of([[60, 64], [], [67]]), 1.0, tempo=90.0))
    content[place % len(content)] = byte
    path.write_bytes(content)
    with suppress(DataError):
        assert len(midi_roll(path, 1.0))


def test_files_without_beats_or_notes_are_told(tmp_path: Path) -> None:
    piece = [on(0, 60), off(100, 60)]
    path = write(tmp_path / "x.mid", piece, kind=2)
    assert told(path) == f"{path}: each of its tracks is a piece (format 2). Save it as format 1."
    write(path, piece)
    content = bytearray(path.read_bytes())
    content[12:14] = b"\xe7\x28"  # 25 frames a second, 40 ticks a frame
    path.write_bytes(content)
    assert told(path) == (
        f"{path}: counts time in parts of a second (SMPTE), not in beats. "
        "Save it with ticks of a beat."
    )
    write(path, [on(0, 60, 9), on(0, 20), off(100, 20)])
    assert told(path) == f"{path}: has no note from 21 to 108 but drums. Leave the file out."


def test_a_piece_that_lasts_for_days_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "x.mid", [on(0, 60), off(2**28 - 1, 60)], ticks=1)
    assert told(path, 0.5).startswith(
        f"{path}: has 536,870,910 steps of 0.5 beats, more than 100,000. "
    )


def test_without_mido_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "x.mid", [on(0, 60), off(100, 60)])
    monkeypatch.setitem(sys.modules, "mido", None)
    with pytest.raises(PluginError) as caught:
        midi_roll(path, 1.0)
    assert str(caught.value) == (
        "music: MIDI files are read and written by mido, which is not installed. "
        "Run `pip install 'seqkit[music]'`."
    )


RECIPE = """\
seqkit: 1
name: mine
data: {use: midi, train: tunes, dev: 25%, test: tunes/1.mid, text: notes, step: 0.5}
embed: frames
encode: {use: lstm, width: 4}
decode: notes
train: {epochs: 1, batch: {streams: 2, window: 5}}
evaluate: {metrics: [step_nll, {use: step_nll, mean: pieces}, frame_accuracy], bootstrap: 5}
"""


def test_a_folder_of_tunes_trains_a_model_with_carried_state(tmp_path: Path) -> None:
    (tmp_path / "tunes").mkdir()
    draw = np.random.default_rng(1)
    for number in range(8):
        steps = [[int(note)] for note in draw.integers(60, 72, draw.integers(5, 9))]
        content = midi_bytes(roll_of(steps), 0.5, tempo=100.0)
        (tmp_path / "tunes" / f"{number}.mid").write_bytes(content)
    (tmp_path / "mine.yaml").write_text(RECIPE)
    run = seqkit.run(tmp_path / "mine.yaml", out=tmp_path / "run")
    assert set(run.metrics["test"]) == {"step_nll", "step_nll(mean=pieces)", "frame_accuracy"}
