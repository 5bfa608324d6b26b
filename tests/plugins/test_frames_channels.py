"""The embedder of frames: its numbers, its scales, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import seqkit_frames
from seqkit.errors import DataError, RecipeError
from seqkit.plugins import registry
from seqkit.recipe import check_stage as check_stage_of_recipe
from seqkit.stages import Embedder, Example, Frames, Upstream
from seqkit.table import collate
from seqkit.testing import check_stage, example
from seqkit_frames.channels import Channels

LONG = np.random.default_rng(1).normal(3.0, 2.0, (9, 2)).astype(np.float32)
SERIES = [LONG, LONG[:1] * 2, LONG[3:8] - 1, LONG[:0]]


def series(*given: Any) -> list[Example]:
    return [example(Frames(np.array(one, np.float32))) for one in given]


def built(scale: bool = False, *given: Any) -> Channels:
    stage = Channels(scale)
    stage.ready(stage.fit(series(*(given or SERIES))))
    return stage


def refused(call: Any) -> str:
    with pytest.raises(DataError) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize("scale", [False, True])
def test_it_keeps_the_contract_on_frames(scale: bool) -> None:
    assert isinstance(seqkit_frames.frames(Upstream(0)), Embedder)
    check_stage(seqkit_frames.frames, settings={"scale": scale}, examples=series(*SERIES))


def test_frames_come_out_as_they_are_and_padding_is_zero() -> None:
    stage = built()
    assert stage.width == 2
    arrays = [stage.prepare(one, "text") for one in series(*SERIES)]
    assert all(array["frames"].dtype == np.float32 for array in arrays)
    vectors = stage(collate(arrays))
    assert vectors.lengths.tolist() == [9, 1, 5, 0]
    for row, values in enumerate(SERIES):
        assert torch.equal(vectors.values[row, : len(values)], torch.from_numpy(values))
        assert not vectors.values[row, len(values) :].any()


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    lengths=st.lists(st.integers(0, 6), min_size=1, max_size=5),
    offset=st.sampled_from([0.0, 1.0, 1e4]),
)
def test_scaled_channels_have_mean_nought_and_deviation_one_in_training(
    seed: int, lengths: list[int], offset: float
) -> None:
    rng = np.random.default_rng(seed)
    given = [rng.normal(offset, [0.5, 3.0], (length, 2)).astype(np.float32) for length in lengths]
    stage = built(True, *given)
    together = np.concatenate(given).astype(np.float64)
    wanted = (together.mean(axis=0), together.std(axis=0)) if len(together) else ([0, 0], [1, 1])
    np.testing.assert_allclose(stage.mean, wanted[0], rtol=1e-9, atol=1e-12)
    spread = np.where(np.asarray(wanted[1]) > 0, wanted[1], 1.0)
    np.testing.assert_allclose(stage.deviation, spread, rtol=1e-6, atol=1e-9)
    for one, values in zip(series(*given), given, strict=True):
        found = stage.prepare(one, "text")["frames"]
        np.testing.assert_allclose(found, (values - wanted[0]) / spread, rtol=1e-4, atol=1e-5)


def test_differences_and_logarithms_are_as_written_out() -> None:
    y = np.random.default_rng(2).uniform(1, 9, (9, 2)).astype(np.float32)
    [one] = series(y)
    stage = Channels(log=True, differences=[1, 3], first=1)
    stage.ready(stage.fit([one]))
    found = stage.prepare(one, "text")["frames"]
    z = np.log(y[:, 0].astype(np.float64))
    wanted = [(z[t] - z[t - 1]) - (z[t - 3] - z[t - 4]) for t in range(4, 9)]
    np.testing.assert_allclose(found[4:, 0], wanted, atol=1e-6)
    assert not found[:4, 0].any()
    np.testing.assert_array_equal(found[:, 1], y[:, 1])
    assert stage.reach == 4
    assert Channels(True).reach == 0


def test_differences_are_scaled_by_those_of_training_and_unknown_ones_are_nought() -> None:
    y = np.cumsum(np.arange(9.0, dtype=np.float32))[:, None]
    stage = Channels(scale=True, differences=[1])
    stage.ready(stage.fit(series(y)))
    assert (stage.mean.item(), stage.deviation.item()) == (4.5, np.arange(1, 9).std())
    found = stage.prepare(series(y)[0], "text")["frames"][:, 0]
    assert found[0] == 0.0
    np.testing.assert_allclose(found[1:], (np.arange(1, 9) - 4.5) / np.arange(1, 9).std(), 1e-6)
    assert not stage.prepare(series(y[:1])[0], "text")["frames"].any()


def test_a_number_without_a_logarithm_is_named_with_its_place() -> None:
    stage = Channels(log=True)
    message = (
        "0 at step 2 of 3, channel 1, has no logarithm. Leave `log` out, or add a constant to the "
        "series."
    )
    assert refused(lambda: stage.fit(series([[1.0], [0.0], [2.0]]))) == (
        f"frames: train: example 1: input 'text': {message}"
    )


def test_a_setting_without_an_effect_is_refused() -> None:
    with pytest.raises(RecipeError) as caught:
        check_stage_of_recipe("embedder", {"use": "frames", "first": 1}, registry())
    [problem] = caught.value.problems
    assert (
        problem.message
        == "frames: 'first' has no effect without 'log' or 'differences'. Remove it."
    )


def test_a_channel_that_never_changes_is_only_moved() -> None:
    [one] = series([[5.0, 1.0], [5.0, 3.0]])
    found = built(True, [[4.0, 1.0], [4.0, 3.0]]).prepare(one, "text")["frames"]
    assert found.tolist() == [[1.0, -1.0], [1.0, 1.0]]


def test_plain_numbers_are_one_channel() -> None:
    stage = Channels(False)
    stage.ready(stage.fit([example([0.5, 1.5, 2.5])]))
    assert stage.width == 1
    assert stage.prepare(example([1, 2]), "text")["frames"].tolist() == [[1.0], [2.0]]


def test_several_inputs_share_what_was_learnt() -> None:
    both = example({"one": [1.0, 2.0], "other": [3.0]})
    stage = Channels(True)
    stage.ready(stage.fit([both]))
    assert stage.mean.tolist() == [2.0]
    assert stage.prepare(both, "other")["frames"].item() == pytest.approx(1.5**0.5)


def test_pieces_are_refused() -> None:
    message = (
        "is pieces of text, but `frames` embeds numbers. Name a field that holds a series under "
        "data.text, or choose an embedder of text, such as `lookup`."
    )
    text = example("a text")
    assert refused(lambda: Channels(False).fit([text])) == (
        f"frames: train: example 1: input 'text' {message}"
    )
    assert refused(lambda: built().prepare(text, "text")) == f"frames: input 'text' {message}"


@pytest.mark.parametrize(("number", "shown"), [(np.nan, "nan"), (-np.inf, "-inf")])
@pytest.mark.parametrize("scale", [False, True])
def test_a_number_that_is_not_finite_is_named_with_its_place(
    number: float, shown: str, scale: bool
) -> None:
    broken = LONG[:4].copy()
    broken[2, 1] = number
    message = (
        f"{shown} at step 3 of 4, channel 2 of 2, is no finite number. "
        "Fill the gap, or leave the series out."
    )
    good, bad = series(LONG, broken)
    assert refused(lambda: Channels(scale).fit([good, bad])) == (
        f"frames: train: example 2: input 'text': {message}"
    )
    assert refused(lambda: built(scale).prepare(bad, "text")) == f"frames: input 'text': {message}"


def test_another_number_of_channels_is_refused() -> None:
    good, bad = series(LONG, LONG[:, :1])
    message = "has 1 channels, but training began with 2. Give every series the same channels."
    assert refused(lambda: Channels(False).fit([good, bad])) == (
        f"frames: train: example 2: input 'text' {message}"
    )
    assert refused(lambda: built().prepare(bad, "text")) == f"frames: input 'text' {message}"


def test_nothing_to_learn_from_is_refused() -> None:
    assert refused(lambda: Channels(True).fit([])) == (
        "frames: there is no training example. Give a split that has some."
    )
