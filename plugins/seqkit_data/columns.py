"""The column formats of the CoNLL shared tasks: a line a word, a blank line after a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import final

from seqkit.errors import DataError
from seqkit.stages import Row
from seqkit_data.lines import check_columns, named_file, read_lines, some, split_at_gaps

DOCUMENT = "-DOCSTART-"


@final
class Conll:
    """Reads one row a sentence, each named column a list of one item a word.

    columns: '-' skips one. delimiter: None for any run of spaces and tabs. comment: the prefix of
    lines to drop, or None. separators: lines that end a sentence. prefix: by column, what its items
    lose. Raises DataError that names the file and the line.
    """

    def __init__(
        self,
        columns: list[str],
        *,
        delimiter: str | None,
        comment: str | None,
        separators: Sequence[str],
        prefix: Mapping[str, str],
        encoding: str,
    ) -> None:
        self.columns = columns
        self.delimiter = delimiter
        self.comment = comment
        self.separators = frozenset(separators)
        self.prefixes = [(columns.index(name), prefix[name]) for name in prefix]
        self.encoding = encoding

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]:
        """Yields the sentences of a file, one at a time."""
        path = named_file(split, place)
        return some(path, self.sentences(path))

    def sentences(self, path: Path) -> Iterator[Row]:
        """Yields the sentences; a blank line, also one of white space, ends one."""
        words: list[list[str]] = []
        for number, line in read_lines(path, self.encoding):
            if self.comment is not None and line.startswith(self.comment):
                continue
            if not self.ends(line):
                cells = self.cells(line)
                if len(cells) != len(self.columns):
                    check_columns(f"{path}:{number}", len(cells), self.columns)
                for column, prefix in self.prefixes:
                    cells[column] = without(prefix, cells[column], f"{path}:{number}")
                words.append(cells)
            elif words:
                yield self.row(words)
                words = []
        if words:
            yield self.row(words)

    def ends(self, line: str) -> bool:
        """Whether a line ends a sentence."""
        blank = not line or line.isspace()
        return blank or line.startswith(DOCUMENT) or line.strip(" \t") in self.separators

    def cells(self, line: str) -> list[str]:
        """The columns of one line."""
        if self.delimiter is None:
            return split_at_gaps(line)
        return line.split(self.delimiter)

    def row(self, words: list[list[str]]) -> Row:
        """One sentence as a row."""
        columns = zip(self.columns, zip(*words, strict=True), strict=True)
        return {name: list(column) for name, column in columns if name != "-"}


def without(prefix: str, item: str, where: str) -> str:
    """An item without its prefix. Raises DataError where it has none."""
    if not item.startswith(prefix):
        raise DataError(f"{where}: '{item}' does not begin with '{prefix}'. Mend it, or `prefix`.")
    return item.removeprefix(prefix)
