"""The decoder regression: pools, loss, answers and messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.abilities import Finding
from seqkit.errors import DataError, PluginError
from seqkit.stages import Decoder, Example, Front, Upstream, Vectors
from seqkit.testing import check_stage, example
from seqkit_frames import regression
from seqkit_frames.pooling import pooled
from seqkit_frames.regressor import Regressor
from seqkit_labels.pooling import Pooling

WIDTH = 4
POOLS = ["last", "max", "mean"]
TEXTS = ["to be or not", "yes", "", "so it is", "well then"]


def golds(*given: Any) -> list[Example]:
    return [example("a", gold) for gold in given]


def built(*given: Any, **settings: Any) -> Regressor:
    torch.manual_seed(1)
    decoder = Regressor(Upstream(WIDTH), **settings)
    decoder.ready(decoder.fit(golds(*(given or (1.0, 2.0, 6.0)))))
    return decoder


def vectors(lengths: list[int], state: bool = False) -> Vectors:
    torch.manual_seed(0)
    values = torch.randn(len(lengths), max(lengths), WIDTH) - 2
    for row, length in enumerate(lengths):
        values[row, length:] = 0
    states = (torch.randn(len(lengths), 2, WIDTH),) if state else None
    return Vectors(values, torch.tensor(lengths), states)


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("gold", [lambda n: n / 3, lambda n: [n, 0.5 - n]], ids=["one", "list"])
def test_it_keeps_the_contract(pool: str, gold: Any) -> None:
    examples = [example(text, gold(float(len(text)))) for text in TEXTS]
    check_stage(regression, settings={"pool": pool}, examples=examples)
    assert isinstance(built(), Decoder)


@pytest.mark.parametrize("pool", ["last", "max", "mean"])
@pytest.mark.parametrize("state", [False, True])
@settings(max_examples=20, deadline=None)
@given(lengths=st.lists(st.integers(0, 5), min_size=1, max_size=4))
def test_pools_are_those_of_the_classifier(pool: Any, state: bool, lengths: list[int]) -> None:
    found = vectors(lengths, state)
    wanted = Pooling(WIDTH, [pool])(found)
    torch.testing.assert_close(pooled(found, pool), wanted)


def test_last_is_the_last_real_step_where_the_state_is_of_another_form() -> None:
    found = vectors([3, 1])
    for state in ((torch.randn(2, 1, WIDTH + 1),), (torch.randn(2, WIDTH),), ()):
        other = Vectors(found.values, found.lengths, state)
        assert torch.equal(pooled(other, "last"), found.values[[0, 1], [2, 0]])


def test_the_bias_begins_as_the_mean_gold() -> None:
    assert built(1.0, 2.0, 6.0).linear.bias.tolist() == [3.0]
    assert built([1, 0.5], [3, 1.5]).linear.bias.tolist() == [2.0, 1.0]
    empty = Vectors(torch.zeros(1, 0, WIDTH), torch.tensor([0]))
    assert built(1.0, 2.0, 6.0).predict({"text": empty}, {}, golds(None)) == [{"value": 3.0}]


@pytest.mark.parametrize("outputs", [1, 3])
def test_the_loss_is_the_squared_error_summed_over_rows(outputs: int) -> None:
    targets = np.random.default_rng(1).normal(size=(2, outputs)).tolist()
    given: Any = targets if outputs > 1 else [target[0] for target in targets]
    decoder, found = built(*given, pool="mean"), vectors([3, 2])
    prepared = np.stack([decoder.prepare(one)["target"] for one in golds(*given)])
    loss = decoder.loss({"text": found}, {"target": torch.from_numpy(prepared)})
    weight, bias = (part.detach().double().numpy() for part in decoder.linear.parameters())
    total = 0.0
    for row, length in enumerate([3, 2]):
        answer = weight @ found.values[row, :length].double().mean(0).numpy() + bias
        total += sum((answer - targets[row]) ** 2) / outputs
    assert loss.total.item() == pytest.approx(total, rel=1e-5)
    assert int(loss.count) == 2


def test_the_loss_is_in_single_precision_under_autocast() -> None:
    decoder, found = built(1.0, 2.0), {"text": vectors([3, 1])}
    batch = {"target": torch.tensor([[1.0], [2.0]])}
    plain = decoder.loss(found, batch).total
    with torch.autocast("cpu", torch.bfloat16):
        cast = decoder.loss(found, batch).total
    assert cast.dtype == torch.float32
    assert torch.equal(cast, plain)
    values = found["text"].values.bfloat16()
    for state in (None, (values[:, :1],)):
        half = Vectors(values, found["text"].lengths, state)
        assert all(pooled(half, pool).dtype == torch.float32 for pool in ("last", "max", "mean"))


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ((1.0, 2), 2.0),
        (([1, 2.5], (0, 1)), [0.0, 1.0]),
        ((np.float32(0.5), np.int64(3)), 3.0),
        ((np.array([0.5, 1.5]), [1, 2]), [1.0, 2.0]),
        (([1.5], [2]), [2.0]),
    ],
)
def test_gold_has_the_form_of_answers(given: Any, value: Any) -> None:
    decoder = built(*given)
    assert decoder.gold(example("a", given[1])) == {"value": value}
    [answer] = decoder.predict({"text": vectors([2])}, {}, golds(None))
    assert isinstance(answer["value"], list) == isinstance(value, list)


def test_prediction_needs_no_gold() -> None:
    assert built().prepare(example("a")) == {}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            [1.0, None],
            "2: there is no gold. Name the field of the number under data.gold.",
        ),
        *(
            (
                [gold],
                f"1: the gold is {shown}, but a text takes a number, or a list of numbers. Name "
                "another field under data.gold, or decode labels with `classifier`.",
            )
            for gold, shown in (
                ("0.5", "'0.5'"),
                (True, "True"),
                ([], "[]"),
                ([1.0, "b"], "[1.0, 'b']"),
                ([[1.0]], "[[1.0]]"),
                ("a" * 99, f"'{'a' * 58}…"),
            )
        ),
        *(
            (
                [gold],
                f"1: the gold is {shown}, which is no finite number in single precision. "
                "Mend it, or leave the example out.",
            )
            for gold, shown in (
                (float("nan"), "nan"),
                ([0.5, float("inf")], "[0.5, inf]"),
                (-1e300, "-1e+300"),
            )
        ),
        (
            [[1.0, 2.0], [3.0]],
            "2: the gold has a list of 1 number, but training began with a list of 2 numbers. "
            "Give every example the same.",
        ),
        (
            [[1.0], 3.0],
            "2: the gold has a number, but training began with a list of 1 number. "
            "Give every example the same.",
        ),
    ],
)
def test_golds_that_cannot_be_learnt_are_explained(given: list[Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        built(*given)
    assert str(caught.value) == f"regression: train: example {message}"


def test_a_gold_of_another_form_is_refused_when_it_is_prepared() -> None:
    with pytest.raises(DataError) as caught:
        built(1.0, 2.0).prepare(example("a", [1.0, 2.0]))
    assert str(caught.value) == (
        "regression: the gold has a list of 2 numbers, but training began with a number. "
        "Give every example the same."
    )


def test_no_training_example_is_refused() -> None:
    with pytest.raises(DataError) as caught:
        Regressor(Upstream(WIDTH)).fit([])
    assert str(caught.value) == (
        "regression: there is no training example. Give a split that has some."
    )


def told(findings: list[Finding]) -> list[str]:
    return [finding.text for finding in findings]


def test_a_split_is_described_before_training() -> None:
    assert told(built(1.0, 2.0, 6.0).describe(golds(1.0, 2.0, 6.0), "train")) == [
        "3 golds of a number from 1 to 6; always giving the mean of train, 3, has a squared error "
        "of 4.667",
        "example: 'a' → 1",
        "example: 'a' → 2",
        "example: 'a' → 6",
    ]
    many = [[float(n)] * 7 for n in (1, 3)]
    found = told(built(*many).describe(golds(*many), "train"))
    assert found[:2] == [
        "2 golds of a list of 7 numbers from 1 to 3; always giving the mean of train, "
        "2, 2, 2, 2, 2, …, has a squared error of 1",
        "example: 'a' → 1, 1, 1, 1, 1",
    ]


def test_a_held_out_split_is_measured_against_the_mean_of_train() -> None:
    assert told(built(1.0, 2.0, 6.0).describe(golds(3.0, 5.0), "dev")) == [
        "2 golds of a number from 3 to 5; always giving the mean of train, 3, has a squared error "
        "of 2"
    ]


def test_golds_that_are_all_the_same_are_an_error() -> None:
    found = built(2.0, 2.0).describe(golds(2.0, 2.0), "train")
    assert [one.text for one in found if one.level == "error"] == [
        "all golds are the same: nothing is to be learnt"
    ]


def test_one_of_several_inputs_has_to_be_named() -> None:
    embedder: Any = None
    fronts = {"passage": Front(embedder, width=8), "question": Front(embedder, width=WIDTH)}
    upstream = Upstream(8, inputs=fronts)
    assert Regressor(upstream, over="question").width == WIDTH
    with pytest.raises(PluginError) as caught:
        Regressor(upstream)
    assert str(caught.value) == (
        "regression reads one input, but there are passage, question. Set 'over' to one."
    )
    with pytest.raises(PluginError) as caught:
        Regressor(upstream, over="answer")
    assert str(caught.value) == (
        "regression: over: there is no input 'answer'. Known: passage, question."
    )
