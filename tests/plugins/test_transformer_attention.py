"""The transformer against its equations, written with loops over numbers in float64."""

from __future__ import annotations

import cmath
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from seqkit.errors import PluginError
from seqkit.stages import Encoder, Upstream, Vectors
from seqkit.testing import check_stage
from seqkit_transformer import transformer
from seqkit_transformer.attention import Transformer
from seqkit_transformer.positions import rotated, rotation

INPUTS = 5
POSITIONS: list[Literal["sinusoidal", "rotary"]] = ["sinusoidal", "rotary"]
Weights = Mapping[str, np.ndarray]


def padded(
    lengths: Sequence[int], width: int = INPUTS, dtype: torch.dtype = torch.float32
) -> Vectors:
    """Random rows, zero past their lengths, with one step of padding even in the longest."""
    values = torch.randn(len(lengths), max(lengths, default=0) + 1, width, dtype=dtype)
    for row, length in enumerate(lengths):
        values[row, length:] = 0
    return Vectors(values.requires_grad_(), torch.tensor(lengths, dtype=torch.long))


def drawn(inputs: int = INPUTS, **given: Any) -> Transformer:
    """An encoder of random weights, biases and norms too, without dropout."""
    torch.manual_seed(1)
    encoder = Transformer(inputs, **{"width": 8, "heads": 2, "layers": 2, **given})
    for weight in encoder.parameters():
        nn.init.normal_(weight, std=0.5)
    return encoder.eval()


def normalised(x: np.ndarray, weights: Weights, name: str) -> np.ndarray:
    """Layer normalisation of one vector (Ba et al. 2016)."""
    spread = math.sqrt(sum((number - x.mean()) ** 2 for number in x) / len(x) + 1e-5)
    scaled = np.array([(number - x.mean()) / spread for number in x])
    return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def encoding(position: int, width: int) -> np.ndarray:
    """PE(p, 2i) = sin(p / 10000^(2i/width)), PE(p, 2i + 1) = cos of the same."""
    numbers = []
    for place in range(width):
        angle = position / 10000 ** ((place - place % 2) / width)
        numbers.append(math.cos(angle) if place % 2 else math.sin(angle))
    return np.array(numbers)


def turned(x: np.ndarray, position: int) -> np.ndarray:
    """Pairs of numbers as complex ones, times e^(i p / 10000^(2i/width)) (Su et al. 2021)."""
    numbers = []
    for place in range(0, len(x), 2):
        angle = position / 10000 ** (place / len(x))
        number = complex(x[place], x[place + 1]) * cmath.exp(1j * angle)
        numbers += [number.real, number.imag]
    return np.array(numbers)


def attended(
    row: Sequence[np.ndarray], weights: Weights, name: str, heads: int, rotary: bool
) -> list[np.ndarray]:
    """Multi-head attention of each step of a row to all of them."""
    joint = weights[f"{name}.project.weight"]
    width, share = joint.shape[1], joint.shape[1] // heads
    found = []
    for place, x in enumerate(row):
        every = []
        for head in range(heads):
            part = slice(head * share, (head + 1) * share)
            w_q, w_k, w_v = (joint[k * width : (k + 1) * width][part] for k in range(3))
            query, keys = w_q @ x, [w_k @ other for other in row]
            if rotary:
                query = turned(query, place)
                keys = [turned(key, at) for at, key in enumerate(keys)]
            scores = [math.exp(query @ key / math.sqrt(share)) for key in keys]
            total = sum(scores)
            every.append(
                sum(score / total * (w_v @ y) for score, y in zip(scores, row, strict=True))
            )
        found.append(weights[f"{name}.output.weight"] @ np.concatenate(every))
    return found


