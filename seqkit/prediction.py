"""Texts in, one line of JSON an answer out, in the order of the texts."""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from seqkit import storage
from seqkit.abilities import Prospective
from seqkit.chain import Chain
from seqkit.errors import DataError, RecipeError
from seqkit.pipeline import Pipeline
from seqkit.plugins import registry
from seqkit.recipe import Recipe, check_stage
from seqkit.stages import Example, Row, Source


def examples_in(
    pipeline: Pipeline, stream: Iterable[bytes], name: str, source: str | None
) -> Iterator[Example]:
    """The examples of a file or of standard input, as they come.

    A text a line; where the name ends in .jsonl, a JSON object a line whose keys are input names
    and whose values are a text or a list of words; with `source`, whatever that source reads. One
    that is `Prospective` may give gold too, which an answer then may say something of.
    Raises DataError, which names the line.
    """
    if source:
        if name == "-":
            raise DataError(f"--as {source}: reads no standard input. Name a file.")
        reader = source_of(pipeline, source)
        rows, known = reader.read("test", Path(name)), False
        if isinstance(reader, Prospective):
            rows, known = reader.prospects(Path(name)), True
        for number, row in enumerate(rows, 1):
            gold = known and has_gold(pipeline.recipe, row)
            yield pipeline.example(row, f"{name}: example {number}", gold=gold)
        return
    for where, text in texts_in(stream, name):
        yield pipeline.input_example(text, where)


def has_gold(recipe: Recipe, row: Row) -> bool:
    """Whether a row has all that the recipe names as gold."""
    gold = recipe.data.gold if recipe.data else None
    fields = [gold] if isinstance(gold, str) else list((gold or {}).values())
    return bool(fields) and all(field in row for field in fields)


def texts_in(stream: Iterable[bytes], name: str) -> Iterator[tuple[str, Any]]:
    """Where each text of a file or of standard input stands, and the text: see `examples_in`."""
    for number, line in enumerate(stream, 1):
        where = f"{name}:{number}"
        text = decoded(line.removeprefix(BOM_UTF8 if number == 1 else b""), where)
        if not name.endswith(".jsonl"):
            yield where, text
        elif text.strip():
            yield where, json_line(text, where)


def decoded(line: bytes, where: str) -> str:
    """A line without its end. Raises DataError where it is not UTF-8."""
    try:
        return line.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{where}: byte {error.start + 1} is not UTF-8. Convert the file to UTF-8."
        ) from error


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


def chain_lines(chain: Chain, stream: Iterable[bytes], name: str) -> Iterator[str]:
    """A line of JSON for the answers of all steps to each text: index, text, answers."""
    waiting: deque[Any] = deque()

    def seen() -> Iterator[dict[str, Any]]:
        for where, text in texts_in(stream, name):
            waiting.append(text)
            yield chain.fields(text, where)

    for index, answers in enumerate(chain.stream(seen())):
        record = {"index": index, "text": waiting.popleft(), "answers": answers}
        yield json.dumps(storage.finite(record), ensure_ascii=False)
