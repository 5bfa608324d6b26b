"""Rows from recordings, each with the split that it belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, final

from seqkit.errors import DataError, nearest, unreadable
from seqkit.stages import Frames, Row
from seqkit_speech.naming import fields_of
from seqkit_speech.resampling import resampled
from seqkit_speech.waves import samples
from seqkit_speech.whereabouts import is_recording, sounds

SPAN = re.compile(r"(\d+)-(\d+)")


@final
class Recordings:
    """Reads one row a recording. The arguments are the settings of `recordings`.

    Raises DataError, which names the recording.
    """

    def __init__(
        self,
        pattern: str | None,
        columns: Sequence[str] | None,
        splits: Mapping[Any, Mapping[str, Any]],
        rate: int | None,
        channel: int | None,
    ) -> None:
        self.pattern, self.columns, self.splits = pattern, columns, splits
        self.rate, self.channel = rate, channel

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]:
        """Yields the recordings of a split: audio, name, and the fields that are known of each."""
        if place is None:
            raise DataError(f"data.{split}: no recording is named. Name a place in the recipe.")
        path, rate, first = Path(place), self.rate, ""
        alone = is_recording(path)
        for name, content, said in sounds(path, self.columns):
            where = path if alone else path / name
            fields = self.fields(where, name, said, strict=not alone)
            if self.splits and not alone and self.split_of(where, fields) != split:
                continue
            whole = content if isinstance(content, bytes) else read_bytes(content)
            values, own = samples(whole, where, self.channel)
            if self.rate is not None:
                values, own = resampled(values, own, self.rate), self.rate
            elif rate not in (None, own):
                raise DataError(
                    f"{where}: has {own:,} samples a second, but {first} has {rate:,}. Set 'rate' "
                    "to resample them."
                )
            rate, first = own, first or name
            yield {**fields, "audio": Frames(values[:, None], float(own)), "name": name}

    def fields(
        self, where: Path, name: str, said: Mapping[str, str], strict: bool
    ) -> Mapping[str, str]:
        """What is known of a recording. strict: its name must fit the pattern."""
        if self.pattern is None:
            return said
        found = fields_of(self.pattern, name)
        if found is None and strict:
            raise DataError(
                f"{where}: its name is not of the form '{self.pattern}'. Rename it, or mend "
                "'pattern'."
            )
        return {**said, **(found or {})}

    def split_of(self, path: Path, fields: Mapping[str, str]) -> str:
        """The split of a recording of a place that holds several."""
        for split in ("test", "dev"):
            wanted = self.splits.get(split)
            if wanted and all(among(fields, name, one, path) for name, one in wanted.items()):
                return split
        return "train"


def among(fields: Mapping[str, str], name: str, wanted: Any, path: Path) -> bool:
    """Whether a field has one of some values: a value, a range of numbers, or a list of these."""
    if name not in fields:
        raise DataError(
            f"{path}: 'splits' names '{name}', which is not known of it. {nearest(name, fields)}"
        )
    if isinstance(wanted, list):
        return any(among(fields, name, one, path) for one in wanted)
    value, span = fields[name], SPAN.fullmatch(str(wanted))
    if span and value.isdecimal():
        return int(span[1]) <= int(value) <= int(span[2])
    return value == str(wanted)


def read_bytes(path: Path) -> bytes:
    """The bytes of a recording. Raises DataError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from None