def reference(row: np.ndarray, weights: Weights, layers: int, heads: int, rotary: bool) -> Any:
    """One row without padding, [time width]."""
    steps = [weights["project.weight"] @ x + weights["project.bias"] for x in row]
    steps = [x * math.sqrt(len(x)) for x in steps]
    if not rotary:
        steps = [x + encoding(place, len(x)) for place, x in enumerate(steps)]
    for depth in range(layers):
        name = f"layers.{depth}"
        read = [normalised(x, weights, f"{name}.attention_norm") for x in steps]
        added = attended(read, weights, f"{name}.attention", heads, rotary)
        steps = [x + y for x, y in zip(steps, added, strict=True)]
        for place, x in enumerate(steps):
            y = normalised(x, weights, f"{name}.feed_norm")
            y = np.maximum(weights[f"{name}.feed.0.weight"] @ y + weights[f"{name}.feed.0.bias"], 0)
            y = weights[f"{name}.feed.2.weight"] @ y + weights[f"{name}.feed.2.bias"]
            steps[place] = x + y
    return np.array([normalised(x, weights, "norm") for x in steps])


@pytest.mark.parametrize(
    ("width", "heads", "positions"),
    [(8, 2, "sinusoidal"), (7, 1, "sinusoidal"), (9, 3, "sinusoidal"), (8, 2, "rotary")],
)
def test_values_equal_the_equations(width: int, heads: int, positions: Any) -> None:
    encoder = drawn(width=width, heads=heads, inner=11, positions=positions).double()
    vectors = padded([4, 1, 6], dtype=torch.float64)
    encoded = encoder(vectors)
    weights = {name: weight.detach().numpy() for name, weight in encoder.named_parameters()}
    for row, length in enumerate(vectors.lengths.tolist()):
        alone = vectors.values[row, :length].detach().numpy()
        expected = torch.from_numpy(reference(alone, weights, 2, heads, positions == "rotary"))
        torch.testing.assert_close(encoded.values[row, :length], expected, rtol=0, atol=1e-10)
        assert not encoded.values[row, length:].any()
    assert encoded.state is None


@pytest.mark.parametrize("positions", POSITIONS)
def test_far_positions_are_as_exact_as_near_ones(positions: Any) -> None:
    time = 20_000
    encoder = drawn(width=4, heads=1, layers=1, positions=positions)
    before = encoder.placed(torch.zeros(1, time, INPUTS)) - encoder.placed(
        torch.zeros(1, 1, INPUTS)
    )
    if positions == "sinusoidal":
        expected = torch.from_numpy(encoding(time - 1, 4) - encoding(0, 4)).float()
        torch.testing.assert_close(before[0, -1], expected, rtol=0, atol=1e-6)
    else:
        values = torch.ones(1, 1, time, 4)
        found = rotated(values, rotation(time, 4, values))[0, 0, -1]
        expected = torch.from_numpy(turned(np.ones(4), time - 1)).float()
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("positions", POSITIONS)
def test_gradients_equal_differences(positions: Any) -> None:
    encoder = drawn(width=4, heads=2, layers=1, inner=3, positions=positions).double()
    lengths = torch.tensor([3, 0, 1])
    names, weights = zip(*encoder.named_parameters(), strict=True)
    values = padded([3, 0, 1], dtype=torch.float64).values

    def call(values: Tensor, *given: Tensor) -> Tensor:
        swapped = dict(zip(names, given, strict=True))
        found: Vectors = torch.func.functional_call(encoder, swapped, Vectors(values, lengths))
        return found.values

    assert torch.autograd.gradcheck(call, (values, *weights), fast_mode=True)


@settings(max_examples=20, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 7), min_size=1, max_size=5),
    padding=st.integers(1, 4),
    positions=st.sampled_from(POSITIONS),
)
def test_a_row_gives_the_same_alone_in_any_batch_and_with_any_padding(
    lengths: list[int], padding: int, positions: Any
) -> None:
    encoder, batch = drawn(positions=positions), padded(lengths)
    together = encoder(batch)
    for row, length in enumerate(lengths):
        values = torch.zeros(1, length + padding, INPUTS)
        values[0, :length] = batch.values[row, :length].detach()
        alone = encoder(Vectors(values, batch.lengths[row : row + 1]))
        torch.testing.assert_close(
            alone.values[0, :length], together.values[row, :length], rtol=0, atol=1e-5
        )
        assert not together.values[row, length:].any()


@pytest.mark.parametrize("dirt", [9.0, math.nan, math.inf])
def test_what_stands_in_the_padding_changes_nothing(dirt: float) -> None:
    encoder, vectors = drawn(), padded([2, 5, 0])
    dirty = vectors.values.masked_fill(~vectors.mask.unsqueeze(-1), dirt)
    assert torch.equal(encoder(Vectors(dirty, vectors.lengths)).values, encoder(vectors).values)


