"""Texts in, one line of JSON an answer out, in the order of the texts."""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from seqkit import storage
from seqkit.errors import DataError, RecipeError
from seqkit.pipeline import Pipeline
from seqkit.plugins import registry
from seqkit.recipe import check_stage
from seqkit.stages import Example, Source


def examples_in(
    pipeline: Pipeline, stream: Iterable[bytes], name: str, source: str | None
) -> Iterator[Example]:
    """The examples of a file or of standard input, as they come.

    A text a line; where the name ends in .jsonl, a JSON object a line whose keys are input names
    and whose values are a text or a list of words; with `source`, whatever that source reads.
    Raises DataError, which names the line.
    """
    if source:
        if name == "-":
            raise DataError(f"--as {source}: reads no standard input. Name a file.")
        for number, row in enumerate(source_of(pipeline, source).read("test", Path(name)), 1):
            yield pipeline.example(row, f"{name}: example {number}", gold=False)
        return
    for number, line in enumerate(stream, 1):
        where = f"{name}:{number}"
        try:
            text = line.removeprefix(BOM_UTF8 if number == 1 else b"").decode().rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{where}: byte {error.start + 1} is not UTF-8. Convert the file to UTF-8."
            ) from error
        if not name.endswith(".jsonl"):
            yield pipeline.input_example(text, where)
        elif text.strip():
            yield pipeline.input_example(json_line(text, where), where)


def json_line(text: str, where: str) -> Any:
    """One line of JSON. Raises DataError where it is none, or no object."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: is not JSON ({error}). Give one object a line.") from error
    if not isinstance(given, dict):
        raise DataError(f"{where}: is no JSON object. Give the inputs by name.")
    return given


def source_of(pipeline: Pipeline, name: str) -> Source:
    """A source by name: the recipe's own, settings and all, or another with its defaults."""
    data = pipeline.recipe.data
    if data is not None and data.source.stage.name == name:
        own: Source = data.source.build()
        return own
    try:
        other: Source = check_stage("source", name, registry()).build()
    except RecipeError as error:
        raise DataError(f"--as {name}: {error.problems[0].message}") from error
    return other


def lines(pipeline: Pipeline, examples: Iterable[Example]) -> Iterator[str]:
    """A line of JSON for each answer: index, text, answers; null where a number is none."""
    waiting: deque[Example] = deque()

    def seen() -> Iterator[Example]:
        for example in examples:
            waiting.append(example)
            yield example

    for index, answer in enumerate(pipeline.answer(seen(), first=1)):
        record = storage.finite(pipeline.record(waiting.popleft(), answer, index))
        yield json.dumps(record, ensure_ascii=False)
