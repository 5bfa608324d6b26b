"""Words without gold: neither learnt nor scored, and refused where each word needs one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from seqkit.errors import DataError
from seqkit.stages import Example, Upstream, Vectors
from seqkit.table import collate
from seqkit.testing import example
from seqkit_labels.descriptions import describe_words
from seqkit_labels.metrics import Accuracy, Exact, MacroF1
from seqkit_labels.reliability import Calibration
from seqkit_labels.word_calibration import answered
from seqkit_labels.word_crf import CRF
from seqkit_labels.word_features import Features
from seqkit_labels.word_tagger import Tagger
from seqkit_labels.words import NO_GOLD, UNSEEN, WordLabels

TAGS = [
    example("a b c d", ["X", None, "Y", None]),
    example("e f", [None, None]),
    example("g h i", ["Y", "X", "X"]),
]
UP = Upstream(width=4)


def fitted() -> Tagger:
    torch.manual_seed(0)
    tagger = Tagger(UP)
    tagger.ready(tagger.fit(iter(TAGS)))
    return tagger.eval()


def vectors(examples: list[Example]) -> dict[str, Vectors]:
    generator = torch.Generator().manual_seed(1)
    lengths = torch.tensor([len(one.inputs["text"]) for one in examples])
    values = torch.randn(len(examples), int(lengths.max()), 4, generator=generator)
    values[torch.arange(values.shape[1]) >= lengths.unsqueeze(1)] = 0
    return {"text": Vectors(values, lengths)}


def test_labels_are_learnt_from_the_words_that_have_one() -> None:
    words = WordLabels("tagger", over=None, word="first", scheme="keep", gaps=True)
    learnt = words.fit(TAGS)
    assert (learnt["labels"], learnt["counts"], learnt["form"]) == (["X", "Y"], [3, 2], "labels")
    words.ready(learnt)
    assert words.prepare(TAGS[0])["labels"].tolist() == [0, NO_GOLD, 1, NO_GOLD]
    assert words.prepare(example("a b", ["Z", None]))["labels"].tolist() == [UNSEEN, NO_GOLD]
    assert words.gold(TAGS[0]) == {"value": ["X", None, "Y", None]}


def test_the_loss_is_that_of_the_words_with_gold_alone() -> None:
    tagger = fitted()
    inputs, batch = vectors(TAGS), collate([tagger.prepare(one) for one in TAGS])
    loss = tagger.loss(inputs, batch)
    scores = tagger.scores.linear(inputs["text"].values)
    places = [(0, 0, 0), (0, 2, 1), (2, 0, 1), (2, 1, 0), (2, 2, 0)]
    wanted = sum(
        F.cross_entropy(scores[row, word], torch.tensor(label)) for row, word, label in places
    )
    assert int(loss.count) == 5
    assert torch.allclose(loss.total, torch.as_tensor(wanted), atol=1e-5)


def test_a_text_without_any_gold_has_no_loss() -> None:
    tagger = fitted()
    loss = tagger.loss(vectors(TAGS[1:2]), collate([tagger.prepare(TAGS[1])]))
    assert (loss.total.item(), int(loss.count)) == (0.0, 0)


def test_confidence_is_calibrated_on_the_words_with_gold_alone() -> None:
    tagger = fitted()
    inputs, batch = vectors(TAGS), collate([tagger.prepare(one) for one in TAGS])
    scores = tagger.scores(inputs["text"], batch)
    paths, labels = scores.argmax(-1).numpy(), batch["labels"].numpy()
    found = answered(tagger.words, scores, batch["labels.lengths"], paths, labels)
    assert found.real.tolist() == [[True, False, True, False], [True, True, True, False]]
    assert len(found.right_words) == 5


ANSWER = {"value": ["X", "X", "X", "X"], "confidence": [0.9, 0.1, 0.8, 0.2]}
GOLD = {"value": ["X", None, "Y", None]}


def test_metrics_count_the_words_with_gold_alone() -> None:
    assert Accuracy().counts(ANSWER, GOLD).tolist() == [1, 2]
    metric = MacroF1()
    metric.survey([ANSWER], [GOLD])
    assert metric.counts(ANSWER, GOLD).tolist() == [1, 0, 2, 0, 1, 1]
    counts = Calibration().counts(ANSWER, GOLD).reshape(3, 10).sum(1)
    assert counts.tolist() == pytest.approx([2, 1.7, 1])
    [scores, *_] = Accuracy().tables([ANSWER], [GOLD])
    assert [row[0] for row in scores.rows] == ["X", "Y"]


def test_an_answer_is_right_as_a_whole_where_all_words_with_gold_are() -> None:
    assert Exact().counts(ANSWER, GOLD).tolist() == [0, 1]
    right = {"value": ["X", "Z", "Y", "Z"]}
    assert Exact().counts(right, GOLD).tolist() == [1, 1]
    assert Exact().counts({"value": ["X"]}, GOLD).tolist() == [0, 1]


def test_words_without_gold_are_shown_as_such() -> None:
    words = WordLabels("tagger", over=None, word="first", scheme="keep", gaps=True)
    words.ready(words.fit(TAGS))
    told = [finding.text for finding in describe_words(words, TAGS, "train")]
    assert "example: a/X b/? c/Y d/?" in told
    assert told[0].startswith("2 labels on 5 words;")


@pytest.mark.parametrize(
    ("decoder", "gold", "told"),
    [
        (CRF, ["X", None, "Y"], "crf: train: example 2: word 2 'b' has no label, but crf labels"),
        (Tagger, ["B-X", None, "I-X"], "tagger: train: example 2: word 2 'b' has no label, but a"),
        (Features, ["A=b", None, "_"], "features: train: example 2: word 2 'b' has no label, but"),
    ],
)
def test_where_each_word_needs_gold_its_lack_is_told(decoder: Any, gold: Any, told: str) -> None:
    full = [label or gold[0] for label in gold]
    whole = example("x y z", full)
    with pytest.raises(DataError) as caught:
        decoder(UP).fit(iter([whole, example("a b c", gold)]))
    assert str(caught.value).startswith(told)
    made = decoder(UP)
    made.ready(made.fit(iter([whole, example("u v w", [*full[1:], full[0]])])))
    with pytest.raises(DataError, match="word 2 'b' has no label"):
        made.prepare(replace(whole, inputs=example("a b c").inputs, gold=gold))


def test_golds_of_nothing_but_gaps_teach_nothing() -> None:
    with pytest.raises(DataError, match="tagger: there is no label in 1 training example"):
        Tagger(UP).fit(iter([TAGS[1]]))
