"""The bilstm encoder against torch's own bidirectional LSTM over packed sequences."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqkit.errors import PluginError
from seqkit.stages import Encoder, Upstream, Vectors
from seqkit_recurrent import bilstm
from seqkit_recurrent.lstm import BiLSTM

INPUTS = 5


def padded(
    lengths: Sequence[int], width: int = INPUTS, dtype: torch.dtype = torch.float32
) -> Vectors:
    """Random rows, zero past their lengths, with one step of padding even in the longest."""
    values = torch.randn(len(lengths), max(lengths, default=0) + 1, width, dtype=dtype)
    for row, length in enumerate(lengths):
        values[row, length:] = 0
    return Vectors(values.requires_grad_(), torch.tensor(lengths, dtype=torch.long))


def packed_twin(encoder: BiLSTM) -> nn.LSTM:
    """A bidirectional torch.nn.LSTM with copies of the encoder's weights."""
    layers = encoder.layers
    first = next(iter(layers[0].parameters()))
    twin = nn.LSTM(
        first.shape[1], encoder.width // 2, len(layers), bidirectional=True, dtype=first.dtype
    )
    with torch.no_grad():
        for depth, layer in enumerate(layers):
            for ours, suffix in (("forwards", ""), ("backwards", "_reverse")):
                for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                    weight = layer.get_parameter(f"{ours}.{kind}_l0")
                    twin.get_parameter(f"{kind}_l{depth}{suffix}").copy_(weight)
    return twin


def run_packed(twin: nn.LSTM, vectors: Vectors) -> tuple[Tensor, Tensor]:
    """Outputs [batch time width] and last hidden states [batch layers width] of the twin."""
    packed = pack_padded_sequence(
        vectors.values, vectors.lengths, batch_first=True, enforce_sorted=False
    )
    outputs, (hidden, _) = twin(packed)
    values, _ = pad_packed_sequence(outputs, batch_first=True, total_length=vectors.values.shape[1])
    batch = len(vectors.lengths)
    return values, hidden.view(-1, 2, batch, hidden.shape[-1]).permute(2, 0, 1, 3).flatten(2)


def hidden_of(vectors: Vectors) -> Tensor:
    """The one tensor of a bilstm's state."""
    assert vectors.state is not None
    (hidden,) = vectors.state
    return hidden


@pytest.mark.parametrize("layers", [1, 3])
def test_values_and_state_and_gradients_equal_those_of_packed_sequences(layers: int) -> None:
    torch.manual_seed(1)
    encoder = BiLSTM(INPUTS, width=8, layers=layers).double()
    twin = packed_twin(encoder)
    ours = padded([4, 1, 6, 3], dtype=torch.float64)
    theirs = Vectors(ours.values.detach().clone().requires_grad_(), ours.lengths)

    encoded = encoder(ours)
    values, hidden = run_packed(twin, theirs)
    torch.testing.assert_close(encoded.values, values, rtol=0, atol=1e-10)
    torch.testing.assert_close(hidden_of(encoded), hidden, rtol=0, atol=1e-10)

    weights, weights_of_hidden = torch.randn_like(values), torch.randn_like(hidden)
    for outputs, last in ((encoded.values, hidden_of(encoded)), (values, hidden)):
        ((outputs * weights).sum() + (last * weights_of_hidden).sum()).backward()
    torch.testing.assert_close(ours.values.grad, theirs.values.grad, rtol=0, atol=1e-10)
    gradients = BiLSTM(INPUTS, width=8, layers=layers).double()
    with torch.no_grad():
        for to, parameter in zip(gradients.parameters(), encoder.parameters(), strict=True):
            assert parameter.grad is not None
            to.copy_(parameter.grad)
    for name, gradient in packed_twin(gradients).named_parameters():
        torch.testing.assert_close(twin.get_parameter(name).grad, gradient.data, atol=1e-10, rtol=0)


@settings(max_examples=25, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 7), min_size=1, max_size=5),
    padding=st.integers(1, 4),
    layers=st.integers(1, 2),
)
def test_a_row_gives_the_same_alone_in_any_batch_and_with_any_padding(
    lengths: list[int], padding: int, layers: int
) -> None:
    torch.manual_seed(2)
    encoder = BiLSTM(INPUTS, width=6, layers=layers, residual=layers > 1).eval()
    batch = padded(lengths)
    together = encoder(batch)
    for row, length in enumerate(lengths):
        values = torch.zeros(1, length + padding, INPUTS)
        values[0, :length] = batch.values[row, :length].detach()
        alone = encoder(Vectors(values, batch.lengths[row : row + 1]))
        torch.testing.assert_close(
            alone.values[0, :length], together.values[row, :length], rtol=0, atol=1e-5
        )
        torch.testing.assert_close(hidden_of(alone)[0], hidden_of(together)[row], rtol=0, atol=1e-5)
        assert not together.values[row, length:].any()


def test_what_stands_in_the_padding_changes_nothing() -> None:
    encoder = BiLSTM(INPUTS, width=6, layers=2, residual=True)
    vectors = padded([2, 5, 0])
    dirty = vectors.values.masked_fill(~vectors.mask.unsqueeze(-1), 9.0)
    clean, other = encoder(vectors), encoder(Vectors(dirty, vectors.lengths))
    torch.testing.assert_close(clean.values, other.values, rtol=0, atol=1e-6)
    torch.testing.assert_close(hidden_of(clean), hidden_of(other), rtol=0, atol=1e-6)


