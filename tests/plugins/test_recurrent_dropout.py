"""Dropout in front of, between and behind recurrent layers: its share, its scale, its places."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from seqkit.stages import Upstream, Vectors
from seqkit_recurrent.dropout import StepDropout, scale
from seqkit_recurrent.stack import Stack
from seqkit_recurrent.textbook import bilstm, lstm
from seqkit_recurrent.units import gru


@pytest.mark.parametrize("locked", [False, True])
def test_the_rate_is_the_share_that_is_dropped_and_the_mean_stays(locked: bool) -> None:
    torch.manual_seed(1)
    values = StepDropout(0.3, locked=locked)(torch.ones(4, 100, 200))
    assert (values == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)
    assert values.mean().item() == pytest.approx(1.0, abs=0.02)
    torch.testing.assert_close(values.max(), torch.tensor(1 / 0.7))


def test_a_locked_mask_is_the_same_at_all_steps_of_a_row_and_differs_between_rows() -> None:
    values = StepDropout(0.5, locked=True)(torch.ones(6, 3, 40))
    assert (values == values[0]).all()
    assert not torch.equal(values[0, 0], values[0, 1])


def test_a_mask_that_is_not_locked_differs_between_steps() -> None:
    values = StepDropout(0.5, locked=False)(torch.ones(6, 3, 40))
    assert not torch.equal(values[0], values[1])


@pytest.mark.parametrize("locked", [False, True])
@pytest.mark.parametrize(("rate", "training"), [(0.0, True), (0.5, False)])
def test_nothing_is_dropped_at_rate_zero_or_when_predicting(
    locked: bool, rate: float, training: bool
) -> None:
    values = torch.randn(3, 2, 4)
    assert torch.equal(StepDropout(rate, locked=locked).train(training)(values), values)


def test_what_is_drawn_below_the_rate_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    draws = torch.tensor([0.0, 0.19, 0.2, 0.99])
    monkeypatch.setattr(torch, "rand", lambda shape, device: draws.view(shape))
    found = scale((4,), 0.2, torch.ones(1, dtype=torch.float64))
    torch.testing.assert_close(found, torch.tensor([0, 0, 1.25, 1.25], dtype=torch.float64))


@pytest.mark.parametrize("locked", [False, True])
def test_dropout_strikes_every_layer_but_neither_padding_nor_state(locked: bool) -> None:
    torch.manual_seed(2)
    encoder = made(bilstm, width=400, dropout=0.5, locked=locked)
    vectors = Vectors(torch.randn(2, 6, 5), torch.tensor([6, 3]))
    dropped, whole = encoder(vectors), encoder.eval()(vectors)
    assert not dropped.values[1, 3:].any()
    assert (dropped.values[0] == 0).float().mean().item() == pytest.approx(0.5, abs=0.1)
    kept = dropped.values != 0
    torch.testing.assert_close(dropped.values[kept], 2 * whole.values[kept])
    torch.testing.assert_close(dropped.state[0], whole.state[0])

    deep = made(bilstm, width=40, layers=2, dropout=0.5, locked=locked)
    again = [deep(vectors).state[0] for _ in range(2)]
    assert torch.equal(again[0][:, 0], again[1][:, 0])
    assert not torch.equal(again[0][:, 1], again[1][:, 1])


def made(factory: Callable[..., Any], **settings: Any) -> Stack:
    """An encoder of vectors of width 5, in training."""
    stack: Stack = factory(Upstream(width=5), **settings)
    return stack


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("locked", [False, True])
@pytest.mark.parametrize(
    "rates",
    [
        {"input_dropout": 0.3},
        {"dropout": 0.4},
        {"dropout": 0.4, "output_dropout": 0.0},
        {"output_dropout": 0.2},
        {"input_dropout": 0.3, "dropout": 0.4, "output_dropout": 0.2},
    ],
    ids=str,
)
def test_each_dropout_has_its_place(
    rates: dict[str, float], locked: bool, residual: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = rates | {"locked": locked, "residual": residual}
    stack = made(gru, width=5, layers=3, **settings)
    alone = [made(gru, width=5) for _ in range(3)]
    for one, layer in zip(alone, stack.layers, strict=True):
        one.layers[0].load_state_dict(layer.state_dict())
    vectors = Vectors(torch.randn(2, 4, 5), torch.tensor([4, 3]))
    vectors.values[1, 3:] = 0
    draws: list[Tensor] = []
    draw = torch.rand

    def drawn(shape: Sequence[int], device: object) -> Tensor:
        draws.append(draw(tuple(shape)))
        return draws[-1]

    monkeypatch.setattr(torch, "rand", drawn)
    found = stack(vectors)

    def dropped(values: Tensor, rate: float) -> Tensor:
        if not rate:
            return values
        kept = draws.pop(0) >= rate
        assert kept.shape == ((2, 5) if locked else (4, 2, 5))
        kept = kept.unsqueeze(0) if locked else kept
        return values * kept.transpose(0, 1) / (1 - rate)

    between = rates.get("dropout", 0.0)
    values = dropped(vectors.values, rates.get("input_dropout", 0.0))
    for depth, rate in enumerate([between, between, rates.get("output_dropout", between)]):
        output = dropped(alone[depth](Vectors(values, vectors.lengths)).values, rate)
        values = output + values if depth and residual else output
    assert not draws
    torch.testing.assert_close(found.values, values, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "settings",
    [{"zoneout": 0.5}, {"cell_zoneout": 0.5}, {"recurrent_dropout": 0.5}, {"weight_drop": 0.5}],
    ids=str,
)
def test_what_is_drawn_inside_a_layer_is_drawn_in_training_alone(settings: dict[str, Any]) -> None:
    stack = made(lstm, width=8, **settings)
    vectors = Vectors(torch.randn(2, 6, 5), torch.tensor([6, 3]))
    one, other = stack(vectors).values, stack(vectors).values
    assert not torch.equal(one, other)
    stack.eval()
    one, other = stack(vectors).values, stack(vectors).values
    assert torch.equal(one, other)
    if "dropout" in str(settings) or "weight" in str(settings):  # zoneout gives a mix
        plain = made(lstm, width=8).eval()
        plain.load_state_dict(stack.state_dict())
        torch.testing.assert_close(one, plain(vectors).values)


@pytest.mark.parametrize(
    "settings",
    [{"input_dropout": 0.5, "locked": True}, {"dropout": 0.5, "locked": True}],
    ids=str,
)
def test_a_mask_of_a_text_is_the_same_in_all_its_windows(settings: dict[str, Any]) -> None:
    stack = made(lstm, width=8, window=2, **settings)
    vectors, found = Vectors(torch.randn(2, 6, 5), torch.tensor([6, 3])), []
    for window in (2, None):
        torch.manual_seed(3)
        stack.window = window
        found.append(stack(vectors).values)
    torch.testing.assert_close(found[0], found[1])
