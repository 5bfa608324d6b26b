"""The recipe of a chain: models one after the other, each reading what those before it answered.

    seqkit: 1
    name: translate-and-tag
    steps:
      - recipe: translate.yaml          # trained where it is not yet; a path from this file on
      - run: runs/pos-ewt               # or a run, or a saved pipeline
        read: {text: en}                # its input `text` is the field `en`
        give: {upos: tags}              # its answer `upos` becomes the field `tags`

The check reads every step's own recipe too, and tells all mistakes at once.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqkit import nodes
from seqkit.errors import RecipeError, nearest
from seqkit.marks import Mark, Node, Problems, TooManyError, one_line, short, shown
from seqkit.plugins import NAME
from seqkit.recipe import Recipe, data_folder, read_recipe, recipe_from_plain
from seqkit.sections import FORMAT

KEYS = ("seqkit", "name", "steps")
STEP_KEYS = ("recipe", "run", "read", "give", "set")
ANSWER = "answer"
"""What an answer is called where its recipe names no gold."""


@dataclass(frozen=True)
class Link:
    """One step of a chain.

    name: of its run in the chain's. recipe: its own. model: the folder of its model, where it is
    not to be trained; data: of its recipe's files. reads: by input, the field that it is. gives: by
    gold, the field that its answer becomes.
    """

    name: str
    recipe: Recipe
    model: Path | None
    data: Path
    reads: Mapping[str, str]
    gives: Mapping[str, str]


@dataclass(frozen=True)
class ChainRecipe:
    """A checked chain. inputs: the fields that no step gives."""

    name: str
    links: tuple[Link, ...]
    inputs: tuple[str, ...]


def is_chain(path: Path) -> bool:
    """Whether a recipe has `steps`; what cannot be read has none."""
    with contextlib.suppress(RecipeError, TooManyError):
        root = nodes.read(nodes.load(path), str(path), Problems())
        return root is not None and isinstance(root.value, Mapping) and "steps" in root.value
    return False


def golds(recipe: Recipe) -> tuple[str, ...]:
    """What a recipe's answers are called."""
    gold = recipe.data.gold if recipe.data else None
    return tuple(gold) if isinstance(gold, Mapping) else (gold or ANSWER,)


def read_chain(path: Path, data: str | None = None) -> ChainRecipe:
    """The chain in a file, and the recipes of its steps, checked.

    data: the folder of all data files; by default SEQKIT_DATA, or each recipe's folder. Raises
    RecipeError with all problems.
    """
    problems = Problems()
    with contextlib.suppress(TooManyError):
        root = nodes.read(nodes.load(path), one_line(str(path)), problems)
        found = None if root is None else ChainCheck(path, data, problems).chain(root)
        if found is not None and not problems:
            return found
    raise problems.error()


