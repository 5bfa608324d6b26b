"""Widths are chosen so that parameters are as near to the target as they can be."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit import alternatives, matching
from seqkit.alternatives import checked
from seqkit.data import read_rows, trained
from seqkit.errors import DataError, PluginError, RecipeError
from seqkit.matching import is_off, matched, nearest_width
from seqkit.pipeline import Pipeline, build
from seqkit.swaps import Swap


@settings(max_examples=200, deadline=None)
@given(
    start=st.integers(1, 400),
    target=st.integers(1, 400_000),
    square=st.integers(0, 12),
    linear=st.integers(1, 200),
    step=st.integers(1, 16),
    least=st.integers(1, 40),
    most=st.integers(200, 500),
)
def test_the_nearest_width_is_that_of_a_search_through_all(
    start: int, target: int, square: int, linear: int, step: int, least: int, most: int
) -> None:
    def count(width: int) -> int | None:
        refused = width % step or not least <= width <= most
        return None if refused else square * width * width + linear * width + 7

    taken = {width: found for width in range(1, 501) if (found := count(width)) is not None}
    best = min(taken, key=lambda width: (abs(taken[width] - target), width))
    if least <= start <= most:
        assert nearest_width(count, start, target) == (best, taken[best])


def test_a_search_tries_few_widths_and_none_twice() -> None:
    tried: Counter[int] = Counter()

    def count(width: int) -> int:
        tried[width] += 1
        return 4 * width * width

    assert nearest_width(count, 10, 4 * 1234**2) == (1234, 4 * 1234**2)
    assert len(tried) < 25
    assert set(tried.values()) == {1}
    assert max(tried) < 4 * 1234


def test_of_two_widths_that_are_as_near_the_smaller_one_is_taken() -> None:
    assert nearest_width(lambda width: 10 * width, 9, 45) == (4, 40)


def test_where_all_widths_are_refused_there_is_no_nearest() -> None:
    assert nearest_width(lambda _: None, 10, 100) is None


def test_a_target_out_of_reach_gives_the_width_at_the_end() -> None:
    assert nearest_width(lambda width: 1000 + width, 10, 1) == (1, 1001)
    assert nearest_width(lambda _: 5, 10, 100) == (10, 5)


def parameters(swap: Swap, value: dict[str, object]) -> int:
    """The count of a pipeline that is built for it from the start."""
    assert swap.data is not None
    recipe = swap.recipe(value)
    return build(recipe, list(read_rows(trained(recipe), "train", swap.data))).parameters


def test_encoders_come_as_near_as_a_search_through_all_widths_finds(toy: Path) -> None:
    swap = Swap(toy, {}, "encode", toy.parent)
    base, found = checked(swap, ["bilstm", {"use": "gru", "layers": 2}], match=True)
    target, pairs = matched(swap, base, found, 900)
    assert target == 900
    for alternative, count in pairs:
        counts = {}
        for width in range(3, 14):
            try:
                counts[width] = parameters(swap, {**alternative.value, "width": width})
            except RecipeError:
                assert (alternative.name, width % 2) == ("bilstm", 1)
        best = min(counts, key=lambda width: (abs(counts[width] - 900), width))
        assert 3 < best < 13
        assert (alternative.width, count) == (best, counts[best])
        assert alternative.recipe == swap.recipe({**alternative.value, "width": best})


def test_the_target_is_the_recipes_own_count_which_its_own_stage_meets(toy: Path) -> None:
    swap = Swap(toy, {}, "encode", toy.parent)
    base, found = checked(swap, ["gru", "bilstm", {"use": "gru", "width": 30}], match=True)
    target, pairs = matched(swap, base, found, None)
    assert target == parameters(swap, {"use": "bilstm", "width": 8})
    (gru, near), (own, same), (fixed, far) = pairs
    assert not is_off(near, target)
    assert gru.name == "gru"
    assert (own.width, same) == (8, target)
    assert fixed.width == 30
    assert far == parameters(swap, {"use": "gru", "width": 30})
    assert is_off(far, target)


def test_stages_are_fitted_once_for_all_encoders(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = []

    def watched(recipe: object, rows: list[object]) -> Pipeline:
        fitted.append(len(rows))
        return build(recipe, rows)  # type: ignore[arg-type]  # handed on as it comes

    monkeypatch.setattr(matching, "build", watched)
    swap = Swap(toy, {}, "encode", toy.parent)
    base, found = checked(swap, ["gru", "rnn"], match=True)
    matched(swap, base, found, None)
    assert fitted == [12]
    matched(swap, base, found, None, sample=5)
    assert fitted == [12, 5]


def test_an_embedder_that_is_swapped_learns_for_itself(toy: Path) -> None:
    swap = Swap(toy, {}, "embed", toy.parent)
    given = ["lookup", {"use": "characters", "character_width": 4}]
    base, found = checked(swap, given, match=True)
    target, pairs = matched(swap, base, found, 1500)
    for alternative, count in pairs:
        assert not is_off(count, target)
        assert count == parameters(swap, alternative.value)


def test_what_cannot_be_built_is_told_in_the_name_of_the_alternative(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> Pipeline:
        raise PluginError("no width is good enough.")

    monkeypatch.setattr(matching, "rebuild", refuse)
    monkeypatch.setattr(alternatives, "REACH", 1)
    swap = Swap(toy, {}, "encode", toy.parent)
    base, found = checked(swap, ["gru", "rnn"], match=True)
    with pytest.raises(RecipeError) as told:
        matched(swap, base, found, None)
    assert str(told.value).splitlines() == [
        "--swap encode=gru: encode: no width is good enough.",
        "--swap encode=rnn: encode: no width is good enough.",
    ]


def test_without_training_examples_there_is_nothing_to_count(toy: Path) -> None:
    (toy.parent / "train.conll").write_text("")
    swap = Swap(toy, {}, "encode", toy.parent)
    base, found = checked(swap, ["gru", "rnn"], match=True)
    with pytest.raises(DataError):
        matched(swap, base, found, None)


@pytest.mark.parametrize(("count", "off"), [(105, False), (106, True), (95, False), (94, True)])
def test_a_count_is_off_beyond_a_twentieth(count: int, off: bool) -> None:
    assert is_off(count, 100) is off
