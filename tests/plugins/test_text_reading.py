"""Reading each form once and in groups of like length, against reading them one by one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from seqkit_text.reading import length_groups, read_forms, read_groups

TABLE = torch.arange(1.0, 21.0).view(10, 2)


def test_each_form_is_read_once_where_it_is_real() -> None:
    forms = torch.tensor([[7, 3, 7], [3, 5, 9]])
    real = torch.tensor([[True, True, True], [True, False, False]])
    asked: list[list[int]] = []

    def read(places: Tensor) -> Tensor:
        asked.append(forms.flatten()[places].tolist())
        return TABLE[forms.flatten()[places]]

    found = read_forms(forms, real, 2, read)
    assert asked == [[3, 7]]
    assert torch.equal(found, TABLE[forms] * real.unsqueeze(2))


def test_nothing_real_is_not_read() -> None:
    forms = torch.zeros(2, 3, dtype=torch.int64)

    def read(places: Tensor) -> Tensor:
        raise AssertionError(places)

    assert torch.equal(
        read_forms(forms, torch.zeros(2, 3, dtype=torch.bool), 4, read), torch.zeros(2, 3, 4)
    )


def test_groups_come_back_in_their_order() -> None:
    sizes = torch.tensor([3, 1, 60, 2, 1, 60])
    characters = torch.ones(6, 60, dtype=torch.int64)
    asked: list[int] = []

    def read(spelt: Tensor, lengths: Tensor) -> Tensor:
        asked.append(spelt.shape[1])
        assert torch.equal(spelt.sum(dim=1), lengths)
        return lengths.float().unsqueeze(1)

    assert read_groups(characters, sizes, read).flatten().tolist() == sizes.tolist()
    assert asked == [3, 60]


@given(
    st.dictionaries(st.integers(1, 9), st.integers(1, 9), min_size=1, max_size=6),
    st.integers(0, 20),
)
def test_length_groups_cost_least_of_all_partitions(sizes: dict[int, int], step: int) -> None:
    lengths = sorted(sizes)
    counts = [sizes[length] for length in lengths]

    def cost(ends: Sequence[int]) -> int:
        begins = [0, *ends[:-1]]
        return sum(
            lengths[end - 1] * (sum(counts[begin:end]) + step)
            for begin, end in zip(begins, ends, strict=True)
        )

    inner = range(1, len(lengths))
    least = min(
        cost([*cuts, len(lengths)])
        for size in range(len(lengths))
        for cuts in itertools.combinations(inner, size)
    )
    groups = length_groups(lengths, counts, step)
    assert sum(longest * (rows + step) for longest, rows in groups) == least
    assert sum(rows for _, rows in groups) == sum(counts)
    assert [longest for longest, _ in groups] == sorted({longest for longest, _ in groups})


def test_few_words_are_read_at_once_and_many_in_groups() -> None:
    assert length_groups([2, 3, 9], [5, 4, 3], 48) == [(9, 12)]
    assert length_groups([2, 3, 9], [5, 400, 3], 48) == [(3, 405), (9, 3)]
