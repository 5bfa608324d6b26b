"""Texts in, a line of JSON each out, in order, as they come."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seqkit.errors import DataError
from seqkit.loading import load
from seqkit.pipeline import Pipeline
from seqkit.prediction import examples_in, lines


@pytest.fixture(scope="module")
def model(trained: Path) -> Pipeline:
    return load(trained)


def predicted(
    model: Pipeline, content: bytes, name: str = "texts.txt", source: str | None = None
) -> list[dict[str, Any]]:
    """The records of a file's content."""
    examples = examples_in(model, io.BytesIO(content), name, source)
    return [json.loads(line) for line in lines(model, examples)]


def error(model: Pipeline, content: bytes, name: str = "texts.txt", source: Any = None) -> str:
    """Why a content cannot be read."""
    with pytest.raises(DataError) as refused:
        predicted(model, content, name, source)
    return str(refused.value)


def test_each_line_has_index_text_and_answers(model: Pipeline) -> None:
    found = predicted(model, b"the cat\nbig\n")
    assert found == [
        {"index": 0, "text": "the cat", "answers": model(["the cat"])[0]},
        {"index": 1, "text": "big", "answers": model(["big"])[0]},
    ]
    assert [list(record) for record in found] == [["index", "text", "answers"]] * 2
    assert list(found[0]["answers"]) == ["tag"]
    assert len(found[0]["answers"]["tag"]["value"]) == 2


def test_a_number_that_is_none_is_null(model: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model.network, "answer", lambda *_: [{"value": math.nan, "n": [1.5]}])
    [found] = predicted(model, b"the cat\n")
    assert found["answers"] == {"tag": {"value": None, "n": [1.5]}}


def test_answers_come_in_the_order_of_the_texts(model: Pipeline) -> None:
    texts = ["a " * (1 + n * 7 % 23) for n in range(100)]
    found = predicted(model, "\n".join(texts).encode())
    assert [record["index"] for record in found] == list(range(100))
    assert [record["text"] for record in found] == texts


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"a", ["a"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\n\nb", ["a", "", "b"]),
        (b"\xef\xbb\xbfa\nb", ["a", "b"]),
        (b"a\x00b\n", ["a\0b"]),
        ("a\u2028b\x0bc\x85d\n".encode(), ["a\u2028b\x0bc\x85d"]),
        ("naïve 漢字 🙂\n".encode(), ["naïve 漢字 🙂"]),
    ],
)
def test_only_a_line_feed_ends_a_text(model: Pipeline, content: bytes, texts: list[str]) -> None:
    assert [record["text"] for record in predicted(model, content)] == texts


def test_a_json_line_holds_a_text_or_words(model: Pipeline) -> None:
    content = b'{"text": "the cat"}\n\n{"text": ["the", "cat"], "tag": ["D", "N"]}\n'
    one, other = predicted(model, content, "texts.jsonl")
    assert one == {"index": 0, "text": "the cat", "answers": model(["the cat"])[0]}
    assert other == one | {"index": 1}


def test_a_lone_surrogate_in_json_is_replaced(model: Pipeline) -> None:
    [record] = predicted(model, b'{"text": "a \\ud800 b"}', "texts.jsonl")
    assert record["text"] == "a \ufffd b"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"text": "a"}\n{"text": ', "texts.jsonl:2: is not JSON (Expecting value: line 1 "),
        (b'"a"', "texts.jsonl:1: is no JSON object. Give the inputs by name."),
        (b'["a"]', "texts.jsonl:1: is no JSON object. Give the inputs by name."),
        (b'{"texts": "a"}', "texts.jsonl:1: lacks the input 'text'. Give text."),
        (b'{"text": 5}', "texts.jsonl:1: an input is a text, a list of words or a list of num"),
        (b'{"text": ["a", 5]}', "texts.jsonl:1: an input is a text, a list of words or a list"),
        (b'{"text": "\xff"}', "texts.jsonl:1: byte 11 is not UTF-8. Convert the file to UTF-8."),
        (b'{"text": ' + b"[" * 100_000, "texts.jsonl:1: is not JSON (maximum recursion depth"),
    ],
)
def test_a_wrong_json_line_is_named(model: Pipeline, content: bytes, message: str) -> None:
    assert error(model, content, "texts.jsonl").startswith(message)


def test_a_line_that_is_not_utf8_is_named(model: Pipeline) -> None:
    assert error(model, b"a\nna\xefve\n") == (
        "texts.txt:2: byte 3 is not UTF-8. Convert the file to UTF-8."
    )


def test_the_texts_before_a_mistake_are_answered(model: Pipeline) -> None:
    found = lines(model, examples_in(model, io.BytesIO(b"the cat\n\xff\n"), "-", None))
    assert json.loads(next(found))["text"] == "the cat"
    with pytest.raises(DataError, match=r"^-:2: byte 1 is not UTF-8\."):
        next(found)


def test_lines_are_read_as_they_are_answered(model: Pipeline) -> None:
    read: list[int] = []

    def slow() -> Iterator[bytes]:
        for number in range(10**6):
            read.append(number)
            yield b"a cat\n"

    found = lines(model, examples_in(model, slow(), "-", None))
    for expected in (1, 3, 3, 7):
        next(found)
        assert len(read) == expected


def test_a_source_reads_the_file_and_its_labels_are_not_needed(
    model: Pipeline, trained: Path, tmp_path: Path
) -> None:
    path = trained.parent / "test.conll"
    found = predicted(model, b"", str(path), "conll")
    rows = path.read_text().strip().split("\n\n")
    assert [record["text"] for record in found] == [
        " ".join(line.split("\t")[0] for line in row.split("\n")) for row in rows
    ]
    other = tmp_path / "other.jsonl"
    other.write_text('{"form": ["the", "cat"]}\n')
    assert predicted(model, b"", str(other), "jsonl")[0]["text"] == "the cat"


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        ("-", "conll", "--as conll: reads no standard input. Name a file."),
        ("x", "conl", "--as conl: no source called 'conl'. Did you mean 'conll'?"),
        ("x", "hub", "--as hub: hub needs the setting 'dataset'."),
        ("x", "conll", "x: cannot be read (No such file or directory). Check the path and the"),
    ],
)
def test_a_source_that_cannot_read_is_named(
    model: Pipeline, name: str, source: str, message: str
) -> None:
    assert error(model, b"", name, source).startswith(message)


def test_a_source_without_the_input_is_named(model: Pipeline, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"frm": "the cat"}\n')
    found = error(model, b"", str(path), "jsonl")
    assert found.startswith(f"{path}: example 1")
    assert found.endswith("the rows have no field 'form', only frm. Did you mean 'frm'?")
