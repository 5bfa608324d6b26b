"""Class names in the place of class numbers, as the `datasets` library keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def named(value: Any, feature: Any) -> Any:
    """A value with class names for class numbers, at any depth, and None for hidden ones (-1).

    feature: what `datasets` writes of a column, as JSON: {"_type": "ClassLabel", "names": [...]},
    {"_type": "List", "feature": ...}, [...] in older files, or a mapping for a record. Raises
    ValueError for a number that has no name.
    """
    if isinstance(feature, list) and feature:
        feature = {"feature": feature[0]}
    if not isinstance(feature, Mapping):
        return value
    if isinstance(value, list):
        inner = feature.get("feature", feature)
        return [named(item, inner) for item in value]
    if isinstance(value, dict):
        inner = feature.get("feature", feature)
        if not isinstance(inner, Mapping):
            return value
        return {name: named(item, inner.get(name)) for name, item in value.items()}
    names = feature.get("names") if feature.get("_type") == "ClassLabel" else None
    return class_name(value, names) if names and isinstance(value, int) else value


def class_name(number: int, names: list[str]) -> str | None:
    """The name of a class, None for -1. Raises ValueError where it has none."""
    if number >= len(names):
        raise ValueError(f"class {number} has no name: there are {len(names)}, from 0.")
    return names[number] if number >= 0 else None
