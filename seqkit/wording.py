"""The words of messages and of the manual: what is wrong with a value, what a type accepts."""

from __future__ import annotations

import enum
import inspect
import json
import re
import typing
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from annotated_types import Ge, Gt, Le, Lt

from seqkit.marks import shown
from seqkit.settings import Described
from seqkit.signatures import (
    Chosen,
    bare,
    is_settings,
    members,
    nested_kind,
    plain,
    wants_joint,
)

WORDING = {
    "int_type": "input should be an integer",
    "int_from_float": "input should be an integer",
    "float_type": "input should be a number",
    "string_type": "input should be text",
    "bool_type": "input should be true or false",
    "none_required": "input should be null",
    "list_type": "input should be a list",
    "tuple_type": "input should be a list",
    "set_type": "input should be a list",
    "dict_type": "input should be a mapping",
}
WORD = re.compile(r"[A-Za-z_][\w.-]*")


def a(kind: str) -> str:
    """A kind with its article."""
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def ended(message: str) -> str:
    """A message that ends a sentence."""
    return message if message.endswith((".", "?", "!")) else f"{message}."


def worded(error: Mapping[str, Any]) -> str:
    """What pydantic found, in the words of recipes."""
    if error["type"] == "string_too_short" and error["ctx"]["min_length"] == 1:
        return "input should not be empty"
    message = str(error["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    message = message.replace("String should", "Text should").replace(" after validation", "")
    return WORDING.get(error["type"], message[:1].lower() + message[1:])


def joined(messages: Sequence[str], value: Any) -> str:
    """One sentence from what is wrong with one value."""
    first, *others = dict.fromkeys(messages)
    text = " or ".join([first, *(other.removeprefix("input should be ") for other in others)])
    if ", not " not in text and "not be empty" not in text:
        text = f"{text}, not {shown(value)}"
    return ended(text)


SIMPLE = {
    int: "integer",
    float: "number",
    str: "text",
    bool: "true or false",
    type(None): "null",
    Any: "anything",
}


def type_words(annotation: Any) -> str:
    """What a setting of a type accepts, in plain words: `integer > 0`, `list of encoder`."""
    annotation, said = bare(annotation)
    described = [each.text for each in said if isinstance(each, Described)]
    if described:
        return described[0]
    if annotation in SIMPLE:
        return f"{SIMPLE[annotation]}{bounds(said)}"
    if kind := nested_kind(annotation):
        return "joint encoder" if wants_joint(annotation) else kind
    if is_settings(annotation):
        return "settings"
    inner = typing.get_args(annotation)
    if members(annotation):
        return " or ".join(type_words(member) for member in inner)
    origin = typing.get_origin(annotation)
    if origin is Literal:
        return f"one of {', '.join(inline(value) for value in inner)}"
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return f"one of {', '.join(inline(member.value) for member in annotation)}"
    words = [type_words(each) for each in inner if each is not ...]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"mapping of names to {words[-1]}"
    if origin is not None:
        return f"list of {', '.join(words)}"
    return str(getattr(annotation, "__name__", annotation))


def bounds(said: Sequence[Any]) -> str:
    """The bounds of a number: ` > 0`, ` in [0, 1)`; nothing where it has none."""
    low = next((each for each in said if isinstance(each, Ge | Gt)), None)
    high = next((each for each in said if isinstance(each, Le | Lt)), None)
    least = "" if low is None else f"{low.ge if isinstance(low, Ge) else low.gt:g}"
    most = "" if high is None else f"{high.le if isinstance(high, Le) else high.lt:g}"
    opening = "[" if isinstance(low, Ge) else "("
    closing = "]" if isinstance(high, Le) else ")"
    if low is not None and high is not None:
        return f" in {opening}{least}, {most}{closing}"
    if low is not None:
        return f" {'>=' if opening == '[' else '>'} {least}"
    return "" if high is None else f" {'<=' if closing == ']' else '<'} {most}"


def inline(value: Any) -> str:
    """A plain value on one line, as a recipe would say it."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {inline(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(inline(item) for item in value) + "]"
    if isinstance(value, str) and WORD.fullmatch(value) and value not in ("true", "false", "null"):
        return value
    return json.dumps(value, ensure_ascii=False)


def metric_names(metrics: Sequence[tuple[str, Chosen]]) -> tuple[str, ...]:
    """The metrics' names, after their gold's where the recipe has several.

    Where one is named with several settings, those that are no defaults are told: `bleu`,
    `bleu(lower=true)`.
    """
    uses = Counter((gold, metric.name) for gold, metric in metrics)
    return tuple(
        f"{gold}." * bool(gold) + metric.name + told(metric) * (uses[gold, metric.name] > 1)
        for gold, metric in metrics
    )


def told(metric: Chosen) -> str:
    """The settings of a metric that are no defaults, in brackets."""
    defaults = inspect.signature(metric.stage.factory).parameters
    own = [
        f"{name}={value if isinstance(value, str) else json.dumps(plain(value))}"
        for name, value in metric.settings.items()
        if value != defaults[name].default
    ]
    return f"({', '.join(own)})" if own else ""
