"""The mlstm encoder against the paper's equations, one row, head and step at a time."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import functional_call

from seqkit.abilities import Observable
from seqkit.stages import Encoder, Upstream, Vectors
from seqkit_recurrent.matrix_memory import CHUNK, MatrixMemory
from seqkit_recurrent.modern import mlstm
from seqkit_recurrent.rows import Rows

INPUTS, WIDTH = 3, 4
LENGTHS = [11, 0, 4, 1]


@pytest.fixture
def chunks_of_four(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short rows of several chunks."""
    monkeypatch.setattr("seqkit_recurrent.matrix_memory.CHUNK", 4)


def made(heads: int) -> MatrixMemory:
    """A layer in float64, with gates that depend on the input."""
    torch.manual_seed(1)
    layer = MatrixMemory(INPUTS, WIDTH, heads).double()
    for parameter in (layer.linear.bias, *layer.gates.parameters()):
        nn.init.normal_(parameter)
    return layer


def reference(
    layer: MatrixMemory, row: Tensor, matrix: Tensor, count: Tensor, probe: Tensor
) -> tuple[list[Tensor], Tensor, Tensor]:
    """Outputs of one row, and its last C and n (Beck et al. 2024, equations 19 to 27).

    C [heads value key] is multiplied from the left, as in the paper; gates are plain exponentials,
    unstabilised.
    """
    each = WIDTH // layer.heads
    outputs = []
    for step, x in enumerate(row):
        q, k, v, o = torch.split(layer.linear.weight @ x + layer.linear.bias, WIDTH)
        gates = layer.gates.weight @ x + layer.gates.bias
        reads, matrices, counts = [], [], []
        for head in range(layer.heads):
            own = slice(head * each, (head + 1) * each)
            i, f = gates[head].exp(), torch.sigmoid(gates[layer.heads + head])
            key = k[own] / each**0.5
            matrices.append(f * matrix[head] + i * torch.outer(v[own], key))
            counts.append(f * count[head] + i * key)
            divisor = torch.clamp((counts[-1] @ q[own]).abs(), min=1.0)
            reads.append(matrices[-1] @ q[own] / divisor)
        matrix, count = torch.stack(matrices), torch.stack(counts)
        outputs.append(torch.sigmoid(o) * torch.cat(reads) + probe[step])
    return outputs, matrix, count


def batch(lengths: Sequence[int], heads: int) -> tuple[Tensor, Rows, tuple[Tensor, ...]]:
    """Time-major rows with more padding than they need, and a state in the middle of a text."""
    rows, each, count = Rows(torch.tensor(lengths), max(lengths) + 2), WIDTH // heads, len(lengths)
    values = torch.randn(rows.time, count, INPUTS, dtype=torch.float64, requires_grad=True)
    hidden = torch.randn(count, WIDTH, dtype=torch.float64)
    matrix = torch.randn(count, heads, each, each, dtype=torch.float64, requires_grad=True)
    normaliser = torch.randn(count, heads, each, dtype=torch.float64, requires_grad=True)
    top = 2 * torch.rand(count, heads, dtype=torch.float64)
    return values, rows, (hidden, matrix, normaliser, top)


@pytest.mark.usefixtures("chunks_of_four")
@pytest.mark.parametrize("observed", [False, True])
@pytest.mark.parametrize("heads", [1, 2, 4])
def test_values_states_and_gradients_equal_the_equations(heads: int, observed: bool) -> None:
    layer = made(heads)
    values, rows, state = batch(LENGTHS, heads)
    probe = torch.zeros(rows.time, len(LENGTHS), WIDTH, dtype=torch.float64, requires_grad=True)
    if observed:
        output, end, _ = layer.observe(values, rows, state, probe)
    else:
        output, end = layer.forward(values, rows, state, True)
    assert torch.equal(output, layer.forward(values, rows, state, False)[0])
    ours, theirs = [], []
    for row, length in enumerate(LENGTHS):
        scale, found = (part[3][row].exp() for part in (state, end))
        outputs, *last = reference(
            layer,
            values[:length, row],
            state[1][row].mT * scale[:, None, None],
            state[2][row] * scale[:, None],
            probe[:, row],
        )
        matrix, normaliser = end[1][row].mT * found[:, None, None], end[2][row] * found[:, None]
        torch.testing.assert_close(matrix, last[0], rtol=1e-10, atol=1e-10)
        torch.testing.assert_close(normaliser, last[1], rtol=1e-10, atol=1e-10)
        ours += [output[:length, row], end[0][row]]
        theirs += [torch.stack(outputs) if outputs else output[:0, row]]
        theirs += [outputs[-1] if outputs else state[0][row]]
    inputs = [values, *state[1:3], *layer.parameters(), *([probe] if observed else [])]
    compare(ours, theirs, inputs)


