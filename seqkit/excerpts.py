"""Answers as a person reads them: spans marked in the text, labels beside words, or the value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from rich.text import Text


def answer_lines(sample: Mapping[str, Any]) -> Iterator[Text]:
    """One answer for a person: spans marked in the text, labels beside words, or the value."""
    for name, answer in sample["answers"].items():
        text, value = sample["text"], answer.get("value")
        if "spans" in answer and isinstance(text, str):
            yield Text.assemble("  ", *marked(text, answer["spans"]))
        elif isinstance(value, Sequence) and not isinstance(value, str):
            yield Text.assemble("  ", *labelled(str(text or "a series"), value))
        else:
            value = f"{value:.4g}" if isinstance(value, float) else value
            given = "a series" if text is None else str(text)
            yield Text.assemble("  ", given, "  → ", (f"{name}: {value}", "bold green"))


def marked(text: str, spans: Sequence[Sequence[Any]]) -> Iterator[str | tuple[str, str]]:
    """The text with each span in brackets, its label behind it."""
    at = 0
    for start, end, label in sorted(spans, key=lambda span: (span[0], span[1])):
        yield text[at:start]
        yield (f"[{text[start:end]}]", "bold green")
        yield (f" {label}", "dim")
        at = end
    yield text[at:]


def labelled(text: str, labels: Sequence[Any]) -> Iterator[str | tuple[str, str]]:
    """Each word with its label, as long as words and labels match."""
    words = text.split()
    if len(words) != len(labels):
        yield f"{text}  → {' '.join(map(str, labels))}"
        return
    for word, label in islice(zip(words, labels, strict=True), 40):
        yield f"{word}"
        yield (f"/{label} ", "green")
