"""Piano rolls in .mat and .json files that hold their splits."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import numpy as np

from seqkit.errors import DataError, nearest, unreadable
from seqkit.matlab import Unread, variables
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Row
from seqkit_music.keyboard import HIGHEST, LOWEST, long_enough, piano_roll, roll_of

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import UInt8

INSIDE = {
    "train": ("traindata", "train"),
    "dev": ("validdata", "valid", "dev"),
    "test": ("testdata", "test"),
}
"""What a split is called in files."""
REST = -1
"""What stands for a voice that is silent."""


@final
class PianoRolls:
    """Reads a piece a row. Raises DataError that names the file and the piece."""

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]:
        """Yields the pieces of a split, in the order of the file."""
        if place is None:
            raise DataError(f"data.{split}: no file is named. Name one in the recipe.")
        path = Path(place)
        inside, pieces = named(split, path, content_of(path))
        if not len(pieces):
            raise DataError(f"{path}: {inside} holds no piece. Name another file.")
        for number, piece in enumerate(pieces, 1):
            where = f"{path}: {inside}: piece {number}"
            notes = long_enough(roll_from(piece, where), where)
            yield {"piece": f"{path.name}: {inside} {number}", "notes": notes}


def content_of(path: Path) -> Any:
    """What a file holds: variables by name, or what its JSON says. Raises DataError."""
    name = path.name.lower()
    if name.endswith(".mat"):
        return matlab(path)
    if name.endswith((".json", ".json.gz")):
        return json_of(path)
    raise DataError(f"{path}: is neither .mat nor .json nor .json.gz. Name a file of piano rolls.")


def matlab(path: Path) -> Mapping[str, Any]:
    """The cells of a MATLAB file, as lists of pieces. Raises DataError."""
    return {
        name: value.ravel(order="F").tolist()
        for name, value in variables(path).items()
        if isinstance(value, np.ndarray) and value.dtype == object
    }


def json_of(path: Path) -> Any:
    """What a JSON file says, packed or not. Raises DataError."""
    try:
        with (gzip.open if path.name.lower().endswith(".gz") else open)(path, "rb") as stream:
            return json.load(stream)
    except (EOFError, zlib.error, gzip.BadGzipFile, ValueError, RecursionError) as error:
        raise DataError(f"{path}: is no whole JSON file. Fetch it again.") from error
    except OSError as error:
        raise unreadable(path, error) from error


def named(split: str, path: Path, content: Any) -> tuple[str, list[Any]]:
    """What the file calls a split, and its pieces. Raises DataError where there is none."""
    if isinstance(content, list):
        return split, content
    if not isinstance(content, Mapping):
        raise DataError(f"{path}: holds no pieces. Give lists of pieces by split, or one list.")
    wanted = INSIDE.get(split, (split,))
    for name in wanted:
        if isinstance(content.get(name), list):
            return name, content[name]
    raise DataError(f"{path}: has no pieces called '{wanted[0]}'. {nearest(wanted[0], content)}")


def roll_from(piece: Any, where: str) -> UInt8[np.ndarray, "time 88"]:
    """A piece as a piano roll. Raises DataError."""
    if isinstance(piece, np.ndarray):
        return piano_roll(piece, where)
    if isinstance(piece, Unread):
        raise DataError(f"{where}: is {piece}, no matrix. Give a matrix of zeros and ones.")
    if not isinstance(piece, list):
        raise DataError(f"{where}: is {piece!r:.60}, not a list of steps. Give lists of notes.")
    for step, sounding in enumerate(piece, 1):
        if not isinstance(sounding, list):
            raise DataError(
                f"{where}: step {step} is {sounding!r:.60}, not a list of notes. "
                "Give an empty list where nothing sounds."
            )
        for note in sounding:
            if type(note) is not int or (note != REST and not LOWEST <= note <= HIGHEST):
                raise DataError(
                    f"{where}: step {step} has the note {note!r:.60}. "
                    f"Give MIDI notes from {LOWEST} to {HIGHEST}."
                )
    return roll_of([[note for note in step if note != REST] for step in piece])
