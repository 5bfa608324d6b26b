"""Rows in folds, of which one is held out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, final

from numpy.random import RandomState

from seqkit.errors import DataError
from seqkit.stages import Row, Source
from seqkit_data.derivation import key_of, value_of


@final
class Folds:
    """Reads the rows of a source, those of one fold for test: see the factory."""

    def __init__(self, source: Source, fold: int, of: int, by: str | None, seed: int) -> None:
        self.source, self.fold, self.of, self.by, self.seed = source, fold, of, by, seed

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]:
        """Yields the rows in their order. Raises DataError for dev, and for too few rows."""
        if split == "dev":
            raise DataError(
                "data.dev: folds gives no dev split of its own. Carve it out of train: `dev: 10%`."
            )
        rows = list(self.source.read(split, place))
        keys = [number if self.by is None else self.key(row) for number, row in enumerate(rows)]
        groups = list(dict.fromkeys(keys))
        if len(groups) < self.of:
            raise DataError(
                f"{place}: {len(groups)} {'rows' if self.by is None else 'groups'} make no "
                f"{self.of} folds. Set 'of' lower."
            )
        order = RandomState(self.seed).permutation(len(groups)).tolist()
        held = {groups[place] for place in order[self.fold - 1 :: self.of]}
        return (
            row for row, key in zip(rows, keys, strict=True) if (key in held) == (split == "test")
        )

    def key(self, row: Row) -> Any:
        """What the rows of one fold share. Raises DataError where it cannot be compared."""
        key = key_of(value_of(row, self.by or "", "folds"))
        try:
            hash(key)
        except TypeError:
            raise DataError(
                f"folds: '{self.by}' holds {type(key).__name__}, by which rows cannot be told "
                "apart. Name a field with texts, numbers or lists of them."
            ) from None
        return key
