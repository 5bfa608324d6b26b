"""Data: a source's rows, their texts and golds, and the fingerprints of files and plugins."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from seqkit import storage
from seqkit.carving import shares, side
from seqkit.errors import DataError, nearest
from seqkit.places import located, named_by
from seqkit.recipe import Recipe
from seqkit.sections import DataSettings
from seqkit.stages import Frames, Row, Text

SURROGATE = re.compile("[\ud800-\udfff]")
SPLITS = ("train", "dev", "test")
SINGLE = "text"
"""The name of a single input, and of its field where a recipe names none."""


def trained(recipe: Recipe) -> DataSettings:
    """The data of a recipe. Raises DataError where it has none."""
    if recipe.data is None:
        raise DataError(f"{recipe.name}: the recipe has no data. Add `data:`.")
    return recipe.data


def splits(data: DataSettings) -> tuple[str, ...]:
    """The splits there are: those whose places the recipe names, all where a source needs none."""
    if data.source.stage.files or data.places:
        return tuple(split for split in SPLITS if split in data.places)
    return SPLITS


def read_rows(
    data: DataSettings, split: str, folder: Path, sample: int | None = None
) -> Iterator[Row]:
    """The rows of one split, the first `sample` of them where given. Raises DataError."""
    carved = shares(data.places)
    place = data.places.get("train" if split in carved else split)
    if place is not None and data.source.stage.files:
        place = folder / place
    source = located(data.source, folder).build()
    rows = source.read("train" if split in carved else split, place)
    if carved and (split == "train" or split in carved):
        rows = (row for row in rows if side(given(data, row), carved, plain_value) == split)
    return itertools.islice(rows, sample) if sample else rows


def rows_of(recipe: Recipe, split: str, folder: Path, sample: int | None = None) -> list[Row]:
    """All rows of one split, or the first `sample`. Raises DataError where there are none."""
    data = trained(recipe)
    rows = list(read_rows(data, split, folder, sample))
    if not rows:
        place = data.places.get(split, split)
        raise DataError(f"data.{split}: {place}: has no examples. Give a split that has some.")
    return rows


def given(data: DataSettings, row: Row) -> list[Any]:
    """What a row gives as inputs, in the order of their names."""
    return [row.get(data.text[name]) for name in sorted(data.text)]


def row_text(value: Any, where: str) -> Text | Frames:
    """What one field holds, as an input: a text, given words, or frames. Raises DataError.

    Frames are numbers: a list or an array [time] or [time, channel].
    """
    if isinstance(value, str):
        return Text(scrubbed(value))
    if isinstance(value, Text):
        return given_text(value, where)
    if isinstance(value, Frames):
        return value
    kind = type(value).__name__
    if isinstance(value, np.ndarray):
        if value.ndim in (1, 2) and value.dtype.kind in "biuf":
            return Frames(np.atleast_2d(value.T).T.astype(np.float32, copy=False))
        kind = f"an array of {value.dtype} {list(value.shape)}"
    elif isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        kinds = set(map(type, value))
        if all(issubclass(one, str) for one in kinds):
            return words_text(value)
        if all(issubclass(one, int | float) for one in kinds):
            return Frames(np.asarray(value, np.float32)[:, None])
        if all(isinstance(one, Sequence) and not isinstance(one, str | bytes) for one in value):
            return list_frames(value, where)
        kind = f"{kind} of {', '.join(sorted(one.__name__ for one in kinds))}"
    raise DataError(
        f"{where}: an input is a text, a list of words or a list of numbers, not {kind}."
    )


def list_frames(steps: Sequence[Sequence[Any]], where: str) -> Frames:
    """A list of equally long lists of numbers, as frames. Raises DataError for other lists."""
    for number, step in enumerate(steps, 1):
        if len(step) != len(steps[0]):
            raise DataError(
                f"{where}: step {number} of {len(steps)} has {len(step)} numbers, but the first "
                f"has {len(steps[0])}. Give each step the same channels."
            )
        for one in step:
            if not isinstance(one, int | float):
                raise DataError(
                    f"{where}: step {number} of {len(steps)} holds {one!r:.40}, no number. Give "
                    "each step a list of numbers."
                )
    return Frames(np.asarray(steps, np.float32).reshape(len(steps), -1))


def given_text(given: Text, where: str) -> Text:
    """A text with its words, fit for a tokeniser. Raises DataError for words outside the text."""
    size = len(given.text)
    for begin, end in given.words or ():
        if not 0 <= begin <= end <= size:
            raise DataError(
                f"{where}: the word [{begin}, {end}] is not inside the text, which has {size} "
                "characters. Give half-open spans of characters."
            )
    return Text(scrubbed(given.text), given.words)


def words_text(words: Sequence[str]) -> Text:
    """Given words as a text: joined by spaces, with each word's span."""
    after = list(itertools.accumulate([len(word) + 1 for word in words]))
    spans = list(zip([0, *after], [end - 1 for end in after], strict=False))
    return Text(scrubbed(" ".join(words)), spans)