class ChainCheck:
    """Checks the nodes of a chain and collects their problems."""

    def __init__(self, path: Path, data: str | None, problems: Problems) -> None:
        self.path, self.data, self.problems = path, data, problems

    def chain(self, root: Node) -> ChainRecipe | None:
        """The chain, or None where there are problems."""
        given = self.mapping(root, "", KEYS)
        for key in KEYS:
            if key not in given:
                self.problems.add(root.mark, "", f"a chain needs the key '{key}'.")
        if self.problems:
            return None
        if given["seqkit"].value != FORMAT:
            self.problems.add(given["seqkit"].mark, "seqkit", f"input should be {FORMAT}.")
        name, steps = given["name"], given["steps"]
        if not (isinstance(name.value, str) and NAME.fullmatch(name.value)):
            message = f"input should be 1 to 64 of A-Z a-z 0-9 _ . -, not {shown(name.value)}."
            self.problems.add(name.mark, "name", message)
        if not isinstance(steps.value, tuple) or not steps.value:
            message = f"input should be a list of steps, not {shown(steps.value)}."
            self.problems.add(steps.mark, "steps", message)
            return None
        links = [self.step(step, f"steps.{place}") for place, step in enumerate(steps.value)]
        known = tuple(link for link in links if link is not None)
        if self.problems or len(known) < len(links):
            return None
        inputs = self.wired(known, [step.mark for step in steps.value])
        return ChainRecipe(str(name.value), numbered(known), inputs)

    def mapping(self, node: Node, path: str, known: tuple[str, ...]) -> Mapping[str, Node]:
        """The keys of a mapping, all of them known."""
        if not isinstance(node.value, Mapping):
            message = f"input should be a mapping, not {shown(node.value)}."
            self.problems.add(node.mark, path, message)
            return {}
        for key in node.value:
            if key not in known:
                who = "a step" if path else "a chain"
                message = f"{who} has no key '{short(key)}'. {nearest(key[:64], known)}"
                self.problems.add(node.keys[key], path, message)
        return node.value

    def step(self, node: Node, path: str) -> Link | None:
        """One step, with its recipe."""
        given = self.mapping(node, path, STEP_KEYS)
        if not isinstance(node.value, Mapping):
            return None
        named = [key for key in ("recipe", "run") if key in given]
        if len(named) != 1:
            message = "needs 'recipe' or 'run', one of the two: what it trains, or what is trained."
            self.problems.add(node.mark, path, message)
            return None
        place = given[named[0]]
        if not isinstance(place.value, str):
            message = f"input should be a path, not {shown(place.value)}."
            self.problems.add(place.mark, f"{path}.{named[0]}", message)
            return None
        file = self.path.parent / place.value
        values = self.values(given.get("set"), f"{path}.set")
        if values and named == ["run"]:
            self.problems.add(given["set"].mark, path, "'set' has no effect on what is trained.")
        try:
            data = data_folder(file, self.data)
            if named == ["recipe"]:
                recipe, model = read_recipe(file, values=values, data=data), None
            else:
                recipe, model = recipe_of(file), file
        except RecipeError as error:
            for problem in error.problems:
                self.problems.add(place.mark, path, str(problem))
            return None
        reads = {**(recipe.data.text if recipe.data else {"text": "text"})}
        gives = {name: name for name in golds(recipe)}
        reads |= self.names(given.get("read"), f"{path}.read", tuple(reads), "input")
        gives |= self.names(given.get("give"), f"{path}.give", tuple(gives), "answer")
        return Link(recipe.name, recipe, model, data, reads, gives)

    def values(self, node: Node | None, path: str) -> dict[str, Any]:
        """The settings that a step changes, by dotted path."""
        if node is None:
            return {}
        if isinstance(node.value, Mapping):
            return dict(node.plain())
        self.problems.add(node.mark, path, f"input should be a mapping, not {shown(node.value)}.")
        return {}

    def names(
        self, node: Node | None, path: str, known: tuple[str, ...], what: str
    ) -> dict[str, str]:
        """Fields by the names of inputs or answers."""
        if node is None:
            return {}
        found: dict[str, str] = {}
        if not isinstance(node.value, Mapping):
            message = f"input should be a mapping, not {shown(node.value)}."
            self.problems.add(node.mark, path, message)
            return {}
        for name, inside in node.value.items():
            if name not in known:
                message = f"the step has no {what} '{short(name)}'. {nearest(name[:64], known)}"
                self.problems.add(node.keys[name], path, message)
            elif not isinstance(inside.value, str) or not inside.value:
                message = f"input should be a field's name, not {shown(inside.value)}."
                self.problems.add(inside.mark, f"{path}.{name}", message)
            else:
                found[name] = inside.value
        return found

    def wired(self, links: tuple[Link, ...], marks: list[Mark]) -> tuple[str, ...]:
        """The fields that the chain is given; a field must not be given twice."""
        inputs: dict[str, None] = {}
        given: set[str] = set()
        for place, (link, mark) in enumerate(zip(links, marks, strict=True)):
            inputs |= dict.fromkeys(field for field in link.reads.values() if field not in given)
            for name, field in link.gives.items():
                if field in given or field in inputs:
                    message = (
                        f"{link.name} gives '{field}', which is there already. Give it another "
                        f"name: `give: {{{name}: ...}}`."
                    )
                    self.problems.add(mark, f"steps.{place}", message)
            given |= set(link.gives.values())
        return tuple(inputs)


def numbered(links: tuple[Link, ...]) -> tuple[Link, ...]:
    """The links with names of their own."""
    names = [link.name for link in links]
    return tuple(
        Link(
            f"{link.name}-{place}" if names.count(link.name) > 1 else link.name,
            link.recipe,
            link.model,
            link.data,
            link.reads,
            link.gives,
        )
        for place, link in enumerate(links, 1)
    )


def recipe_of(folder: Path) -> Recipe:
    """The recipe of a finished run or of a saved pipeline. Raises RecipeError."""
    if (folder / "pipeline").exists():
        folder = folder / "pipeline"
    elif (folder / "run.json").exists():
        raise wrong(folder, "the run is not finished. Run its recipe again to go on.")
    file = folder / "pipeline.json"
    try:
        kept = json.loads(file.read_bytes())["recipe"]
    except (OSError, ValueError, TypeError, KeyError) as error:
        message = "is no run and no saved pipeline. Name a folder that `seqkit run` has written."
        raise wrong(folder, message) from error
    return recipe_from_plain(kept, str(file))


def wrong(place: Path, message: str) -> RecipeError:
    """A problem with a folder that a recipe names."""
    problems = Problems()
    problems.add(Mark(one_line(str(place))), "", message)
    return problems.error()
