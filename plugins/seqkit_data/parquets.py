"""Parquet files (parquet.apache.org)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, final

from seqkit.errors import DataError, unreadable
from seqkit.stages import Row
from seqkit_data.classes import named
from seqkit_data.lines import named_file, repeated, some

ROWS = 1000
"""How many are decoded at once."""


@final
class Parquet:
    """Reads one row a record. Raises DataError that names the file."""

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]:
        """Yields the records of a file, or of a folder's files one after the other."""
        folder = named_file(split, place)
        return some(folder, (row for path in parts_of(folder) for row in read_records(path)))


def parts_of(place: Path) -> list[Path]:
    """The file, or the .parquet files of a folder. Raises DataError where there is none."""
    if not place.is_dir():
        return [place]
    parts = sorted(path for path in place.iterdir() if path.suffix == ".parquet")
    if not parts:
        raise DataError(f"{place}: holds no .parquet file. Name another folder, or a file.")
    return parts


def read_records(path: Path) -> Iterator[Row]:
    """Yields the records of one file. Raises DataError where it is no Parquet, or damaged."""
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with open(path, "rb") as stream:
            file = ParquetFile(stream)
            features = features_of(path, file.schema_arrow)
            for batch in file.iter_batches(ROWS):
                for row in batch.to_pylist():
                    yield {name: named(value, features.get(name)) for name, value in row.items()}
    except (ArrowException, OSError) as error:
        raise damaged(path, error) from None
    except ValueError as error:
        raise DataError(f"{path}: {error} Write the file again.") from None


def features_of(path: Path, schema: Any) -> Mapping[str, Any]:
    """What `datasets` wrote of the columns, by name; nothing where it did not write the file."""
    twice = repeated(schema.names)
    if twice is not None:
        raise DataError(f"{path}: two columns are called '{twice}'. Rename one of them.")
    try:
        written = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = written["info"]["features"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return {}
    return features if isinstance(features, Mapping) else {}


def damaged(path: Path, error: Exception) -> DataError:
    """What is said of a file that pyarrow cannot read."""
    if isinstance(error, OSError) and error.strerror:
        return unreadable(path, error)
    wrong = " ".join(str(error).split())[:200].rstrip(".")
    return DataError(f"{path}: no whole Parquet file ({wrong}). Fetch it again.")
