"""Questions about passages in SQuAD's JSON (Rajpurkar et al. 2016, 2018)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, final

from seqkit.errors import DataError
from seqkit.stages import Row
from seqkit_data.lines import named_file, read_raw_lines, some
from seqkit_data.objects import DECODER, KINDS

ENDINGS = (".json", ".json.gz")
WORDS = {str: "a text", list: "a list", int: "a whole number", dict: "an object"}


@final
class Squad:
    """Reads one row a question. Raises DataError that names the file and the question."""

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]:
        """Yields the questions of a file, or of several one after the other.

        Only in the test split a question may lack `answers`; its row then has no such field.
        """
        path = named_file(split, place)
        labelled = split != "test"
        return some(path, (row for one in question_files(path) for row in read_file(one, labelled)))


def question_files(place: Path) -> list[Path]:
    """The file, the .json files of a folder, or those whose names fit a pattern.

    They come in the order of their names, without hidden ones. Raises DataError where there is
    none.
    """
    if place.is_file():
        return [place]
    if place.is_dir():
        found = [path for path in place.iterdir() if path.name.endswith(ENDINGS)]
    else:
        found = list(place.parent.glob(place.name))
    found = sorted(path for path in found if not path.name.startswith("."))
    if not found:
        what = "holds no .json file" if place.is_dir() else "is not there"
        raise DataError(
            f"{place}: {what}. Name a file, a folder of .json or .json.gz files, or a pattern of "
            "their names, such as train_*.json, in the data folder (--data)."
        )
    return found


def read_file(path: Path, labelled: bool) -> Iterator[Row]:
    """Yields the questions of a file, in its order."""
    text = "".join(line for _, line in read_raw_lines(path))
    whole = Part(parsed(path, text), str(path))
    for article in whole.parts("data"):
        title = article.optional("title", str, "")
        for paragraph in article.parts("paragraphs"):
            passage = paragraph.get("context", str)
            for asked in paragraph.parts("qas"):
                named = asked.get("id", str)
                question = Part(asked.value, f"{path}: question '{named}'")
                yield {"id": named, "title": title, **question_row(question, passage, labelled)}


def parsed(path: Path, text: str) -> Any:
    """The JSON of a file. Raises DataError that names the line."""
    try:
        return DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg}. Fetch the file again, or "
            "mend it."
        ) from None
    except RecursionError:
        raise DataError(f"{path}: nested too deeply for SQuAD's format.") from None
    except ValueError as error:
        raise DataError(f"{path}: {error}") from None


class Part:
    """An object of the JSON, and where it stands."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, Mapping):
            raise DataError(f"{where}: is {told(value)}, but SQuAD's format has an object there.")
        self.value, self.where = value, where

    def get(self, key: str, kind: type) -> Any:
        """The value of a key. Raises DataError where it is missing or of another kind."""
        if key not in self.value:
            known = ", ".join(map(str, self.value)) or "nothing"
            raise DataError(
                f"{self.where}: lacks '{key}', and has {known}. Give the keys of SQuAD's format."
            )
        found = self.value[key]
        if type(found) is not kind:
            raise DataError(
                f"{self.where}: '{key}' is {told(found)}, but SQuAD's format has {WORDS[kind]}."
            )
        return found

    def optional(self, key: str, kind: type, default: Any) -> Any:
        """The value of a key that need not be there."""
        return self.get(key, kind) if key in self.value else default

    def parts(self, key: str) -> Iterator[Part]:
        """The objects of a list."""
        for number, value in enumerate(self.get(key, list)):
            yield Part(value, f"{self.where}: {key}[{number}]")


def question_row(question: Part, passage: str, labelled: bool) -> Row:
    """The fields of a question, its answers as [start, end, text]. Raises DataError."""
    asked = question.get("question", str)
    for name, text in (("question", asked), ("passage", passage)):
        if not text.strip():
            raise DataError(f"{question.where}: the {name} is empty. Mend it, or leave it out.")
    row = {"passage": passage, "question": asked}
    if not labelled and "answers" not in question.value:
        return row
    impossible = question.value.get("is_impossible", False) is True
    answers = [placed(answer, passage, question.where) for answer in question.parts("answers")]
    if impossible == bool(answers):
        wrong = "has answers, but is_impossible is true" if impossible else "has no answers"
        raise DataError(
            f"{question.where}: {wrong}. Give an answer, or an empty list and is_impossible: true."
        )
    return {**row, "answers": answers}


def placed(answer: Part, passage: str, where: str) -> list[Any]:
    """An answer as [start, end, text]. Raises DataError where the passage has it not there."""
    text, start = answer.get("text", str), answer.get("answer_start", int)
    end = start + len(text)
    if text and start >= 0 and passage[start:end] == text:
        return [start, end, text]
    stands = passage[max(start, 0) : max(end, 0)]
    other = passage.find(text) if text else -1
    hint = f" It begins at {other}." if other >= 0 else ""
    raise DataError(
        f"{where}: the answer '{text[:60]}' is not at character {start} of its passage, where "
        f"'{stands[:60]}' stands.{hint} Mend answer_start or the text."
    )


def told(value: Any) -> str:
    """What kind of JSON a value is."""
    return "an object" if isinstance(value, Mapping) else KINDS.get(type(value), "a number")
