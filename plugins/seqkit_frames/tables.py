"""The source npy: arrays of features beside a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from seqkit.settings import Name, Nested
from seqkit.stages import Source


def npy(*, source: Nested[Source], file: Name | None = None, lengths: Name | None = None) -> Source:
    """Features in NumPy's files (.npy) beside a table of captions, labels or numbers.

    data.train, data.dev and data.test name the table, which another source reads.

    Fields: those of the table, and frames: an array [time, channel] of any kind of numbers. What
    has more axes is read in order, a step for each place: the [7, 7, 2048] of an image are 49
    steps. Files are never unpickled.

    source: who reads the table, such as jsonl, csv or parquet.
    file: the table's field with the name of a row's own file, from the table's folder on. Without
        it, one file has all rows, [row, time, channel], and is called like the table: train.npy
        beside train.csv. It is memory-mapped.
    lengths: the table's field that says how many frames of a row are real, where one file has all
        rows and shorter ones are filled up.
    """
    from seqkit_frames.array_files import ArrayFiles

    chosen: Any = source
    return ArrayFiles(chosen.build(), file, lengths)


def npy_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuses a table without a file, and lengths of files that end where their frames do."""
    if not settings["source"].stage.files:
        yield "source", f"names {settings['source'].name}, which reads no table. Name one that does"
    if settings["file"] is not None and settings["lengths"] is not None:
        yield (
            "lengths",
            "has no effect with 'file': a row's own file has only its frames. Remove it",
        )


def npy_files(settings: Mapping[str, Any], place: Path) -> list[Path]:
    """The table, and the files of its features."""
    from seqkit_frames.array_files import files_of

    return files_of(settings, place)
