"""The factories of the sources recordings and spliced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from seqkit.settings import Name, Nested, NonNegativeFloat, PositiveInt
from seqkit.stages import Source
from seqkit_speech.naming import pattern_problem

NONE: Mapping[str, Any] = MappingProxyType({})
Values = str | int | list[str | int]
Splits = dict[Literal["dev", "test"], dict[Name, Values]]


@dataclass(frozen=True)
class Range:
    """Numbers from `least` to `most`."""

    least: NonNegativeFloat
    most: NonNegativeFloat


@dataclass(frozen=True)
class Count:
    """Whole numbers from `least` to `most`."""

    least: PositiveInt
    most: PositiveInt


def recordings(
    *,
    pattern: str | None = None,
    columns: list[Name] | None = None,
    splits: Splits = NONE,  # type: ignore[assignment]  # a default that none changes
    rate: PositiveInt | None = None,
    channel: PositiveInt | None = None,
) -> Source:
    """Recordings: an archive (.tar, also .gz, .xz, .bz2) or a folder of them, a table, or one file.

    A .wav of 8, 16, 24 or 32 bits is read by the standard library, anything else (.flac, .ogg,
    .wav of floating numbers) by soundfile: `pip install 'seqkit[sound]'`. Other files of an archive
    or a folder are left alone. A table is a .tsv, or a .csv with quotes, whose column `path` names
    recordings from the table's folder on; its columns are fields.

    Fields: audio (Frames of one channel from -1 to 1, with their rate), name (the path inside the
    place), and those of the pattern or the table.

    pattern: which fields a file's name holds, such as "{digit}_{speaker}_{index}.wav"; with its
        folders, "{speaker}/{text}.wav".
    columns: a table's columns, where it has no header row; '-' skips one.
    splits: for a place that holds several splits, which recordings are dev and test, by the values
        of fields: {test: {index: 0-4}}, a range, or {test: {speaker: [theo]}}. Train has all
        others; test goes before dev.
    rate: samples a second, to which other recordings are resampled; where it is left out, all must
        have the same.
    channel: which channel is read, from 1; by default their mean.
    """
    from seqkit_speech.recorded import Recordings

    return Recordings(pattern, columns, splits, rate, channel)


def recordings_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuses patterns without fields, fields that are there already, and empty lists."""
    if settings["pattern"] is not None:
        problem = pattern_problem(settings["pattern"])
        if problem:
            yield "pattern", problem
    columns = settings["columns"]
    if columns is not None and "path" not in columns:
        yield "columns", "has no 'path', the column that names the recordings. Name it"
    for split, wanted in settings["splits"].items():
        if not wanted or [] in wanted.values():
            yield "splits", f"gives {split} no recording. Name a field and its values"


def recordings_files(settings: Mapping[str, Any], place: Path) -> Sequence[Path]:
    """The archive, the recordings of a folder, or a table and the recordings that it names."""
    from seqkit_speech.whereabouts import files_of

    return files_of(place, settings["columns"])


def spliced(
    *,
    source: Nested[Source],
    of: Name,
    count: Count = Count(3, 7),
    same: Name | None = None,
    silence: Range = Range(0.05, 0.3),
    gain: NonNegativeFloat = 6.0,
    size: PositiveInt = 2000,
    held_out: PositiveInt = 300,
    seed: int = 1,
) -> Source:
    """Strings spliced from the recordings of another source, such as digits to numbers.

    The recordings of a string are drawn at random from its own split: those of test stand in
    strings of test alone, if the other source tells the splits apart. For dev, name a place too: a
    share of train (`dev: 10%`) would be other strings of the same recordings.

    Fields: audio, text (the recordings' own, a space between them), name, parts (the names of the
    recordings).

    source: who reads the recordings.
    of: its field with a recording's text.
    count: how many recordings a string has, such as {least: 3, most: 7}.
    same: a field that all recordings of a string share, such as speaker.
    silence: seconds before, between and behind them, such as {least: 0.05, most: 0.3}.
    gain: decibels by which each recording may be louder or softer.
    size: strings of train.
    held_out: strings of dev, and of test.
    seed: which strings are drawn.
    """
    from seqkit_speech.splicing import Spliced

    chosen: Any = source
    sizes = {"train": size, "dev": held_out, "test": held_out}
    return Spliced(
        chosen.build(),
        of=of,
        same=same,
        count=(count.least, count.most),
        silence=(silence.least, silence.most),
        gain=gain,
        sizes=sizes,
        seed=seed,
    )


def spliced_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuses sources without files, and ranges that end before they begin."""
    if not settings["source"].stage.files:
        yield "source", f"names {settings['source'].name}, which reads no files. Use recordings"
    for name in ("count", "silence"):
        if settings[name].most < settings[name].least:
            yield name, f"has 'most' {settings[name].most:g} below 'least'. Raise it"


def spliced_files(settings: Mapping[str, Any], place: Path) -> Sequence[Path]:
    """What the other source reads for a place."""
    found: Sequence[Path] = settings["source"].files(place)
    return found
