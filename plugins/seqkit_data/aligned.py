"""Several files read in step, line by line: each file is one field of the rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import final

from seqkit.errors import DataError, nearest
from seqkit.stages import Row
from seqkit_data.lines import Line, named_file, read_lines, some, split_at_gaps


@final
class Parallel:
    """Reads one row for each line that the files of a split have in common.

    names: by field, the file inside the place, or the ending of it. split: the fields that become
    lists, all of one length. Raises DataError that names the files and the line.
    """

    def __init__(self, names: Mapping[str, str], split: Sequence[str], encoding: str) -> None:
        self.names = names
        self.split = split
        self.encoding = encoding

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]:
        """Yields the lines of all files, one row a line, blank lines too."""
        folder = named_file(split, place)
        return some(folder, self.rows(files_of(self.names, folder)))

    def rows(self, paths: Sequence[Path]) -> Iterator[Row]:
        """Yields the rows. Raises DataError where the files have not the same number of lines."""
        files = [read_lines(path, self.encoding) for path in paths]
        for number, lines in enumerate(zip_longest(*files), 1):
            if None in lines:
                counts = [
                    count(file, number, line) for file, line in zip(files, lines, strict=True)
                ]
                raise DataError(uneven(paths, counts))
            texts = (text for _, text in lines)
            row: Row = dict(zip(self.names, texts, strict=True))
            yield self.cut(row, dict(zip(self.names, paths, strict=True)), number)

    def cut(self, row: Row, paths: Mapping[str, Path], number: int) -> Row:
        """The row with lists for the fields of `split`. Raises DataError where one is shorter."""
        lists = {name: split_at_gaps(row[name]) for name in self.split}
        for name in self.split:
            first = self.split[0]
            if len(lists[name]) != len(lists[first]):
                raise DataError(
                    f"{paths[name]}:{number}: {len(lists[name])} items between white space, but "
                    f"{paths[first].name} has {len(lists[first])} in this line. Mend one of the "
                    f"two, or take '{name}' out of split."
                )
        return {**row, **lists}


def files_of(names: Mapping[str, str], place: Path) -> list[Path]:
    """The files of a place, in the order of the fields. Raises DataError where one is missing."""
    inside = place.is_dir()
    return [found(place, inside, name) for name in names.values()]


def found(place: Path, inside: bool, name: str) -> Path:
    """The file of a place with this name or ending, plain or .gz. Raises DataError for none."""
    path = place / name if inside else Path(f"{place}{name}")
    for each in (path, Path(f"{path}.gz")):
        if each.is_file():
            return each
    hint = nearest(path.name, [each.name.removesuffix(".gz") for each in siblings(path)])
    also = "" if inside else f", and '{place}' is no folder"
    raise DataError(
        f"{path}: there is no such file, nor one with .gz{also}. "
        + (hint if hint.startswith("Did") else "Check the place and `files`.")
    )


def siblings(path: Path) -> list[Path]:
    """What lies in the folder of a path; nothing where there is no such folder."""
    try:
        return list(path.parent.iterdir())
    except OSError:
        return []


def count(rest: Iterator[Line], number: int, line: Line | None) -> int:
    """How many lines a file has, of which `number` were asked for and the rest is unread."""
    return number - 1 if line is None else number + sum(1 for _ in rest)


def uneven(paths: Sequence[Path], counts: Sequence[int]) -> str:
    """What is wrong where files have not the same number of lines."""
    other = next(index for index, lines in enumerate(counts) if lines != counts[0])
    return (
        f"{paths[0]}: {counts[0]} lines, but {paths[other].name} has {counts[other]}. "
        "Line by line, all files must say the same examples."
    )
