"""CSV and TSV tables."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, final

from seqkit.errors import DataError, nearest
from seqkit.stages import Row
from seqkit_data.lines import (
    check_columns,
    named_file,
    read_lines,
    read_raw_lines,
    repeated,
    some,
    split_at_gaps,
)

LONGEST_CELL = 2**31 - 1  # what the csv module takes on every platform; its own limit is 128 KiB


@final
class Csv:
    """Reads comma-separated values (RFC 4180): a row a record, which quotes may spread over lines.

    columns: their names, '-' skips one; None where the first record names them. split: those whose
    cells are cut into lists. Raises DataError that names the file and the record's first line.
    """

    def __init__(self, columns: list[str] | None, split: Sequence[str], encoding: str) -> None:
        self.columns, self.split = columns, split
        self.encoding = encoding

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]:
        """Yields the records of a file, one at a time; blank lines are skipped."""
        rows = (row for _, row in self.numbered(split, place))
        return some(named_file(split, place), rows)

    def numbered(self, split: str, place: Path | str | None) -> Iterator[tuple[int, Row]]:
        """Yields each record with its first line."""
        path = named_file(split, place)
        return named_rows(path, read_records(path, self.encoding), self.columns, self.split)


@final
class Tsv:
    """Reads tab-separated values: a row a line, with no quoting.

    columns, split: as of Csv. Raises DataError that names the file and the line.
    """

    def __init__(self, columns: list[str] | None, split: Sequence[str], encoding: str) -> None:
        self.columns, self.split = columns, split
        self.encoding = encoding

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]:
        """Yields the lines of a file, one at a time; blank lines are skipped."""
        rows = (row for _, row in self.numbered(split, place))
        return some(named_file(split, place), rows)

    def numbered(self, split: str, place: Path | str | None) -> Iterator[tuple[int, Row]]:
        """Yields each line as a row, with its number."""
        path = named_file(split, place)
        lines = read_lines(path, self.encoding)
        records = ((number, line.split("\t")) for number, line in lines if line)
        return named_rows(path, records, self.columns, self.split)


def read_records(path: Path, encoding: str) -> Iterator[tuple[int, list[str]]]:
    """Yields each record's first line and its cells."""
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_CELL))
    reader = csv.reader((line for _, line in read_raw_lines(path, encoding)), strict=True)
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            wrong = str(error).partition(" - ")[0]
            raise DataError(
                f"{path}:{number}: no CSV: {wrong}. Close quotes, and double a quote inside quotes."
            ) from None
        if cells is None:
            return
        if cells:
            yield number, cells


def named_rows(
    path: Path,
    records: Iterator[tuple[int, list[str]]],
    columns: list[str] | None,
    split: Sequence[str],
) -> Iterator[tuple[int, Row]]:
    """Yields records as rows, each with its line.

    Raises DataError where one has too few cells or too many.
    """
    for number, cells in records:
        if columns is None:
            columns = [name.strip() for name in cells]
            check_header(f"{path}:{number}", columns, split)
            continue
        if len(cells) != len(columns):
            check_columns(f"{path}:{number}", len(cells), columns)
        row: dict[str, Any] = dict(zip(columns, cells, strict=True))
        row.pop("-", None)
        row.update((name, split_at_gaps(row[name])) for name in split)
        yield number, row


def check_header(where: str, header: list[str], split: Sequence[str]) -> None:
    """Raises DataError where two columns have one name, or one that is to be split is not there."""
    twice = repeated(header)
    if twice is not None:
        raise DataError(f"{where}: two columns are called '{twice}'. Rename one of them.")
    for name in split:
        if name not in header:
            raise DataError(f"{where}: 'split' names no column '{name}'. {nearest(name, header)}")
