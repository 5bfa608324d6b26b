"""Examples with the same inputs, in the training split and between splits."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from seqkit.abilities import Finding
from seqkit.duplicates import FEW, Trained, fingerprint
from seqkit.stages import Example, Frames
from seqkit.testing import example


def examples(*texts: Any, gold: Any = None) -> list[Example]:
    return [example(text, gold) for text in texts]


def leaking(train: list[Example], test: list[Example]) -> list[Finding]:
    trained = Trained(train)
    return list(trained.leaking("test", test, trained.shared(test)))


@given(st.lists(st.sampled_from(["a", "b", "a b", "ab", "A", "\ud800"])))
def test_as_many_examples_repeat_an_earlier_one_as_there_are_more_than_different_texts(
    texts: list[str],
) -> None:
    trained = Trained(examples(*texts))
    assert trained.repeated == len(texts) - len(set(texts))
    assert trained.shared(examples("a", "new", "b")) == [
        number for number, text in ((1, "a"), (3, "b")) if text in texts
    ]


def test_all_inputs_of_an_example_count_and_where_one_ends() -> None:
    pair: list[Any] = [{"one": "a b", "two": "c"}, {"one": "a", "two": "b c"}]
    assert Trained(examples(*pair, pair[0])).repeated == 1


def test_numbers_are_inputs_too() -> None:
    series = [Frames(np.full((3, 1), value, np.float32)) for value in (0, 1, 0)]
    assert Trained(examples(*series)).repeated == 1
    assert leaking(examples(series[0]), examples(series[1])) == []


def test_empty_inputs_are_no_duplicates_of_each_other() -> None:
    empty = examples("", "", Frames(np.zeros((0, 2), np.float32)))
    assert [fingerprint(one) for one in empty] == [b""] * 3
    assert (Trained(empty).repeated, Trained(empty).shared(empty)) == (0, [])


def test_the_same_inputs_with_different_golds_are_counted_once_each_with_a_place() -> None:
    golds = ["x", "x", "y", "z", None, ["x"]]
    train = [example("a b", gold) for gold in golds] + examples(*"cdefghij", gold="x")
    [finding] = Trained(train).clashing()
    assert finding == Finding(
        "1 input stands with different golds, such as in examples 1 and 3: 'a b'", "warning"
    )
    [finding] = Trained(train + examples(*map(str, range(100)))).clashing()
    assert finding.level == "note"
    assert list(Trained(examples("a", "a", gold=["x", {"y": 1.5}])).clashing()) == []


def test_held_out_examples_that_training_has_are_counted_with_the_longest_of_them() -> None:
    train = examples("yes", "so it is", *map(str, range(20)))
    test = examples("yes", "no", "so it is", *(f"new {number}" for number in range(37)))
    assert leaking(train, test) == [
        Finding(
            "2 of 40 examples (5.0%) stand in train too, such as example 3 (train 2): 'so it is'"
        )
    ]
    assert [finding.level for finding in leaking(train, test[:4])] == ["warning"]
    assert leaking(train, test[3:]) == []


def test_a_split_that_stands_wholly_in_train_is_an_error_unless_it_is_a_toy() -> None:
    train = examples(*(f"text {number}" for number in range(FEW + 9)))
    [finding] = leaking(train, train[5:])
    assert finding == Finding(
        "all 54 examples stand in train too, so a score on them says nothing of new ones. "
        "Mend data.test, or leave it out. Such as example 1 (train 6): 'text 5'",
        "error",
    )
    assert [finding.level for finding in leaking(train, train[:FEW])] == ["warning"]


def test_a_series_has_no_text_to_show() -> None:
    series = examples(Frames(np.ones((3, 1), np.float32)))
    [finding] = leaking(series, series)
    assert finding.text.endswith("such as example 1 (train 1)")
