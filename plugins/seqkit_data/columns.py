"""The column formats of the CoNLL shared tasks: a line a word, a blank line after a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import final

from seqkit.stages import Row
from seqkit_data.lines import check_columns, named_file, read_lines, some

GAP = re.compile("[ \t]+")  # str.split() would also cut a word at a no-break space
DOCUMENT = "-DOCSTART-"


@final
class Conll:
    """Reads one row a sentence, each named column a list of one item a word.

    columns: '-' skips one. delimiter: None for any run of spaces and tabs. comment: the prefix of
    lines to drop, or None. Raises DataError that names the file and the line.
    """

    def __init__(self, columns: list[str], delimiter: str | None, comment: str | None) -> None:
        self.columns = columns
        self.delimiter = delimiter
        self.comment = comment

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]:
        """Yields the sentences of a file, one at a time."""
        path = named_file(split, place)
        return some(path, self.sentences(path))

    def sentences(self, path: Path) -> Iterator[Row]:
        """Yields the sentences; a blank line, also one of white space, ends one."""
        words: list[list[str]] = []
        for number, line in read_lines(path):
            if self.comment is not None and line.startswith(self.comment):
                continue
            if line and not line.isspace() and not line.startswith(DOCUMENT):
                cells = self.cells(line)
                if len(cells) != len(self.columns):
                    check_columns(f"{path}:{number}", len(cells), self.columns)
                words.append(cells)
            elif words:
                yield self.row(words)
                words = []
        if words:
            yield self.row(words)

    def cells(self, line: str) -> list[str]:
        """The columns of one line."""
        if self.delimiter is None:
            return GAP.split(line.strip(" \t"))
        return line.split(self.delimiter)

    def row(self, words: list[list[str]]) -> Row:
        """One sentence as a row."""
        columns = zip(self.columns, zip(*words, strict=True), strict=True)
        return {name: list(column) for name, column in columns if name != "-"}
