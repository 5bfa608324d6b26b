"""Where recordings stand: an archive, a folder, a table of paths, or a single file."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from seqkit.archives import members
from seqkit.errors import DataError, unreadable

TABLES = {".tsv": "\t", ".csv": ","}
"""By suffix of a table, what parts its columns."""
SOUNDS = (".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".au", ".snd")
"""Suffixes of recordings; other files of a folder or an archive are left alone."""
PATH = "path"
Found = tuple[str, bytes | Path, Mapping[str, str]]
"""A recording's name, its bytes or where they stand, and what a table says of it."""


def sounds(place: Path, columns: Sequence[str] | None) -> Iterator[Found]:
    """Yields the recordings of a place, in the order of names, of a table in that of its rows.

    Raises DataError where there is none, or a table is none.
    """
    if place.suffix.lower() in TABLES:
        for name, row in table(place, columns):
            yield name, place.parent / name, row
        return
    each: Iterable[tuple[str, bytes | Path]] = (
        listed(place) if place.is_dir() or is_recording(place) else archived(place)
    )
    found = sorted(each, key=lambda one: one[0])
    if not found:
        raise DataError(
            f"{place}: holds no recording, no file that ends in {', '.join(SOUNDS)}. Name another "
            "place."
        )
    for name, content in found:
        yield name, content, {}


def files_of(place: Path, columns: Sequence[str] | None) -> list[Path]:
    """The files that are read for a place. Raises DataError as `sounds` does."""
    if place.suffix.lower() in TABLES:
        return [place, *(place.parent / name for name, _ in table(place, columns))]
    return sorted(path for _, path in listed(place))


def is_recording(place: Path) -> bool:
    """Whether a place is a recording itself, by its name."""
    return place.suffix.lower() in SOUNDS and not place.is_dir()


def archived(place: Path) -> Iterator[tuple[str, bytes]]:
    """Yields the recordings of an archive. Raises DataError."""
    for parts, content in members(place):
        if parts[-1].lower().endswith(SOUNDS):
            yield "/".join(parts), content


def listed(place: Path) -> Iterator[tuple[str, Path]]:
    """Yields the recordings of a folder and those below it; of a file, itself."""
    if not place.is_dir():
        yield place.name, place
        return
    for folder, below, names in os.walk(place):
        below[:] = [name for name in below if not name.startswith(".")]
        for name in names:
            if name.lower().endswith(SOUNDS) and not name.startswith("."):
                path = Path(folder, name)
                yield path.relative_to(place).as_posix(), path


def table(place: Path, columns: Sequence[str] | None) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yields the path of each row and its fields. Raises DataError, which names the line."""
    delimiter = TABLES[place.suffix.lower()]
    try:
        with open(place, encoding="utf-8-sig", newline="") as stream:
            rows = csv.reader(
                stream,
                delimiter=delimiter,
                quoting=csv.QUOTE_MINIMAL if delimiter == "," else csv.QUOTE_NONE,
                strict=True,
            )
            head = list(columns) if columns else next(rows, [])
            if PATH not in head:
                raise DataError(
                    f"{place}: has no column '{PATH}', only {', '.join(head) or 'nothing'}. Name "
                    f"the recordings in one, or say which it is under `columns`."
                )
            for row in rows:
                if len(row) != len(head) and row:
                    raise DataError(
                        f"{place}:{rows.line_num}: has {len(row)} columns, but {len(head)} are "
                        "named. Mend the line."
                    )
                fields = dict(zip(head, row, strict=False))
                if row:
                    yield fields[PATH], {key: value for key, value in fields.items() if key != "-"}
    except OSError as error:
        raise unreadable(place, error) from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{place}: is no table ({error}). Save it as UTF-8.") from None
