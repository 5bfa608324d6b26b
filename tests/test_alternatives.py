"""Alternatives have names, folders and recipes of their own; all mistakes are told together."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.alternatives import REACH, checked, folders, label, nearby
from seqkit.errors import RecipeError
from seqkit.swaps import Swap


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("lstm", "lstm"),
        ({"use": "lstm", "peephole": True}, "lstm peephole=true"),
        ({"peephole": True, "chrono": None}, "peephole=true chrono=null"),
        ({"use": "lstm", "dropout": 0.5, "inside": {"use": "rnn"}}, "lstm dropout=0.5 inside=rnn"),
        (0.5, "0.5"),
        (None, "null"),
        (["rnn", 2], '["rnn", 2]'),
    ],
)
def test_an_alternative_is_named_by_what_it_says(value: Any, name: str) -> None:
    assert label(value) == name


def test_folders_are_plain_names() -> None:
    names = ["lstm", "lstm peephole=true", "lstm, peephole: true", "lstm peephole true", "0.5", "/"]
    assert folders(names) == [
        "lstm", "lstm-peephole-true", "lstm-peephole-true-2", "lstm-peephole-true-3", "0.5",
        "alternative",
    ]  # fmt: skip


@given(st.lists(st.text(), max_size=6))
def test_each_alternative_has_a_folder_of_its_own(names: list[str]) -> None:
    found = folders(names)
    assert len(set(found)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", folder) for folder in found)


@settings(max_examples=30)
@given(st.integers(1, 300))
def test_nearby_are_all_widths_within_reach_nearest_first(width: int) -> None:
    found = list(nearby(width))
    assert sorted(found) == [n for n in range(width - REACH, width + REACH + 1) if n > 0]
    assert [abs(n - width) for n in found] == sorted(abs(n - width) for n in found)


def test_the_mistakes_of_all_alternatives_are_told_each_by_name(toy: Path) -> None:
    with pytest.raises(RecipeError) as told:
        checked(Swap(toy, {}, "encode"), ["gru", "lsmt", {"use": "gru", "widht": 3}], match=True)
    assert str(told.value).splitlines() == [
        "--swap encode=lsmt: encode: no encoder called 'lsmt'. Did you mean 'lstm'?",
        "--swap encode=gru widht=3: encode: gru has no setting 'widht'. Did you mean 'width'?",
    ]


def test_a_mistake_elsewhere_that_an_alternative_brings_says_where_it_stands(toy: Path) -> None:
    text = toy.read_text().replace("save: 0}", "save: 0, stop: {on: accuracy}}")
    toy.write_text(text)
    metrics = [["accuracy"], []]
    with pytest.raises(RecipeError) as told:
        checked(Swap(toy, {}, "evaluate.metrics"), metrics, match=True)
    (line,) = str(told.value).splitlines()
    assert line.startswith(f"--swap evaluate.metrics=[]: {toy}:18:")
    assert "train.stop.on: no metric called 'accuracy' in evaluate." in line


def test_a_mistake_of_the_recipe_itself_is_told_once(toy: Path) -> None:
    with pytest.raises(RecipeError, match=r"^--set train\.epochs: train\.epochs: .* not 0\.$"):
        checked(Swap(toy, {"train.epochs": "0"}, "encode"), ["gru", "lstm"], match=True)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "--swap encode: names nothing. Give two alternatives or more, with commas between."),
        (
            ["gru"],
            "--swap encode: names 'gru' alone. Give two alternatives or more, with commas between.",
        ),
        (["gru", "rnn", "gru"], "--swap encode: names 'gru' twice. Keep one."),
    ],
)
def test_less_than_two_alternatives_are_nothing_to_compare(
    toy: Path, given: list[Any], message: str
) -> None:
    with pytest.raises(RecipeError) as told:
        checked(Swap(toy, {}, "encode"), given, match=True)
    assert str(told.value) == message


def test_an_alternative_that_refuses_the_width_begins_with_one_nearby(toy: Path) -> None:
    toy.write_text(toy.read_text().replace("{use: bilstm, width: 8", "{use: gru, width: 7"))
    swap = Swap(toy, {}, "encode")
    _, (one, other) = checked(swap, ["lstm", "bilstm"], match=True)
    assert (one.width, other.width) == (7, 8)
    assert other.value == {"use": "bilstm", "width": 8, "dropout": 0.3}
    with pytest.raises(RecipeError, match=r"^--swap encode=bilstm: encode: bilstm: 'width' is 7"):
        checked(swap, ["lstm", "bilstm"], match=False)
    with pytest.raises(RecipeError, match=r"^--swap encode=bilstm width=9: .* 'width' is 9"):
        checked(swap, ["lstm", {"use": "bilstm", "width": 9}], match=True)


def test_only_a_stage_that_has_a_width_and_does_not_say_it_is_free(toy: Path) -> None:
    given = ["gru", {"use": "gru", "width": 4}, {"dropout": 0.0}]
    _, found = checked(Swap(toy, {}, "encode"), given, match=True)
    assert [(each.width, each.free) for each in found] == [(8, True), (4, False), (8, True)]
    _, found = checked(Swap(toy, {}, "encode"), given, match=False)
    assert [(each.width, each.free) for each in found] == [(8, False), (4, False), (8, False)]
    for path, values in (("encode.width", [4, 6]), ("train.optimiser", ["adam", "sgd"])):
        _, found = checked(Swap(toy, {}, path), values, match=True)
        assert [(each.width, each.free) for each in found] == [(None, False)] * 2


def test_another_width_is_another_recipe(toy: Path) -> None:
    swap = Swap(toy, {}, "encode")
    _, (one, _) = checked(swap, ["gru", "lstm"], match=True)
    wider = one.at(swap, 12)
    assert (wider.width, wider.recipe.plain()["encode"]["width"]) == (12, 12)
    assert (one.width, one.recipe.plain()["encode"]["width"]) == (8, 8)
