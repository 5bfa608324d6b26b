"""The cross-entropy of a linear layer, a few rows at a time."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from seqkit import cross_entropy
from seqkit.cross_entropy import linear_cross_entropy

Layer = tuple[Tensor, Tensor, Tensor]


def drawn(rows: int, labels: int, dtype: torch.dtype = torch.float64) -> tuple[Layer, Tensor]:
    """Vectors, weights and biases that learn, and labels."""
    shapes = (rows, 3), (labels, 3), (labels,)
    vectors, weights, bias = (
        torch.randn(shape, dtype=dtype, requires_grad=True) for shape in shapes
    )
    return (vectors, weights, bias), torch.randint(labels, (rows,))


def reference(layer: Layer, wanted: Tensor, smoothing: float = 0.0) -> Tensor:
    """What torch gives."""
    scores = F.linear(*layer)
    return F.cross_entropy(scores, wanted, reduction="sum", label_smoothing=smoothing)


@pytest.fixture(params=[(2**22, 2**18), (12, 5), (1, 1)], ids=["whole", "blocks", "rows"])
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several sizes of what is in memory at a time."""
    monkeypatch.setattr(cross_entropy, "SCORES", request.param[0])
    monkeypatch.setattr(cross_entropy, "CACHED", request.param[1])


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("rows", [0, 1, 7])
def test_loss_and_gradients_are_those_of_torch(rows: int, smoothing: float) -> None:
    layer, wanted = drawn(rows, 4)
    plain, found = (
        fn(*args)
        for fn, args in (
            (reference, (layer, wanted, smoothing)),
            (linear_cross_entropy, (*layer, wanted, smoothing)),
        )
    )
    torch.testing.assert_close(found, plain)
    torch.testing.assert_close(
        torch.autograd.grad(3.0 * found, layer), torch.autograd.grad(3.0 * plain, layer)
    )


@settings(deadline=None)  # the first call is slow
@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from([0.0, 0.3, 1.0]))
def test_any_number_of_labels_will_do(rows: int, labels: int, smoothing: float) -> None:
    layer, wanted = drawn(rows, labels)
    found, plain = (
        linear_cross_entropy(*layer, wanted, smoothing),
        reference(layer, wanted, smoothing),
    )
    torch.testing.assert_close(found, plain)
    torch.testing.assert_close(torch.autograd.grad(found, layer), torch.autograd.grad(plain, layer))


@pytest.mark.parametrize("rows", [0, 5])
@pytest.mark.usefixtures("blocks")
def test_labels_may_be_some_rows_of_the_weights(rows: int) -> None:
    (vectors, table, bias), wanted = drawn(rows, 6)
    own = slice(1, 5)
    wanted = wanted.clamp(max=3)
    found = linear_cross_entropy(vectors, table, bias[own], wanted, first=1)
    plain = linear_cross_entropy(vectors, table[own], bias[own], wanted)
    torch.testing.assert_close(found, plain)
    layer = vectors, table, bias
    torch.testing.assert_close(torch.autograd.grad(found, layer), torch.autograd.grad(plain, layer))


@pytest.mark.parametrize("width", [1, 31, 32, 40])
def test_any_width_will_do_in_bf16(width: int) -> None:
    torch.manual_seed(1)
    vectors, weights = (torch.randn(size, width, requires_grad=True) for size in (9, 7))
    layer = vectors, weights, torch.randn(7, requires_grad=True)
    wanted = torch.arange(9) % 7
    with torch.autocast("cpu", torch.bfloat16):
        found = linear_cross_entropy(*layer, wanted)
    plain = linear_cross_entropy(*layer, wanted)
    grads, wanted_grads = torch.autograd.grad(found, layer), torch.autograd.grad(plain, layer)
    assert [grad.shape for grad in grads] == [part.shape for part in layer]
    torch.testing.assert_close(grads, wanted_grads, rtol=0.05, atol=0.1)


def test_scores_far_apart_stay_finite() -> None:
    weights = torch.tensor([[1e4], [-1e4]], requires_grad=True)
    vectors, bias = torch.ones(1, 1, requires_grad=True), torch.zeros(2, requires_grad=True)
    loss = linear_cross_entropy(vectors, weights, bias, torch.tensor([1]))
    assert loss.item() == pytest.approx(2e4)
    (grad,) = torch.autograd.grad(loss, weights)
    assert grad.tolist() == [[1.0], [-1.0]]


def test_large_scores_do_not_blur_a_small_loss() -> None:
    vectors, bias = torch.full((40, 1), 1e3), torch.zeros(2)
    weights = torch.tensor([[10.0], [9.993]])
    exact = reference((vectors.double(), weights.double(), bias.double()), torch.zeros(40).long())
    found = linear_cross_entropy(vectors, weights, bias, torch.zeros(40).long())
    assert found.item() == pytest.approx(exact.item(), rel=2e-3)


def test_without_gradients_the_loss_is_the_same() -> None:
    layer, wanted = drawn(5, 4)
    with torch.no_grad():
        found = linear_cross_entropy(*layer, wanted)
    assert not found.requires_grad
    torch.testing.assert_close(found, reference(layer, wanted).detach())


def test_products_are_of_the_type_of_autocast_and_the_loss_is_not() -> None:
    layer, wanted = drawn(40, 6, torch.float32)
    plain = reference(layer, wanted)
    with torch.autocast("cpu", torch.bfloat16):
        found = linear_cross_entropy(*layer, wanted)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, plain, rtol=0.01, atol=0.0)
    grads, wanted_grads = torch.autograd.grad(found, layer), torch.autograd.grad(plain, layer)
    assert {grad.dtype for grad in grads} == {torch.float32}
    torch.testing.assert_close(grads, wanted_grads, rtol=0.05, atol=0.1)


def test_even_scores_cost_the_logarithm_of_how_many_there_are() -> None:
    layer = torch.zeros(2, 3), torch.zeros(8, 3), torch.zeros(8)
    loss = linear_cross_entropy(*layer, torch.tensor([0, 7]), 0.2)
    assert loss.item() == pytest.approx(2 * math.log(8))


def test_a_second_back_propagation_is_refused() -> None:
    layer, wanted = drawn(2, 4)
    loss = linear_cross_entropy(*layer, wanted)
    torch.autograd.grad(loss, layer, retain_graph=True)
    with pytest.raises(RuntimeError, match="back-propagate through it once"):
        torch.autograd.grad(loss, layer)
