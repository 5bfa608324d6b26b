"""Recipes as text: safe YAML, read to nodes that know where they stand.

Nothing is constructed but text, numbers, true, false, null, lists and mappings. Plain scalars
follow YAML 1.2: `no` is text, `1e-3` is a number. A number with leading zeros is text, since
versions of YAML disagree on it; so are `1_000` and dates.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from seqkit.errors import Problem, RecipeError
from seqkit.marks import MAX_DEPTH, Mark, Node, Problems, put, short, shown

MAX_BYTES = 1_000_000
MAX_NODES = 100_000

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)")
DECIMAL = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
MAX_DIGITS = 18


class _UnreadableError(Exception):
    """The rest of the text cannot be read."""


def load(path: Path) -> bytes:
    """The bytes of a recipe. Raises RecipeError where there is no such file, or it is too large."""
    try:
        if not path.exists():
            message = "no such recipe. Check the path."
        elif not path.is_file():
            message = "is a folder, not a recipe. Name the file in it."
            message = message if path.is_dir() else "is not a file."
        else:
            with path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
            if len(content) <= MAX_BYTES:
                return content
            message = f"is larger than {MAX_BYTES} bytes, the limit of a recipe."
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        message = f"cannot be read: {reason}."
    raise RecipeError([Problem(short(str(path)), "", message)])


def read(content: bytes, file: str, problems: Problems) -> Node | None:
    """The recipe's mapping, or None where `problems` now says why there is none."""
    try:
        text = content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8")
        problems.add(_mark_after(before, file), "", "not UTF-8. Save the recipe as UTF-8.")
        return None
    node = _parse(text, Mark(file), problems)
    if node is None:
        return None
    if node.value is None:
        problems.add(Mark(file, 1, 1), "", "the recipe is empty.")
    elif not isinstance(node.value, Mapping):
        problems.add(node.mark, "", f"a recipe is a mapping of keys, not {shown(node.value)}.")
    else:
        return node
    return None


def _mark_after(before: str, file: str) -> Mark:
    breaks = list(LINE_BREAK.finditer(before))
    start = breaks[-1].end() if breaks else 0
    return Mark(file, len(breaks) + 1, len(before) - start + 1)


def _parse(text: str, at: Mark, problems: Problems, fixed: bool = False) -> Node | None:
    """One document. fixed: all of it stands at `at`."""

    def mark(position: Any) -> Mark:
        if fixed or position is None:
            return at
        return Mark(at.file, position.line + 1, position.column + 1)

    if len(text) > MAX_BYTES:
        problems.add(at, "", f"is longer than {MAX_BYTES} characters.")
        return None
    if bad := UNPRINTABLE.search(text):
        where = at if fixed else _mark_after(text[: bad.start()], at.file)
        problems.add(where, "", f"the character U+{ord(bad.group()):04X} cannot stand in a recipe.")
        return None
    try:
        return _Reader(text, at, mark, problems).document()
    except _UnreadableError:
        return None
    except yaml.MarkedYAMLError as error:
        position = error.problem_mark or error.context_mark
        problems.add(mark(position), "", f"not valid YAML: {_reason(error, text, position)}.")
    except yaml.YAMLError as error:
        problems.add(at, "", f"not valid YAML: {short(' '.join(str(error).split()))}.")
    return None


def _reason(error: yaml.MarkedYAMLError, text: str, position: Any) -> str:
    if position is not None:
        lines = LINE_BREAK.split(text)
        line = lines[position.line] if position.line < len(lines) else ""
        if line[position.column : position.column + 1] == "\t":
            return "a tab cannot indent. Use spaces"
    return short(" ".join((error.problem or error.context or "unknown error").split()))


@dataclass(frozen=True)
class _Anchored:
    node: Node
    size: int
    height: int


