"""The data doctor's report in a terminal: order, folding, columns."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from seqkit.checkup import print_report, show_report
from seqkit.findings import Report, Told, size
from seqkit.testing import example

LONG = "a finding of many words that does not fit into the line, so that it has to be folded"


def report(*findings: Told, inputs: tuple[str, ...] = ("text",)) -> Report:
    made = Report("toy", "toy.yaml", findings=list(findings))
    for split, texts in (("train", ["a b", "a b", "a b c"]), ("dev", ["", "a"])):
        made.sizes += [
            size(split, name, [example(text).inputs["text"] for text in texts], 1)
            for name in inputs
        ]
    return made


def shown(made: Report, width: int = 60) -> str:
    stream = io.StringIO()
    show_report(made, Console(file=stream, width=width, highlight=False))
    return stream.getvalue()


def test_errors_come_first_then_warnings_then_sizes_then_the_notes_of_each_stage() -> None:
    made = report(
        Told("note", "dev", "", "1 of 2 examples stand in train too"),
        Told("note", "train", "crf", "4 labels"),
        Told("warning", "dev", "crf", "3 words have new labels"),
        Told("note", "train", "crf", "example: a/D"),
        Told("error", "test", "", "has no examples"),
        Told("note", "dev", "crf", "1 of 4 labels on no word"),
    )
    assert shown(made, 80).splitlines() == [
        "toy: 1 error, 1 warning",
        "error    test  has no examples",
        "warning  dev   crf: 3 words have new labels",
        "",
        "split  examples  seen before  pieces  shortest  median  mean  95%  longest",
        "train         3            1       7         2       2   2.3    3        3",
        "dev           2            1       1         0       0   0.5    1        1",
        "",
        "examples",
        "dev    1 of 2 examples stand in train too",
        "",
        "crf",
        "train  4 labels",
        "       example: a/D",
        "dev    1 of 4 labels on no word",
    ]


def test_nothing_wrong_is_said_too() -> None:
    assert shown(report()).splitlines()[0] == "toy: nothing wrong"
    assert shown(Report("toy", "toy.yaml")) == "toy: nothing wrong\n"


def test_a_long_finding_is_folded_under_itself() -> None:
    lines = shown(report(Told("warning", "train", "crf", LONG))).splitlines()[1:4]
    assert lines == [
        "warning  train  crf: a finding of many words that does not",
        "                  fit into the line, so that it has to be",
        "                  folded",
    ]
    assert max(map(len, lines)) <= 60


def test_outside_a_terminal_nothing_is_folded(capsys: pytest.CaptureFixture[str]) -> None:
    print_report(report(Told("warning", "train", "crf", LONG)), as_json=False)
    assert f"warning  train  crf: {LONG}\n" in capsys.readouterr().out


def test_several_inputs_have_a_column() -> None:
    lines = shown(report(inputs=("question", "passage")), 90).splitlines()
    assert lines[2].split()[:3] == ["split", "input", "examples"]
    assert [line.split()[:2] for line in lines[3:]] == [
        ["train", "question"],
        ["train", "passage"],
        ["dev", "question"],
        ["dev", "passage"],
    ]


def test_brackets_are_no_markup() -> None:
    assert "[EU] ORG" in shown(report(Told("note", "train", "[b]", "[EU] ORG")))


def test_a_report_may_be_json(capsys: pytest.CaptureFixture[str]) -> None:
    made = report(Told("note", "train", "crf", "4 labels"), Told("error", "dev", "", "Łódź"))
    print_report(made, as_json=True)
    out = capsys.readouterr().out
    assert "Łódź" in out
    found = json.loads(out)
    assert [told["level"] for told in found["findings"]] == ["error", "note"]
    assert found["sizes"][0]["most95"] == 3
