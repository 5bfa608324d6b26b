"""Units without cells against the papers' equations, one row and step at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from seqkit_recurrent.gated import Kind, Units
from seqkit_recurrent.rows import Rows

INPUTS, WIDTH = 3, 4
KINDS: list[Kind] = ["gru", "rnn"]
RAGGED, EVEN = [5, 0, 3, 1], [3, 3]


def made(kind: Kind, weight_drop: float = 0.0, width: int = WIDTH) -> Units:
    """A layer in float64 of which every weight is random."""
    torch.manual_seed(1)
    layer = Units(kind, INPUTS, width, weight_drop=weight_drop).double()
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.6)
    return layer


def batch(lengths: Sequence[int], width: int = WIDTH) -> tuple[Tensor, Rows, Tensor]:
    """Time-major rows, padded one step further if they are ragged, and states to go on from."""
    time = max(lengths) + (lengths is not EVEN)
    values = torch.randn(time, len(lengths), INPUTS, dtype=torch.float64, requires_grad=True)
    hidden = torch.randn(len(lengths), width, dtype=torch.float64, requires_grad=True)
    return values, Rows(torch.tensor(lengths), time), hidden


def reference(
    layer: Units, row: Tensor, hidden: Tensor, scale: Tensor | float = 1.0, probe: Any = None
) -> tuple[list[Tensor], dict[str, list[Tensor]]]:
    """Hidden states after each step of one row, the first one before them, and the gates.

    Cho et al. 2014, equations 5 to 8, but the reset gate behind the recurrent product; Elman 1990.
    scale: of the recurrent weights.
    """
    kernel = dict(layer.kernel.named_parameters())
    count = 3 if layer.kind == "gru" else 1
    weights = kernel["weight_ih_l0"].chunk(count)
    recurrent = (kernel["weight_hh_l0"] * scale).chunk(count)
    bias, again = (kernel[name].chunk(count) for name in ("bias_ih_l0", "bias_hh_l0"))
    hiddens, gates = [hidden], dict[str, list[Tensor]]()
    for step, x in enumerate(row):
        h = hiddens[-1]
        new_x, new_h = weights[-1] @ x + bias[-1], recurrent[-1] @ h + again[-1]
        if layer.kind == "gru":
            reset, update = (
                torch.sigmoid(weights[i] @ x + bias[i] + recurrent[i] @ h + again[i])
                for i in range(2)
            )
            output = (1 - update) * torch.tanh(new_x + reset * new_h) + update * h
            for name, gate in (("reset gate", reset), ("update gate", update)):
                gates.setdefault(name, []).append(gate)
        else:
            output = torch.tanh(new_x + new_h)
        hiddens.append(output if probe is None else output + probe[step])
    return hiddens, gates


def compare(ours: Sequence[Tensor], theirs: Sequence[Tensor], inputs: Sequence[Tensor]) -> None:
    """Compares tensors, and the gradients of one weighted sum of all of them."""
    weights = [torch.randn_like(one) for one in ours]
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)
    found = torch.autograd.grad(ours, inputs, weights, retain_graph=True)
    for one, other in zip(found, torch.autograd.grad(theirs, inputs, weights), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


@pytest.mark.parametrize("weight_drop", [0.0, 0.4])
@pytest.mark.parametrize("lengths", [RAGGED, EVEN])
@pytest.mark.parametrize("kind", KINDS)
def test_values_states_and_gradients_equal_the_equations(
    kind: Kind, lengths: list[int], weight_drop: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = made(kind, weight_drop)
    values, rows, hidden = batch(lengths)
    draw = torch.rand(layer.kernel.get_parameter("weight_hh_l0").shape)
    monkeypatch.setattr(torch, "rand", lambda shape, device: draw if shape == draw.shape else None)
    scale = (draw >= weight_drop).double() / (1 - weight_drop)
    output, (end,) = layer.forward(values, rows, (hidden,), True)
    ours, theirs = [], []
    for row, length in enumerate(lengths):
        hiddens, _ = reference(layer, values[:length, row], hidden[row], scale)
        ours += [*output[:length, row], end[row]]
        theirs += [*hiddens[1:], hiddens[-1]]
    compare(ours, theirs, [values, hidden, *layer.parameters()])


def test_all_weights_are_there_when_predicting() -> None:
    dropped, whole = (made("gru", rate).eval() for rate in (0.5, 0.0))
    values, rows, hidden = batch(RAGGED)
    one, other = (layer.forward(values, rows, (hidden,), True) for layer in (dropped, whole))
    assert torch.equal(one[0], other[0])
    again = dropped.train().forward(values, rows, (hidden,), True)
    assert not torch.isclose(one[0][0], again[0][0]).any()


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_the_explicit_steps_pass_gradcheck(kind: Kind) -> None:
    layer = made(kind, width=2)
    values, rows, hidden = batch([2, 1], width=2)
    names, weights = zip(*layer.named_parameters(), strict=True)
    probe = torch.zeros(rows.time, 2, 2, dtype=torch.float64, requires_grad=True)

    class Seen(nn.Module):
        """Calls observe where functional_call calls forward."""

        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, values: Tensor, hidden: Tensor, probe: Tensor) -> tuple[Tensor, ...]:
            output, end, _ = self.layer.observe(values, rows, (hidden,), probe)
            return output.where(rows.mask, 0.0), *end

    def run(values: Tensor, hidden: Tensor, probe: Tensor, *weights: Tensor) -> Any:
        given = {f"layer.{name}": one for name, one in zip(names, weights, strict=True)}
        return functional_call(Seen(), given, (values, hidden, probe))

    assert torch.autograd.gradcheck(run, (values, hidden, probe, *weights))


def series_of(
    kind: Kind, hiddens: Sequence[Tensor], gates: Mapping[str, Sequence[Tensor]]
) -> dict[str, list[float]]:
    """The numbers of each step, counted unit by unit."""
    steps = [hidden.tolist() for hidden in hiddens[1:]]
    found = {"hidden norm": [math.sqrt(sum(unit**2 for unit in step)) for step in steps]}
    if kind == "rnn":
        found["saturated"] = [sum(abs(unit) > 0.9 for unit in step) / len(step) for step in steps]
    for name, values in gates.items():
        units = [gate.tolist() for gate in values]
        found[name] = [sum(step) / len(step) for step in units]
        found[f"{name} shut"] = [sum(unit < 0.1 for unit in step) / len(step) for step in units]
        found[f"{name} open"] = [sum(unit > 0.9 for unit in step) / len(step) for step in units]
        if name == "update gate":  # what is kept of the hidden state
            kept = [sum(map(math.log, step)) / len(step) for step in units]
            found["half-life"] = [math.log(0.5) / each for each in kept]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_the_series_and_the_probe_are_those_of_the_equations(kind: Kind) -> None:
    layer = made(kind)
    values, rows, hidden = batch(RAGGED)
    probe = torch.zeros(rows.time, len(RAGGED), WIDTH, dtype=torch.float64, requires_grad=True)
    output, (end,), series = layer.observe(values, rows, (hidden,), probe)
    ours, theirs = [], []
    for row, length in enumerate(RAGGED):
        hiddens, gates = reference(layer, values[:length, row], hidden[row], probe=probe[:, row])
        expected = series_of(kind, hiddens, gates)
        if length:
            assert set(series) == set(expected)
            for key, numbers in expected.items():
                assert series[key][:length, row].tolist() == pytest.approx(numbers, abs=1e-10)
        ours += [*output[:length, row], end[row]]
        theirs += [*hiddens[1:], hiddens[-1]]
    compare(ours, theirs, [values, hidden, probe, *layer.parameters()])


@pytest.mark.parametrize("kind", KINDS)
def test_initial_weights_are_orthogonal_gate_by_gate_and_biases_zero(kind: Kind) -> None:
    kernel = dict(Units(kind, INPUTS, 8).kernel.named_parameters())
    gates = 3 if kind == "gru" else 1
    assert kernel["weight_hh_l0"].shape == (8 * gates, 8)
    for gate in kernel["weight_hh_l0"].chunk(gates):
        torch.testing.assert_close(gate @ gate.T, torch.eye(8), rtol=0, atol=1e-5)
    for gate in kernel["weight_ih_l0"].chunk(gates):
        assert 0.0 < gate.abs().max() <= (6 / (INPUTS + 8)) ** 0.5
    assert not kernel["bias_ih_l0"].any()
    assert not kernel["bias_hh_l0"].any()
