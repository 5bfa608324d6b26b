"""Reversal within lengths, against Python's own reversed lists."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit_recurrent.reverse import last_steps, reversal, take_steps


@settings(max_examples=50, deadline=None)
@given(lengths=st.lists(st.integers(0, 6), min_size=1, max_size=5), padding=st.integers(0, 3))
def test_each_row_is_reversed_within_its_length_and_twice_is_the_same_batch(
    lengths: list[int], padding: int
) -> None:
    time = max(lengths) + padding
    values = torch.arange(time * len(lengths)).view(time, len(lengths), 1)
    index = reversal(torch.tensor(lengths), time)
    reversed_values = take_steps(values, index).view(values.shape)
    for row, length in enumerate(lengths):
        before, after = values[:, row, 0].tolist(), reversed_values[:, row, 0].tolist()
        assert after == before[:length][::-1] + before[length:]
    assert torch.equal(take_steps(reversed_values, index).view(values.shape), values)


def test_the_last_step_is_the_last_real_one_and_the_first_where_there_is_none() -> None:
    values = torch.arange(12).view(4, 3, 1)
    last = take_steps(values, last_steps(torch.tensor([4, 0, 2])))
    assert last.flatten().tolist() == [9, 1, 5]


def test_an_index_may_be_int32() -> None:
    index = reversal(torch.tensor([2, 1], dtype=torch.int32), 2)
    assert index.tolist() == [2, 1, 0, 3]