@pytest.mark.parametrize("positions", POSITIONS)
def test_gradients_reach_every_parameter_and_none_leaves_a_row(positions: Any) -> None:
    encoder, vectors = drawn(positions=positions).train(), padded([3, 4, 0])
    encoder(vectors).values[0].square().sum().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in encoder.parameters())
    assert vectors.values.grad is not None
    assert vectors.values.grad[0, :3].all()
    assert not vectors.values.grad[1:].any()
    assert not vectors.values.grad[0, 3:].any()


def test_a_row_without_a_step_brings_no_nan_into_the_gradient() -> None:
    encoder, vectors = drawn(dropout=0.5).train(), padded([0, 0])
    torch.autograd.backward(encoder(vectors).values.sum())
    assert all(not weight.grad.any() for weight in encoder.parameters() if weight.grad is not None)


@pytest.mark.parametrize(("batch", "time"), [(0, 3), (2, 0), (0, 0), (2, 3)])
@pytest.mark.parametrize("positions", POSITIONS)
def test_texts_and_batches_without_a_step_give_zeros(batch: int, time: int, positions: Any) -> None:
    empty = Vectors(torch.zeros(batch, time, INPUTS), torch.zeros(batch, dtype=torch.long))
    encoded = drawn(positions=positions)(empty)
    assert encoded.values.shape == (batch, time, 8)
    assert not encoded.values.any()


def test_no_kernel_is_asked_for_a_softmax_over_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder, vectors = drawn(), padded([3, 0])

    def kernel(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor) -> Tensor:
        scores = query @ key.transpose(2, 3) / query.shape[3] ** 0.5
        found: Tensor = scores.masked_fill(~attn_mask, -math.inf).softmax(3) @ value
        return found

    expected = encoder(vectors).values
    monkeypatch.setattr("torch.nn.functional.scaled_dot_product_attention", kernel)
    found = encoder(vectors).values
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    gradients = torch.autograd.grad(found.square().sum(), list(encoder.parameters()))
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_order_matters_by_the_positions_alone() -> None:
    vectors = padded([4])
    reversed_ = Vectors(vectors.values[:, [3, 2, 1, 0, 4]], vectors.lengths)
    for positions in POSITIONS:
        encoder = drawn(positions=positions)
        back = encoder(reversed_).values[:, [3, 2, 1, 0, 4]]
        assert not torch.allclose(back, encoder(vectors).values, atol=1e-2)


def test_products_of_rotated_values_depend_on_distance_alone() -> None:
    torch.manual_seed(5)
    time, (query, key) = 12, torch.randn(2, 1, 1, 1, 6, dtype=torch.float64)
    by = rotation(time, 6, query)
    queries, keys = (rotated(one.expand(1, 1, time, 6), by)[0, 0] for one in (query, key))
    products = queries @ keys.T
    torch.testing.assert_close(products[1:, 1:], products[:-1, :-1], rtol=0, atol=1e-12)
    assert len(set(products[0].tolist())) == time


def test_vectors_of_the_layers_width_are_not_projected() -> None:
    names = [name for name, _ in Transformer(8, width=8, heads=2).named_parameters()]
    others = [name for name, _ in Transformer(7, width=8, heads=2).named_parameters()]
    assert set(others) - set(names) == {"project.weight", "project.bias"}
    assert Transformer(8, width=8, heads=2)(padded([3, 1], 8)).values.shape == (2, 4, 8)


def test_dropout_is_on_the_first_input_and_on_every_sublayers_output() -> None:
    encoder, drops = drawn(dropout=0.5, layers=3), []
    for name, module in encoder.named_modules():
        if isinstance(module, nn.Dropout):
            assert module.p == 0.5
            module.register_forward_hook(lambda *_, name=name: drops.append(name))
    encoder(padded([4, 2]))
    assert drops == ["dropout", *(f"layers.{depth}.dropout" for depth in (0, 0, 1, 1, 2, 2))]


def test_dropout_is_drawn_while_training_alone() -> None:
    encoder, vectors = drawn(dropout=0.5), padded([4, 2])
    still = encoder(vectors).values
    assert torch.equal(encoder(vectors).values, still)
    encoder.train()
    assert not torch.equal(encoder(vectors).values, encoder(vectors).values)


