"""What the name of a recording says: fields by a pattern."""

from __future__ import annotations

import re
from collections.abc import Mapping

FIELD = re.compile(r"\{([^{}]*)\}")
TAKEN = ("audio", "name")
"""Fields that every recording has."""


def pattern_problem(pattern: str) -> str:
    """What is wrong with a pattern, or nothing."""
    fields = FIELD.findall(pattern)
    wrong = [name for name in fields if not name.isidentifier()]
    twice = [name for name in fields if fields.count(name) > 1]
    taken = [name for name in fields if name in TAKEN]
    if re.search(r"[{}]", FIELD.sub("", pattern)):
        return "has a brace without its other. Write fields as {speaker}"
    if not fields:
        return "has no field. Write it as {speaker}_{index}.wav, with the fields of the name"
    if wrong:
        return f"has a field '{wrong[0]}', which is no name. Use letters, digits and _"
    if twice:
        return f"has '{twice[0]}' twice. Give each part its own name"
    return f"has a field '{taken[0]}', which every recording has. Rename it" if taken else ""


def fields_of(pattern: str, name: str) -> Mapping[str, str] | None:
    """The fields of a recording's path; None where it does not fit the pattern."""
    last = "/".join(name.split("/")[-1 - pattern.count("/") :])
    parts = FIELD.split(pattern)
    made = "".join(
        f"(?P<{part}>[^/]+?)" if number % 2 else re.escape(part)
        for number, part in enumerate(parts)
    )
    match = re.fullmatch(made, last)
    return match.groupdict() if match else None
