"""Signatures as schemas: a recipe's settings, checked against the factories that take them.

The parameters of a factory after the star are its settings; of a dataclass, its fields. Nothing is
built here, and nothing heavy is imported.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import os
import re
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any, Union

from seqkit.errors import PluginError, nearest
from seqkit.marks import short
from seqkit.optimisers import TABLES
from seqkit.plugins import KINDS, Registry, Stage, Use, describe
from seqkit.settings import Nested, Settings

NESTED = {
    **{kind.capitalize(): kind for kind in (*KINDS, *TABLES)},
    "Joint": "encoder",
}
"""From the class in `Nested[...]` to the kind that the registry, or a closed table, knows."""
MISSING = inspect.Parameter.empty
UNIONS = (Union, types.UnionType)


@dataclass(frozen=True)
class Listed:
    """An entry of a closed table: an optimiser or a schedule. No plugin supplies it."""

    kind: str
    name: str
    factory: Callable[..., Any]
    plugin: None = None
    joint: bool = False
    files: bool = False


@dataclass(frozen=True)
class Chosen:
    """A checked stage: what the recipe names, with its settings and all defaults.

    name: as a recipe must say it, with its distribution where several plugins have the name.
    """

    stage: Stage | Listed
    settings: Settings
    where: str = field(compare=False)
    name: str

    def build(self, *given: Any) -> Any:
        """Calls the factory with what the engine gives and the settings."""
        return self.stage.factory(*given, **self.settings)

    def files(self, place: Path) -> list[Path]:
        """The files that a source reads for the path of a place. Raises DataError."""
        found = self.stage.files
        return list(found(self.settings, place)) if callable(found) else [place]

    def plain(self) -> dict[str, Any]:
        """The stage as a recipe would say it, with all defaults."""
        return {"use": self.name, **plain(self.settings)}

    def stages(self) -> Iterator[Chosen]:
        """Itself and all stages inside it."""
        yield self
        yield from chosen_in(self.settings)


def chosen_in(value: Any) -> Iterator[Chosen]:
    """The stages inside a value of settings, and those inside them."""
    if isinstance(value, Chosen):
        yield from value.stages()
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for each in dataclasses.fields(value):
            yield from chosen_in(getattr(value, each.name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from chosen_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from chosen_in(item)


def plain(value: Any) -> Any:
    """A value of settings as JSON and YAML can hold it."""
    if isinstance(value, Chosen):
        return value.plain()
    if isinstance(value, Use):
        return {"use": value.name, **plain(value.settings)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(plain(item) for item in value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return os.fspath(value) if isinstance(value, os.PathLike) else value


@dataclass(frozen=True)
class Field:
    """One setting: its resolved type, its default (MISSING where required), what it does."""

    name: str
    annotation: Any
    default: Any
    description: str

    @property
    def required(self) -> bool:
        """Whether a recipe must give it."""
        return self.default is MISSING


def fields(factory: Callable[..., Any], owner: str = "") -> tuple[Field, ...]:
    """The settings of a factory (after the star) or of a dataclass.

    Raises PluginError, in the name of `owner`, for a type that cannot be resolved.
    """
    return _fields(factory, owner or getattr(factory, "__name__", repr(factory)))


@cache
def _fields(factory: Callable[..., Any], owner: str) -> tuple[Field, ...]:
    if dataclasses.is_dataclass(factory):
        given = [(each.name, each.type, _default(each)) for each in dataclasses.fields(factory)]
    else:
        given = [
            (name, parameter.annotation, parameter.default)
            for name, parameter in inspect.signature(factory).parameters.items()
            if parameter.kind is parameter.KEYWORD_ONLY
        ]
    names = _namespace(factory)
    about = descriptions(factory, [name for name, _, _ in given])
    return tuple(
        Field(name, _resolve(kind, names, f"{owner}: setting '{name}'"), default, about[name])
        for name, kind, default in given
    )


def _default(each: dataclasses.Field[Any]) -> Any:
    if each.default_factory is not dataclasses.MISSING:
        return each.default_factory()
    return MISSING if each.default is dataclasses.MISSING else each.default


def _namespace(factory: Callable[..., Any]) -> dict[str, Any]:
    """The names that a factory's annotations are written in."""
    while isinstance(factory, partial):
        factory = factory.func
    factory = inspect.unwrap(factory)
    found = getattr(factory, "__globals__", None)
    return found if found is not None else vars(sys.modules[factory.__module__])


