"""What rules the settings of more than one embedder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any


def locked_rules(settings: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Says where `locked` has nothing to lock."""
    if settings["locked"] and not settings["dropout"]:
        yield "locked", "has no effect without 'dropout'. Set 'dropout' above 0"


def repeated(settings: Mapping[str, Any], name: str) -> Iterable[tuple[str, str]]:
    """Says which numbers a list has more than once."""
    for number, count in sorted(Counter(settings[name]).items()):
        if count > 1:
            yield name, f"has {number} more than once. Keep one of them"
