"""The source derived: fields made of another source's fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
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
    between: what stands between joined texts.
    """
    from seqkit_data.derivation import Derived

    chosen: Any = source
    return Derived(chosen.build(), join, first, gather, between)


def derived_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuses sources without files, and fields that are made twice or of nothing."""
    if not settings["source"].stage.files:
        yield "source", f"names {settings['source'].name}, which reads no files. Use it as it is"
    if not (settings["join"] or settings["first"] or settings["gather"]):
        yield "join", "makes no field, nor does 'first' or 'gather'. Use the source as it is"
    for name, of in settings["join"].items():
        if not of:
            yield "join", f"makes '{name}' of no field. Name one or more"
    for name in settings["first"]:
        if name in settings["join"]:
            yield "first", f"makes '{name}', which 'join' makes too. Keep one of them"


def derived_files(settings: Mapping[str, Any], place: Path) -> Sequence[Path]:
    """What the other source reads for a place."""
    chosen = settings["source"]
    found = chosen.stage.files
    return list(found(chosen.settings, place)) if callable(found) else [place]