def _resolve(annotation: Any, names: dict[str, Any], owner: str) -> Any:
    holder = types.SimpleNamespace(__annotations__={"setting": annotation})
    try:
        return typing.get_type_hints(holder, globalns=names, include_extras=True)["setting"]
    except Exception as error:  # whatever a foreign annotation raises has an owner
        raise PluginError(
            f"{owner}: its type {short(str(annotation))} cannot be resolved: {describe(error)}. "
            "Import the type at run time."
        ) from error


def descriptions(factory: Callable[..., Any], names: Sequence[str]) -> dict[str, str]:
    """What the docstring says of each setting: `name: text` or `name, other: text`.

    An entry starts a line or follows a full stop; it ends with the next entry or an empty line.
    """
    about = dict.fromkeys(names, "")
    for paragraph in paragraphs(factory):
        entries = list(_entry(names).finditer(paragraph)) if names else []
        ends = [*(entry.start() for entry in entries[1:]), len(paragraph)]
        for entry, end in zip(entries, ends, strict=False):
            for name in entry["names"].split(","):
                about[name.strip()] = " ".join(paragraph[entry.end() : end].split())
    return about


def prose(factory: Callable[..., Any], names: Sequence[str]) -> list[str]:
    """The paragraphs of the docstring, without the entries for settings."""
    found = []
    for paragraph in paragraphs(factory):
        entry = _entry(names).search(paragraph) if names else None
        found.append(" ".join(paragraph[: entry.start() if entry else None].split()))
    return [text for text in found if text]


def paragraphs(factory: Callable[..., Any]) -> list[str]:
    """The docstring, cut at its empty lines."""
    return re.split(r"\n\s*\n", inspect.getdoc(factory) or "")


def _entry(names: Sequence[str]) -> re.Pattern[str]:
    one = "|".join(re.escape(name) for name in names)
    return re.compile(rf"(?:^|(?<=[.;:] ))(?P<names>(?:{one})(?:,\s+(?:{one}))*):\s", re.MULTILINE)


def nested_kind(annotation: Any) -> str | None:
    """The kind of stage that `Nested[...]` asks for; None for every other type."""
    if typing.get_origin(annotation) is not Nested:
        return None
    asked = getattr(typing.get_args(annotation)[0], "__name__", "")
    if asked not in NESTED:
        raise PluginError(f"{annotation} names no kind of stage. {nearest(asked, NESTED)}")
    return NESTED[asked]


def wants_joint(annotation: Any) -> bool:
    """Whether `Nested[...]` asks for a joint encoder."""
    return getattr(typing.get_args(annotation)[0], "__name__", "") == "Joint"


def bare(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type without Annotated, and what Annotated says of it."""
    if typing.get_origin(annotation) is Annotated:
        inner, *said = typing.get_args(annotation)
        return inner, tuple(said)
    return annotation, ()


def members(annotation: Any) -> tuple[Any, ...]:
    """The members of a union; none for every other type."""
    return typing.get_args(annotation) if typing.get_origin(annotation) in UNIONS else ()


def holds_stages(annotation: Any) -> bool:
    """Whether a nested stage or a dataclass is in a type, so that signatures check it."""
    annotation, _ = bare(annotation)
    if nested_kind(annotation) or is_settings(annotation):
        return True
    return any(holds_stages(inner) for inner in typing.get_args(annotation) if inner is not ...)


def is_settings(annotation: Any) -> bool:
    """Whether a type is a dataclass."""
    return isinstance(annotation, type) and dataclasses.is_dataclass(annotation)


def recipe_name(stage: Stage | Listed, registry: Registry) -> str:
    """A stage's name as recipes must say it, with its distribution where several have the name."""
    if isinstance(stage, Listed):
        return stage.name
    alone = sum(other.name == stage.name for other in registry.stages(stage.kind)) == 1
    return stage.name if alone else f"{stage.plugin.distribution}/{stage.name}"


def owner_of(stage: Stage | Listed) -> str:
    """Who answers for a stage's factory."""
    name = f"{stage.kind} '{stage.name}'"
    return f"plugin {stage.plugin}: {name}" if isinstance(stage, Stage) else name
