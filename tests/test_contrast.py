"""Changes between two runs on a screen: counts, metrics, and examples by the form of answers."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from rich.console import Console

from seqkit.changes import Change, Changes, Difference, Turned
from seqkit.contrast import change_lines, print_changes, show_changes


def change(text: Any, gold: Any, before: Any, after: Any, index: int = 0) -> Change:
    return Change(index, text, gold, before, after)


def of_values(text: Any, *values: Any, index: int = 0) -> Change:
    gold, before, after = ({"value": value} for value in values)
    return change(text, gold, before, after, index)


def changed(notes: tuple[str, ...] = ()) -> Changes:
    fixed = [of_values(f"text [{n}]", "a", "b", "a", index=n) for n in range(3)]
    turned = Turned("tag", 10, 1_234, fixed, [of_values("[/x]", "a", "a", "b", index=9)])
    differences = [
        Difference("accuracy", 50.0, 51.5, -0.25, 3.04, "accuracy of:texts paired"),
        Difference("error", 0.01, 0.0105, -0.0002, 0.0012, "mean squared error paired"),
    ]
    return Changes("runs/[/a]", "runs/b", "test", 2_000, [turned], differences, notes)


def shown(changes: Changes, limit: int = 2) -> list[str]:
    file = io.StringIO()
    show_changes(changes, limit, Console(file=file, width=100))
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_counts_metrics_and_examples_are_shown() -> None:
    assert shown(changed(("only runs/b measures exact",))) == [
        "before  runs/[/a]",
        "after   runs/b",
        "split   test, 2,000 examples",
        "only runs/b measures exact",
        "",
        "metric    before   after   change        95% interval",
        "accuracy   50.00   51.50    +1.50      -0.25 to +3.04",
        "error       0.01  0.0105  +0.0005  -0.0002 to +0.0012",
        "accuracy of:texts paired",
        "mean squared error paired",
        "",
        "3 turned right, 1 turned wrong; 10 right and 1,234 wrong in both",
        "gold 'tag', whole answers; between equals at least as uneven by p = 0.62 (McNemar, exact)",
        "",
        "turned right, 2 of 3",
        "     1  text [0]",
        "        gold a   before b   after a",
        "     2  text [1]",
        "        gold a   before b   after a",
        "",
        "turned wrong, 1 of 1",
        "    10  [/x]",
        "        gold a   before a   after b",
    ]


def test_without_examples_asked_for_the_counts_are_shown() -> None:
    assert shown(changed(), limit=0)[-1].endswith("p = 0.62 (McNemar, exact)")


def test_what_changed_is_printed_as_json_whole(capsys: pytest.CaptureFixture[str]) -> None:
    print_changes(changed(), limit=0, as_json=True)
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(changed().plain()))
    print_changes(changed(), limit=0, as_json=False)
    assert capsys.readouterr().out.startswith("before  runs/[/a]\n")


def lines(one: Change) -> list[str]:
    return [line.plain for line in change_lines(one)]


def test_spans_are_marked_in_the_text_a_line_each() -> None:
    gold, before, after = (
        {"value": [], "spans": spans} for spans in ([[0, 3, "X"]], [], [[4, 7, "Y"], [0, 3, "X"]])
    )
    assert lines(change("one two", gold, before, after, 11)) == [
        "    12  gold    [one] X two",
        "        before  one two",
        "        after   [one] X [two] Y",
    ]


def test_spans_past_the_end_of_a_text_that_was_cut_are_left_out() -> None:
    answer = {"value": [], "spans": [[0, 1, "X"], [3, 9, "Y"]]}
    assert lines(change("abcd…", answer, answer, answer))[0] == "     1  gold    [a] Xbcd…"


def test_of_labels_of_words_those_that_differ_are_shown() -> None:
    labels = ["D", "N", "V"], ["D", "V", "V"], ["D", "N", "V"]
    assert lines(of_values("the cat sees", *labels)) == [
        "     1  the cat sees",
        "        cat: gold N, before V, after N",
    ]


def test_of_many_words_the_first_are_shown() -> None:
    words = " ".join(f"w{n}" for n in range(20))
    found = lines(of_values(words, ["D"] * 20, ["N"] * 20, ["D"] * 20))
    assert found[1] == "        w0: gold D, before N, after D"
    assert found[9:] == ["        and 12 more"]


def test_sets_of_labels_and_confidence_are_shown_whole() -> None:
    sets = of_values("a text of five words", ["x", "y"], [], ["x"])
    assert lines(sets)[1] == "        gold x, y   before    after x"
    one = {"value": "a"}, {"value": "b", "confidence": 0.934}, {"value": "a", "confidence": 0.5}
    assert lines(change("t", *one))[1] == "        gold a   before b (93%)   after a (50%)"


def test_series_and_several_inputs_are_shown_on_a_line() -> None:
    assert lines(of_values(None, 1, 2, 1))[0] == "     1  a series"
    assert lines(of_values({"left": "a\nb", "right": "c"}, 1, 2, 1))[0] == "     1  a b | c"
    assert len(lines(of_values("long " * 200, 1, 2, 1))[0]) == 308
