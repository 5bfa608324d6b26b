"""Exact match and F1: SQuAD's and JaQuAD's own rules, and no answer."""

from __future__ import annotations

from typing import Any

import pytest

from seqkit.errors import DataError
from seqkit_answers import answer_exact, answer_f1


def scores(answer: str, *golds: str, of: Any = "words") -> list[float]:
    """EM and F1 of one answer, in percent."""
    gold = {"value": golds[0], "references": list(golds)}
    metrics = answer_exact(of=of), answer_f1(of=of)
    return [round(metric.value(metric.counts({"value": answer}, gold)), 2) for metric in metrics]


@pytest.mark.parametrize(
    ("answer", "golds", "expected"),
    [
        ("The Eiffel Tower!", ["eiffel tower"], [100, 100]),
        ("a an the", ["an"], [100, 100]),  # nothing is left of both, as of no answer
        ("an", ["x"], [0, 0]),
        ("theatre", ["the atre"], [0, 0]),
        ("in Ulm", ["Ulm", "Bonn"], [0, 66.67]),
        ("Ulm", ["in the old town of Ulm", "Ulm."], [100, 100]),
        ("b b a1", ["b", "b b c"], [0, 66.67]),
        ("10,000", ["10000"], [100, 100]),
        ("«Ulm»", ["Ulm"], [0, 0]),  # only ASCII punctuation goes
        ("", [""], [100, 100]),
        ("Ulm", [""], [0, 0]),
        ("", ["Ulm"], [0, 0]),
        ("Ulm", ["the", "Ulm"], [100, 100]),
        ("the", ["a", "Ulm"], [0, 0]),  # a gold of which nothing is left counts beside no other
    ],
)
def test_words_are_compared_as_squad_does(
    answer: str, golds: list[str], expected: list[float]
) -> None:
    assert scores(answer, *golds) == expected


@pytest.mark.parametrize(
    ("answer", "golds", "expected"),
    [
        ("奈良", ["奈良"], [100, 100]),
        ("奈良県", ["奈良"], [0, 80]),
        ("奈 良\u3000", ["奈良"], [100, 100]),
        ("「奈良」", ["奈良"], [0, 66.67]),  # no punctuation is dropped
        ("NARA", ["Nara"], [0, 25]),  # nor is case
        ("", [""], [100, 100]),
        ("京", ["奈良", "東京"], [0, 66.67]),
    ],
)
def test_characters_are_compared_as_jaquad_does(
    answer: str, golds: list[str], expected: list[float]
) -> None:
    assert scores(answer, *golds, of="characters") == expected


def test_a_gold_without_references_is_its_value_and_nothing_scores_zero() -> None:
    for metric in (answer_exact(), answer_f1()):
        totals = metric.counts({"value": "b"}, {"value": "b"})
        assert metric.value(totals + metric.counts({"value": "b"}, {"value": "c"})) == 50.0
        assert metric.value(totals * 0) == 0.0


def test_signatures_say_what_was_compared() -> None:
    assert answer_exact().signature == (
        "answer_exact of:words case:lc punct:no articles:no golds:best none:empty"
    )
    assert answer_f1(of="characters").signature == (
        "answer_f1 of:characters case:as-is space:no golds:best none:empty"
    )


@pytest.mark.parametrize("metric", [answer_exact(), answer_f1()])
def test_what_is_no_text_is_told(metric: Any) -> None:
    with pytest.raises(DataError, match=r"compares texts, not list\. Use it for a decoder whose"):
        metric.counts({"value": ["a"]}, {"value": "a"})
    with pytest.raises(DataError, match="compares texts, not int"):
        metric.counts({"value": "a"}, {"value": 3})
