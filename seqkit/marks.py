"""Values that know where they stand, and the problems found with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from seqkit.errors import Problem, RecipeError

MAX_DEPTH = 64
MAX_PROBLEMS = 100


@dataclass(frozen=True)
class Mark:
    """A place: line and column count from 1; line 0 stands for all of `file`, or an override."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


Value = str | int | float | bool | None | tuple["Node", ...] | Mapping[str, "Node"]


@dataclass(frozen=True)
class Node:
    """A value and where it stands; of a mapping, also where each key stands."""

    value: Value
    mark: Mark
    keys: Mapping[str, Mark] = field(default_factory=dict)

    def plain(self) -> Any:
        """The value without its marks."""
        if isinstance(self.value, Mapping):
            return {name: node.plain() for name, node in self.value.items()}
        if isinstance(self.value, tuple):
            return [node.plain() for node in self.value]
        return self.value


class TooManyError(Exception):
    """So many problems that looking for more helps nobody."""


class Problems:
    """The problems found so far; `error` puts them in the order of the file."""

    def __init__(self) -> None:
        self._found: list[tuple[Mark, Problem]] = []

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[tuple[Mark, Problem]]:
        return iter(self._found)

    def add(self, mark: Mark, path: str, message: str) -> None:
        """Adds one. Raises TooManyError after MAX_PROBLEMS."""
        self._found.append((mark, Problem(str(mark), path, message)))
        if len(self) > MAX_PROBLEMS:
            raise TooManyError

    def extend(self, others: Problems) -> None:
        """Adds all of `others`."""
        for mark, problem in others:
            self.add(mark, problem.path, problem.message)

    def error(self) -> RecipeError:
        """All problems, those with a line first, in order."""
        found = sorted(
            self._found, key=lambda item: (item[0].line == 0, item[0].line, item[0].column)
        )
        problems = [problem for _, problem in found]
        if len(problems) > MAX_PROBLEMS:
            more = f"more than {MAX_PROBLEMS} problems. Mend these first."
            problems[MAX_PROBLEMS:] = [Problem(found[0][0].file, "", more)]
        return RecipeError(problems)


def shown(value: Any) -> str:
    """A value as a message shows it: on one line, and short."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, str):
        return f"'{short(value)}'"
    words = {None: "null", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else short(repr(value))


def one_line(text: str) -> str:
    """A text as a message shows it whole, such as a path: on one line."""
    return "".join(char if char.isprintable() else " " for char in text)


def short(text: str) -> str:
    """A name as a message shows it: on one line, and short."""
    line = one_line(text[:200])
    return line if len(line) <= 60 else line[:57] + "..."


def put(root: Node, path: str, value: Node, mark: Mark, problems: Problems) -> Node:
    """The tree with `value` at `path`. Missing mappings are made; text stands for `{use: text}`."""
    names = path.split(".")
    if not all(names):
        problems.add(mark, "", "a path is names with dots between, such as encode.width.")
        return root
    if len(names) > MAX_DEPTH:
        problems.add(mark, "", f"a path has at most {MAX_DEPTH} names.")
        return root
    return _put(root, names, value, mark, problems)


def _put(node: Node, names: list[str], value: Node, mark: Mark, problems: Problems) -> Node:
    if not names:
        return value
    name, rest = names[0], names[1:]
    inside = node.value
    if inside is None:
        node, inside = Node({}, mark), {}
    if isinstance(inside, str):
        inside = {"use": node}
        node = Node(inside, node.mark, {"use": node.mark})
    if isinstance(inside, tuple):
        if not (name.isascii() and name.isdigit() and len(name) < 6 and int(name) < len(inside)):
            problems.add(
                mark, "", f"'{short(name)}' is no place in a list of {len(inside)}. Count from 0."
            )
            return node
        at = int(name)
        changed = _put(inside[at], rest, value, mark, problems)
        return Node((*inside[:at], changed, *inside[at + 1 :]), node.mark)
    if not isinstance(inside, Mapping):
        problems.add(mark, "", f"there is no '{short(name)}' in {shown(inside)}.")
        return node
    changed = _put(inside.get(name, Node(None, mark)), rest, value, mark, problems)
    keys = {**node.keys, name: node.keys.get(name, mark) if rest else mark}
    return Node({**inside, name: changed}, node.mark, keys)
