"""Answers beside their golds, and how a run keeps them: `answers/dev.jsonl`, a line an example.

    {"index": 0, "text": "...", "gold": {"tag": {...}}, "answers": {"tag": {...}}}

Golds and answers stand under the names that `predict` writes. A text is cut where it is longer than
LONG and longer than what is said of it: for a review, its beginning is enough to know it by.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqkit import storage
from seqkit.data import trained
from seqkit.errors import DataError, ModelError, RunError
from seqkit.pipeline import Answers, Pipeline
from seqkit.stages import Answer, Example

FOLDER = "answers"
LONG = 200
"""Characters of a text that are always kept."""
CUT = "…"
FEW = 8
"""Labels that a set of them may have."""


@dataclass(frozen=True)
class Answered:
    """An example's answers beside its golds, by the golds' names.

    text: by input name where there are several; None where the input is no text.
    """

    index: int
    text: Any
    gold: Answers
    answers: Answers

    def pair(self, gold: str) -> tuple[Answer, Answer]:
        """Answer and gold of one name; an empty name stands for the only one."""
        name = gold or next(iter(self.gold))
        return self.answers[name], self.gold[name]


def answered(pipeline: Pipeline, examples: Iterable[Example]) -> list[Answered]:
    """A pipeline's answers to examples with gold.

    Raises DataError where there is no example, or one has no gold.
    """
    seen, found = list(examples), []
    if not seen:
        raise DataError("evaluate: there are no examples. Give a split that has some.")
    for index, (example, answer) in enumerate(zip(seen, pipeline.answer(seen), strict=True)):
        record = pipeline.record(example, answer, index)
        gold = pipeline.by_name(pipeline.network.decoder.gold(example))
        found.append(Answered(index, record["text"], gold, record["answers"]))
    return found


def file_examples(pipeline: Pipeline, path: str) -> list[Example]:
    """The examples of a file, read by the recipe's own source. Raises DataError."""
    rows = trained(pipeline.recipe).source.build().read("test", Path(path))
    return [pipeline.example(row, f"{path}: example {n}") for n, row in enumerate(rows, 1)]


def keep(folder: Path, splits: Mapping[str, Sequence[Answered]]) -> None:
    """Writes the answers of each split that has some into a run directory. Raises OSError."""
    files = {f"{split}.jsonl": lines(every) for split, every in splits.items() if every}
    storage.write_folder(folder / FOLDER, files)


def lines(every: Iterable[Answered]) -> bytes:
    """A line of JSON for each example."""
    return b"".join(line(one) for one in every)


def line(one: Answered) -> bytes:
    """An example as a line of JSON."""
    said = {"gold": storage.finite(one.gold), "answers": storage.finite(one.answers)}
    most = max(LONG, len(json.dumps(said, ensure_ascii=False)))
    text = one.text
    if isinstance(text, Mapping):
        text = {name: clipped(value, most) for name, value in text.items()}
    elif text is not None:
        text = clipped(text, most)
    record = {"index": one.index, "text": text, **said}
    return json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def one_line(text: Any) -> str:
    """A text on one line, those of several inputs side by side, or what stands for a series."""
    if text is None:
        return "a series"
    parts = [text] if isinstance(text, str) else map(str, text.values())
    return " | ".join(" ".join(part.split()) for part in parts)


def items(text: Any, *values: Any) -> list[str] | None:
    """What the items of values are labels of, where they are: the words of the text, or numbers.

    None where values are no lists of one length, or short ones that may be sets of labels.
    """
    if not all(isinstance(value, list) for value in values) or len(set(map(len, values))) != 1:
        return None
    count, words = len(values[0]), one_line(text).split()
    if count == len(words):
        return words
    return [f"item {place + 1}" for place in range(count)] if count > FEW else None


def clipped(text: str, most: int) -> str:
    """A text, cut where it is longer."""
    return text if len(text) <= most else text[: most - 1] + CUT


def kept(folder: Path, split: str) -> list[Answered]:
    """What a run has kept of a split.

    Raises RunError where it has kept nothing of it, and ModelError where the files are damaged.
    """
    try:
        files = storage.read_folder(folder / FOLDER)
    except ModelError as error:
        if (folder / FOLDER).exists():
            raise
        raise RunError(f"{folder}: has no answers. Run its recipe again to have them.") from error
    content = files.get(f"{split}.jsonl")
    if content is None:
        there = ", ".join(name.removesuffix(".jsonl") for name in sorted(files)) or "none"
        raise RunError(f"{folder}: has no answers to '{split}'. There are: {there}.")
    return [Answered(**json.loads(one)) for one in content.splitlines()]