def test_an_encoder_tells_its_width_stride_and_that_it_looks_ahead() -> None:
    encoder = transformer(Upstream(width=INPUTS), width=6, heads=3, layers=1)
    assert isinstance(encoder, Encoder)
    assert (encoder.width, encoder.stride, encoder.causal) == (6, 1, False)


def test_the_defaults_are_the_base_model_of_the_paper() -> None:
    encoder = transformer(Upstream(width=512))
    assert isinstance(encoder, Transformer)
    total = sum(weight.numel() for weight in encoder.parameters())
    norms = 13 * 2 * 512
    assert total == 6 * (4 * 512**2 + 2 * 512 * 2048 + 2048 + 512) + norms
    assert encoder.layers[0].get_submodule("dropout").p == 0.1


@pytest.mark.parametrize("positions", POSITIONS)
def test_it_keeps_the_contract_with_an_input_of_its_own_width(positions: str) -> None:
    given = {"width": 12, "heads": 3, "layers": 2, "positions": positions, "dropout": 0.2}
    check_stage(transformer, settings=given, kind="encoder", upstream=Upstream(12))


def test_a_state_is_refused_because_each_step_attends_to_the_whole_text() -> None:
    with pytest.raises(PluginError) as refused:
        drawn()(padded([3]), (torch.zeros(1, 8),))
    assert str(refused.value) == (
        "transformer: each step attends to the whole text, so it cannot carry a state from window "
        "to window. Use a causal encoder, or batches of whole texts (tokens or rows)."
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"width": 8, "heads": 3}, "transformer: heads is 3, but 'width' is 8"),
        (
            {"width": 6, "heads": 2, "positions": "rotary"},
            "transformer: positions is rotary, which rotates values in pairs",
        ),
    ],
)
def test_heads_that_do_not_fit_are_refused_where_no_recipe_was_checked(
    given: dict[str, Any], said: str
) -> None:
    with pytest.raises(PluginError, match=said):
        transformer(Upstream(width=INPUTS), **given)


def test_the_penalty_of_the_embedder_is_handed_on_and_its_state_is_not() -> None:
    vectors, penalty = padded([2]), torch.tensor(0.5)
    before = Vectors(vectors.values, vectors.lengths, (torch.zeros(1, 2),), penalty)
    encoded = drawn()(before)
    assert encoded.penalty is penalty
    assert encoded.state is None


def test_initial_weights_are_xavier_uniform_and_biases_zero() -> None:
    torch.manual_seed(2)
    encoder = Transformer(6, width=8, heads=2)
    for name, weight in encoder.named_parameters():
        if name.endswith("bias"):
            assert not weight.any(), name
        elif "norm" in name:
            assert (weight == 1).all(), name
        else:
            for part in weight.chunk(3) if name.endswith("attention.project.weight") else [weight]:
                bound = math.sqrt(6 / sum(part.shape))
                assert 0.8 * bound < part.abs().max() <= bound, name


@pytest.mark.parametrize("positions", POSITIONS)
def test_bf16_autocast_stays_near_fp32_and_gives_fp32(positions: Any) -> None:
    torch.manual_seed(4)
    encoder = Transformer(INPUTS, width=32, heads=4, layers=2, positions=positions)
    vectors = padded([7, 3, 0])
    with torch.autocast("cpu", torch.bfloat16):
        half = encoder(vectors).values
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, encoder(vectors).values, rtol=0, atol=5e-2)
    assert not torch.equal(half, encoder(vectors).values)
    half.square().sum().backward()
    assert all(weight.grad is not None for weight in encoder.parameters())


@pytest.mark.gpu
@pytest.mark.parametrize("positions", POSITIONS)
def test_a_gpu_gives_what_the_cpu_gives(positions: Any) -> None:
    encoder, vectors = drawn(width=32, heads=4, positions=positions), padded([7, 3, 0])
    here = encoder(vectors).values
    there = encoder.cuda()(Vectors(vectors.values.cuda(), vectors.lengths.cuda())).values
    torch.testing.assert_close(there.cpu(), here, rtol=0, atol=1e-4)
