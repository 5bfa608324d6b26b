"""Dropout between recurrent layers: its share, its scale, and what it leaves alone."""

from __future__ import annotations

import pytest
import torch

from seqkit.stages import Vectors
from seqkit_recurrent.dropout import StepDropout
from seqkit_recurrent.lstm import BiLSTM


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


@pytest.mark.parametrize("locked", [False, True])
def test_dropout_strikes_every_layer_but_neither_padding_nor_state(locked: bool) -> None:
    torch.manual_seed(2)
    encoder = BiLSTM(5, width=400, dropout=0.5, locked=locked)
    vectors = Vectors(torch.randn(2, 6, 5), torch.tensor([6, 3]))
    dropped, whole = encoder(vectors), encoder.eval()(vectors)
    assert dropped.state is not None
    assert whole.state is not None
    assert not dropped.values[1, 3:].any()
    assert (dropped.values[0] == 0).float().mean().item() == pytest.approx(0.5, abs=0.1)
    kept = dropped.values != 0
    torch.testing.assert_close(dropped.values[kept], 2 * whole.values[kept])
    torch.testing.assert_close(dropped.state[0], whole.state[0])

    deep = BiLSTM(5, width=40, layers=2, dropout=0.5, locked=locked)
    again = [deep(vectors).state[0] for _ in range(2)]
    assert torch.equal(again[0][:, 0], again[1][:, 0])
    assert not torch.equal(again[0][:, 1], again[1][:, 1])