def scrubbed(text: str) -> str:
    """The text with each lone surrogate as U+FFFD, so that offsets stay as they were."""
    return SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def field(row: Row, name: str, where: str) -> Any:
    """One field of a row. Raises DataError with the known fields where it is missing."""
    if name not in row:
        fields = ", ".join(sorted(map(str, row))) or "empty rows"
        near = nearest(name, map(str, row))
        hint = f" {near}" if near.startswith("Did") else ""
        raise DataError(f"{where}: the rows have no field '{name}', only {fields}.{hint}")
    return row[name]


def gold_of(data: DataSettings, row: Row, where: str) -> Any:
    """An example's gold: a field's value, or a mapping where the recipe names several."""
    if isinstance(data.gold, str):
        return field(row, data.gold, where)
    if data.gold is None:
        return None
    return {name: field(row, wanted, where) for name, wanted in data.gold.items()}


def row_inputs(recipe: Recipe, row: Row, where: str) -> dict[str, Text | Frames]:
    """The texts and frames of a row, by input name. Raises DataError."""
    fields = recipe.data.text if recipe.data else {SINGLE: SINGLE}
    where = f"{where} ({recipe.where('data.text')})" if "data.text" in recipe.marks else where
    return {name: row_text(field(row, wanted, where), where) for name, wanted in fields.items()}


def row_gold(recipe: Recipe, row: Row, where: str) -> Any:
    """The gold of a row. Raises DataError."""
    where = f"{where} ({recipe.where('data.gold')})" if "data.gold" in recipe.marks else where
    return gold_of(recipe.data, row, where) if recipe.data else None


def data_digest(data: DataSettings, split: str, folder: Path, sample: int | None) -> str:
    """A fingerprint of one split: of the files' bytes, or of the rows where there is no file."""
    carved = shares(data.places)
    if split in carved:
        return storage.digest([data_digest(data, "train", folder, None), carved[split], sample])
    if data.source.stage.files:
        place = folder / data.places[split]
        content = [
            # names count, as a source may read them; from the place on, so that data may be moved
            [os.path.relpath(path, place), file_digest(path, f"data.{split} or --data")]
            for path in data.paths(place)
        ]
        return storage.digest([content, sample])
    rows = hashlib.sha256()
    for row in read_rows(data, split, folder, sample):
        rows.update(json.dumps(row, sort_keys=True, default=plain_value).encode())
    return rows.hexdigest()


def named_digests(recipe: Recipe, folder: Path) -> dict[str, str]:
    """Fingerprints of the files and folders that stages name, by their places. Raises DataError."""
    named = {place for chosen in recipe.stages() for place in named_by(chosen).values()}
    digests = {}
    for place in sorted(named):
        root = folder / place
        paths = sorted(root.rglob("*")) if root.is_dir() else [root]
        content = [
            [os.path.relpath(path, root), file_digest(path, f"'{place}' or --data")]
            for path in paths
            if not path.is_dir()
        ]
        digests[place] = storage.digest(content)
    return digests


def file_digest(path: Path, mend: str) -> str:
    """The sha256 of a file's bytes. mend: what to, where it cannot be read. Raises DataError."""
    try:
        with open(path, "rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}). Mend {mend}.") from error


def plain_value(value: Any) -> Any:
    """What JSON does not know, for a fingerprint: all of an array counts, however long it is."""
    if isinstance(value, np.ndarray):
        content = repr(value.tolist()).encode() if value.dtype.hasobject else value.tobytes()
        return [str(value.dtype), value.shape, hashlib.sha256(content).hexdigest()]
    if isinstance(value, np.generic):
        return value.item()
    return vars(value) if isinstance(value, Text | Frames) else repr(value)


@cache
def source_digest(package: str) -> str:
    """The sha256 of a plugin package's Python files: an edited plugin never meets an old cache."""
    spec = find_spec(package)
    places = list(spec.submodule_search_locations or []) if spec else []
    files = {
        path.relative_to(place).as_posix(): path
        for place in places
        for path in Path(place).rglob("*.py")
    }
    if not files and spec and spec.origin:
        files = {Path(spec.origin).name: Path(spec.origin)}
    return storage.digest(
        {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    )


def plugin_digests(recipe: Recipe) -> dict[str, str]:
    """The source digests of every plugin package that a recipe's stages come from."""
    packages = {chosen.stage.factory.__module__.partition(".")[0] for chosen in recipe.stages()}
    return {package: source_digest(package) for package in sorted(packages)}
