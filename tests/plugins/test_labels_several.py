"""The classifier where texts have any number of labels, and its calibration in both forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from seqkit.abilities import Calibrating
from seqkit.errors import DataError
from seqkit.stages import Example, Frames, Upstream, Vectors
from seqkit.table import collate
from seqkit.testing import check_stage
from seqkit.testing import example as spoken
from seqkit_labels.classifying import classifier
from seqkit_labels.several_labels import best_threshold
from seqkit_labels.text_classifier import Classifier

WIDTH = 4


def example(gold: Any = None) -> Example:
    return Example({}, {"text": Frames(np.zeros((1, 1), np.float32))}, gold)


GOLDS = [example(["spam", "ad"]), example([]), example(["spam"]), example(["news", 7])]
ONE = [example("ham"), example("spam"), example("ham")]


def built(golds: list[Example] = GOLDS, spread: float = 1.0, **options: Any) -> Classifier:
    torch.manual_seed(1)
    decoder = Classifier(Upstream(WIDTH), pool="mean", **options)
    decoder.ready(decoder.fit(golds))
    torch.nn.init.normal_(decoder.linear.weight, 0, spread)
    return decoder.eval()


def steps(count: int) -> dict[str, Vectors]:
    drawn = torch.randn(count, 1, WIDTH, generator=torch.Generator().manual_seed(3))
    return {"text": Vectors(drawn, torch.ones(count, dtype=torch.long))}


def batch(decoder: Classifier, golds: list[Example]) -> dict[str, torch.Tensor]:
    return dict(collate([decoder.prepare(one) for one in golds]))


def test_the_form_of_the_gold_is_learnt() -> None:
    learnt = built().fit(GOLDS)
    assert learnt == {
        "labels": ["spam", "7", "ad", "news"],
        "counts": [2, 1, 1, 1],
        "texts": 4,
        "several": True,
    }
    assert built().gold(GOLDS[0]) == {"value": ["ad", "spam"]}
    assert built().gold(GOLDS[1]) == {"value": []}


@pytest.mark.parametrize(
    ("weights", "positive"),
    [(None, [1.0] * 4), ("balanced", [1.0, 3, 3, 3]), ({"ad": 3.0}, [1.0, 1, 3, 1])],
)
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_loss_is_binary_cross_entropy_summed_over_labels(
    weights: Any, positive: list[float], smoothing: float
) -> None:
    decoder = built(weights=weights, smoothing=smoothing)
    golds = [*GOLDS, example(["bacon", "ad"])]
    given = steps(5)
    loss = decoder.loss(given, batch(decoder, golds))
    wanted = torch.tensor([[1.0, 0, 1, 0], [0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 1], [0, 0, 1, 0]])
    reference = F.binary_cross_entropy_with_logits(
        decoder.scores(given),
        wanted * (1 - smoothing) + smoothing / 2,
        pos_weight=torch.tensor(positive),
        reduction="sum",
    )
    torch.testing.assert_close(loss.total, reference)
    assert loss.count == 5


def test_the_loss_of_texts_without_any_label_is_counted() -> None:
    decoder = built()
    loss = decoder.loss(steps(2), batch(decoder, [example([]), example([])]))
    assert loss.count == 2
    assert loss.total > 0


def test_answers_are_the_labels_above_the_threshold_sorted() -> None:
    decoder, given = built(threshold=0.6, best=2), steps(40)
    likely = decoder.scores(given).sigmoid().detach().double().numpy()
    sizes = set()
    for row, answer in enumerate(decoder.predict(given, {}, [example()] * 40)):
        chosen = sorted(np.array(decoder.texts.labels)[likely[row] >= 0.6].tolist())
        assert answer["value"] == chosen
        places = [decoder.texts.index[label] for label in chosen]
        np.testing.assert_allclose(answer["confidence"], likely[row][places], atol=1e-4)
        best = np.argsort(-likely[row])[:2]
        assert [one["value"] for one in answer["alternatives"]] == [
            decoder.texts.labels[place] for place in best
        ]
        sure = [one["probability"] for one in answer["alternatives"]]
        np.testing.assert_allclose(sure, likely[row][best], rtol=1e-3)
        sizes.add(len(chosen))
    assert {0, 1, 2} <= sizes


def test_alternatives_to_one_label_are_the_likeliest_labels() -> None:
    decoder, given = built(ONE, best=5), steps(3)
    likely = decoder.scores(given).softmax(1).detach()
    for row, answer in enumerate(decoder.predict(given, {}, [example()] * 3)):
        alternatives = answer["alternatives"]
        assert alternatives[0]["value"] == answer["value"]
        assert sum(one["probability"] for one in alternatives) == pytest.approx(1, abs=1e-3)
        assert alternatives[0]["probability"] == pytest.approx(likely[row].max().item(), rel=1e-3)


@settings(max_examples=60, deadline=None)
@given(
    pairs=st.lists(
        st.tuples(st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 1.0]), st.booleans()), max_size=12
    )
)
def test_the_threshold_has_the_best_f1_of_all(pairs: list[tuple[float, bool]]) -> None:
    likely = np.array([sure for sure, _ in pairs], float)
    wanted = np.array([right for _, right in pairs], bool)

    def f1(threshold: float) -> float:
        given = likely >= threshold
        both = given.sum() + wanted.sum()
        return float(200 * (given & wanted).sum() / both) if both else 0.0

    found, before, after = best_threshold(likely, wanted)
    assert before == pytest.approx(f1(0.5))
    assert after == pytest.approx(f1(found))
    assert after == pytest.approx(max(map(f1, [0.5, *np.linspace(0, 1, 41)])))
    assert found == 0.5 or after > before


def overconfident(
    golds: list[Example], spread: float = 8.0, **options: Any
) -> tuple[Classifier, list[Example]]:
    """A classifier that is too sure, and texts half of whose golds are drawn at random."""
    decoder, random = built(golds, spread, **options), np.random.default_rng(5)
    answers = decoder.predict(steps(300), {}, [example()] * 300)
    every = [one.gold for one in golds]
    drawn = [
        every[random.integers(len(every))] if random.random() < 0.5 else answer["value"]
        for answer in answers
    ]
    return decoder, [example(gold) for gold in drawn]


@pytest.mark.parametrize("golds", [ONE, GOLDS], ids=["one", "several"])
def test_a_classifier_that_is_too_sure_becomes_less_so(golds: list[Example]) -> None:
    decoder, dev = overconfident(golds, threshold=None if golds is ONE else 0.5)
    assert isinstance(decoder, Calibrating)
    before = decoder.predict(steps(300), {}, dev)
    [line] = decoder.calibrate([(steps(300), batch(decoder, dev))])
    temperature = decoder.choice.temperature
    assert temperature > 1.2
    assert line.startswith(f"temperature {temperature:.2f} fitted on 300 texts: calibration error")
    after = decoder.predict(steps(300), {}, dev)
    assert [one["value"] for one in before] == [one["value"] for one in after]
    sure = [np.mean(np.hstack([one["confidence"] for one in each])) for each in (before, after)]
    assert sure[1] < sure[0] - 0.02


def test_gold_is_likeliest_at_the_temperature() -> None:
    decoder, dev = overconfident(ONE, 1.0)
    decoder.calibrate([(steps(300), batch(decoder, dev))])
    value = decoder.choice.temperature.clone().requires_grad_()
    labels = batch(decoder, dev)["label"].long()
    loss = F.cross_entropy(decoder.scores(steps(300)).detach() / value, labels)
    [slope] = torch.autograd.grad(loss, [value])
    assert abs(slope.item() * value.item()) < 2e-3


def test_the_threshold_is_fitted_where_it_is_not_set() -> None:
    decoder, dev = overconfident(GOLDS)
    given = [(steps(300), batch(decoder, dev))]
    _, line = decoder.calibrate(given)
    threshold = decoder.get_buffer("choice.threshold").item()
    assert 0 < threshold < 1
    assert threshold != 0.5
    assert line.startswith(f"threshold {threshold:.2f} fitted on 300 texts: F1 of labels ")
    again = built(GOLDS)
    again.load_state_dict(decoder.state_dict())
    whole = decoder.predict(steps(9), {}, dev[:9])
    assert again.predict(steps(9), {}, dev[:9]) == whole


@pytest.mark.parametrize("golds", [ONE, GOLDS], ids=["one", "several"])
def test_without_texts_that_can_be_judged_nothing_changes(golds: list[Example]) -> None:
    decoder = built(golds)
    line = "temperature stays 1: there is no text whose labels training has seen"
    assert decoder.calibrate([]) == [line]
    if golds is ONE:
        strange = [example("bacon")]
        assert decoder.calibrate([(steps(1), batch(decoder, strange))]) == [line]
    assert built(golds, calibrate=False).calibrate([]) == []
    assert decoder.choice.temperature == 1


def test_lists_of_labels_keep_the_contract() -> None:
    texts = ["to be or not", "yes", "", "so it is", "no no no", "well then"]
    golds = [sorted({word[0] for word in text.split()}) for text in texts]
    examples = [spoken(text, gold) for text, gold in zip(texts, golds, strict=True)]
    settings = {"pool": ["max", "last"], "best": 2, "smoothing": 0.1, "weights": "balanced"}
    check_stage(classifier, settings=settings, examples=examples)


def test_what_does_not_fit_the_form_is_explained() -> None:
    with pytest.raises(DataError) as caught:
        built(ONE, threshold=0.4)
    assert str(caught.value) == (
        "classifier: threshold: each text has one label, the likeliest. Remove 'threshold', or "
        "give lists of labels."
    )
    with pytest.raises(DataError) as caught:
        built(GOLDS).gold(example("spam"))
    assert str(caught.value) == (
        "classifier: the gold is 'spam', but the model has learnt from lists of labels. Give a "
        "list."
    )
    with pytest.raises(DataError, match=r"the gold is \['spam'\], but a text takes one label"):
        built(ONE).gold(example(["spam"]))
