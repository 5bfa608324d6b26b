"""Plain text, by line, paragraph or file, and labelled texts, one a line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Literal, final

from seqkit.errors import DataError
from seqkit.stages import Row
from seqkit_data.lines import GAP, Line, named_file, read_lines, some


@final
class Texts:
    """Reads one row a line, a paragraph or a file. Raises DataError that names file and line."""

    def __init__(self, unit: Literal["line", "paragraph", "file"], encoding: str) -> None:
        self.unit = unit
        self.encoding = encoding

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]:
        """Yields text and line, the number of its first line from 1."""
        path = named_file(split, place)
        lines = read_lines(path, self.encoding)
        if self.unit == "paragraph":
            return some(path, paragraphs(lines))
        if self.unit == "file":
            whole = list(lines)
            text = "\n".join(line for _, line in whole)
            return some(path, iter([{"text": text, "line": 1}] if whole else []))
        return some(path, ({"text": text, "line": line} for line, text in lines))


def paragraphs(lines: Iterable[Line]) -> Iterator[Row]:
    """Runs of lines that are not blank."""
    for blank, run in groupby(lines, lambda line: not line[1] or line[1].isspace()):
        if not blank:
            found = list(run)
            yield {"text": "\n".join(text for _, text in found), "line": found[0][0]}


@final
class LabelledLines:
    """Reads one row a line of a label and a text. Raises DataError that names file and line.

    first: whether the label stands before the text. delimiter: None for any run of spaces and tabs.
    coarse: what ends the coarse part of a label, or None.
    """

    def __init__(
        self, first: bool, delimiter: str | None, coarse: str | None, encoding: str
    ) -> None:
        self.first = first
        self.delimiter = delimiter
        self.coarse = coarse
        self.encoding = encoding

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]:
        """Yields label, text and, where asked for, coarse; blank lines are skipped."""
        path = named_file(split, place)
        return some(path, self.rows(path))

    def rows(self, path: Path) -> Iterator[Row]:
        """Yields the rows of a file."""
        for number, line in read_lines(path, self.encoding):
            if not line or line.isspace():
                continue
            label, text = self.parted(line)
            if not label or not text:
                raise DataError(
                    f"{path}:{number}: '{line[:40]}' is not a label and a text. Mend the line, or "
                    "the settings label and delimiter."
                )
            row: Row = {"label": label, "text": text}
            if self.coarse is not None:
                row = {**row, "coarse": coarse_part(label, self.coarse, f"{path}:{number}")}
            yield row

    def parted(self, line: str) -> tuple[str, str]:
        """The label and the text of a line; one of them is empty where nothing parts them."""
        if self.delimiter is None:
            line = line.strip(" \t")
            gaps = GAP.finditer(line)
            gap = next(gaps, None) if self.first else max(gaps, key=re.Match.start, default=None)
            before, after = (line[: gap.start()], line[gap.end() :]) if gap else ("", "")
        elif self.first:
            before, _, after = line.partition(self.delimiter)
        else:
            before, _, after = line.rpartition(self.delimiter)
        return (before, after) if self.first else (after, before)


def coarse_part(label: str, end: str, where: str) -> str:
    """A label up to what ends its coarse part. Raises DataError where that is not in it."""
    coarse, found, _ = label.partition(end)
    if not found:
        raise DataError(
            f"{where}: the label '{label}' holds no '{end}', which would end its coarse part. "
            "Mend the label, or leave the setting coarse out."
        )
    return coarse