def compare(ours: Sequence[Tensor], theirs: Sequence[Tensor], inputs: Sequence[Tensor]) -> None:
    """Compares tensors, and the gradients of one weighted sum of those that have any."""
    pairs = [pair for pair in zip(ours, theirs, strict=True) if pair[0].requires_grad]
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)
    weights = [torch.randn_like(one) for one, _ in pairs]
    found = torch.autograd.grad([one for one, _ in pairs], inputs, weights, retain_graph=True)
    wanted = [other for _, other in pairs]
    wanted = [other if other.requires_grad else other + 0 * inputs[0].sum() for other in wanted]
    expected = torch.autograd.grad(wanted, inputs, weights)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


@pytest.mark.usefixtures("chunks_of_four")
def test_gradients_pass_gradcheck_over_chunks() -> None:
    layer = made(2)
    values, rows, _ = batch([5], 2)
    names, weights = zip(*layer.named_parameters(), strict=True)

    def run(values: Tensor, *weights: Tensor) -> Tensor:
        given_ = (values, rows, layer.initial(1), False)
        output, _ = functional_call(layer, dict(zip(names, weights, strict=True)), given_)
        found: Tensor = output
        return found

    assert torch.autograd.gradcheck(run, (values, *weights))


def test_whole_chunks_equal_single_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = made(2)
    values, rows, state = batch([2 * CHUNK + 5, CHUNK, 3], 2)
    chunked, end = layer.forward(values, rows, state, True)
    monkeypatch.setattr("seqkit_recurrent.matrix_memory.CHUNK", 1)
    stepped, last = layer.forward(values, rows, state, True)
    torch.testing.assert_close(chunked, stepped, rtol=0, atol=1e-10)
    for one, other in zip(end, last, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


@pytest.mark.usefixtures("chunks_of_four")
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    lengths=st.lists(st.integers(0, 9), min_size=1, max_size=4),
    cut=st.integers(1, 8),
    heads=st.sampled_from([1, 2]),
)
def test_windows_that_hand_on_their_state_equal_the_whole(
    lengths: list[int], cut: int, heads: int
) -> None:
    encoder = mlstm(Upstream(width=INPUTS), width=WIDTH, layers=2, heads=heads)
    values, sizes = torch.randn(len(lengths), 9, INPUTS, requires_grad=True), torch.tensor(lengths)
    whole = encoder.forward(Vectors(values, sizes))
    first = encoder.forward(Vectors(values[:, :cut], sizes.clamp(max=cut)))
    second = encoder.forward(Vectors(values[:, cut:], (sizes - cut).clamp(min=0)), first.state)
    joined = torch.cat((first.values, second.values), 1)
    torch.testing.assert_close(joined, whole.values, rtol=1e-5, atol=1e-5)
    weights = torch.randn_like(joined)
    (one,), (other,) = (torch.autograd.grad(v, values, weights) for v in (joined, whole.values))
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)
    assert second.state is not None
    assert whole.state is not None
    for one, other in zip(second.state, whole.state, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_a_row_without_a_step_keeps_its_state_exactly() -> None:
    layer = made(2)
    values, rows, state = batch([0, 3], 2)
    _, end = layer.forward(values, rows, state, True)
    for before, after in zip(state, end, strict=True):
        assert torch.equal(before[0], after[0])
        assert not torch.equal(before[1], after[1])


@pytest.mark.parametrize("scale", [1e3, 1e4])
def test_vast_inputs_stay_finite(scale: float) -> None:
    layer = made(2).float()
    values = (scale * torch.randn(CHUNK + 20, 2, INPUTS)).requires_grad_()
    rows, probe = Rows(torch.tensor([CHUNK + 20, 11]), CHUNK + 20), torch.zeros(84, 2, WIDTH)
    output, end, series = layer.observe(values, rows, layer.initial(2), probe)
    torch.autograd.backward(output.sum())
    assert values.grad is not None
    for one in (output, values.grad, *end, *series.values()):
        assert one.isfinite().all()


def test_a_question_of_zeros_reads_zeros_beside_vast_gates() -> None:
    layer = made(1).float()
    with torch.no_grad():
        layer.linear.weight[:WIDTH], layer.linear.bias[:WIDTH] = 0.0, 0.0
        layer.gates.bias[0] = 1e3
    output, _ = layer.forward(
        torch.randn(3, 1, INPUTS), Rows(torch.tensor([3]), 3), layer.initial(1), False
    )
    assert not output.any()


@pytest.mark.parametrize("enters", [-1e3, 0.0, 1e3])
def test_what_stands_under_a_key_is_read_by_it(enters: float) -> None:
    """Two keys at right angles, one vast gate for all: a question gives what was said of it."""
    layer = MatrixMemory(4, 2, 1).double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        query, key, value, _ = torch.split(layer.linear.weight, 2)
        one = torch.eye(2, dtype=torch.float64)
        query[:, :2], key[:, :2], value[:, 2:] = one, 2**0.5 * one, one
        layer.linear.bias[6:], layer.gates.bias[:] = 1e3, torch.tensor([enters, 1e3])
    texts = [[1.0, 0, 5, 7], [0, 1.0, -2, 3], [1.0, 0, 5, 7]]
    values = torch.tensor(texts, dtype=torch.float64).unsqueeze(1)
    output, _ = layer.forward(values, Rows(torch.tensor([3]), 3), layer.initial(1), True)
    expected = torch.zeros(3, 2) if enters == -1e3 else torch.tensor(texts)[:, 2:]
    torch.testing.assert_close(output[:, 0], expected.double(), rtol=0, atol=1e-10)


def test_gates_that_were_nearly_shut_cost_no_digits_of_what_came_after() -> None:
    layer = made(1).float()
    values, rows = torch.randn(20, 1, INPUTS), Rows(torch.tensor([20]), 20)
    with torch.no_grad():
        layer.gates.weight[1] = torch.tensor([1e4, 0.0, 0.0])
    values[10:, 0, 0] = 0.0
    output, _ = layer.forward(values, rows, layer.initial(1), True)
    exact, _ = layer.double().forward(values.double(), rows, layer.initial(1), True)
    torch.testing.assert_close(output[10:].double(), exact[10:], rtol=0, atol=2e-6)


def test_what_is_not_a_number_stays_in_its_row() -> None:
    layer = made(2).float()
    values, rows = torch.randn(5, 2, INPUTS), Rows(torch.tensor([5, 4]), 5)
    clean, clean_end = layer.forward(values, rows, layer.initial(2), True)
    values[2, 0] = torch.nan
    dirty, dirty_end = layer.forward(values, rows, layer.initial(2), True)
    assert torch.equal(clean[:, 1], dirty[:, 1])
    for one, other in zip(clean_end, dirty_end, strict=True):
        assert torch.equal(one[1], other[1])
    assert dirty[2:, 0].isnan().all()


def test_the_series_tell_gates_and_what_is_read() -> None:
    layer = MatrixMemory(INPUTS, WIDTH, 2)
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    layer.gates.bias.data = torch.tensor([0.5, -0.5, 0.0, 0.0])  # input gates, forget gates
    layer.linear.bias.data[:12] = 1.0
    rows, probe = Rows(torch.tensor([2]), 2), torch.zeros(2, 1, WIDTH)
    output, _, series = layer.observe(torch.randn(2, 1, INPUTS), rows, layer.initial(1), probe)
    entered = torch.tensor(-0.5).exp()
    torch.testing.assert_close(series["input gate"][:, 0], ((1 + entered) / 2).expand(2))
    torch.testing.assert_close(series["forget gate"], torch.full((2, 1), 0.5))
    torch.testing.assert_close(series["half-life"], torch.ones(2, 1))
    torch.testing.assert_close(series["output gate"], torch.full((2, 1), 0.5))
    torch.testing.assert_close(series["cell norm"], 2 * output.norm(dim=2))
    torch.testing.assert_close(series["hidden norm"], output.norm(dim=2))


def test_initial_weights_are_those_of_the_docstring() -> None:
    layer = MatrixMemory(INPUTS, 8, 4)
    assert layer.gates.bias.tolist() == [0, 0, 0, 0, 3, 4, 5, 6]
    assert not layer.gates.weight.any()
    assert not layer.linear.bias.any()
    for weight in layer.linear.weight.chunk(4):
        assert 0.0 < weight.abs().max() <= (6 / (INPUTS + 8)) ** 0.5


def test_the_encoder_tells_what_it_is() -> None:
    encoder = mlstm(Upstream(width=INPUTS), width=WIDTH)
    assert isinstance(encoder, Encoder)
    assert isinstance(encoder, Observable)
    assert (encoder.width, encoder.stride, encoder.causal) == (WIDTH, 1, True)


def test_bf16_autocast_stays_near_fp32_and_keeps_states_in_it() -> None:
    encoder = mlstm(Upstream(width=INPUTS), width=WIDTH, layers=2)
    vectors = Vectors(torch.randn(2, 9, INPUTS), torch.tensor([9, 4]))
    with torch.autocast("cpu", torch.bfloat16):
        half = encoder.forward(vectors)
    full = encoder.forward(vectors)
    torch.testing.assert_close(half.values.float(), full.values, rtol=0, atol=5e-2)
    assert half.state is not None
    assert {part.dtype for part in half.state} == {torch.float32}
