"""Stacks of layers: what stands between them, windows, states, and what one sees inside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from seqkit import unrolling
from seqkit.abilities import Observable
from seqkit.errors import PluginError
from seqkit.stages import Encoder, Upstream, Vectors
from seqkit_recurrent import stack as stacks
from seqkit_recurrent.memory_cell import MemoryCells
from seqkit_recurrent.stack import Direction, Stack, same, ways_of
from seqkit_recurrent.textbook import bilstm, lstm
from seqkit_recurrent.units import bigru, gru, rnn

INPUTS, WIDTH = 5, 6
LENGTHS = [6, 0, 3, 1]
Factory = Callable[..., Any]
CONNECTED: list[tuple[Factory, dict[str, Any]]] = [
    (lstm, {"layers": 3}),
    (lstm, {"layers": 3, "residual": True}),
    (lstm, {"layers": 3, "highway": True}),
    (bilstm, {"layers": 3, "residual": True}),
    (bilstm, {"layers": 2, "highway": True}),
    (bilstm, {"layers": 3, "alternating": True}),
    (bilstm, {"layers": 3, "alternating": True, "residual": True}),
    (bilstm, {"layers": 2, "alternating": True, "highway": True}),
]


def called(value: Any) -> str:
    """A short name of a case."""
    return getattr(value, "__name__", None) or str(value)


def made(factory: Factory, width: int = WIDTH, **settings: Any) -> Stack:
    """An encoder in float64 of which every weight is random."""
    torch.manual_seed(1)
    stack: Stack = factory(Upstream(width=INPUTS), width=width, **settings).double()
    for parameter in stack.parameters():
        nn.init.normal_(parameter, std=0.5)
    return stack


def batch(lengths: Sequence[int] = LENGTHS) -> Vectors:
    """Random rows, zero past their lengths, with one step of padding even in the longest."""
    values = torch.randn(len(lengths), max(lengths) + 1, INPUTS, dtype=torch.float64)
    for row, length in enumerate(lengths):
        values[row, length:] = 0
    return Vectors(values.requires_grad_(), torch.tensor(lengths))


@dataclass(frozen=True)
class Unrolled:
    """One row by the equations: outputs, and by part all hidden states in the text's order."""

    values: list[Tensor]
    hidden: dict[str, list[Tensor]] = field(default_factory=dict)
    ends: list[list[Tensor]] = field(default_factory=list)


def unrolled(stack: Stack, row: Tensor, window: int | None = None) -> Unrolled:
    """LSTM layers, step by step; two directions side by side, connections from the second on.

    window: states are cut off from what gave them every so many steps. Connections: Wu et al. 2016
    (equation 6) and Srivastava et al. 2015 (equation 3, the carry gate 1 minus the other).
    """
    found = Unrolled(list(row))
    for depth, ways in enumerate(stack.directions):
        sides, read = [], list(found.values)
        layers = cast("Sequence[MemoryCells]", stack.layers[depth])
        for layer, way in zip(layers, ways, strict=True):
            weights, recurrent, bias, again = layer.kernel.parameters()
            h = c = row.new_zeros(len(recurrent) // 4, requires_grad=True)
            hidden = []
            for step, x in enumerate(read if way == "forward" else read[::-1]):
                if window and step and step % window == 0:
                    h, c = h.detach(), c.detach()
                i, f, g, o = (weights @ x + recurrent @ h + bias + again).chunk(4)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
                hidden.append(h)
            sides.append(hidden if way == "forward" else hidden[::-1])
            found.hidden[f"layer {depth + 1} {way}"] = sides[-1]
            found.ends.append([h, c])
        for step, x in enumerate(read):
            y = torch.cat([side[step] for side in sides])
            if depth and stack.highways:
                gate = cast("nn.Linear", stack.highways[depth - 1])
                transform = torch.sigmoid(gate.weight @ x + gate.bias)
                y = transform * y + (1 - transform) * x
            elif depth and stack.residual:
                y = y + x
            found.values[step] = y
    return found


def compare(ours: Sequence[Tensor], theirs: Sequence[Tensor], inputs: Sequence[Tensor]) -> None:
    """Compares tensors, and the gradients of one weighted sum of all of them."""
    weights = [torch.randn_like(one) for one in ours]
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)
    found = torch.autograd.grad(ours, inputs, weights, retain_graph=True)
    expected = torch.autograd.grad(theirs, inputs, weights, retain_graph=True)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("factory", "settings"), CONNECTED, ids=called)