class _Reader:
    """Builds nodes from the parser's events. Sizes count what aliases stand for, unexpanded."""

    def __init__(
        self, text: str, at: Mark, mark: Callable[[Any], Mark], problems: Problems
    ) -> None:
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=LOADER))
        self._at = at
        self._mark = mark
        self._problems = problems
        self._anchors: dict[str, _Anchored | None] = {}
        self._count = 0

    def document(self) -> Node:
        """The only document of the text; null where there is none."""
        next(self._events)
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            return Node(None, self._at)
        node, _ = self._node(next(self._events), 0)
        next(self._events)
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            self._refuse(event, "a second document starts here. A recipe is one document.")
        return node

    def _refuse(self, event: Any, message: str) -> None:
        self._problems.add(self._mark(event.start_mark), "", message)

    def _grow(self, event: Any, size: int) -> None:
        self._count += size
        if self._count > MAX_NODES:
            self._refuse(event, f"the recipe has more than {MAX_NODES} values, aliases included.")
            raise _UnreadableError

    def _fits(self, event: Any, depth: int) -> None:
        if depth > MAX_DEPTH:
            self._refuse(event, f"the recipe is nested more than {MAX_DEPTH} deep.")
            raise _UnreadableError

    def _node(self, event: Any, depth: int) -> tuple[Node, int]:
        """The node that starts with `event`, and its height (0 for a scalar)."""
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        before = self._count
        self._grow(event, 1)
        if event.tag is not None:
            self._refuse(event, f"the tag {short(event.tag)} is not allowed. Remove it.")
        if event.anchor:
            self._anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            node, height = Node(self._scalar(event), self._mark(event.start_mark)), 0
        else:
            self._fits(event, depth + 1)
            mapping = isinstance(event, yaml.MappingStartEvent)
            node, height = (self._mapping if mapping else self._list)(event, depth + 1)
        if event.anchor:
            self._anchors[event.anchor] = _Anchored(node, self._count - before, height)
        return node, height

    def _alias(self, event: yaml.AliasEvent, depth: int) -> tuple[Node, int]:
        name = short(str(event.anchor))
        anchored = self._anchors.get(str(event.anchor))
        if anchored is None:
            inside = str(event.anchor) in self._anchors
            reason = "stands inside its own anchor" if inside else "has no anchor before it"
            self._refuse(event, f"the alias *{name} {reason}.")
            return Node(None, self._mark(event.start_mark)), 0
        self._grow(event, anchored.size)
        self._fits(event, depth + anchored.height)
        return anchored.node, anchored.height

    def _list(self, start: Any, depth: int) -> tuple[Node, int]:
        items, tallest = [], 0
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            node, height = self._node(event, depth)
            items.append(node)
            tallest = max(tallest, height)
        return Node(tuple(items), self._mark(start.start_mark)), tallest + 1

    def _mapping(self, start: Any, depth: int) -> tuple[Node, int]:
        values: dict[str, Node] = {}
        keys: dict[str, Mark] = {}
        tallest = 0
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key, _ = self._node(event, depth)
            value, height = self._node(next(self._events), depth)
            tallest = max(tallest, height)
            mark = self._mark(event.start_mark)
            if not isinstance(key.value, str):
                self._refuse(event, f"a key is text, not {shown(key.value)}. Quote it.")
            elif key.value == "<<" and getattr(event, "style", None) not in ("'", '"'):
                self._refuse(event, "merges with << are not allowed. Write the keys out.")
            elif key.value in keys:
                first = keys[key.value]
                line = f" (first in line {first.line})" if first.line else ""
                self._refuse(event, f"the key {shown(key.value)} is given twice{line}. Keep one.")
            else:
                values[key.value], keys[key.value] = value, mark
        return Node(values, self._mark(start.start_mark), keys), tallest + 1

    def _scalar(self, event: yaml.ScalarEvent) -> str | int | float | bool | None:
        text = event.value
        if event.style in ("'", '"', "|", ">"):
            if bad := UNPRINTABLE.search(text):
                code = f"U+{ord(bad.group()):04X}"
                self._refuse(event, f"the character {code} cannot stand in a recipe.")
            return text
        if text in WORDS:
            return WORDS[text]
        if WHOLE.fullmatch(text):
            if len(text.lstrip("+-")) <= MAX_DIGITS:
                return int(text)
            self._refuse(event, f"a whole number has at most {MAX_DIGITS} digits. Quote text.")
        elif DECIMAL.fullmatch(text) or NOT_FINITE.fullmatch(text):
            if not NOT_FINITE.fullmatch(text) and math.isfinite(float(text)):
                return float(text)
            self._refuse(event, f"{short(text)} is no finite number. Quote it if it is text.")
        return text


def from_plain(value: Any, where: str | Mark, problems: Problems) -> Node:
    """Nodes from plain Python data, all at `where`; a path counts as text."""
    mark = Mark(where) if isinstance(where, str) else where
    try:
        return _Plain(mark, problems).node(value, 0)
    except _UnreadableError:
        return Node(None, mark)


class _Plain:
    def __init__(self, mark: Mark, problems: Problems) -> None:
        self._mark = mark
        self._problems = problems
        self._count = 0

    def node(self, value: Any, depth: int) -> Node:
        self._count += 1
        if self._count > MAX_NODES or depth > MAX_DEPTH:
            limit = f"nested more than {MAX_DEPTH} deep"
            limit = limit if depth > MAX_DEPTH else f"of more than {MAX_NODES} values"
            self._refuse(f"the value is {limit}.")
            raise _UnreadableError
        if isinstance(value, Mapping):
            for name in value:
                if not isinstance(name, str):
                    self._refuse(f"a key is text, not {shown(name)}.")
            named = {str(name): self.node(item, depth + 1) for name, item in value.items()}
            return Node(named, self._mark, dict.fromkeys(named, self._mark))
        if isinstance(value, list | tuple):
            return Node(tuple(self.node(item, depth + 1) for item in value), self._mark)
        if isinstance(value, os.PathLike):
            value = os.fspath(value)
        if isinstance(value, str) and (bad := UNPRINTABLE.search(value)):
            code = f"U+{ord(bad.group()):04X}"
            return self._refuse(f"the character {code} cannot stand in a recipe.")
        if isinstance(value, float) and not math.isfinite(value):
            return self._refuse(f"{value} is no finite number.")
        if value is None or isinstance(value, str | int | float | bool):
            return Node(value, self._mark)
        return self._refuse(f"a {type(value).__name__} cannot stand in a recipe.")

    def _refuse(self, message: str) -> Node:
        self._problems.add(self._mark, "", message)
        return Node(None, self._mark)


def override(root: Node, path: str, text: str, problems: Problems) -> Node:
    """The tree with the value at `path`, such as `embed.parts.0.width`, read from `text`."""
    mark = Mark(f"--set {short(path)}")
    value = _parse(text, mark, problems, fixed=True)
    return root if value is None else put(root, path, value, mark, problems)


def set_value(root: Node, path: str, value: Any, problems: Problems) -> Node:
    """The tree with the value at `path` from plain Python data."""
    mark = Mark(f"set {short(path)}")
    return put(root, path, from_plain(value, mark, problems), mark, problems)
