"""The check: recipe values against signatures, every problem with its place."""

from __future__ import annotations

import collections.abc
import contextlib
import enum
import json
import typing
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import pydantic

from seqkit import places
from seqkit.errors import PluginError, nearest
from seqkit.marks import Mark, Node, Problems, TooManyError, short, shown
from seqkit.nodes import from_plain
from seqkit.optimisers import TABLES
from seqkit.plugins import Registry, Rules, Stage, describe
from seqkit.signatures import (
    Chosen,
    Field,
    Listed,
    bare,
    fields,
    holds_stages,
    is_settings,
    members,
    nested_kind,
    owner_of,
    plain,
    recipe_name,
    wants_joint,
)
from seqkit.wording import a, ended, joined, worded

BAD = object()
"""Stands for a value with a problem."""
SCALARS = (str, int, float, bool, enum.Enum)


class Checker:
    """Checks nodes and collects their problems.

    rules: of dataclasses, what a factory's rules are of a stage. marks: where each checked path
    stands, by path. named: the files and folders of data that settings name, by path.
    """

    def __init__(
        self,
        registry: Registry,
        problems: Problems,
        rules: Mapping[type, Rules] | None = None,
        marks: dict[str, Mark] | None = None,
    ) -> None:
        self.registry = registry
        self.problems = problems
        self.rules = rules or {}
        self.marks: dict[str, Mark] = {} if marks is None else marks
        self.named: dict[str, tuple[str, places.Kinds]] = {}

    def stage(
        self, kind: str, node: Node, path: str, reserved: Sequence[str] = (), joint: bool = False
    ) -> Chosen | None:
        """The stage that a node names, or None where there is a problem.

        reserved: keys of the node that are no settings. joint: whether a joint encoder may stand
        here.
        """
        self.marks[path] = node.mark
        node = long_form(node)
        if not isinstance(node.value, Mapping):
            self.add(node.mark, path, f"input should be {a(kind)}, not {shown(node.value)}.")
            return None
        named = node.value.get("use")
        if named is None or not isinstance(named.value, str):
            mark = node.mark if named is None else named.mark
            known = ", ".join(self._known(kind)) or "none is installed"
            self.add(mark, path, f"needs 'use', the name of {a(kind)}. Known: {known}.")
            return None
        found = self._find(kind, named, path)
        if found is None:
            return None
        stage, name = found
        if stage.joint and not joint:
            message = f"{name} is a joint encoder: it reads all inputs at once and cannot be here."
            self.add(named.mark, path, message)
            return None
        settings = self._settings(stage, name, node, path, reserved)
        return None if settings is None else Chosen(stage, settings, str(node.mark), name)

    def _known(self, kind: str) -> list[str]:
        names = (
            TABLES[kind] if kind in TABLES else [each.name for each in self.registry.stages(kind)]
        )
        return sorted(set(names))

    def _find(self, kind: str, named: Node, path: str) -> tuple[Stage | Listed, str] | None:
        """The stage, and its name as a recipe must say it."""
        name = short(str(named.value))
        if kind in TABLES:
            if name in TABLES[kind]:
                return Listed(kind, name, TABLES[kind][name]), name
            self.add(named.mark, path, f"no {kind} called '{name}'. {nearest(name, TABLES[kind])}")
            return None
        try:
            stage = self.registry.find(kind, name)
        except PluginError as error:
            self.add(named.mark, path, str(error))
            return None
        return stage, recipe_name(stage, self.registry)

    def _settings(
        self, stage: Stage | Listed, name: str, node: Node, path: str, reserved: Sequence[str]
    ) -> dict[str, Any] | None:
        owner = owner_of(stage)
        known = fields(stage.factory, owner)
        for each in known:
            if each.name in ("use", *reserved):
                raise PluginError(
                    f"{owner}: setting '{each.name}' is a word of recipes. Rename it."
                )
        settings = self.signature(known, node, path, f"{name} ", ("use", *reserved))
        if settings is None or not isinstance(stage, Stage):
            return settings
        broken = broken_rules(stage.rules, settings, owner)
        for setting, message in broken:
            self.add(place(node, setting), path, f"{name}: '{setting}' {ended(message)}")
        return None if broken else settings

    def signature(
        self, known: Sequence[Field], node: Node, path: str, who: str, reserved: Sequence[str] = ()
    ) -> dict[str, Any] | None:
        """Checked settings, defaults filled in, or None where there is a problem.

        who: whose settings they are, for messages; ends with a space, or is empty.
        """
        before = len(self.problems)
        given = typing.cast("Mapping[str, Node]", node.value)
        names = {each.name for each in known}
        for name in given:
            if name not in names and name not in reserved:
                hint = nearest(name[:64], names)
                self.add(node.keys[name], path, f"{who}has no setting '{short(name)}'. {hint}")
        settings = {}
        for each in known:
            inside = f"{path}.{each.name}" if path else each.name
            if each.name in given:
                settings[each.name] = self.value(each.annotation, given[each.name], inside)
            elif each.required:
                self.add(node.mark, path, f"{who}needs the setting '{each.name}'.")
            else:
                settings[each.name] = self._default(each, node.mark, inside)
        return settings if len(self.problems) == before else None

    def _default(self, each: Field, mark: Mark, path: str) -> Any:
        """A default; lists, mappings and stages are checked as if the recipe had said them."""
        if each.default is None or isinstance(each.default, SCALARS):
            return each.default
        node = from_plain(plain(each.default), mark, self.problems)
        return self.value(each.annotation, node, path)

    def settings(self, kind: type, node: Node, path: str) -> Any:
        """A dataclass of settings from a node, or BAD."""
        if not isinstance(node.value, Mapping):
            self.add(node.mark, path, f"input should be a mapping, not {shown(node.value)}.")
            return BAD
        checked = self.signature(fields(kind, kind.__name__), node, path, "")
        if checked is None:
            return BAD
        broken = broken_rules(self.rules.get(kind), checked, kind.__name__)
        for setting, message in broken:
            self.add(place(node, setting), f"{path}.{setting}", ended(message))
        return BAD if broken else kind(**checked)

    def value(self, annotation: Any, node: Node, path: str) -> Any:
        """A checked value of any type that a setting may have, or BAD."""
        self.marks[path] = node.mark
        wanted = places.kinds(annotation)
        if wanted and isinstance(node.value, str):
            self.named[path] = (node.value, wanted)
        if not holds_stages(annotation):
            return self._plain_value(annotation, node, path)
        annotation, said = bare(annotation)
        kind = nested_kind(annotation)
        if kind is not None:
            joint = wants_joint(annotation)
            chosen = self.stage(kind, node, path, joint=joint)
            if chosen is not None and joint and not chosen.stage.joint:
                self.add(node.mark, path, f"{chosen.name} is no joint encoder.")
                return BAD
            return BAD if chosen is None else chosen
        if is_settings(annotation):
            return self.settings(annotation, node, path)
        if members(annotation):
            return self._union(members(annotation), node, path)
        return self._container(annotation, said, node, path)

    def _union(self, kinds: Sequence[Any], node: Node, path: str) -> Any:
        if node.value is None and type(None) in kinds:
            return None
        kinds = [kind for kind in kinds if kind is not type(None)]
        if len(kinds) == 1:
            return self.value(kinds[0], node, path)
        tried = []
        for kind in kinds:
            problems = Problems()
            check = Checker(self.registry, problems, self.rules, self.marks)
            with contextlib.suppress(TooManyError):
                value = check.value(kind, node, path)
            if not problems:
                self.named |= check.named
                return value
            tried.append(problems)
        deepest = [each for each in tried if any(problem.path != path for _, problem in each)]
        self.problems.extend((deepest or tried)[0])
        return BAD

    def _container(self, annotation: Any, said: Sequence[Any], node: Node, path: str) -> Any:
        origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
        mapping = origin in (dict, collections.abc.Mapping)
        wanted: Any = Mapping if mapping else tuple
        if not mapping and origin not in (list, tuple, collections.abc.Sequence):
            raise PluginError(f"{path}: a setting of type {annotation} cannot be checked.")
        if not isinstance(node.value, wanted):
            what = "a mapping" if mapping else "a list"
            self.add(node.mark, path, f"input should be {what}, not {shown(node.value)}.")
            return BAD
        before = len(self.problems)
        checked: Any
        if isinstance(node.value, Mapping):
            checked = {
                name: self.value(inner[1], item, f"{path}.{name}")
                for name, item in node.value.items()
            }
        else:
            items = typing.cast("tuple[Node, ...]", node.value)
            kinds = self._kinds(origin, inner, items)
            if kinds is None:
                message = f"input should be a list of {len(inner)}, not of {len(items)}."
                self.add(node.mark, path, message)
                return BAD
            checked = [
                self.value(kind, item, f"{path}.{index}")
                for index, (kind, item) in enumerate(zip(kinds, items, strict=True))
            ]
            checked = tuple(checked) if origin is tuple else checked
        if len(self.problems) == before and said:
            shape = Annotated[(type(checked), *said)]  # type: ignore[valid-type]
            self._plain_value(shape, node, path)
        return checked if len(self.problems) == before else BAD

    def _kinds(
        self, origin: Any, inner: Sequence[Any], items: Sequence[Node]
    ) -> Sequence[Any] | None:
        """The type of each item; None where a tuple has another length."""
        if origin is not tuple or inner[-1] is ...:
            return [inner[0]] * len(items)
        return inner if len(inner) == len(items) else None

    def _plain_value(self, annotation: Any, node: Node, path: str) -> Any:
        """A value without stages, checked by pydantic: strictly, as JSON."""
        try:
            adapter = pydantic.TypeAdapter(annotation)
        except (pydantic.errors.PydanticUserError, NameError) as error:
            raise PluginError(f"{path}: its type {annotation} cannot be checked.") from error
        try:
            return adapter.validate_json(json.dumps(node.plain()), strict=True)
        except pydantic.ValidationError as error:
            wrong: dict[str, tuple[Node, list[str]]] = {}
            for each in error.errors(include_url=False):
                inside, where = follow(node, path, each["loc"])
                wrong.setdefault(where, (inside, []))[1].append(worded(each))
            for where, (inside, messages) in wrong.items():
                self.add(inside.mark, where, joined(messages, inside.value))
            return BAD

    def add(self, mark: Mark, path: str, message: str) -> None:
        """Adds a problem."""
        self.problems.add(mark, path, message)


def long_form(node: Node) -> Node:
    """A stage as a mapping: `words` is short for `{use: words}`."""
    if not isinstance(node.value, str):
        return node
    return Node({"use": node}, node.mark, {"use": node.mark})


def broken_rules(
    rules: Rules | None, settings: Mapping[str, Any], owner: str
) -> list[tuple[str, str]]:
    """What a factory's rules say of its settings."""
    try:
        return list(rules(settings)) if rules else []
    except Exception as error:  # a foreign function's failure has an owner
        raise PluginError(f"{owner}: its rules fail: {describe(error)}") from error


def place(node: Node, setting: str) -> Mark:
    """Where a setting stands, or the stage where it is a default."""
    return node.keys.get(setting.partition(".")[0], node.mark)


def follow(node: Node, path: str, steps: Sequence[str | int]) -> tuple[Node, str]:
    """The node, and its path, that pydantic's steps lead to; steps that name types are left out."""
    for step in steps:
        inside = node.value
        if isinstance(inside, Mapping) and step in inside:
            node = inside[str(step)]
        elif isinstance(inside, tuple) and isinstance(step, int) and step < len(inside):
            node = inside[step]
        else:
            continue
        path = f"{path}.{step}"
    return node, path
