"""Answers as a person reads them: spans marked in the text, labels beside words, or the value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from rich.text import Text

LONG = 300
"""Characters of a text that are shown."""


def answer_lines(sample: Mapping[str, Any]) -> Iterator[Text]:
    """One answer for a person: spans marked in the text, labels beside words, or the value.

    Where there are several, each begins with the name of its gold.
    """
    answers = sample["answers"]
    for name, answer in answers.items():
        text, value = sample["text"], answer.get("value")
        whose = (f"  {name}  ", "dim") if len(answers) > 1 else "  "
        if "spans" in answer and isinstance(text, str):
            yield Text.assemble(whose, *marked(text, answer["spans"]))
        elif isinstance(value, Sequence) and not isinstance(value, str):
            yield Text.assemble(whose, *labelled(str(text or "a series"), value))
        else:
            value = f"{value:.4g}" if isinstance(value, float) else value
            given = "a series" if text is None else cut(str(text), LONG)
            shown = f"{name}: {value}" if len(answers) == 1 else str(value)
            yield Text.assemble(whose, given, "  → ", (shown, "bold green"))


def cut(text: str, longest: int) -> str:
    """The text, or its first words and an ellipsis where it is longer."""
    if len(text) <= longest:
        return text
    head = text[:longest]
    return (head.rpartition(" ")[0] or head) + " …"


def marked(text: str, spans: Sequence[Sequence[Any]]) -> Iterator[str | tuple[str, str]]:
    """The text with each span in brackets, its label behind it; of a long text, the beginning."""
    at = 0
    for start, end, label in sorted(spans, key=lambda span: (span[0], span[1])):
        if start - at > LONG or end > 2 * LONG:
            break
        yield text[at:start]
        yield (f"[{text[start:end]}]", "bold green")
        yield (f" {label}", "dim")
        at = end
    yield cut(text[at:], LONG)


def labelled(text: str, labels: Sequence[Any]) -> Iterator[str | tuple[str, str]]:
    """Each word with its label, as long as words and labels match."""
    words = text.split()
    if len(words) != len(labels):
        yield f"{cut(text, LONG)}  → {cut(' '.join(map(str, labels)), LONG)}"
        return
    for word, label in islice(zip(words, labels, strict=True), 40):
        yield f"{word}"
        yield (f"/{label} ", "green")
