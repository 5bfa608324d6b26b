"""Dropout's statistics, and what it leaves alone."""

from __future__ import annotations

import pytest
import torch

from seqkit_text.dropout import Dropout


@pytest.mark.parametrize("locked", [False, True])
@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_the_share_and_the_mean_are_right(probability: float, locked: bool) -> None:
    torch.manual_seed(1)
    values = torch.ones(50, 3, 333)
    dropped = Dropout(probability, locked)(values)
    draws = values.numel() / (3 if locked else 1)
    error = 4 * (probability * (1 - probability) / draws) ** 0.5
    assert abs(float((dropped == 0).float().mean()) - probability) < error
    assert abs(float(dropped.mean()) - 1) < error / (1 - probability)
    assert torch.allclose(dropped.max(), torch.tensor(1 / (1 - probability)), rtol=1e-3)


def test_a_locked_mask_is_one_for_all_steps_of_a_row() -> None:
    torch.manual_seed(1)
    dropped = Dropout(0.5, locked=True)(torch.ones(4, 5, 64))
    assert torch.equal(dropped, dropped[:, :1].expand_as(dropped))
    assert not torch.equal(dropped[0], dropped[1])


def test_elements_are_dropped_independently() -> None:
    torch.manual_seed(1)
    dropped = (Dropout(0.5)(torch.ones(1, 1, 40_000)).flatten() > 0).float() - 0.5
    for distance in (1, 2, 3, 4, 8):
        assert abs(float((dropped[:-distance] * dropped[distance:]).mean()) * 4) < 0.03


@pytest.mark.parametrize("locked", [False, True])
def test_prediction_and_probability_0_change_nothing(locked: bool) -> None:
    values = torch.randn(2, 3, 4)
    assert torch.equal(Dropout(0.0, locked)(values), values)
    assert torch.equal(Dropout(0.5, locked).eval()(values), values)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("shape", [(0, 3, 4), (2, 0, 4), (1, 1, 1), (3, 5, 7)])
def test_any_shape_and_type_keeps_its_own(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    for locked in (False, True):
        values = torch.ones(shape, dtype=dtype, requires_grad=True)
        dropped = Dropout(0.5, locked)(values)
        assert dropped.shape == shape
        assert dropped.dtype == dtype
        dropped.sum().backward()
        assert values.grad is not None
        assert torch.equal(values.grad, dropped)


def test_the_same_seed_drops_the_same() -> None:
    first, second = ((torch.manual_seed(7), Dropout(0.3)(torch.ones(2, 3, 5)))[1] for _ in range(2))
    assert torch.equal(first, second)
