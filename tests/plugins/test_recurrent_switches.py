"""What the LSTM's switches do to a layer before training, and which of them need explicit steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqkit.stages import Upstream, Vectors
from seqkit_recurrent.memory_cell import MemoryCells
from seqkit_recurrent.stack import Stack
from seqkit_recurrent.switches import Switches
from seqkit_recurrent.textbook import bilstm, lstm
from seqkit_recurrent.units import bigru, gru, rnn

INPUTS, WIDTH = 5, 8
FUSED: list[dict[str, Any]] = [
    {},
    {"coupled": True},
    {"forget_gate": False},
    {"forget_bias": 2.0},
    {"chrono": 20},
    {"weight_drop": 0.5},
    {"weight_drop": 0.5, "coupled": True, "chrono": 20, "cells": 10},
    {"learned_state": True},
    {"cells": 10},
]
EXPLICIT: list[dict[str, Any]] = [
    {"peephole": True},
    {"layer_norm": True},
    {"zoneout": 0.1},
    {"cell_zoneout": 0.1},
    {"recurrent_dropout": 0.1},
    {"peephole": True, "coupled": True, "weight_drop": 0.5, "cells": 10},
]


def called(value: Any) -> str:
    """A short name of a case."""
    return getattr(value, "__name__", None) or str(value)


def batch() -> Vectors:
    """Two ragged rows and one without a step."""
    values = torch.randn(3, 4, INPUTS)
    values[1, 2:], values[2] = 0, 0
    return Vectors(values, torch.tensor([4, 2, 0]))


def gates(layer: MemoryCells, kind: str) -> list[list[float]]:
    """The biases of one kind, gate by gate."""
    bias = layer.kernel.get_parameter(f"{kind}_l0")
    return [gate.tolist() for gate in bias.chunk(layer.gates)]


@pytest.mark.filterwarnings(
    "ignore:LSTM with projections:UserWarning"  # torch says once that oneDNN has no kernel
)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("factory", [lstm, bilstm])
@pytest.mark.parametrize(
    ("settings", "explicit"),
    [*((one, False) for one in FUSED), *((one, True) for one in EXPLICIT)],
    ids=str,
)
def test_only_switches_that_no_fused_kernel_knows_are_taken_step_by_step(
    settings: dict[str, Any],
    explicit: bool,
    factory: Callable[..., Any],
    training: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[MemoryCells] = []
    steps = MemoryCells.explicit

    def counted(layer: MemoryCells, *given: Any) -> Any:
        calls.append(layer)
        return steps(layer, *given)

    monkeypatch.setattr(MemoryCells, "explicit", counted)
    encoder = factory(Upstream(width=INPUTS), width=WIDTH, layers=2, **settings).train(training)
    encoder(batch())
    layers = [layer for layer in encoder.modules() if isinstance(layer, MemoryCells)]
    assert len(layers) == (2 if factory is lstm else 4)
    assert calls == (layers if explicit else [])


def test_initial_weights_are_orthogonal_and_the_forget_gate_is_open() -> None:
    layer = MemoryCells(INPUTS, WIDTH, Switches(cells=12, peephole=True))
    kernel = dict(layer.kernel.named_parameters())
    for gate in kernel["weight_hh_l0"].chunk(4):
        torch.testing.assert_close(gate.T @ gate, torch.eye(WIDTH), rtol=0, atol=1e-5)
    for gate in kernel["weight_ih_l0"].chunk(4):
        assert 0.0 < gate.abs().max() <= (6 / (INPUTS + 12)) ** 0.5
    assert 0.0 < kernel["weight_hr_l0"].abs().max() <= (6 / (WIDTH + 12)) ** 0.5
    assert gates(layer, "bias_ih") == [[0.0] * 12, [1.0] * 12, [0.0] * 12, [0.0] * 12]
    assert gates(layer, "bias_hh") == [[0.0] * 12] * 4
    assert layer.peepholes is not None
    assert layer.peepholes.shape == (3, 12)
    assert not layer.peepholes.any()


@pytest.mark.parametrize("changed", [{"coupled": True}, {"forget_gate": False}])
def test_a_cell_without_a_forget_gate_of_its_own_has_three_gates_of_weights(
    changed: dict[str, Any],
) -> None:
    layer = MemoryCells(INPUTS, WIDTH, Switches(peephole=True, **changed))
    shapes = {name: tuple(weight.shape) for name, weight in layer.named_parameters()}
    assert shapes == {
        "peepholes": (2, WIDTH),
        "kernel.weight_ih_l0": (3 * WIDTH, INPUTS),
        "kernel.weight_hh_l0": (3 * WIDTH, WIDTH),
        "kernel.bias_ih_l0": (3 * WIDTH,),
    }
    for gate in layer.kernel.get_parameter("weight_hh_l0").chunk(3):
        torch.testing.assert_close(gate @ gate.T, torch.eye(WIDTH), rtol=0, atol=1e-5)
    assert gates(layer, "bias_ih") == [[0.0] * WIDTH] * 3


def test_the_forget_gate_starts_with_its_bias() -> None:
    layer = MemoryCells(INPUTS, 2, Switches(forget_bias=2.5))
    assert gates(layer, "bias_ih") == [[0.0, 0.0], [2.5, 2.5], [0.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize("coupled", [False, True])
def test_chrono_draws_forget_biases_and_input_biases_are_exactly_minus_them(coupled: bool) -> None:
    torch.manual_seed(1)
    layer = MemoryCells(1, 200, Switches(chrono=50, coupled=coupled))
    enter, *others = gates(layer, "bias_ih")
    if not coupled:  # else the forget gate is the turned input gate, and so is its bias
        assert others.pop(0) == [-bias for bias in enter]
    assert not any(bias for gate in others for bias in gate)
    for name, bias in layer.kernel.named_parameters():
        assert name != "bias_hh_l0" or not bias.any()
    memories = [-bias for bias in enter]
    assert all(0.0 <= bias <= math.log(49) for bias in memories)
    assert sum(map(math.exp, memories)) / 200 == pytest.approx(25, rel=0.1)  # 1 to 49


@pytest.mark.parametrize("factory", [gru, bigru])
def test_chrono_draws_the_biases_of_the_gate_that_keeps_in_a_gru(
    factory: Callable[..., Any],
) -> None:
    torch.manual_seed(1)
    stack: Stack = factory(Upstream(width=1), width=200, chrono=50)
    for layer in stack.modules():
        if isinstance(layer, nn.GRU):
            reset, update, new = layer.get_parameter("bias_ih_l0").chunk(3)
            assert not any(one.any() for one in (reset, new, layer.get_parameter("bias_hh_l0")))
            assert 0.0 <= update.min() <= update.max() <= math.log(49)
            assert update.exp().mean().item() == pytest.approx(25, rel=0.15)


def test_the_draw_of_chrono_is_that_of_the_seed() -> None:
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(gates(MemoryCells(1, 4, Switches(chrono=9)), "bias_ih"))
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(
    ("factory", "settings"),
    [
        (rnn, {}),
        (gru, {}),
        (bigru, {}),
        (lstm, {"cells": 10}),
        (lstm, {"peephole": True}),
        (bilstm, {"forget_gate": False}),
    ],
    ids=called,
)
@pytest.mark.filterwarnings(
    "ignore:LSTM with projections:UserWarning"  # torch says once that oneDNN has no kernel
)
def test_a_learned_state_is_where_every_row_starts(
    factory: Callable[..., Any], settings: dict[str, Any]
) -> None:
    stack: Stack = factory(Upstream(width=INPUTS), width=WIDTH, learned_state=True, **settings)
    plain: Stack = factory(Upstream(width=INPUTS), width=WIDTH, **settings)
    plain.load_state_dict(
        {name: value for name, value in stack.state_dict().items() if ".first_" not in name}
    )
    vectors = batch()
    torch.testing.assert_close(stack(vectors).values, plain(vectors).values)  # at first it is zero
    learned = {name: part for name, part in stack.named_parameters() if ".first_" in name}
    assert len(learned) == (2 if "lstm" in factory.__name__ else 1) * len(stack.directions[0])
    for part in learned.values():
        nn.init.normal_(part)
    found = stack(vectors)
    hidden: list[Tensor] = [part for name, part in learned.items() if name.endswith("first_hidden")]
    torch.testing.assert_close(found.state[0][2, 0], torch.cat(hidden))
    if stack.causal:
        state = tuple(part.expand(3, 1, -1) for part in learned.values())
        torch.testing.assert_close(found.values, plain(vectors, state).values)
        assert [part[2, 0].tolist() for part in found.state] == [
            part.tolist() for part in learned.values()
        ]
    gradients: list[Tensor] = list(
        torch.autograd.grad(found.values.sum(), list(learned.values()), retain_graph=True)
    )
    gradients += torch.autograd.grad(found.state[0][2].sum(), hidden)
    assert all(gradient.any() for gradient in gradients)