def test_values_and_gradients_equal_the_equations(
    factory: Factory, settings: dict[str, Any]
) -> None:
    stack, vectors = made(factory, **settings), batch()
    found = stack(vectors)
    assert stack.observe(vectors).vectors.lengths is vectors.lengths
    ours, theirs = [], []
    for row, length in enumerate(LENGTHS):
        expected = unrolled(stack, vectors.values[row, :length])
        ours += [*found.values[row, :length], found.state[0][row].flatten()]
        theirs += [*expected.values, torch.cat([end[0] for end in expected.ends])]
        assert not found.values[row, length:].any()
    compare(ours, theirs, [vectors.values, *stack.parameters()])


@pytest.mark.parametrize(("factory", "settings"), CONNECTED, ids=called)
def test_a_probe_has_the_total_derivative_with_respect_to_its_step(
    factory: Factory, settings: dict[str, Any]
) -> None:
    stack, vectors = made(factory, **settings), batch()
    seen = stack.observe(vectors)
    weights = torch.randn_like(seen.vectors.values)
    torch.autograd.backward(seen.vectors.values, weights)
    for row, length in enumerate(LENGTHS[:1] + LENGTHS[2:]):
        row += row > 0
        expected = unrolled(stack, vectors.values[row, :length])
        loss = (torch.stack(expected.values) * weights[row, :length]).sum()
        assert list(seen.probes) == list(seen.series) == list(expected.hidden)
        for part, hidden in expected.hidden.items():
            total = torch.stack(torch.autograd.grad(loss, hidden, retain_graph=True))
            found = seen.probes[part].grad
            assert found is not None
            torch.testing.assert_close(found[row, :length], total, rtol=0, atol=1e-10)
            assert not found[row, length:].any()
            norms = torch.stack([step.norm() for step in hidden])
            shown = seen.series[part]["hidden norm"][row, :length]
            torch.testing.assert_close(shown, norms, rtol=0, atol=1e-10)


@pytest.mark.parametrize("states", [False, True])
@pytest.mark.parametrize("window", [1, 2, 4, 9])
@pytest.mark.parametrize(
    ("factory", "settings"),
    [(lstm, {"residual": True}), (bilstm, {}), (bilstm, {"alternating": True, "highway": True})],
    ids=called,
)
def test_gradients_of_windows_are_those_of_states_that_are_cut_off(
    factory: Factory, settings: dict[str, Any], window: int, states: bool
) -> None:
    stack, whole = (made(factory, layers=2, window=size, **settings) for size in (window, None))
    vectors = batch()
    vectors = Vectors(vectors.values[:, : LENGTHS[0]], vectors.lengths)
    found, expected = stack(vectors), whole(vectors)
    for one, other in zip(
        [found.values, *found.state], [expected.values, *expected.state], strict=True
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)
    ours, theirs = [], []
    for row, length in enumerate(LENGTHS):
        cut = unrolled(stack, vectors.values[row, :length], window)
        ours += found.values[row, :length]
        theirs += cut.values
        if states:
            ours += [part[row].flatten() for part in found.state]
            theirs += [torch.cat(ends) for ends in zip(*cut.ends, strict=True)][: len(found.state)]
    compare(ours, theirs, [vectors.values, *stack.parameters()])


