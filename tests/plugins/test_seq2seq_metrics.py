"""Metrics of texts against sacrebleu's corpus scores, jiwer's equations and Lin's definitions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st

from seqkit.abilities import Surveying
from seqkit.errors import DataError
from seqkit.stages import Metric
from seqkit_seq2seq.judging import bleu, chrf, error_rate, rouge, ter, wrong

SAID = ["the cat sat on the mat", "A dog barks at night .", "", "two birds sing"]
RIGHT = ["the cat is on the mat", "a dog barks at midnight .", "nothing to see", "two birds sing"]
TEXTS = st.lists(st.sampled_from(["a", "b", "c", "Dd"]), max_size=7).map(" ".join)


def score(metric: Metric, said: Sequence[str], golds: Sequence[Any]) -> float:
    pairs = [
        ({"value": one}, gold if isinstance(gold, dict) else {"value": gold})
        for one, gold in zip(said, golds, strict=True)
    ]
    if isinstance(metric, Surveying):
        metric.survey(*map(list, zip(*pairs, strict=True)))
    counts = [metric.counts(answer, gold) for answer, gold in pairs]
    return metric.value(sum(counts[1:], start=counts[0]))


def test_scores_of_a_split_are_sacrebleus() -> None:
    references = [RIGHT]
    assert score(bleu(), SAID, RIGHT) == pytest.approx(
        sacrebleu.corpus_bleu(SAID, references).score
    )
    assert score(bleu(lower=True, tokenise="none"), SAID, RIGHT) == pytest.approx(
        sacrebleu.corpus_bleu(SAID, references, lowercase=True, tokenize="none").score
    )
    assert score(chrf(), SAID, RIGHT) == pytest.approx(
        sacrebleu.corpus_chrf(SAID, references).score
    )
    assert score(chrf(words=2), SAID, RIGHT) == pytest.approx(
        sacrebleu.corpus_chrf(SAID, references, word_order=2).score
    )
    assert score(ter(), SAID, RIGHT) == pytest.approx(sacrebleu.corpus_ter(SAID, references).score)


def test_several_references_are_sacrebleus() -> None:
    others = ["the cat sat on a mat", "dogs bark", "", "birds"]
    golds = [
        {"value": one, "references": [one, other]} for one, other in zip(RIGHT, others, strict=True)
    ]
    wanted = sacrebleu.corpus_bleu(SAID, [RIGHT, others])
    metric = bleu()
    assert score(metric, SAID, golds) == pytest.approx(wanted.score)
    assert metric.signature.startswith("bleu nrefs:2|")
    score(metric, SAID, [*golds[:3], RIGHT[3]])
    assert metric.signature.startswith("bleu nrefs:var|")
    score(metric, SAID, RIGHT)
    assert metric.signature.startswith("bleu nrefs:1|")


def test_signatures_say_what_was_measured() -> None:
    metric = bleu(lower=True)
    score(metric, SAID, RIGHT)
    version = sacrebleu.__version__
    assert metric.signature == f"bleu nrefs:1|case:lc|eff:no|tok:13a|smooth:exp|version:{version}"
    assert error_rate().signature == "error_rate of:words ref:nearest"
    assert rouge(order="longest").signature == "rouge-L f1 case:lc stem:no refs:best"


def test_which_way_is_better() -> None:
    assert [
        m.higher_is_better for m in (bleu(), chrf(), ter(), error_rate(), wrong(), rouge())
    ] == [
        True,
        True,
        False,
        False,
        False,
        True,
    ]


def edits(left: Sequence[str], right: Sequence[str]) -> int:
    """Levenshtein's recurrence, cell by cell."""
    row = list(range(len(right) + 1))
    for place, one in enumerate(left, 1):
        before, row = row, [place]
        for at, other in enumerate(right, 1):
            row.append(min(before[at] + 1, row[-1] + 1, before[at - 1] + (one != other)))
    return row[-1]


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5))
def test_error_rates_are_edits_over_the_references_length(pairs: list[tuple[str, str]]) -> None:
    said, right = zip(*pairs, strict=True)
    words = sum(len(one.split()) for one in right)
    mistakes = sum(edits(a.split(), b.split()) for a, b in pairs)
    assert score(error_rate(), said, right) == pytest.approx(
        100 * mistakes / words if words else 0.0
    )
    letters = sum(map(len, right))
    mistakes = sum(edits(a, b) for a, b in pairs)
    wanted = 100 * mistakes / letters if letters else 0.0
    assert score(error_rate(of="characters"), said, right) == pytest.approx(wanted)


def test_the_nearest_reference_counts() -> None:
    gold = {"value": "a b c d", "references": ["a b c d", "x y", "x y z"]}
    assert score(error_rate(), ["x y"], [gold]) == 0.0
    assert score(error_rate(), ["x w"], [gold]) == 50.0
    assert score(error_rate(), ["x y y"], [gold]) == pytest.approx(100 / 3)  # of x y z, the longer
    assert score(wrong(), ["x y z", "x"], [gold, gold]) == 50.0


def test_rouge_is_the_f1_of_what_both_have() -> None:
    said, right = ["police killed the gunman"], ["Police kill the gunman!"]
    assert score(rouge(), said, right) == pytest.approx(75.0)
    assert score(rouge(order=2), said, right) == pytest.approx(100 / 3)
    turned = ["the gunman police killed"]
    assert score(rouge(order="longest"), turned, right) == pytest.approx(50.0)
    assert score(rouge(order=9), said, right) == 0.0


def test_rouge_takes_the_best_reference() -> None:
    gold = {"value": "a b", "references": ["a b", "c d"]}
    assert score(rouge(), ["c d", "a x"], [gold, gold]) == pytest.approx(75.0)


@pytest.mark.parametrize("metric", [bleu(), chrf(), ter(), error_rate(), wrong(), rouge()])
def test_what_is_no_text_is_told(metric: Metric) -> None:
    with pytest.raises(
        DataError, match=r"compares texts, not list\. Use it for a decoder that writes"
    ):
        metric.counts({"value": ["a"]}, {"value": "a"})


@pytest.mark.parametrize("metric", [bleu(), chrf(), ter(), error_rate(), wrong(), rouge()])
def test_nothing_scores_zero(metric: Metric) -> None:
    assert metric.value(metric.counts({"value": ""}, {"value": ""})) == 0.0
