"""The classifier: pools, losses, answers and messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from seqkit.errors import DataError, PluginError
from seqkit.stages import Decoder, Example, Frames, Front, Upstream, Vectors
from seqkit_labels.text_classifier import Classifier

WIDTH = 4
POOLS: list[Any] = ["last", "max", "mean", "attention", ["mean", "attention"]]


def example(gold: Any = None) -> Example:
    return Example({}, {"text": Frames(np.zeros((1, 1), np.float32))}, gold)


GOLDS = [example("ham"), example("spam"), example("ham"), example("eggs")]


def vectors(lengths: list[int], state: bool = False) -> Vectors:
    torch.manual_seed(0)
    values = torch.randn(len(lengths), max(lengths), WIDTH) - 2
    states = (torch.randn(len(lengths), 2, WIDTH),) if state else None
    for row, length in enumerate(lengths):
        values[row, length:] = 0
    return Vectors(values, torch.tensor(lengths), states)


def built(**settings: Any) -> Classifier:
    torch.manual_seed(1)
    decoder = Classifier(Upstream(WIDTH), **settings)
    decoder.ready(decoder.fit(GOLDS))
    return decoder


def test_it_is_a_decoder() -> None:
    assert isinstance(built(), Decoder)


def test_labels_are_learnt_with_their_counts() -> None:
    assert built().fit(GOLDS) == {
        "labels": ["ham", "eggs", "spam"],
        "counts": [2, 1, 1],
        "texts": 4,
        "several": False,
    }


def test_whole_numbers_are_labels() -> None:
    assert built().fit([example(1), example(0), example(True)])["labels"] == ["0", "1", "True"]
    assert built().gold(example(3)) == {"value": "3"}


def test_each_pool_is_what_its_name_says() -> None:
    given = vectors([3, 1])
    row = given.values[0]
    torch.testing.assert_close(built(pool="max").pool(given)[0], row.amax(0))
    torch.testing.assert_close(built(pool="mean").pool(given)[0], row.mean(0))
    torch.testing.assert_close(built(pool="last").pool(given)[0], row[2])
    torch.testing.assert_close(built(pool="last").pool(given)[1], given.values[1, 0])
    attention = built(pool="attention").pool
    assert attention.weigh is not None
    weights = (row @ attention.weigh.weight[0]).softmax(0)
    torch.testing.assert_close(attention(given)[0], weights @ row)


def test_several_pools_stand_side_by_side() -> None:
    given = vectors([3, 0, 1], state=True)
    decoder = built(pool=["max", "last", "attention"])
    assert decoder.linear.in_features == 3 * WIDTH
    parts = [decoder.pool.pooled(kind, given) for kind in decoder.pool.kinds]
    assert torch.equal(decoder.pool(given), torch.cat(parts, 1))
    assert not decoder.pool(given)[1].any()


def test_last_is_the_state_of_the_last_layer_where_there_is_one() -> None:
    given = vectors([3, 1], state=True)
    assert given.state is not None
    torch.testing.assert_close(built(pool="last").pool(given), given.state[0][:, 1])
    empty = Vectors(given.values * 0, torch.tensor([0, 0]), given.state)
    assert not built(pool="last").pool(empty).any()
    other = Vectors(given.values, given.lengths, (torch.randn(2, 1, WIDTH + 1),))
    torch.testing.assert_close(built(pool="last").pool(other)[0], given.values[0, 2])


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("state", [False, True])
def test_a_text_alone_or_in_any_batch_has_the_same_scores(pool: str, state: bool) -> None:
    decoder, given = built(pool=pool), vectors([5, 0, 2, 1], state)
    together = decoder.scores({"text": given})
    for row, length in enumerate([5, 0, 2, 1]):
        states = given.state and tuple(part[row : row + 1] for part in given.state)
        alone = Vectors(given.values[row : row + 1, :length], given.lengths[row : row + 1], states)
        torch.testing.assert_close(decoder.scores({"text": alone})[0], together[row])


@pytest.mark.parametrize("pool", POOLS)
def test_an_empty_text_has_an_answer(pool: str) -> None:
    decoder = built(pool=pool)
    given = Vectors(torch.zeros(1, 0, WIDTH), torch.tensor([0]))
    [answer] = decoder.predict({"text": given}, {}, [example()])
    biases = decoder.linear.bias.softmax(0)
    assert answer["value"] == decoder.texts.labels[int(biases.argmax())]
    assert answer["confidence"] == pytest.approx(biases.max().item(), abs=1e-4)
    assert not decoder.pool(given).any()


def test_the_loss_is_cross_entropy_summed_over_texts() -> None:
    decoder, given = built(smoothing=0.2), vectors([3, 1, 2])
    labels = [decoder.prepare(one)["label"] for one in GOLDS[:2]]
    unseen = decoder.prepare(example("bacon"))["label"]
    assert unseen == -1
    batch = {"label": torch.from_numpy(np.stack([*labels, unseen]))}
    loss = decoder.loss({"text": given}, batch)
    scores = decoder.scores({"text": given})[:2]
    wanted = F.cross_entropy(scores, torch.tensor([0, 2]), reduction="sum", label_smoothing=0.2)
    torch.testing.assert_close(loss.total, wanted)
    assert loss.count == 2


def test_prediction_needs_no_gold() -> None:
    decoder = built()
    assert decoder.prepare(example()) == {}
    answers = decoder.predict({"text": vectors([2, 3])}, {}, [example(), example()])
    assert [set(answer) for answer in answers] == [{"value", "confidence"}] * 2


def test_dropout_is_for_training_alone() -> None:
    decoder, given = built(dropout=0.5), {"text": vectors([3, 3])}
    assert not torch.equal(decoder.scores(given), decoder.scores(given))
    decoder.eval()
    assert torch.equal(decoder.scores(given), decoder.scores(given))


def test_a_split_is_described_with_labels_as_they_come_back() -> None:
    decoder = built()
    assert [finding.text for finding in decoder.describe(GOLDS, "train")] == [
        "3 labels on 4 texts; ham alone is right for 50.0%: ham 2, spam 1, eggs 1",
        "3 of 3 labels on fewer than 5 texts: eggs (1), spam (1), ham (2)",
        "example: 1 step → ham",
        "example: 1 step → spam",
        "example: 1 step → ham",
    ]
    assert decoder.describe([example("ham"), example("jam")], "test")[-1].text == (
        "1 text has a label that training has not seen: jam (1). They count as wrong"
    )


@pytest.mark.parametrize(
    ("golds", "message"),
    [
        (
            ["a", None],
            "classifier: train: example 2 has no gold. Name the field of the label under "
            "data.gold.",
        ),
        (
            [{"a": 1}],
            "classifier: train: example 1: the gold is {'a': 1}, but a text takes one label or a "
            "list of labels, each a string or a whole number. Name another field under data.gold.",
        ),
        (
            [[[0, 3, "a"]]],
            "classifier: train: example 1: the gold is [0, 3, 'a'], but a text takes one label or "
            "a list of labels, each a string or a whole number. Name another field under "
            "data.gold.",
        ),
        (
            ["a", ["a", "b"]],
            "classifier: train: example 2 has a list of labels, but those before have one label. "
            "Give one.",
        ),
        (
            [["DET", "NOUN", "DET"]],
            "classifier: train: example 1: the gold lists 'DET' twice, but a text has it or has it "
            "not. Give a set of labels; where they are one a word, decode with `tagger`.",
        ),
        (
            [["a", "b"], ["b", "a"]],
            "classifier: every text has 'a', 'b' in 2 training examples, so there is nothing to "
            "learn. Check which field data.gold names.",
        ),
        (
            [[], []],
            "classifier: there is no label in 2 training examples, so there is nothing to learn. "
            "Check which field data.gold names.",
        ),
        (
            ["a", " "],
            "classifier: train: example 2: the label is empty. Give it one, or leave the example "
            "out.",
        ),
        (
            ["a", "a"],
            "classifier: the only label is 'a' in 2 training examples, so there is nothing to "
            "learn. Check which field data.gold names.",
        ),
        (
            [],
            "classifier: there is no label in 0 training examples, so there is nothing to learn. "
            "Check which field data.gold names.",
        ),
    ],
)
def test_golds_that_cannot_be_learnt_are_explained(golds: list[Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        built().fit([example(gold) for gold in golds])
    assert str(caught.value) == message


def test_one_of_several_inputs_has_to_be_named() -> None:
    embedder: Any = None
    fronts = {"passage": Front(embedder, width=8), "question": Front(embedder, width=WIDTH)}
    with pytest.raises(PluginError) as caught:
        Classifier(Upstream(8, inputs=fronts))
    assert str(caught.value) == (
        "classifier reads one input, but there are passage, question. Set 'over' to one."
    )
    assert Classifier(Upstream(8, inputs=fronts), over="question").width == WIDTH