@pytest.mark.parametrize("factory", [lstm, gru, rnn])
def test_nothing_flows_further_back_than_a_window(factory: Factory) -> None:
    stack, vectors = made(factory, layers=2, window=3), batch([8])
    first = [torch.randn(1, 2, WIDTH).double().requires_grad_() for _ in stack(vectors).state]
    for step, start in ((2, 0), (3, 3), (5, 3), (7, 6)):
        output = stack(vectors, tuple(first)).values[0, step].sum()
        gradient, *given = torch.autograd.grad(output, [vectors.values, *first])
        reached = gradient[0].any(1).nonzero().flatten().tolist()
        assert reached == list(range(start, step + 1))
        assert [bool(one.any()) for one in given] == [start == 0] * len(first)


@pytest.mark.parametrize("factory", [bilstm, bigru])
def test_what_reads_backwards_has_its_windows_from_the_end(factory: Factory) -> None:
    stack, vectors = made(factory, window=3), batch([8, 5])
    found = stack(vectors)
    reached = ((0, 0, 0, 1), (0, 4, 3, 4), (0, 5, 3, 7), (1, 1, 0, 1), (1, 2, 0, 4))
    for row, step, first, last in reached:
        (gradient,) = torch.autograd.grad(
            found.values[row, step].sum(), vectors.values, retain_graph=True
        )
        assert gradient[row].any(1).nonzero().flatten().tolist() == list(range(first, last + 1))
    for row, sides in ((0, [(6, 7), (0, 1)]), (1, [(3, 4), (0, 1)])):
        for side, (first, last) in zip(found.state[0][row, 0].chunk(2), sides, strict=True):
            (gradient,) = torch.autograd.grad(side.sum(), vectors.values, retain_graph=True)
            assert gradient[row].any(1).nonzero().flatten().tolist() == list(range(first, last + 1))


