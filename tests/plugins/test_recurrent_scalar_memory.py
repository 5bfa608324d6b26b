"""The slstm encoder against the paper's equations, one row and step at a time."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import functional_call

from seqkit.abilities import Observable
from seqkit.errors import PluginError
from seqkit.stages import Encoder, Upstream, Vectors
from seqkit_recurrent.modern import head_rules, mlstm, slstm
from seqkit_recurrent.rows import Rows
from seqkit_recurrent.scalar_memory import Forget, ScalarMemory

INPUTS, WIDTH = 3, 4
LENGTHS = [6, 0, 3, 1]
KINDS: list[tuple[int, Forget]] = [(1, "sigmoid"), (2, "exponential"), (4, "sigmoid")]


def made(heads: int, forget: Forget) -> ScalarMemory:
    """A layer in float64, its biases too drawn at random."""
    torch.manual_seed(1)
    layer = ScalarMemory(INPUTS, WIDTH, heads, forget).double()
    nn.init.normal_(layer.linear.bias)
    return layer


def reference(
    layer: ScalarMemory, row: Tensor, first: Sequence[Tensor], probe: Tensor
) -> tuple[list[Tensor], list[Tensor]]:
    """Hidden states of one row, and its last h, c and n (Beck et al. 2024, equations 8 to 14).

    Gates are plain exponentials, unstabilised. Head by head, gate by gate.
    """
    each = WIDTH // layer.heads
    hidden, cells, count = first
    outputs = []
    for step, x in enumerate(row):
        after: list[list[Tensor]] = [[], [], []]
        for head in range(layer.heads):
            own = slice(head * each, (head + 1) * each)
            drive = []
            for gate in range(4):
                at = (head * 4 + gate) * each
                weight, bias = (
                    part[at : at + each] for part in (layer.linear.weight, layer.linear.bias)
                )
                recurrent = layer.recurrent[head][:, gate * each : (gate + 1) * each]
                drive.append(weight @ x + bias + hidden[own] @ recurrent)
            z, i, o = torch.tanh(drive[0]), drive[1].exp(), torch.sigmoid(drive[3])
            f = torch.sigmoid(drive[2]) if layer.forget == "sigmoid" else drive[2].exp()
            c, n = f * cells[own] + i * z, f * count[own] + i
            for part, value in zip(after, (o * c / n, c, n), strict=True):
                part.append(value)
        hidden, cells, count = (torch.cat(part) for part in after)
        hidden = hidden + probe[step]
        outputs.append(hidden)
    return outputs, [hidden, cells, count]


def batch(lengths: Sequence[int]) -> tuple[Tensor, Rows, tuple[Tensor, ...]]:
    """Time-major rows with more padding than they need, and a state in the middle of a text."""
    rows = Rows(torch.tensor(lengths), max(lengths) + 2)
    values = torch.randn(rows.time, len(lengths), INPUTS, dtype=torch.float64, requires_grad=True)
    hidden, cells, top = torch.randn(3, len(lengths), WIDTH, dtype=torch.float64).unbind()
    count = 1 + torch.rand(len(lengths), WIDTH, dtype=torch.float64)
    state = hidden.requires_grad_(), cells.requires_grad_(), count.requires_grad_(), top
    return values, rows, state


@pytest.mark.parametrize("observed", [False, True])
@pytest.mark.parametrize(("heads", "forget"), KINDS)
def test_values_states_and_gradients_equal_the_equations(
    heads: int, forget: Forget, observed: bool
) -> None:
    layer = made(heads, forget)
    values, rows, state = batch(LENGTHS)
    probe = torch.zeros(rows.time, len(LENGTHS), WIDTH, dtype=torch.float64, requires_grad=True)
    if observed:
        output, end, _ = layer.observe(values, rows, state, probe)
    else:
        output, end = layer.forward(values, rows, state, True)
    assert torch.equal(output, layer.forward(values, rows, state, False)[0])
    scale = state[3].exp()
    ours, theirs = [], []
    for row, length in enumerate(LENGTHS):
        first = [state[0][row], *(part[row] * scale[row] for part in state[1:3])]
        outputs, last = reference(layer, values[:length, row], first, probe[:, row])
        found = [end[0][row], *(part[row] * end[3][row].exp() for part in end[1:3])]
        for one, other in zip(found, last, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)
        ours += [output[:length, row], end[0][row]]
        theirs += [torch.stack(outputs) if outputs else output[:0, row], last[0]]
    inputs = [values, *state[:3], *layer.parameters(), *([probe] if observed else [])]
    compare(ours, theirs, inputs)


def compare(ours: Sequence[Tensor], theirs: Sequence[Tensor], inputs: Sequence[Tensor]) -> None:
    """Compares tensors, and the gradients of one weighted sum of all of them."""
    weights = [torch.randn_like(one) for one in ours]
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)
    found = torch.autograd.grad(ours, inputs, weights, retain_graph=True)
    for one, other in zip(found, torch.autograd.grad(theirs, inputs, weights), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


def test_the_first_step_reads_what_it_wrote_itself() -> None:
    layer = made(2, "sigmoid")
    values, rows, _ = batch([1])
    nothing = [torch.zeros(WIDTH, dtype=torch.float64)] * 3
    expected, _ = reference(layer, values[:1, 0], nothing, torch.zeros(1, WIDTH))
    for shift in (0.0, -1e3, 1e3):  # of the input gate: c / n is z whatever it is
        with torch.no_grad():
            layer.linear.bias.view(2, 4, -1)[:, 1] += shift
        output, end = layer.forward(values, rows, layer.initial(1), True)
        torch.testing.assert_close(output[0, 0], expected[0], rtol=0, atol=1e-10)
        torch.testing.assert_close(end[2], torch.ones(1, WIDTH, dtype=torch.float64))


@pytest.mark.parametrize(("heads", "forget"), KINDS)
def test_gradients_pass_gradcheck(heads: int, forget: Forget) -> None:
    layer = made(heads, forget)
    values, rows, _ = batch([2, 1])
    names, weights = zip(*layer.named_parameters(), strict=True)

    def run(values: Tensor, *weights: Tensor) -> Tensor:
        given_ = (values, rows, layer.initial(2), False)
        output, _ = functional_call(layer, dict(zip(names, weights, strict=True)), given_)
        found: Tensor = output
        return found

    assert torch.autograd.gradcheck(run, (values, *weights))


@settings(max_examples=15, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 7), min_size=1, max_size=4),
    cut=st.integers(1, 6),
    kind=st.sampled_from(KINDS),
)
def test_windows_that_hand_on_their_state_equal_the_whole(
    lengths: list[int], cut: int, kind: tuple[int, Forget]
) -> None:
    heads, forget = kind
    encoder = slstm(Upstream(width=INPUTS), width=WIDTH, layers=2, heads=heads, forget=forget)
    values, sizes = torch.randn(len(lengths), 7, INPUTS, requires_grad=True), torch.tensor(lengths)
    whole = encoder.forward(Vectors(values, sizes))
    first = encoder.forward(Vectors(values[:, :cut], sizes.clamp(max=cut)))
    second = encoder.forward(Vectors(values[:, cut:], (sizes - cut).clamp(min=0)), first.state)
    joined = torch.cat((first.values, second.values), 1)
    torch.testing.assert_close(joined, whole.values, rtol=0, atol=1e-5)
    weights = torch.randn_like(joined)
    (one,), (other,) = (torch.autograd.grad(v, values, weights) for v in (joined, whole.values))
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
    assert second.state is not None
    assert whole.state is not None
    for one, other in zip(second.state, whole.state, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_heads_see_their_own_hidden_state_alone() -> None:
    layer = made(2, "sigmoid")
    values, rows, state = batch([3])
    moved = (state[0] + torch.tensor([1.0, 1.0, 0.0, 0.0]), *state[1:])
    one, other = (layer.forward(values, rows, first, False)[0] for first in (state, moved))
    assert torch.equal(one[..., 2:], other[..., 2:])
    assert not torch.isclose(one[..., :2], other[..., :2]).any()


@pytest.mark.parametrize(("heads", "forget"), KINDS)
def test_vast_inputs_stay_finite(heads: int, forget: Forget) -> None:
    layer = made(heads, forget).float()
    values = (1e3 * torch.randn(30, 2, INPUTS)).requires_grad_()
    rows, probe = Rows(torch.tensor([30, 11]), 30), torch.zeros(30, 2, WIDTH)
    output, end, series = layer.observe(values, rows, layer.initial(2), probe)
    torch.autograd.backward(output.sum())
    assert values.grad is not None
    for one in (output, values.grad, *end, *series.values()):
        assert one.isfinite().all()
    assert (output.abs() <= 1).all()  # a mean of tanh's, times a share


def test_a_step_with_a_vast_input_gate_is_all_that_is_remembered() -> None:
    layer = ScalarMemory(1, 1, 1, "sigmoid")
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    content, enter, forget, leave = range(4)
    with torch.no_grad():
        layer.linear.weight[enter], layer.linear.bias[leave] = 1e3, 1e3
        layer.linear.bias[content], layer.linear.bias[forget] = 0.5, 1e3
        layer.linear.weight[content] = 1.0
    values = torch.tensor([0.0, 2.0, 1.0, 0.0]).view(4, 1, 1)
    output, _ = layer.forward(values, Rows(torch.tensor([4]), 4), layer.initial(1), True)
    expected = torch.tensor([0.5, 2.5, 2.5, 2.5]).tanh()
    torch.testing.assert_close(output.flatten(), expected)


def test_what_is_not_a_number_stays_in_its_row() -> None:
    layer = made(2, "sigmoid").float()
    values, rows = torch.randn(5, 2, INPUTS), Rows(torch.tensor([5, 4]), 5)
    clean, clean_end = layer.forward(values, rows, layer.initial(2), True)
    values[2, 0] = torch.nan
    dirty, dirty_end = layer.forward(values, rows, layer.initial(2), True)
    assert torch.equal(clean[:, 1], dirty[:, 1])
    assert torch.equal(clean[:2], dirty[:2])
    for one, other in zip(clean_end, dirty_end, strict=True):
        assert torch.equal(one[1], other[1])
    assert dirty[2:, 0].isnan().all()


def test_the_series_tell_what_is_kept_of_the_cells() -> None:
    layer = ScalarMemory(INPUTS, 1, 1, "sigmoid")
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    layer.linear.bias.data[0] = 1.0
    rows, probe = Rows(torch.tensor([3]), 3), torch.zeros(3, 1, 1)
    _, _, series = layer.observe(torch.randn(3, 1, INPUTS), rows, layer.initial(1), probe)
    # i is 1 and f is 1/2: n is 1, then 3/2, then 7/4
    torch.testing.assert_close(series["kept share"][:, 0], torch.tensor([0.0, 1 / 3, 3 / 7]))
    torch.testing.assert_close(series["forget gate"], torch.full((3, 1), 0.5))
    torch.testing.assert_close(series["output gate"], torch.full((3, 1), 0.5))
    half_lives = torch.tensor(0.5).log() / torch.tensor([1 / 3, 3 / 7]).log()
    torch.testing.assert_close(series["half-life"][1:, 0], half_lives)
    torch.testing.assert_close(series["cell norm"], torch.tensor(1.0).tanh().expand(3, 1))
    torch.testing.assert_close(series["hidden norm"], series["cell norm"] / 2)


def test_initial_weights_are_those_of_the_docstring() -> None:
    sigmoid = ScalarMemory(INPUTS, 8, 2, "sigmoid")
    exponential = ScalarMemory(INPUTS, 8, 2, "exponential")
    for head in sigmoid.recurrent:
        for gate in head.chunk(4, 1):
            torch.testing.assert_close(gate @ gate.T, torch.eye(4), rtol=0, atol=1e-5)
    biases = sigmoid.linear.bias.view(2, 4, 4)
    assert biases[:, 2].tolist() == [[3, 4, 5, 6]] * 2
    assert not biases[:, [0, 1, 3]].any()
    started = exponential.linear.bias.view(2, 4, 4)[:, 2].exp()
    torch.testing.assert_close(started, torch.sigmoid(biases[:, 2]))


def test_the_encoder_tells_what_it_is() -> None:
    encoder = slstm(Upstream(width=INPUTS), width=WIDTH)
    assert isinstance(encoder, Encoder)
    assert isinstance(encoder, Observable)
    assert (encoder.width, encoder.stride, encoder.causal) == (WIDTH, 1, True)


def test_bf16_autocast_stays_near_fp32_and_keeps_states_in_it() -> None:
    encoder = slstm(Upstream(width=INPUTS), width=WIDTH, layers=2)
    vectors = Vectors(torch.randn(2, 9, INPUTS), torch.tensor([9, 4]))
    with torch.autocast("cpu", torch.bfloat16):
        half = encoder.forward(vectors)
    torch.testing.assert_close(half.values, encoder.forward(vectors).values, rtol=0, atol=5e-2)
    assert half.state is not None
    assert {part.dtype for part in half.state} == {torch.float32}


DEFAULTS = {
    name: parameter.default
    for name, parameter in inspect.signature(slstm).parameters.items()
    if name != "upstream"
}


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, []),
        ({"heads": 4}, []),
        (
            {"width": 50, "heads": 4},
            [("heads", "is 4, which does not divide 'width', 50. Use a divisor, such as 5")],
        ),
        ({"residual": True}, [("residual", "has no effect with 1 layer. Set 'layers' above 1")]),
    ],
)
def test_rules_refuse_heads_that_do_not_divide_the_width(
    changed: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    assert list(head_rules(DEFAULTS | changed)) == found


@pytest.mark.parametrize("factory", [slstm, mlstm])
def test_uneven_heads_are_refused_where_no_recipe_was_checked(factory: Any) -> None:
    with pytest.raises(
        PluginError, match=f"{factory.__name__}: heads is 4, which does not divide 'width', 50."
    ):
        factory(Upstream(width=INPUTS), width=50, heads=4)
