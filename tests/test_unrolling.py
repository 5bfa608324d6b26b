"""Products whose gradient is one product over all steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from seqkit import unrolling
from seqkit.unrolling import unrolled


@pytest.fixture(autouse=True, scope="module")
def nothing_is_small() -> Iterator[None]:
    """Even small matrices get their gradient once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unrolling, "SMALL", 0)
        yield


def drawn(*shape: int) -> Tensor:
    """Random numbers that learn, in float64."""
    return torch.randn(shape, dtype=torch.float64, requires_grad=True)


def chained(product: Callable[[Tensor], Tensor], steps: list[Tensor]) -> Tensor:
    """A number that every product has a part in."""
    total = torch.zeros((), dtype=torch.float64)
    for step in steps:
        total = torch.tanh(product(step * torch.cos(total))).pow(2).sum() + total
    return total


@settings(deadline=None)  # the first call is slow
@given(
    st.integers(1, 4), st.integers(0, 3), st.integers(1, 4), st.integers(1, 4), st.integers(0, 2)
)
def test_gradients_are_those_of_plain_products(
    times: int, rows: int, inner: int, outer: int, batch: int
) -> None:
    axes = (batch,) if batch else ()
    matrix = drawn(*axes, inner, outer)
    steps = [drawn(*axes, rows, inner) for _ in range(times)]
    plain = torch.autograd.grad(chained(lambda step: step @ matrix, steps), [matrix, *steps])
    found = torch.autograd.grad(chained(unrolled(matrix), steps), [matrix, *steps])
    torch.testing.assert_close(found, plain)


def test_a_matrix_multiplies_values_of_more_axes() -> None:
    matrix, values = drawn(3, 2), drawn(4, 5, 3)
    plain = torch.autograd.grad((values @ matrix).pow(2).sum(), [matrix, values])
    found = torch.autograd.grad(unrolled(matrix)(values).pow(2).sum(), [matrix, values])
    torch.testing.assert_close(found, plain)


class Counting(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch gives it none
    """Counts products of matrices."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func is torch.ops.aten.mm.default
        return func(*args, **(kwargs or {}))


def test_the_gradient_of_the_matrix_is_one_product() -> None:
    matrix, steps = drawn(3, 2), [drawn(4, 3) for _ in range(5)]
    loss = chained(unrolled(matrix), steps)
    with Counting() as counting:  # type: ignore[no-untyped-call]  # torch gives it none
        loss.backward()  # type: ignore[no-untyped-call]  # torch gives it none
    assert counting.count == 5 + 1


def test_a_step_without_a_part_in_the_loss_has_none_in_the_gradient() -> None:
    matrix, used, unused = drawn(3, 2), drawn(4, 3), drawn(4, 3)
    product = unrolled(matrix)
    product(unused)
    plain = torch.autograd.grad((used @ matrix).pow(2).sum(), matrix)
    torch.testing.assert_close(torch.autograd.grad(product(used).pow(2).sum(), matrix), plain)


def test_a_pass_that_asks_for_the_values_alone_leaves_nothing_behind() -> None:
    matrix, steps = drawn(3, 2), [drawn(4, 3) for _ in range(3)]
    plain = torch.autograd.grad(chained(lambda step: step @ matrix, steps), matrix)
    loss = chained(unrolled(matrix), steps)
    torch.autograd.grad(loss, steps, retain_graph=True)
    for again in (True, False):
        found = torch.autograd.grad(loss, matrix, retain_graph=again)
        torch.testing.assert_close(found, plain)


def test_values_that_do_not_learn_still_teach_the_matrix() -> None:
    matrix, values = drawn(3, 2), drawn(4, 3).detach()
    (found,) = torch.autograd.grad(unrolled(matrix)(values).sum(), matrix)
    torch.testing.assert_close(found, values.sum(0).unsqueeze(1).expand(3, 2))


def test_a_matrix_that_does_not_learn_hands_gradients_on() -> None:
    matrix, values = drawn(3, 2).detach(), drawn(4, 3)
    (found,) = torch.autograd.grad(unrolled(matrix)(values).sum(), values)
    torch.testing.assert_close(found, matrix.sum(1).expand(4, 3))


def test_without_gradients_it_is_the_product() -> None:
    matrix, values = drawn(3, 2), drawn(4, 3)
    with torch.no_grad():
        assert torch.equal(unrolled(matrix)(values), values @ matrix)


@pytest.mark.parametrize("axes", [(), (2,)])
def test_products_are_of_the_type_of_autocast_and_gradients_of_the_weights(
    axes: tuple[int, ...],
) -> None:
    matrix = torch.randn(*axes, 8, 6, requires_grad=True)
    values = torch.randn(*axes, 5, 8, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        found = unrolled(matrix)(values)
    assert found.dtype == torch.bfloat16
    grads = torch.autograd.grad(found.sum(), [matrix, values])
    plain = torch.autograd.grad((values @ matrix).sum(), [matrix, values])
    assert [grad.dtype for grad in grads] == [torch.float32, torch.float32]
    torch.testing.assert_close(grads, plain, rtol=0.02, atol=0.05)


def test_a_small_matrix_is_multiplied_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix, values = drawn(3, 2), drawn(4, 3)
    monkeypatch.setattr(unrolling, "SMALL", 7)
    assert type(unrolled(matrix)(values).grad_fn).__name__ == "MmBackward0"
    monkeypatch.setattr(unrolling, "SMALL", 6)
    assert type(unrolled(matrix)(values).grad_fn).__name__ == "OneStepBackward"
