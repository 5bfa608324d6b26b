"""Plain text: one text a line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import final

from seqkit.stages import Row
from seqkit_data.lines import named_file, read_lines, some


@final
class TextLines:
    """Reads one row a line, blank lines too. Raises DataError that names the file and the line."""

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]:
        """Yields text and line, its number from 1."""
        path = named_file(split, place)
        return some(path, ({"text": text, "line": line} for line, text in read_lines(path)))
