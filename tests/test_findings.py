"""The doctor's report: sizes, order, a few lines, and what stops a run."""

from __future__ import annotations

import numpy as np
import pytest

from seqkit.errors import DataError
from seqkit.findings import LINES, Report, Size, Told, size
from seqkit.stages import Frames
from seqkit.testing import example


def test_lengths_are_summed_up_by_examples_of_the_split() -> None:
    inputs = [example(" ".join("a" * length)).inputs["text"] for length in [*range(1, 20), 0]]
    assert size("dev", "text", inputs, 3) == Size(
        split="dev",
        input="text",
        unit="pieces",
        examples=20,
        repeated=3,
        empty=1,
        total=190,
        least=0,
        median=9,
        mean=9.5,
        most95=18,
        most=19,
    )
    frames = size("dev", "series", [Frames(np.zeros((4, 2), np.float32))], 0)
    assert (frames.unit, frames.total, frames.median, frames.most95) == ("frames", 4, 4, 4)


def test_a_few_lines_have_the_sizes_what_is_learnt_and_the_first_warnings() -> None:
    report = Report("made", "made.yaml")
    inputs = [example("a").inputs["text"]] * 8
    report.sizes = [size("train", "text", inputs, 2), size("dev", "text", inputs, 1)]
    report.findings = [
        Told("note", "train", "words", "words are given"),
        Told("note", "train", "crf", "4 labels"),
        Told("note", "train", "crf", "example: a/D"),
        *(Told("warning", "dev", "crf", f"warning {number}") for number in range(4)),
    ]
    first = ["examples: train 8 (25.0% repeated), dev 8 (12.5% also in train)", "4 labels"]
    shown = [f"warning: dev, crf: warning {number}" for number in range(4)]
    assert report.brief("seqkit data") == [*first, *shown]
    report.findings.append(Told("warning", "dev", "", "one more"))
    lines = report.brief("seqkit data made.yaml")
    assert lines == [*first, *shown[:3], "2 more warnings: seqkit data made.yaml"]
    assert len(lines) == LINES


def test_every_error_stops_a_run_on_a_line_of_its_own() -> None:
    report = Report("made", "made.yaml", findings=[Told("warning", "dev", "", "few")])
    report.refuse("seqkit data made.yaml")
    report.findings += [Told("error", "dev", "crf", "wrong"), Told("error", "test", "", "Mend it.")]
    with pytest.raises(DataError) as caught:
        report.refuse("seqkit data made.yaml")
    assert str(caught.value).splitlines() == [
        "made.yaml: dev, crf: wrong.",
        "made.yaml: test: Mend it. See `seqkit data made.yaml`.",
    ]


def test_the_worst_comes_first_in_json() -> None:
    one, two = Told("note", "dev", "", "one"), Told("warning", "dev", "", "two")
    report = Report("made", "", findings=[one, Told("error", "test", "", "three"), two, one])
    found = report.plain()["findings"]
    assert [one["level"] for one in found] == ["error", "warning", "note", "note"]
