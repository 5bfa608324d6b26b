"""The layer of quantiles, which never cross, and the pinball loss."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit_series.quantiles import Levels, pinball

LEVELS = (0.1, 0.25, 0.5, 0.9)
BEGIN = np.array([[-1.2, -0.7, 0.1, 1.4], [-1.0, -1.0, 0.0, 3.0]])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), size=st.sampled_from([0.1, 10.0, 1e4]))
def test_quantiles_are_in_order_whatever_the_weights_are(seed: int, size: float) -> None:
    layer = Levels(3, 2, LEVELS, BEGIN)
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weights in layer.parameters():
            weights.copy_(size * torch.randn(weights.shape, generator=draw))
        found = layer(torch.randn(5, 3, generator=draw))
    assert found.shape == (5, 2, 4)
    assert (found.diff(dim=2) >= 0).all()


def test_they_begin_as_those_of_training() -> None:
    found = Levels(3, 2, LEVELS, BEGIN)(torch.randn(1, 3))[0].detach().numpy()
    np.testing.assert_allclose(found[0], BEGIN[0], atol=1e-5)
    np.testing.assert_allclose(found[1], [-1.001, -1.0, 0.0, 3.0], atol=1e-5)


def test_without_levels_it_is_a_linear_layer() -> None:
    layer = Levels(3, 2, (), np.zeros((2, 1)))
    vectors = torch.randn(4, 3)
    torch.nn.init.normal_(layer.linear.weight)
    assert torch.equal(layer(vectors)[:, :, 0], layer.linear(vectors))


def test_the_loss_is_that_of_koenker_and_bassett() -> None:
    found = torch.tensor([[[1.0, 2.0]]])
    for target, wanted in ((3.0, (0.1 * 2 + 0.8 * 1) / 2), (0.0, (0.9 * 1 + 0.2 * 2) / 2)):
        loss = pinball(found, torch.tensor([[target]]), (0.1, 0.8))
        assert loss.item() == pytest.approx(wanted)


def test_the_constant_with_the_least_loss_is_the_quantile() -> None:
    target = torch.from_numpy(np.random.default_rng(1).normal(size=2000)).float()[:, None]
    grid = torch.linspace(-2, 2, 401)
    for level in (0.1, 0.5, 0.9):
        losses = [float(pinball(one.expand(2000, 1, 1), target, (level,)).mean()) for one in grid]
        best = float(grid[int(np.argmin(losses))])
        assert best == pytest.approx(float(target.quantile(level)), abs=0.03)
