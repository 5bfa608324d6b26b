"""JSON lines: what a row may hold, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqkit.errors import DataError
from seqkit.stages import Row
from seqkit_data import reading


def rows_of(tmp_path: Path, content: str) -> list[Row]:
    path = tmp_path / "a.jsonl"
    path.write_text(content, "utf-8")
    return list(reading.jsonl().read("train", path))


def test_values_may_be_nested_and_blank_lines_are_skipped(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, '{"a": {"b": [1, 2.5, null]}}\n\n \r\n{"c": "\\u00e9\\u0000"}')
    assert rows == [{"a": {"b": [1, 2.5, None]}}, {"c": "é\0"}]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{'a': 1}", "not JSON: Expecting property name enclosed in double quotes at character 2"),
        ('{"a": 1} x', "not JSON: Extra data at character 10"),
        ('[{"a": 1}]', "an array, expected an object"),
        ('"a"', "a text, expected an object"),
        ("1.5", "a number, expected an object"),
        ("true", "a truth value, expected an object"),
        ("null", "null, expected an object"),
    ],
)
def test_a_line_is_one_object(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        rows_of(tmp_path, '{"a": 1}\n' + line)
    expected = f"{tmp_path}/a.jsonl:2: {message}. Write one JSON object a line."
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("NaN", "the number NaN is not finite. Use null for a missing number."),
        ("[-Infinity]", "the number -Infinity is not finite. Use null for a missing number."),
        ("1e999", "the number 1e999 is not finite. Use null for a missing number."),
        ("9" * 5000, f"the number {'9' * 20} is too long. Write it in quotes, as a text."),
        (str(2**63), f"the number {2**63} is too long. Write it in quotes, as a text."),
        ('{"b": 1, "c": 2, "b": 3}', "two keys are called 'b'. Rename one of them."),
        ("[" * 100_000, "nested too deeply. Flatten the object."),
    ],
)
def test_what_no_table_holds_is_refused(tmp_path: Path, value: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        rows_of(tmp_path, f'{{"a": {value}}}')
    assert str(caught.value) == f"{tmp_path}/a.jsonl:1: {message}"


def test_the_longest_whole_numbers_are_read(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, f'{{"a": [{2**63 - 1}, {-(2**63)}]}}')
    assert rows == [{"a": [2**63 - 1, -(2**63)]}]
