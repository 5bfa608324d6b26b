"""Piano rolls from .mat and .json files, and what is told of damaged ones."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from seqkit.errors import DataError
from seqkit_music.keyboard import notes_of, roll_of
from seqkit_music.rolls import PianoRolls
from seqkit_music.sources import piano_rolls

PIECES = [[[60, 64], [], [67]], [[21], [108]]]


def cell(pieces: list[Any]) -> np.ndarray:
    """A row of matrices, as MATLAB has it."""
    row = np.empty((1, len(pieces)), object)
    for place, piece in enumerate(pieces):
        row[0, place] = piece
    return row


def mat(folder: Path, **splits: list[Any]) -> Path:
    path = folder / "rolls.mat"
    savemat(path, {name: cell(pieces) for name, pieces in splits.items()})
    return path


def told(path: Path, split: str = "train") -> str:
    with pytest.raises(DataError) as caught:
        list(PianoRolls().read(split, path))
    return str(caught.value)


def test_the_splits_of_a_matlab_file_are_read(tmp_path: Path) -> None:
    rolls = [roll_of(piece) for piece in PIECES]
    path = mat(tmp_path, traindata=rolls, validdata=rolls[:1], testdata=rolls[1:])
    for split, name, wanted in [
        ("train", "traindata", PIECES),
        ("dev", "validdata", PIECES[:1]),
        ("test", "testdata", PIECES[1:]),
    ]:
        rows = list(piano_rolls().read(split, path))
        assert [notes_of(row["notes"]) for row in rows] == wanted
        assert rows[0]["piece"] == f"rolls.mat: {name} 1"


@pytest.mark.parametrize("packed", [False, True])
def test_the_splits_of_a_json_file_are_read(tmp_path: Path, packed: bool) -> None:
    content = json.dumps({"train": PIECES, "valid": [[[60, -1], [-1]]], "test": PIECES}).encode()
    path = tmp_path / ("rolls.json.gz" if packed else "rolls.json")
    path.write_bytes(gzip.compress(content) if packed else content)
    rows = list(PianoRolls().read("train", path))
    assert [notes_of(row["notes"]) for row in rows] == PIECES
    (dev,) = PianoRolls().read("dev", path)
    assert notes_of(dev["notes"]) == [[60], []]  # -1 is a silent voice


def test_a_list_is_the_pieces_of_any_split(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(PIECES))
    assert len(list(PianoRolls().read("dev", path))) == 2


def test_a_split_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = mat(tmp_path, traindata=[roll_of(PIECES[0])], validdata=[])
    assert told(path, "dev") == f"{path}: validdata holds no piece. Name another file."
    assert told(path, "test").startswith(f"{path}: has no pieces called 'testdata'.")
    path = tmp_path / "x.json"
    path.write_text('{"train": [], "test": 5}')
    assert told(path) == f"{path}: train holds no piece. Name another file."
    assert told(path, "test").startswith(f"{path}: has no pieces called 'testdata'.")
    path.write_text("5")
    assert told(path) == f"{path}: holds no pieces. Give lists of pieces by split, or one list."


@pytest.mark.parametrize(
    ("piece", "said"),
    [
        (np.zeros((3, 40)), "has frames of the form 3 x 40 (float64), not time x 88 numbers."),
        (np.full((3, 88), 0.5), "step 1 has 0.5 for the note 21."),
        (roll_of([[60]]), "has one step, and nothing comes next. Leave the piece out."),
        ("text", "has frames of the form 1 (<U4), not time x 88 numbers."),
        ({"field": 1.0}, "is a MATLAB structure, no matrix. Give a matrix of zeros and ones."),
    ],
)
def test_what_is_no_piano_roll_is_told_with_its_piece(
    tmp_path: Path, piece: Any, said: str
) -> None:
    path = mat(tmp_path, traindata=[roll_of(PIECES[0]), piece])
    assert told(path).startswith(f"{path}: traindata: piece 2: {said}")


@pytest.mark.parametrize(
    ("piece", "said"),
    [
        ([[60], [109]], "step 2 has the note 109. Give MIDI notes from 21 to 108."),
        ([[60], [True]], "step 2 has the note True. Give MIDI notes from 21 to 108."),
        ([[60], ["C4"]], "step 2 has the note 'C4'. Give MIDI notes from 21 to 108."),
        ([[60], 61], "step 2 is 61, not a list of notes. Give an empty list where nothing sounds."),
        ("C4", "is 'C4', not a list of steps. Give lists of notes."),
        ([], "has no step, and nothing comes next. Leave the piece out."),
    ],
)
def test_what_is_no_list_of_notes_is_told_with_its_step(
    tmp_path: Path, piece: Any, said: str
) -> None:
    path = tmp_path / "rolls.json"
    path.write_text(json.dumps({"train": [PIECES[0], piece]}))
    assert told(path) == f"{path}: train: piece 2: {said}"


def test_damaged_files_are_told(tmp_path: Path) -> None:
    path = mat(tmp_path, traindata=[roll_of(piece) for piece in PIECES])
    whole = path.read_bytes()
    for cut in (0, 3, 100, 128, 140, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        said = told(path)
        assert said.startswith(f"{path}: ")
        assert said.endswith(("Fetch it again.", "to choose from."))
    path = tmp_path / "rolls.json.gz"
    for content in (b"", gzip.compress(b'{"train": [[[60], [61]]]}')[:-9], gzip.compress(b"{")):
        path.write_bytes(content)
        assert told(path) == f"{path}: is no whole JSON file. Fetch it again."


def test_a_file_of_another_kind_or_none_is_told(tmp_path: Path) -> None:
    path = tmp_path / "rolls.txt"
    assert told(path) == (
        f"{path}: is neither .mat nor .json nor .json.gz. Name a file of piano rolls."
    )
    for name in ("rolls.mat", "rolls.json"):
        path = tmp_path / name
        assert told(path).startswith(f"{path}: cannot be read (No such file or directory).")
    with pytest.raises(DataError, match=r"data\.train: no file is named\."):
        list(PianoRolls().read("train", None))
