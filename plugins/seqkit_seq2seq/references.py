"""What an answer is compared with: its gold, or all references that its example has."""

from __future__ import annotations

from typing import Any

from seqkit.errors import DataError
from seqkit.stages import Answer


def said(metric: str, answer: Answer) -> str:
    """An answer's text. Raises DataError where it is none."""
    return as_text(metric, answer["value"])


def references(metric: str, gold: Answer) -> list[str]:
    """The texts that are right: "references" where there are any, or else the gold."""
    return [as_text(metric, one) for one in gold.get("references") or [gold["value"]]]


def as_text(metric: str, value: Any) -> str:
    """A value that is a text."""
    if not isinstance(value, str):
        raise DataError(
            f"{metric}: compares texts, not {type(value).__name__}. Use it for a decoder that "
            "writes texts, such as attention."
        )
    return value
