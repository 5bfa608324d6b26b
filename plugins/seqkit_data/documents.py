"""Folders of texts: a file a text, in a sub-folder for each label, also inside an archive."""

from __future__ import annotations

import os
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TypeVar, final

from seqkit.archives import LARGEST
from seqkit.errors import DataError, nearest, unreadable
from seqkit.stages import Row
from seqkit_data.archives import read_archive
from seqkit_data.lines import named_file, some, undecodable

Item = TypeVar("Item")
Texts = Mapping[str, Sequence[tuple[str, Path | bytes]]]
"""By label, each text's name and where it stands, or its bytes."""


@final
class Folders:
    """Reads one row a file. Raises DataError that names the file.

    labels: the sub-folders to read, or None for all. replace: texts by what takes their place.
    """

    def __init__(
        self, labels: Sequence[str] | None, replace: Mapping[str, str], encoding: str
    ) -> None:
        self.labels = labels
        self.replace = replace
        self.encoding = encoding

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]:
        """Yields text, label and name; the labels take turns, so that the first rows have all."""
        folder = named_file(split, place)
        return some(folder, self.rows(folder))

    def rows(self, place: Path) -> Iterator[Row]:
        """Yields the rows of a folder or of an archive."""
        texts: Texts
        if place.is_file():
            texts = chosen(place, read_archive(place), self.labels)
        else:
            found = texts_in(place, self.labels)
            texts = {label: [(path.name, path) for path in found[label]] for label in found}
        for turn in zip_longest(*texts.values()):
            for label, text in zip(texts, turn, strict=True):
                if text is not None:
                    name = f"{label}/{text[0]}"
                    yield {"text": self.text(place / name, text[1]), "label": label, "name": name}

    def text(self, path: Path, content: Path | bytes) -> str:
        """The text of a file."""
        if isinstance(content, Path):
            content = read_text(content)
        try:
            text = content.removeprefix(BOM_UTF8).decode(self.encoding)
        except UnicodeDecodeError as error:
            raise DataError(f"{path}: {undecodable(error)}") from None
        for old, new in self.replace.items():
            text = text.replace(old, new)
        return text


def read_text(path: Path) -> bytes:
    """The bytes of a text. Raises DataError where they cannot be read, or are too many."""
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= LARGEST else b""
    except OSError as error:
        raise unreadable(path, error) from None
    if size > LARGEST:
        raise DataError(f"{path}: {size:,} bytes, more than the {LARGEST:,} of a text. Is it one?")
    return content


def texts_in(place: Path, labels: Sequence[str] | None) -> dict[str, list[Path]]:
    """The files of each label's sub-folder, in the order of their names. Raises DataError."""
    folders = {path.name: path for path in entries(place) if path.is_dir()}
    return {label: plain_files(path) for label, path in chosen(place, folders, labels).items()}


def plain_files(folder: Path) -> list[Path]:
    """The files of a folder. Raises DataError where there is anything else."""
    paths = entries(folder)
    for path in paths:
        if not path.is_file():
            raise DataError(f"{path}: is no file, in a label's folder. Keep texts alone there.")
    return paths


def entries(folder: Path) -> list[Path]:
    """What a folder holds, in the order of names, but for names that begin with a dot."""
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise unreadable(folder, error) from None
    return [folder / name for name in names if not name.startswith(".")]


def chosen(place: Path, found: Mapping[str, Item], labels: Iterable[str] | None) -> dict[str, Item]:
    """What belongs to the labels that are asked for, all by default. Raises DataError for none."""
    if not found:
        raise DataError(f"{place}: has no sub-folders. Put each label's texts into one.")
    for label in labels or ():
        if label not in found:
            raise DataError(f"{place}: has no sub-folder '{label}'. {nearest(label, found)}")
    return {label: found[label] for label in sorted(labels or found)}