@pytest.mark.parametrize("factory", [lstm, bilstm, bigru])
def test_a_window_keeps_less_in_memory_and_changes_no_value(factory: Factory) -> None:
    vectors = batch([200, 190])
    kept: dict[int | None, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[window] += tensor.nbytes
        return tensor

    for window in (None, 10):
        kept[window], stack = 0, made(factory, window=window)
        with torch.autograd.graph.saved_tensors_hooks(keep, same):
            stack(vectors)
    assert kept[10] < kept[None] / 2
    with torch.no_grad():
        assert torch.equal(stack(vectors).values, made(factory)(vectors).values)


@pytest.mark.parametrize("factory", [lstm, bilstm])
def test_units_that_keep_their_value_are_the_same_when_a_window_is_computed_again(
    factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def direct(function: Any, *given: Any, use_reentrant: bool) -> Any:
        return function(*given)

    stack, vectors, found = made(factory, window=2, zoneout=0.4), batch(), []
    for _ in range(2):
        torch.manual_seed(7)
        values = stack(vectors).values
        found.append([values, *torch.autograd.grad(values.sum(), [*stack.parameters()])])
        monkeypatch.setattr(stacks, "checkpoint", direct)
    assert all(map(torch.equal, *found))


@pytest.mark.parametrize(
    ("factory", "settings", "causal"),
    [
        (rnn, {}, True),
        (gru, {}, True),
        (lstm, {}, True),
        (bigru, {}, False),
        (bilstm, {}, False),
        (bilstm, {"alternating": True, "layers": 2}, False),
        (bigru, {"alternating": True, "layers": 2}, False),
    ],
    ids=called,
)
def test_an_encoder_tells_what_it_is_and_takes_a_state_only_if_it_is_causal(
    factory: Factory, settings: dict[str, Any], causal: bool
) -> None:
    encoder, vectors = factory(Upstream(width=INPUTS), width=6, **settings).double(), batch([3])
    assert isinstance(encoder, Encoder)
    assert isinstance(encoder, Observable)
    assert (encoder.width, encoder.stride, encoder.causal) == (6, 1, causal)
    found = encoder.forward(vectors)
    assert found.values.shape == (1, 4, 6)
    if causal:
        assert not torch.equal(encoder.forward(vectors, found.state).values, found.values)
        return
    for call in (encoder.forward, encoder.observe):
        with pytest.raises(
            PluginError,
            match=rf"^{factory.__name__}: it reads each text from its end too, so it cannot carry "
            r"a state from window to window. Use a causal encoder, or batches of whole texts "
            r"\(tokens or rows\).$",
        ):
            call(vectors, found.state)


def test_layers_that_take_turns_begin_forwards() -> None:
    turns: list[list[Direction]] = [["forward"], ["backward"], ["forward"]]
    assert ways_of(3, "alternating") == turns
    assert ways_of(3, "forward") == [["forward"]] * 3
    assert ways_of(3, "both") == [["forward", "backward"]] * 3


@pytest.mark.parametrize(("batch", "time"), [(0, 3), (2, 0), (0, 0), (2, 3)])
@pytest.mark.parametrize(
    ("factory", "settings"),
    [(bilstm, {"dropout": 0.5}), (lstm, {"window": 1}), (lstm, {"peephole": True}), (gru, {})],
    ids=called,
)
def test_texts_and_batches_without_a_step_give_zeros(
    factory: Factory, settings: dict[str, Any], batch: int, time: int
) -> None:
    stack = made(factory, layers=2, **settings)
    empty = torch.zeros(batch, time, INPUTS).double(), torch.zeros(batch, dtype=torch.long)
    for found in (stack(Vectors(*empty)), stack.observe(Vectors(*empty)).vectors):
        assert found.values.shape == (batch, time, WIDTH)
        assert not found.values.any()
        assert found.state is not None
        for part in found.state:
            assert part.shape == (batch, 2, WIDTH)
            assert not part.any()


@pytest.mark.parametrize("window", [None, 1])
def test_the_penalty_of_the_embedder_is_handed_on(window: int | None) -> None:
    vectors, penalty = batch([2]), torch.tensor(0.5)
    given = Vectors(vectors.values, vectors.lengths, penalty=penalty)
    assert made(lstm, window=window)(given).penalty is penalty


@pytest.mark.parametrize(
    "settings", [{"layers": 2, "highway": True}, {"cells": 8, "peephole": True, "layer_norm": True}]
)
def test_weights_survive_a_round_trip(settings: dict[str, Any]) -> None:
    saved, other = made(bilstm, **settings), bilstm(Upstream(INPUTS), width=WIDTH, **settings)
    assert isinstance(other, Stack)
    other.double()
    vectors = batch()
    assert not torch.equal(saved(vectors).values, other(vectors).values)
    other.load_state_dict(saved.state_dict())
    assert torch.equal(saved(vectors).values, other(vectors).values)


@pytest.mark.parametrize("small", [0, 10**9], ids=["one gradient for all steps", "plain"])
@pytest.mark.parametrize(
    ("factory", "settings"),
    [
        (lstm, {"layers": 2}),
        (lstm, {"cells": 9}),
        (lstm, {"peephole": True}),
        (gru, {"layers": 2}),
        (rnn, {}),
    ],
    ids=called,
)
def test_steps_learn_as_whole_texts_do(
    monkeypatch: pytest.MonkeyPatch, factory: Factory, settings: dict[str, Any], small: int
) -> None:
    monkeypatch.setattr(unrolling, "SMALL", small)
    stack = made(factory, **settings)
    given = batch([4, 4, 4])
    values = given.values[:, :4]
    whole = stack.forward(Vectors(values, given.lengths))
    state = stack.forward(Vectors(values[:, :0], torch.zeros(3, dtype=torch.long))).state
    assert state is not None
    advance, outputs = stack.stepper(), []
    for read in values.unbind(1):
        output, state = advance(read, state)
        outputs.append(output)
    weigh = torch.randn_like(whole.values)
    weights = [weight for weight in stack.parameters() if weight.requires_grad]
    found, wanted = (
        torch.autograd.grad(every, [given.values, *weights], weigh)
        for every in (torch.stack(outputs, 1), whole.values)
    )
    torch.testing.assert_close(torch.stack(outputs, 1), whole.values)
    torch.testing.assert_close(found, wanted)
