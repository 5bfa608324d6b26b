"""Rows within a padded batch, against Python's own lists."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from seqkit_recurrent.rows import Rows, first_state


@settings(max_examples=50, deadline=None)
@given(lengths=st.lists(st.integers(0, 6), min_size=1, max_size=5), padding=st.integers(0, 3))
def test_each_row_is_reversed_within_its_length_and_twice_is_the_same_batch(
    lengths: list[int], padding: int
) -> None:
    rows = Rows(torch.tensor(lengths), max(lengths) + padding)
    values = torch.arange(rows.time * len(lengths)).view(rows.time, len(lengths), 1)
    turned = rows.reversed(values)
    for row, length in enumerate(lengths):
        before, after = values[:, row, 0].tolist(), turned[:, row, 0].tolist()
        assert after == before[:length][::-1] + before[length:]
    assert torch.equal(rows.reversed(turned), values)


@settings(max_examples=50, deadline=None)
@given(lengths=st.lists(st.integers(0, 6), min_size=1, max_size=5), padding=st.integers(0, 3))
def test_the_mask_is_true_where_a_step_is_real(lengths: list[int], padding: int) -> None:
    rows = Rows(torch.tensor(lengths), max(lengths) + padding)
    for row, length in enumerate(lengths):
        expected = [True] * length + [False] * (rows.time - length)
        assert rows.mask[:, row, 0].tolist() == expected
    assert rows.even == all(length == rows.time for length in lengths)


def test_an_end_is_the_last_real_step_and_what_stood_before_where_there_is_none() -> None:
    values, before = torch.arange(12).view(4, 3, 1), torch.tensor([[-1], [-2], [-3]])
    ends = Rows(torch.tensor([4, 0, 2]), 4).ends(values, before)
    assert ends.flatten().tolist() == [9, -2, 5]


def test_lengths_may_be_int32() -> None:
    rows = Rows(torch.tensor([2, 1], dtype=torch.int32), 2)
    assert rows.reversal.tolist() == [2, 1, 0, 3]
    assert rows.last.tolist() == [2, 1]


@pytest.mark.parametrize("learned", [True, False])
def test_a_first_state_is_zero_and_a_weight_only_where_it_is_learned(learned: bool) -> None:
    layer = nn.Module()
    first_state(layer, learned, first_hidden=2, first_cells=3)
    states = {"first_hidden": [0.0] * 2, "first_cells": [0.0] * 3}
    assert {name: getattr(layer, name).tolist() for name in states} == states
    saved = set(states) if learned else set()
    assert {name for name, _ in layer.named_parameters()} == set(layer.state_dict()) == saved
