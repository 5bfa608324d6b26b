"""The source derived: fields made of another source's fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from seqkit.settings import Name, Nested
from seqkit.stages import Source

NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Gather:
    """Rows of dev and test that have one value of `by` are one, with all their values of `of`."""

    by: Name
    of: Name


def derived(
    *,
    source: Nested[Source],
    join: dict[Name, list[Name]] = NONE,  # type: ignore[assignment]  # a default that none changes
    first: dict[Name, Name] = NONE,  # type: ignore[assignment]
    gather: Gather | None = None,
    mask: dict[Name, Name] = NONE,  # type: ignore[assignment]
    between: str = " ",
) -> Source:
    """Another source's rows with more fields, each made of theirs.

    data.train, data.dev and data.test are places of that source.

    source: who reads the files.
    join: by new field, the fields whose texts are put together; a list gives all its texts.
    first: by new field, the list whose first item it is.
    gather: for texts with several right answers, a row each: in dev and test the rows that share
        the field `by` become the first of them; in all splits the new field references lists the
        values of the field `of`.
    mask: by field with a list of labels, the field with as long a list of numbers, or of texts that
        are numbers; where that has 0 the label becomes null: `tagger` neither learns nor scores it.
    between: what stands between joined texts.
    """
    from seqkit_data.derivation import Derived

    chosen: Any = source
    return Derived(chosen.build(), join, first, gather, mask, between)


def derived_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuses a source without files, and fields that are made twice or of nothing."""
    yield from nested_rules(settings)
    if not any(settings[name] for name in ("join", "first", "gather", "mask")):
        yield (
            "join",
            "makes no field, nor does 'first', 'gather' or 'mask'. Use the source as it is",
        )
    for name, of in settings["join"].items():
        if not of:
            yield "join", f"makes '{name}' of no field. Name one or more"
    for name in settings["first"]:
        if name in settings["join"]:
            yield "first", f"makes '{name}', which 'join' makes too. Keep one of them"


def nested_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuses a nested source without files."""
    if not settings["source"].stage.files:
        yield "source", f"names {settings['source'].name}, which reads no files. Use it as it is"