def test_gradients_reach_every_parameter_and_none_leaves_a_row() -> None:
    encoder = BiLSTM(INPUTS, width=6, layers=3, dropout=0.1, residual=True)
    vectors = padded([3, 4])
    encoder(vectors).values[0].sum().backward()
    assert all(
        parameter.grad is not None and parameter.grad.any() for parameter in encoder.parameters()
    )
    assert vectors.values.grad is not None
    assert not vectors.values.grad[1].any()
    assert not vectors.values.grad[0, 3:].any()


def test_the_state_alone_trains_the_encoder() -> None:
    encoder = BiLSTM(INPUTS, width=6)
    torch.autograd.backward(hidden_of(encoder(padded([3, 4]))).sum())
    assert all(parameter.grad is not None for parameter in encoder.parameters())


@pytest.mark.parametrize(("batch", "time"), [(0, 3), (2, 0), (0, 0), (2, 3)])
def test_texts_and_batches_without_a_step_give_zeros(batch: int, time: int) -> None:
    encoder = BiLSTM(INPUTS, width=6, layers=2, dropout=0.5)
    for parameter in encoder.parameters():
        nn.init.ones_(parameter)  # biases of zero would give zeros by themselves
    empty = Vectors(torch.zeros(batch, time, INPUTS), torch.zeros(batch, dtype=torch.long))
    encoded = encoder(empty)
    assert encoded.values.shape == (batch, time, 6)
    assert hidden_of(encoded).shape == (batch, 2, 6)
    assert not encoded.values.any()
    assert not hidden_of(encoded).any()


def test_residual_adds_the_input_of_every_layer_but_the_first() -> None:
    torch.manual_seed(3)
    plain, residual = (BiLSTM(6, width=6, layers=2, residual=way) for way in (False, True))
    residual.load_state_dict(plain.state_dict())
    first = BiLSTM(6, width=6)
    first.layers[0].load_state_dict(plain.layers[0].state_dict())
    vectors = padded([4, 2], width=6)
    expected = plain(vectors).values + first(vectors).values
    torch.testing.assert_close(residual(vectors).values, expected)


def test_an_encoder_tells_its_width_stride_and_that_it_looks_ahead() -> None:
    encoder = bilstm(Upstream(width=INPUTS), width=6)
    assert isinstance(encoder, Encoder)
    assert (encoder.width, encoder.stride, encoder.causal) == (6, 1, False)
    assert encoder.forward(padded([3])).values.shape == (1, 4, 6)


def test_a_state_is_refused_because_no_window_can_follow_a_whole_text() -> None:
    encoder = BiLSTM(INPUTS, width=6)
    vectors = padded([3])
    with pytest.raises(
        PluginError, match="bilstm: it reads each text from both ends, so it cannot"
    ):
        encoder(vectors, encoder(vectors).state)


def test_an_odd_width_is_refused_where_no_recipe_was_checked() -> None:
    with pytest.raises(PluginError, match="bilstm: width is 7, but each of the two directions"):
        bilstm(Upstream(width=INPUTS), width=7)


def test_the_penalty_of_the_embedder_is_handed_on() -> None:
    vectors = padded([2])
    penalty = torch.tensor(0.5)
    encoded = BiLSTM(INPUTS, width=4)(Vectors(vectors.values, vectors.lengths, penalty=penalty))
    assert encoded.penalty is penalty


def test_weights_survive_a_round_trip() -> None:
    saved, other = (BiLSTM(INPUTS, width=6, layers=2) for _ in range(2))
    vectors = padded([4, 2])
    assert not torch.equal(saved(vectors).values, other(vectors).values)
    other.load_state_dict(saved.state_dict())
    assert torch.equal(saved(vectors).values, other(vectors).values)


def test_initial_weights_are_orthogonal_and_the_forget_gate_is_open() -> None:
    layer = BiLSTM(INPUTS, width=8).layers[0]
    for gate in layer.get_parameter("backwards.weight_hh_l0").chunk(4):
        torch.testing.assert_close(gate @ gate.T, torch.eye(4), rtol=0, atol=1e-5)
    for gate in layer.get_parameter("forwards.weight_ih_l0").chunk(4):
        assert 0.0 < gate.abs().max() <= (6 / (INPUTS + 4)) ** 0.5
    biases = layer.get_parameter("forwards.bias_ih_l0") + layer.get_parameter("forwards.bias_hh_l0")
    assert biases.tolist() == [0.0] * 4 + [1.0] * 4 + [0.0] * 8


def test_bf16_autocast_stays_near_fp32_and_zero_in_the_padding() -> None:
    torch.manual_seed(4)
    encoder = BiLSTM(INPUTS, width=32, layers=2, residual=True)
    vectors = padded([7, 3, 0])
    with torch.autocast("cpu", torch.bfloat16):
        half = encoder(vectors)
    full = encoder(vectors)
    torch.testing.assert_close(half.values.float(), full.values, rtol=0, atol=3e-2)
    torch.testing.assert_close(hidden_of(half).float(), hidden_of(full), rtol=0, atol=3e-2)
    assert not half.values[~vectors.mask].any()
    half.values.float().sum().backward()
    assert all(
        parameter.grad is not None and parameter.grad.dtype == torch.float32
        for parameter in encoder.parameters()
    )


@pytest.mark.gpu
def test_a_gpu_gives_what_the_cpu_gives() -> None:
    encoder = BiLSTM(INPUTS, width=32, layers=2)
    vectors = padded([7, 3, 0])
    here = encoder(vectors)
    there = encoder.cuda()(Vectors(vectors.values.cuda(), vectors.lengths.cuda()))
    torch.testing.assert_close(there.values.cpu(), here.values, rtol=0, atol=1e-4)
    torch.testing.assert_close(hidden_of(there).cpu(), hidden_of(here), rtol=0, atol=1e-4)
