"""Rows with more fields, each made of another source's fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, final

from seqkit.errors import DataError, nearest
from seqkit.stages import Row, Source
from seqkit_data.deriving import Gather

REFERENCES = "references"


@final
class Derived:
    """Reads the rows of a source, joins, takes firsts, gathers and masks: see the factory."""

    def __init__(
        self,
        source: Source,
        join: Mapping[str, Sequence[str]],
        first: Mapping[str, str],
        gather: Gather | None,
        mask: Mapping[str, str],
        between: str,
    ) -> None:
        self.source, self.join, self.first = source, join, first
        self.gather, self.mask, self.between = gather, mask, between

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]:
        """Yields the rows. Raises DataError where a field is missing or no text."""
        rows = (self.made(row) for row in self.source.read(split, place))
        return gathered(rows, self.gather, whole=split != "train") if self.gather else rows

    def made(self, row: Row) -> Row:
        """A row with its new fields."""
        more: dict[str, Any] = {}
        for name, fields in self.join.items():
            texts = [text for field in fields for text in texts_of(row, field)]
            more[name] = self.between.join(texts)
        for name, field in self.first.items():
            items = value_of(row, field)
            if not isinstance(items, Sequence) or isinstance(items, str) or not items:
                raise DataError(
                    f"derived: '{name}' is to be the first of '{field}', which is no list or "
                    "empty. Name a field with a list."
                )
            more[name] = items[0]
        for name, by in self.mask.items():
            more[name] = masked(row, name, by)
        return {**row, **more}


def gathered(rows: Iterable[Row], gather: Gather, whole: bool) -> Iterator[Row]:
    """Rows with their references. whole: rows that share a field become the first of them."""
    every = list(rows)
    found: dict[Any, list[Any]] = {}
    for row in every:
        key = key_of(value_of(row, gather.by))
        found.setdefault(key, []).append(value_of(row, gather.of))
    seen = set()
    for row in every:
        key = key_of(row[gather.by])
        if not whole or key not in seen:
            seen.add(key)
            yield {**row, REFERENCES: list(dict.fromkeys(found[key]))}


def masked(row: Row, name: str, by: str) -> list[Any]:
    """The items of a list, None where another one has 0. Raises DataError where they do not fit."""
    labels, marks = value_of(row, name), value_of(row, by)
    for field, value in ((name, labels), (by, marks)):
        if not isinstance(value, list):
            raise DataError(
                f"derived: mask: '{field}' holds {type(value).__name__}, no list. Name another "
                "field, or have the source split it."
            )
    if len(labels) != len(marks):
        raise DataError(
            f"derived: mask: '{name}' has {len(labels):,} items, but '{by}' has {len(marks):,}. "
            "Mend the row: there is a number for each label."
        )
    return [label if counts(mark, by) else None for label, mark in zip(labels, marks, strict=True)]


def counts(mark: Any, by: str) -> bool:
    """Whether a mark is not 0. Raises DataError where it is no number."""
    try:
        return float(mark) != 0
    except (TypeError, ValueError):
        raise DataError(
            f"derived: mask: '{by}' holds {mark!r:.40}, no number. Name the field with 0 and 1."
        ) from None


def key_of(value: Any) -> Any:
    """A value by which rows are one."""
    return tuple(value) if isinstance(value, list) else value


def texts_of(row: Row, field: str) -> list[str]:
    """The texts of a field: itself, or those of a list."""
    value = value_of(row, field)
    texts = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    for text in texts:
        if not isinstance(text, str):
            raise DataError(
                f"derived: '{field}' holds {type(text).__name__}, no text to join. Name another "
                "field."
            )
    return texts


def value_of(row: Row, field: str, who: str = "derived") -> Any:
    """A field's value. Raises DataError where the source gives none of that name."""
    if field not in row:
        raise DataError(f"{who}: the source gives no field '{field}'. {nearest(field, row)}")
    return row[field]
