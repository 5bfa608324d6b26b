"""Numbers in words: fields, splits that share no number, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from num2words import num2words

from seqkit.errors import DataError, RecipeError
from seqkit.recipe import check_stage
from seqkit_numbers import numbers
from seqkit_numbers.source import split_of


def rows(split: str, **settings: Any) -> list[Any]:
    return list(numbers(**{"size": 300, "held_out": 60, **settings}).read(split, None))


def test_each_row_says_one_number_twice() -> None:
    for row in rows("train"):
        spoken = num2words(int(row["digits"]), lang=row["language"])
        assert row["words"].split() == spoken.split()
        assert row["prompt"] == f"{row['language']} {row['digits']}"


def test_splits_share_no_number_whatever_the_seed() -> None:
    found = {
        split: {row["digits"] for seed in (1, 2) for row in rows(split, seed=seed)}
        for split in ("train", "dev", "test")
    }
    assert not found["train"] & found["dev"]
    assert not found["train"] & found["test"]
    assert not found["dev"] & found["test"]


def test_the_words_that_others_are_built_of_are_all_trained_on() -> None:
    found = {split: [int(row["digits"]) for row in rows(split)] for split in ("dev", "test")}
    assert min(map(min, found.values())) >= 100
    least = rows("dev", largest=200, held_out=5) + rows("test", largest=200, held_out=5)
    assert all(100 <= int(row["digits"]) <= 200 for row in least)
    assert {split_of(number) for number in range(100)} == {"train"}


def test_languages_take_turns_and_numbers_stay_below_the_largest() -> None:
    found = rows("dev", languages=["en", "vi"], largest=500)
    assert [row["language"] for row in found[:4]] == ["en", "vi", "en", "vi"]
    assert max(int(row["digits"]) for row in found) <= 500


def test_the_same_settings_give_the_same_rows() -> None:
    assert rows("test") == rows("test")
    assert rows("test") != rows("test", seed=2)


def test_a_place_or_an_unknown_split_is_refused() -> None:
    with pytest.raises(DataError, match="numbers reads no files, got 'x'"):
        next(iter(numbers().read("train", "x")))
    with pytest.raises(DataError, match=r"no split 'trian'\. Did you mean 'train'"):
        next(iter(numbers().read("trian", None)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"languages": []}, "'languages' is empty. Name at least one"),
        ({"languages": ["dee"]}, "num2words has no 'dee'. Did you mean 'de'?"),
        ({"largest": 5}, "largest: input should be greater than or equal to 200"),
    ],
)
def test_settings_without_sense_are_told(settings: Any, message: str) -> None:
    with pytest.raises(RecipeError) as told:
        check_stage("source", {"use": "numbers", **settings})
    assert message in str(told.value)


def test_without_num2words_the_command_to_install_it_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("seqkit_numbers.find_spec", lambda name: None)
    with pytest.raises(RecipeError, match=r"pip install 'seqkit\[numbers\]'"):
        check_stage("source", "numbers")
