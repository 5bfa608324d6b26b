"""A swap: a recipe, one setting of it, and what stands there with each alternative."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any

from seqkit import nodes
from seqkit.errors import PluginError, Problem, RecipeError
from seqkit.marks import Mark, Node, Problems, short
from seqkit.optimisers import TABLES
from seqkit.plugins import registry
from seqkit.recipe import Recipe, read_recipe
from seqkit.sections import SPLITS
from seqkit.signatures import Chosen, fields

STAGES = ("tokenise", "embed", "encode", "decode", "train")
"""The parts of a recipe that hold stages, the source of its data aside."""
SOURCE_KEYS = ("text", "gold", *SPLITS)
"""Keys of `data` that belong to the recipe, whatever its source is."""


@dataclass(frozen=True)
class Swap:
    """A recipe and the dotted path of the setting that is swapped in it.

    settings: overrides of the recipe as it stands, as `--set` has them. data: the data folder, to
    look for the files; None to look for none.
    """

    file: Path
    settings: Mapping[str, str]
    path: str
    data: Path | None = None

    def place(self, name: str = "") -> str:
        """What a message about the swap, or about one of its alternatives, begins with."""
        return f"--swap {short(self.path)}" + (f"={name}" if name else "")

    def overrides(self, value: Any) -> dict[str, str]:
        """The overrides that put a value at the path: earlier ones at it or below it give way."""
        below = f"{self.path}."
        kept = {
            name: text
            for name, text in self.settings.items()
            if name != self.path and not name.startswith(below)
        }
        return {**kept, self.path: as_flow(value)}

    def recipe(self, value: Any) -> Recipe:
        """The recipe with a value at the path, checked. Raises RecipeError."""
        return read_recipe(self.file, self.overrides(value), self.data)

    def before(self) -> tuple[Recipe, Any]:
        """The recipe as it stands, checked, and what it says at the path. Raises RecipeError."""
        recipe = read_recipe(self.file, self.settings, self.data)
        problems = Problems()
        root = nodes.read(nodes.load(self.file), str(self.file), problems)
        for name, text in self.settings.items():
            root = root and nodes.override(root, name, text, problems)
        return recipe, value_at(root, self.path.split("."))


def parse_swap(text: str) -> tuple[str, list[Any]]:
    """Path and alternatives of `encode=rnn,{use: lstm, peephole: true}`. Raises RecipeError."""
    path, equals, listed = text.partition("=")
    where = f"--swap {short(path)}"
    if not equals or not path:
        raise RecipeError([Problem(where, "", "has no '='. Write --swap encode=rnn,lstm.")])
    problems = Problems()
    root = nodes.override(Node({}, Mark(where)), "swap", f"[{listed}]", problems)
    if problems:
        raise RecipeError([Problem(where, "", problem.message) for _, problem in problems])
    return path, list(root.plain()["swap"])


def as_flow(value: Any) -> str:
    """A value as YAML on one line, which JSON is; a path counts as text."""
    return json.dumps(value, ensure_ascii=False, default=str)


def value_at(root: Node | None, names: Sequence[str]) -> Any:
    """What stands at a path, as plain data; None where nothing does."""
    node = root
    for name in names:
        value = node.value if node else None
        if isinstance(value, Mapping):
            node = value.get(name)
        elif isinstance(value, tuple) and name.isdigit() and int(name) < len(value):
            node = value[int(name)]
        else:
            return None
    return node.plain() if node else None


def stage_at(recipe: Recipe, path: str) -> Chosen | None:
    """The one stage that stands at a path of a checked recipe; None where none or several do."""
    first, *names = path.split(".")
    here: Any = recipe.data.source if first == "data" and recipe.data else None
    if first in STAGES:
        here = getattr(recipe, first)
    for name in names:
        here = inside(here, name)
    here = only(here)
    return here if isinstance(here, Chosen) else None


def inside(value: Any, name: str) -> Any:
    """What a name leads to in checked settings, or None."""
    if isinstance(value, Mapping) and name in value:
        return value[name]
    if isinstance(value, list | tuple) and name.isdigit():
        return value[int(name)] if int(name) < len(value) else None
    value = only(value)
    if isinstance(value, Chosen):
        return value.settings.get(name)
    return getattr(value, name, None) if is_dataclass(value) else None


def only(value: Any) -> Any:
    """The stage that all inputs share, or the only one of several in a row; else the value."""
    if isinstance(value, tuple) and len(value) == 1:
        return only(value[0])
    if isinstance(value, Mapping) and value:
        first, *others = value.values()
        return first if all(other is first for other in others) else value
    return value


def settled(base: Chosen | None, said: Any, given: Any) -> tuple[Any, tuple[str, ...]]:
    """What is put at the path for an alternative, and the recipe's settings that are dropped.

    base: the stage that the recipe has there. said: as the recipe says it. A name, or a mapping,
    keeps those settings of the recipe that its factory has too; what the mapping says itself comes
    first, and without `use` it is the recipe's own stage with changes. Where the recipe has no one
    stage, the alternative is put there as it is.
    """
    own = {"use": given} if isinstance(given, str) else given
    if base is None or not isinstance(own, Mapping):
        return given, ()
    said = said[0] if isinstance(said, list) else said
    before = said if isinstance(said, Mapping) else {}
    name = str(own.get("use", base.name))
    known = settings_of(base.stage.kind, name)
    if known is None:
        return own, ()
    kept = {key: value for key, value in before.items() if key in known}
    dropped = tuple(key for key in before if key not in known and key != "use")
    return {"use": name, **kept, **own}, dropped


def settings_of(kind: str, name: str) -> set[str] | None:
    """What a recipe may set of a stage; None where there is none of that name."""
    if kind in TABLES:
        factory = TABLES[kind].get(name)
    else:
        try:
            factory = registry().find(kind, name).factory
        except PluginError:
            return None
    if factory is None:
        return None
    return {each.name for each in fields(factory)} | set(SOURCE_KEYS if kind == "source" else ())
