"""The values that stages hand on: what they hold, what they refuse, and their masks."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import TypeCheckError

from seqkit import stages
from seqkit.stages import Frames, Loss, Pieces, Text, Upstream, Vectors, is_right, time_mask


def pieces() -> Pieces:
    """Two words; the first owns two pieces, the second none."""
    return Pieces(
        Text("ab c"),
        ["a", "b"],
        np.array([[0, 1], [1, 2]], np.int32),
        np.array([0, 0], np.int32),
        np.array([[0, 2], [3, 4]], np.int32),
    )


def test_pieces_count_pieces_though_a_word_may_own_none() -> None:
    assert len(pieces()) == 2


@pytest.mark.parametrize(
    ("value", "gold", "wanted"),
    [
        ("a", "a", True),
        (["a", "b"], ["a", "c"], False),
        (["a", "b"], ["a", None], True),
        (["a", "b"], [None, "c"], False),
        (["a"], ["a", None], False),
        ("a", ["a", None], False),
        (0.5, 0.5, True),
    ],
)
def test_an_answer_is_right_where_gold_judges_it(value: Any, gold: Any, wanted: bool) -> None:
    assert is_right(value, gold) is wanted


def test_a_text_without_pieces_is_a_value_too() -> None:
    none = np.zeros((0, 2), np.int32)
    assert len(Pieces(Text(""), [], none, np.zeros(0, np.int32), none)) == 0


def test_frames_count_steps() -> None:
    assert len(Frames(np.zeros((5, 3), np.float32), rate=100.0)) == 5


@pytest.mark.parametrize(
    "make",
    [
        lambda: Frames(np.zeros(5, np.float32)),
        lambda: Frames(np.zeros((5, 1), np.float64)),
        lambda: Vectors(torch.zeros(2, 3), torch.tensor([3, 1])),
        lambda: Vectors(torch.zeros(2, 3, 4), torch.tensor([3, 1, 1])),
        lambda: Vectors(torch.zeros(2, 3, 4), torch.tensor([3.0, 1.0])),
        lambda: Loss(torch.zeros(2), torch.tensor(1)),
        lambda: Vectors(torch.zeros(1, 1, 1), torch.tensor([1]), penalty=torch.zeros(1)),
    ],
)
def test_a_wrong_shape_or_type_is_refused_in_the_tests(make: Any) -> None:
    with pytest.raises(TypeCheckError):
        make()


@given(st.lists(st.integers(0, 6), min_size=1, max_size=5), st.integers(0, 8))
def test_a_mask_is_true_where_a_step_is_real(lengths: list[int], time: int) -> None:
    wanted = [[step < length for step in range(time)] for length in lengths]
    assert time_mask(torch.tensor(lengths), time).tolist() == wanted


def test_lengths_of_two_levels_have_masks_of_three() -> None:
    mask = time_mask(torch.tensor([[2, 0], [1, 3]]), 3)
    assert mask.int().tolist() == [[[1, 1, 0], [0, 0, 0]], [[1, 0, 0], [1, 1, 1]]]


def test_vectors_derive_their_mask_from_their_lengths() -> None:
    vectors = Vectors(torch.zeros(2, 3, 1), torch.tensor([3, 1]))
    assert vectors.mask.int().tolist() == [[1, 1, 1], [1, 0, 0]]
    assert vectors.state is None
    assert vectors.penalty is None


def test_outside_a_pipeline_a_width_says_it_all() -> None:
    upstream = Upstream(width=96)
    assert (upstream.stride, upstream.causal, dict(upstream.inputs)) == (1, True, {})


@pytest.mark.parametrize(
    "kind",
    [Text, Pieces, Frames, Vectors, stages.Example, Loss, stages.Front, Upstream],
)
def test_what_stages_hand_on_cannot_be_changed(kind: Any) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        object.__new__(kind).values = 3


@pytest.mark.parametrize(
    "kind",
    [
        stages.Tokeniser,
        stages.Embedder,
        stages.Encoder,
        stages.Joint,
        stages.Decoder,
        stages.Stepwise,
        stages.Search,
        stages.Source,
        stages.Metric,
    ],
)
def test_every_contract_is_a_protocol_that_can_be_asked_for(kind: Any) -> None:
    assert not isinstance(object(), kind)
