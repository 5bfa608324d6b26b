"""What gates say of a step, against sums over Python's own numbers."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit_recurrent.gates import gate_series, half_life, memories, norm

UNITS = st.lists(st.lists(st.floats(0.01, 0.99), min_size=3, max_size=3), min_size=1, max_size=5)


@settings(max_examples=50, deadline=None)
@given(steps=UNITS)
def test_a_gate_has_a_mean_and_shares_of_units_that_are_shut_and_open(
    steps: list[list[float]],
) -> None:
    gate = torch.tensor(steps, dtype=torch.float64).unsqueeze(1)
    found = gate_series({"input gate": gate, "other": 1 - gate})
    assert list(found) == [
        *("input gate", "input gate shut", "input gate open"),
        *("other", "other shut", "other open"),
    ]
    for step, units in enumerate(steps):
        assert found["input gate"][step].item() == pytest.approx(sum(units) / 3)
        shut, opened = (sum(unit < 0.1 for unit in units), sum(unit > 0.9 for unit in units))
        assert found["input gate shut"][step].item() == pytest.approx(shut / 3)
        assert found["input gate open"][step].item() == pytest.approx(opened / 3)


@settings(max_examples=50, deadline=None)
@given(steps=UNITS)
def test_after_a_half_life_half_of_what_was_kept_is_left(steps: list[list[float]]) -> None:
    found = half_life(torch.tensor(steps, dtype=torch.float64).unsqueeze(1))
    assert found.shape == (len(steps), 1)
    for step, units in enumerate(steps):
        kept = math.prod(units) ** (1 / 3)  # at each step, in the geometric mean over units
        assert kept ** found[step].item() == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("kept", "steps"),
    [(0.5, 1.0), (0.25, 0.5), (0.5**0.1, 10.0), (1.0, math.log(2) * 1e6), (0.0, 0.01003432)],
)
def test_a_half_life_is_a_number_even_where_all_is_kept_or_none(kept: float, steps: float) -> None:
    found = half_life(torch.full((1, 1, 4), kept, dtype=torch.float64))
    assert found.item() == pytest.approx(steps, rel=1e-5)


def test_a_norm_is_euclidean_and_of_each_step_of_each_row() -> None:
    values = torch.tensor([[[3.0, -4.0], [0.0, 0.0]], [[5.0, 12.0], [1.0, 0.0]]])
    assert norm(values).tolist() == [[5.0, 0.0], [13.0, 1.0]]


def test_memories_are_of_all_lengths_up_to_the_longest() -> None:
    torch.manual_seed(1)
    like = torch.zeros(500)
    found = memories(like, 50)
    assert not like.any()
    assert found.min() >= 0
    assert found.max() <= math.log(49)
    for place, steps in enumerate(sorted(found.exp().tolist())):
        # uniform from 1 to 49: the Kolmogorov-Smirnov test at 1 %
        assert abs((steps - 1) / 48 - place / 500) < 1.63 / math.sqrt(500)
