"""The LSTM's cell, switch by switch, against the papers' equations, one row and step at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from seqkit_recurrent.memory_cell import MemoryCells
from seqkit_recurrent.rows import Rows
from seqkit_recurrent.switches import Switches

pytestmark = pytest.mark.filterwarnings(
    "ignore:LSTM with projections:UserWarning"  # torch says once that oneDNN has no kernel
)

INPUTS, WIDTH = 3, 4
RAGGED, EVEN = [5, 0, 3, 1], [3, 3]
FUSED = {
    "plain": Switches(),
    "coupled": Switches(coupled=True),
    "of 1997": Switches(forget_gate=False),
    "projected": Switches(cells=6),
    "coupled, projected": Switches(coupled=True, cells=6),
    "of 1997, projected": Switches(forget_gate=False, cells=6),
}
EXPLICIT = {
    "peephole": Switches(peephole=True),
    "peephole, coupled": Switches(peephole=True, coupled=True),
    "peephole, of 1997": Switches(peephole=True, forget_gate=False),
    "normalised": Switches(layer_norm=True),
    "zoneout": Switches(zoneout=0.3),
    "cell zoneout": Switches(cell_zoneout=0.2),
    "many": Switches(6, peephole=True, layer_norm=True, zoneout=0.3, cell_zoneout=0.2),
    "many, coupled": Switches(6, coupled=True, peephole=True, layer_norm=True, zoneout=0.3),
}
ALL = FUSED | EXPLICIT
Share = Tensor | float


@dataclass(frozen=True)
class Noise:
    """What is drawn for a row: scales, and for each step the shares that stay as they were."""

    hidden: Sequence[Share]
    cells: Sequence[Share]
    weights: Share = 1.0
    locked: Share = 1.0


@dataclass(frozen=True)
class Trace:
    """What the equations give for one row, step by step; the states begin with the first one."""

    hidden: list[Tensor]
    cells: list[Tensor]
    gates: dict[str, list[Tensor]]


def made(switches: Switches, inputs: int = INPUTS, width: int = WIDTH) -> MemoryCells:
    """A layer in float64 of which every weight is random, as it predicts."""
    torch.manual_seed(1)
    layer = MemoryCells(inputs, width, switches).double().eval()
    for parameter in layer.parameters():
        nn.init.normal_(parameter, std=0.6)
    return layer


def batch(layer: MemoryCells, lengths: Sequence[int]) -> tuple[Tensor, Rows, tuple[Tensor, Tensor]]:
    """Time-major rows, padded one step further if they are ragged, and states to go on from."""
    time = max(lengths) + (lengths is not EVEN)
    inputs = layer.kernel.get_parameter("weight_ih_l0").shape[1]
    shapes = (time, len(lengths), inputs), (len(lengths), layer.width), (len(lengths), layer.cells)
    drawn = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    return drawn[0], Rows(torch.tensor(lengths), time), (drawn[1], drawn[2])


def normalised(values: Tensor, norm: nn.LayerNorm) -> Tensor:
    """Layer normalisation (Ba et al. 2016, equation 4)."""
    mean = values.sum() / len(values)
    variance = ((values - mean) ** 2).sum() / len(values)
    found = norm.weight * (values - mean) / (variance + 1e-5).sqrt()
    return found + norm.bias if norm.bias is not None else found


def reference(
    layer: MemoryCells,
    row: Tensor,
    first: Sequence[Tensor],
    noise: Noise | None = None,
    probe: Tensor | None = None,
) -> Trace:
    """The cell of Gers & Schmidhuber 2000, normalised as in Ba et al. 2016 (equations 20 to 22).

    Zoneout is that of Krueger et al. 2017 (equations 4 and 5), where a share of 1 stays.
    """
    switches = layer.switches
    noise = noise or Noise([switches.zoneout] * len(row), [switches.cell_zoneout] * len(row))
    kernel = {name.removesuffix("_l0"): part for name, part in layer.kernel.named_parameters()}
    bias = kernel["bias_ih"] + kernel.get("bias_hh", 0.0)
    order = "ifgo" if switches.forget_gate and not switches.coupled else "igo"
    peepholes: dict[str, Tensor] = {}
    if switches.peephole:
        peepholes = dict(zip(order.replace("g", ""), cast("Tensor", layer.peepholes), strict=True))
    trace = Trace([first[0]], [first[1]], {})
    for step, x in enumerate(row):
        h, c = trace.hidden[-1], trace.cells[-1]
        entering = kernel["weight_ih"] @ x
        again = (kernel["weight_hh"] * noise.weights) @ (h * noise.locked)
        if switches.layer_norm:
            entering = normalised(entering, layer.norm_input)
            again = normalised(again, layer.norm_recurrent)
        drive = dict(zip(order, (entering + again + bias).chunk(len(order)), strict=True))
        gates = {"input gate": torch.sigmoid(drive["i"] + peepholes.get("i", 0.0) * c)}
        if switches.coupled:
            gates["forget gate"] = 1 - gates["input gate"]
        elif switches.forget_gate:
            gates["forget gate"] = torch.sigmoid(drive["f"] + peepholes.get("f", 0.0) * c)
        new = gates.get("forget gate", 1.0) * c + gates["input gate"] * torch.tanh(drive["g"])
        gates["output gate"] = torch.sigmoid(drive["o"] + peepholes.get("o", 0.0) * new)
        shown = normalised(new, layer.norm_cells) if switches.layer_norm else new
        out = gates["output gate"] * torch.tanh(shown)
        out = kernel["weight_hr"] @ out if "weight_hr" in kernel else out
        out = noise.hidden[step] * h + (1 - noise.hidden[step]) * out
        trace.hidden.append(out if probe is None else out + probe[step])
        trace.cells.append(noise.cells[step] * c + (1 - noise.cells[step]) * new)
        for name, gate in gates.items():
            trace.gates.setdefault(name, []).append(gate)
    return trace


def compare(ours: Sequence[Tensor], theirs: Sequence[Tensor], inputs: Sequence[Tensor]) -> None:
    """Compares tensors, and the gradients of one weighted sum of all of them."""
    weights = [torch.randn_like(one) for one in ours]
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)
    found = torch.autograd.grad(ours, inputs, weights, retain_graph=True)
    for one, other in zip(found, torch.autograd.grad(theirs, inputs, weights), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


def by_row(
    lengths: Sequence[int], output: Tensor, end: Sequence[Tensor], traces: Sequence[Trace]
) -> tuple[list[Tensor], list[Tensor]]:
    """Outputs of the real steps, last hidden states and cells: the layer's, and the equations'."""
    ours, theirs = [], []
    for row, (length, trace) in enumerate(zip(lengths, traces, strict=True)):
        ours += [*output[:length, row], *(part[row] for part in end)]
        theirs += [*trace.hidden[1:], *(trace.hidden[-1], trace.cells[-1])[: len(end)]]
    return ours, theirs


@pytest.mark.parametrize(("lengths", "carry"), [(RAGGED, True), (RAGGED, False), (EVEN, True)])
@pytest.mark.parametrize("name", ALL)
def test_values_states_and_gradients_equal_the_equations(
    name: str, lengths: list[int], carry: bool
) -> None:
    layer = made(ALL[name])
    values, rows, state = batch(layer, lengths)
    output, end = layer.forward(values, rows, state, carry)
    traces = [
        reference(layer, values[:length, row], [part[row] for part in state])
        for row, length in enumerate(lengths)
    ]
    end = end if carry else end[:1]
    compare(*by_row(lengths, output, end, traces), [values, *state, *layer.parameters()])


@pytest.mark.parametrize("name", FUSED)
def test_the_explicit_cell_gives_what_the_fused_kernel_gives(name: str) -> None:
    layer = made(FUSED[name])
    values, rows, state = batch(layer, RAGGED)
    output, end, _ = layer.explicit(values, rows, state)
    fused, fused_end = layer.forward(values, rows, state, True)
    real = rows.mask.expand_as(output)
    inputs = [values, *state, *layer.parameters()]
    compare([output[real], *end], [fused[real], *fused_end], inputs)


@pytest.mark.parametrize("name", ["plain", "coupled", "peephole", "normalised"])
def test_gradients_pass_gradcheck(name: str) -> None:
    layer = made(ALL[name], inputs=2, width=2)
    values, rows, state = batch(layer, [2, 1])
    names, weights = zip(*layer.named_parameters(), strict=True)

    def run(values: Tensor, hidden: Tensor, cells: Tensor, *weights: Tensor) -> Any:
        given = (values, rows, (hidden, cells), True)
        output, end = functional_call(layer, dict(zip(names, weights, strict=True)), given)
        return output.where(rows.mask, 0.0), *end

    assert torch.autograd.gradcheck(run, (values, *state, *weights))


@pytest.mark.parametrize(
    "changed",
    [
        {"zoneout": 0.4},
        {"cell_zoneout": 0.4},
        {"recurrent_dropout": 0.4},
        {"weight_drop": 0.4},
        {"weight_drop": 0.4, "coupled": True},
        {"weight_drop": 0.4, "forget_gate": False, "cells": 6},
        {"weight_drop": 0.4, "recurrent_dropout": 0.3, "zoneout": 0.5, "cell_zoneout": 0.2},
    ],
    ids=str,
)
@pytest.mark.parametrize("lengths", [RAGGED, EVEN])
def test_what_is_dropped_while_training_is_what_was_drawn(
    changed: dict[str, Any], lengths: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = made(Switches(**changed)).train()
    values, rows, state = batch(layer, lengths)
    draws: list[Tensor] = []
    draw = torch.rand

    def drawn(shape: Sequence[int], device: object = None) -> Tensor:
        draws.append(draw(tuple(shape)))
        return draws[-1]

    monkeypatch.setattr(torch, "rand", drawn)
    output, end = layer.forward(values, rows, state, True)
    traces = [
        reference(layer, values[:length, row], [part[row] for part in state], noise)
        for row, length in enumerate(lengths)
        for noise in [noise_of(layer.switches, draws, row, rows.time)]
    ]
    inputs = [values, *state, *layer.parameters()]
    compare(*by_row(lengths, output, end, traces), inputs)


def noise_of(switches: Switches, draws: Sequence[Tensor], row: int, time: int) -> Noise:
    """Uniform draws as a row feels them: weights once, hidden states once, units at every step."""
    left, scales, stay = list(draws), [], []
    for rate, place in ((switches.weight_drop, ...), (switches.recurrent_dropout, row)):
        kept = (left.pop(0)[place] >= rate).double() / (1 - rate) if rate else 1.0
        scales.append(kept)
    zoned = [rate for rate in (switches.zoneout, switches.cell_zoneout) if rate]
    assert len(left) == len(zoned) * time
    for rate in (switches.zoneout, switches.cell_zoneout):
        start = zoned.index(rate) if rate else 0
        steps = left[start :: len(zoned)] if rate else []
        stay.append([(one[row] < rate).double() for one in steps] or [torch.tensor(0.0)] * time)
    return Noise(stay[0], stay[1], *scales)


def series_of(trace: Trace) -> Mapping[str, list[float]]:
    """The numbers of each step, counted unit by unit."""
    found: dict[str, list[float]] = {}
    for name, steps in (("cell norm", trace.cells[1:]), ("hidden norm", trace.hidden[1:])):
        found[name] = [math.sqrt(sum(unit**2 for unit in step.tolist())) for step in steps]
    for name, gates in trace.gates.items():
        units = [gate.tolist() for gate in gates]
        found[name] = [sum(step) / len(step) for step in units]
        found[f"{name} shut"] = [sum(unit < 0.1 for unit in step) / len(step) for step in units]
        found[f"{name} open"] = [sum(unit > 0.9 for unit in step) / len(step) for step in units]
        if name == "forget gate":
            kept = [sum(map(math.log, step)) / len(step) for step in units]
            found["half-life"] = [math.log(0.5) / each for each in kept]
    return found


@pytest.mark.parametrize("name", ALL)
def test_the_series_and_the_probe_are_those_of_the_equations(name: str) -> None:
    layer = made(ALL[name])
    values, rows, state = batch(layer, RAGGED)
    probe = torch.zeros(rows.time, len(RAGGED), WIDTH, dtype=torch.float64, requires_grad=True)
    output, end, series = layer.observe(values, rows, state, probe)
    single, first = deepcopy(layer).float(), tuple(part.float() for part in state)
    rough, _, coarse = single.observe(values.float(), rows, first, probe.float())
    traces = []
    for row, length in enumerate(RAGGED):
        given = [part[row] for part in state]
        traces.append(reference(layer, values[:length, row], given, probe=probe[:, row]))
        for key, expected in series_of(traces[-1]).items():
            assert series[key][:length, row].tolist() == pytest.approx(expected, abs=1e-10)
            assert coarse[key][:length, row].tolist() == pytest.approx(expected, rel=1e-5, abs=1e-5)
        assert set(series) == set(coarse) == {*series_of(traces[0])}
    real = rows.mask.expand_as(output)
    torch.testing.assert_close(rough.double()[real], output[real], rtol=0, atol=1e-5)
    inputs = [values, *state, probe, *layer.parameters()]
    compare(*by_row(RAGGED, output, end, traces), inputs)
