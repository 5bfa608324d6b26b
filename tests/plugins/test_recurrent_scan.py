"""The parallel scan against the recurrence written as a loop."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seqkit_recurrent.scan import SHORT, WIDE, in_pairs, in_turn, linear_scan, recurrence


def drawn(time: int, batch: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """Shares from 0 to 1, what is added, and a first value."""
    keep = torch.rand(time, batch, width, dtype=torch.float64)
    new = torch.randn(time, batch, width, dtype=torch.float64)
    return keep, new, torch.randn(batch, width, dtype=torch.float64)


def loop(keep: Tensor, new: Tensor, first: Tensor) -> Tensor:
    """h_t = a_t h_{t-1} + b_t, one step after the other."""
    found = []
    for step in range(len(keep)):
        first = keep[step] * first + new[step]
        found.append(first)
    return torch.stack(found)


@settings(max_examples=15, deadline=None)
@given(time=st.integers(1, 4 * SHORT), batch=st.integers(1, 3))
def test_both_ways_equal_a_loop_at_every_length(time: int, batch: int) -> None:
    given_ = drawn(time, batch, 2)
    expected = loop(*given_)
    torch.testing.assert_close(in_turn(*given_), expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(in_pairs(*given_), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("width", [2, WIDE])
def test_the_recurrence_runs_backwards_too(width: int) -> None:
    keep, new, first = drawn(2 * SHORT + 1, 1, width)
    expected = loop(keep.flip(0), new.flip(0), first).flip(0)
    found = recurrence(keep, new, first, backwards=True)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("time", "width"), [(1, 3), (2 * SHORT + 3, 3), (SHORT + 4, WIDE)])
def test_gradients_equal_those_of_the_loop(time: int, width: int) -> None:
    given_ = drawn(time, 2, width)
    for tensor in given_:
        tensor.requires_grad_()
    weights = torch.randn_like(given_[1])
    expected = torch.autograd.grad((loop(*given_) * weights).sum(), given_)
    found = torch.autograd.grad((linear_scan(*given_) * weights).sum(), given_)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-11)


@pytest.mark.parametrize("wide", [1, 10**9], ids=["in turn", "in pairs"])
def test_gradients_pass_gradcheck_both_ways(wide: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqkit_recurrent.scan.WIDE", wide)
    given_ = drawn(SHORT + 3, 1, 2)
    for tensor in given_:
        tensor.requires_grad_()
    assert torch.autograd.gradcheck(linear_scan, given_)


def test_a_share_of_one_keeps_a_value_exactly_through_thousands_of_steps() -> None:
    keep, new = torch.ones(5000, 1, 1), torch.zeros(5000, 1, 1)
    found = linear_scan(keep, new, torch.full((1, 1), 0.1))
    assert (found == torch.tensor(0.1)).all()


def test_shares_of_zero_forget_without_dividing_by_it() -> None:
    keep, new, first = drawn(3 * SHORT, 1, 2)
    keep[::3] = 0.0
    keep.requires_grad_()
    found = linear_scan(keep, new, first)
    torch.testing.assert_close(found[::3], new[::3])
    (gradient,) = torch.autograd.grad(found.sum(), keep)
    assert gradient.isfinite().all()


def test_half_precision_is_raised_to_that_of_the_state() -> None:
    keep, new, first = (tensor.float() for tensor in drawn(SHORT, 1, 2))
    found = linear_scan(keep.bfloat16(), new.bfloat16(), first)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, loop(keep, new, first), rtol=0, atol=5e-2)
