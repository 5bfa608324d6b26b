"""The mingru and minlstm encoders against the paper's equations, one row and step at a time."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import functional_call

from seqkit.abilities import Observable
from seqkit.stages import Encoder, Upstream, Vectors
from seqkit_recurrent.minimal import Minimal, MinimalUnits
from seqkit_recurrent.modern import mingru, minlstm
from seqkit_recurrent.rows import Rows

INPUTS, WIDTH = 3, 4
LENGTHS = [21, 0, 6, 1]
KINDS: list[Minimal] = ["mingru", "minlstm"]
FACTORIES = {"mingru": mingru, "minlstm": minlstm}


def reference(layer: MinimalUnits, row: Tensor, hidden: Tensor, probe: Tensor) -> list[Tensor]:
    """The hidden states of one row, as in Feng et al. 2024, section 3, sequential mode."""
    parts = [torch.split(part, WIDTH) for part in (layer.linear.weight, layer.linear.bias)]
    content, *gates = zip(*parts, strict=True)
    outputs = []
    for step, x in enumerate(row):
        candidate = content[0] @ x + content[1]
        if layer.kind == "mingru":
            ((weight, bias),) = gates
            z = 1 / (1 + torch.exp(weight @ x + bias))  # the paper's z is 1 minus the share kept
            hidden = (1 - z) * hidden + z * candidate
        else:
            f, i = (1 / (1 + torch.exp(-(weight @ x) - bias)) for weight, bias in gates)
            hidden = f / (f + i) * hidden + i / (f + i) * candidate
        hidden = hidden + probe[step]
        outputs.append(hidden)
    return outputs


def made(kind: Minimal) -> MinimalUnits:
    """A layer in float64, its biases too drawn at random."""
    torch.manual_seed(1)
    layer = MinimalUnits(kind, INPUTS, WIDTH).double()
    nn.init.normal_(layer.linear.bias)
    return layer


def batch(lengths: Sequence[int]) -> tuple[Tensor, Rows, Tensor]:
    """Time-major rows with more padding than they need, and a first hidden state."""
    rows = Rows(torch.tensor(lengths), max(lengths) + 2)
    values = torch.randn(rows.time, len(lengths), INPUTS, dtype=torch.float64)
    hidden = torch.randn(len(lengths), WIDTH, dtype=torch.float64)
    return values.requires_grad_(), rows, hidden.requires_grad_()


@pytest.mark.parametrize("observed", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_values_states_and_gradients_equal_the_equations(kind: Minimal, observed: bool) -> None:
    layer = made(kind)
    values, rows, hidden = batch(LENGTHS)
    probe = torch.zeros(rows.time, len(LENGTHS), WIDTH, dtype=torch.float64, requires_grad=True)
    if observed:
        output, (end,), _ = layer.observe(values, rows, (hidden,), probe)
    else:
        output, (end,) = layer.forward(values, rows, (hidden,), True)
    ours, theirs = [end], [hidden]
    for row, length in enumerate(LENGTHS):
        if length:
            found = reference(layer, values[:length, row], hidden[row], probe[:, row])
            ours += [output[:length, row]]
            theirs += [torch.stack(found)]
            before, after = theirs[0][:row], theirs[0][row + 1 :]
            theirs[0] = torch.cat((before, found[-1].unsqueeze(0), after))
    compare(ours, theirs, [values, hidden, *layer.parameters(), *([probe] if observed else [])])


def compare(ours: Sequence[Tensor], theirs: Sequence[Tensor], inputs: Sequence[Tensor]) -> None:
    """Compares tensors, and the gradients of one weighted sum of all of them."""
    weights = [torch.randn_like(one) for one in ours]
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)
    for one, other in zip(
        torch.autograd.grad(ours, inputs, weights),
        torch.autograd.grad(theirs, inputs, weights),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_pass_gradcheck(kind: Minimal) -> None:
    layer = made(kind)
    values, rows, hidden = batch([3, 1])
    names, weights = zip(*layer.named_parameters(), strict=True)

    def run(values: Tensor, hidden: Tensor, *weights: Tensor) -> Tensor:
        given_ = (values, rows, (hidden,), True)
        output, _ = functional_call(layer, dict(zip(names, weights, strict=True)), given_)
        found: Tensor = output
        return found

    assert torch.autograd.gradcheck(run, (values, hidden, *weights))


@settings(max_examples=15, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 7), min_size=1, max_size=4),
    cut=st.integers(1, 6),
    kind=st.sampled_from(KINDS),
)
def test_windows_that_hand_on_their_state_equal_the_whole(
    lengths: list[int], cut: int, kind: Minimal
) -> None:
    encoder = FACTORIES[kind](Upstream(width=INPUTS), width=WIDTH, layers=2)
    values, sizes = torch.randn(len(lengths), 7, INPUTS), torch.tensor(lengths)
    whole = encoder.forward(Vectors(values, sizes))
    first = encoder.forward(Vectors(values[:, :cut], sizes.clamp(max=cut)))
    second = encoder.forward(Vectors(values[:, cut:], (sizes - cut).clamp(min=0)), first.state)
    joined = torch.cat((first.values, second.values), 1)
    torch.testing.assert_close(joined, whole.values, rtol=0, atol=1e-6)
    assert second.state is not None
    assert whole.state is not None
    torch.testing.assert_close(second.state[0], whole.state[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_a_number_stays_in_its_row_and_behind_its_step(kind: Minimal) -> None:
    layer = made(kind).float()
    values = torch.randn(40, 2, INPUTS)
    clean = layer.forward(values, Rows(torch.tensor([40, 40]), 40), layer.initial(2), True)[0]
    values[20, 0] = torch.nan
    dirty = layer.forward(values, Rows(torch.tensor([40, 40]), 40), layer.initial(2), True)[0]
    assert torch.equal(clean[:, 1], dirty[:, 1])
    assert torch.equal(clean[:20, 0], dirty[:20, 0])
    assert dirty[20:, 0].isnan().all()


@pytest.mark.parametrize("kind", KINDS)
def test_vast_inputs_stay_finite(kind: Minimal) -> None:
    layer = made(kind).float()
    values = (1e3 * torch.randn(9, 2, INPUTS)).requires_grad_()
    rows = Rows(torch.tensor([9, 4]), 9)
    output, _, series = layer.observe(values, rows, layer.initial(2), torch.zeros(9, 2, WIDTH))
    torch.autograd.backward(output.sum())
    assert output.isfinite().all()
    assert values.grad is not None
    assert values.grad.isfinite().all()
    assert all(one.isfinite().all() for one in series.values())


@pytest.mark.parametrize(
    ("kind", "gates"),
    [("mingru", {"update gate": 0.75}), ("minlstm", {"forget gate": 0.6, "input gate": 0.4})],
)
def test_the_series_tell_gates_and_the_half_life_that_they_give(
    kind: Minimal, gates: dict[str, float]
) -> None:
    layer = MinimalUnits(kind, INPUTS, WIDTH)
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    # sigmoid(log 3) is 3/4; beside an input gate of 1/2 it is 3/4 / (3/4 + 1/2) = 3/5
    layer.linear.bias.data[WIDTH : 2 * WIDTH] = torch.tensor(3.0).log()
    rows, probe = Rows(torch.tensor([2]), 2), torch.zeros(2, 1, WIDTH)
    first = (torch.ones(1, WIDTH),)
    output, _, series = layer.observe(torch.randn(2, 1, INPUTS), rows, first, probe)
    for name, share in gates.items():
        torch.testing.assert_close(series[name], torch.full((2, 1), share))
    kept = gates.get("update gate", gates.get("forget gate", 0.0))
    torch.testing.assert_close(output[:, 0, 0], torch.tensor([kept, kept**2]))
    half = torch.tensor(0.5).log() / torch.tensor(kept).log()
    torch.testing.assert_close(series["half-life"], half.expand(2, 1))
    torch.testing.assert_close(series["hidden norm"][:, 0], torch.tensor([kept, kept**2]) * 2)


def test_the_forget_gate_of_minlstm_starts_open() -> None:
    assert MinimalUnits("minlstm", INPUTS, 2).linear.bias.tolist() == [0, 0, 1, 1, 0, 0]
    assert not MinimalUnits("mingru", INPUTS, 2).linear.bias.any()


@pytest.mark.parametrize("kind", KINDS)
def test_the_encoders_tell_what_they_are(kind: Minimal) -> None:
    encoder = FACTORIES[kind](Upstream(width=INPUTS), width=WIDTH)
    assert isinstance(encoder, Encoder)
    assert isinstance(encoder, Observable)
    assert (encoder.width, encoder.stride, encoder.causal) == (WIDTH, 1, True)


@pytest.mark.parametrize("kind", KINDS)
def test_bf16_autocast_keeps_states_in_fp32(kind: Minimal) -> None:
    encoder = FACTORIES[kind](Upstream(width=INPUTS), width=WIDTH)
    vectors = Vectors(torch.randn(2, 9, INPUTS), torch.tensor([9, 4]))
    with torch.autocast("cpu", torch.bfloat16):
        half = encoder.forward(vectors)
    torch.testing.assert_close(half.values, encoder.forward(vectors).values, rtol=0, atol=5e-2)
    assert half.state is not None
    assert half.state[0].dtype == torch.float32


@pytest.mark.parametrize("kind", KINDS)
def test_under_autocast_a_share_near_one_is_not_rounded_to_it(kind: Minimal) -> None:
    layer = MinimalUnits(kind, INPUTS, WIDTH)
    nn.init.constant_(layer.linear.bias[WIDTH : 2 * WIDTH], 8.0)
    with torch.autocast("cpu", torch.bfloat16):
        keep, _ = layer.gated(torch.zeros(1, 1, INPUTS))
    assert (keep < 1.0).all()
