"""Which files a source reads for a place that need not be a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def parallel_files(settings: Mapping[str, Any], place: Path) -> list[Path]:
    """The files of a place, one for each field."""
    from seqkit_data.aligned import files_of

    return files_of(settings["files"], place)


def folders_files(settings: Mapping[str, Any], place: Path) -> list[Path]:
    """The texts of all sub-folders, or the archive."""
    from seqkit_data.documents import texts_in

    if place.is_file():
        return [place]
    return [path for paths in texts_in(place, settings["labels"]).values() for path in paths]


def parquet_files(settings: Mapping[str, Any], place: Path) -> list[Path]:
    """The file, or the .parquet files of a folder."""
    del settings
    from seqkit_data.parquets import parts_of

    return parts_of(place)


def squad_files(settings: Mapping[str, Any], place: Path) -> list[Path]:
    """The file, the .json files of a folder, or those whose names fit a pattern."""
    del settings
    from seqkit_data.questions import question_files

    return question_files(place)


def nested_files(settings: Mapping[str, Any], place: Path) -> Sequence[Path]:
    """What the nested source reads for a place."""
    found: Sequence[Path] = settings["source"].files(place)
    return found
