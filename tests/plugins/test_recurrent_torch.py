"""The textbook encoders against torch's own layers over packed sequences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqkit.stages import Upstream, Vectors
from seqkit_recurrent.stack import Stack
from seqkit_recurrent.textbook import bilstm, lstm
from seqkit_recurrent.units import bigru, gru, rnn

INPUTS, WIDTH = 5, 8
KERNELS: Mapping[Callable[..., Any], type[nn.RNNBase]] = {
    rnn: nn.RNN,
    gru: nn.GRU,
    bigru: nn.GRU,
    lstm: nn.LSTM,
    bilstm: nn.LSTM,
}
CASES: list[tuple[Callable[..., Any], dict[str, Any]]] = [
    *((factory, {"layers": layers}) for factory in KERNELS for layers in (1, 3)),
    (lstm, {"layers": 2, "cells": 11}),
    (bilstm, {"layers": 2, "cells": 7}),
]
CARRIED = [(*case, True) for case in CASES if case[0] not in (bigru, bilstm)]


def called(value: Any) -> str:
    """A short name of a case."""
    return getattr(value, "__name__", None) or str(value)


def made(factory: Callable[..., Any], dtype: torch.dtype, **settings: Any) -> Stack:
    """An encoder of which every weight is random."""
    torch.manual_seed(1)
    stack: Stack = factory(Upstream(width=INPUTS), width=WIDTH, **settings).to(dtype)
    for parameter in stack.parameters():
        nn.init.normal_(parameter, std=0.4)
    return stack


def padded(lengths: Sequence[int], dtype: torch.dtype = torch.float32) -> Vectors:
    """Random rows, zero past their lengths, with one step of padding even in the longest."""
    values = torch.randn(len(lengths), max(lengths) + 1, INPUTS, dtype=dtype)
    for row, length in enumerate(lengths):
        values[row, length:] = 0
    return Vectors(values.requires_grad_(), torch.tensor(lengths))


def twin(factory: Callable[..., Any], stack: Stack, cells: int | None) -> nn.RNNBase:
    """Torch's layers with the very weights of a stack."""
    ways = len(stack.directions[0])
    hidden = cells or WIDTH // ways
    more = {"proj_size": WIDTH // ways} if cells else {}
    kernel: Callable[..., nn.RNNBase] = KERNELS[factory]
    found = kernel(
        INPUTS, hidden, len(stack.directions), bidirectional=ways == 2, dtype=torch.float64, **more
    )
    for depth, layers in enumerate(cast("Sequence[nn.ModuleList]", stack.layers)):
        for layer, suffix in zip(layers, ("", "_reverse"), strict=False):
            for name, parameter in layer.named_parameters():
                kind = name.removeprefix("kernel.").removesuffix("_l0")
                setattr(found, f"{kind}_l{depth}{suffix}", parameter)
    return found


def run_packed(
    found: nn.RNNBase, vectors: Vectors, state: Sequence[Tensor] | None
) -> tuple[Tensor, list[Tensor]]:
    """Outputs [batch time width] and last states [batch layers ...] of rows that have steps."""
    packed = pack_padded_sequence(
        vectors.values, vectors.lengths, batch_first=True, enforce_sorted=False
    )
    first: Any = None
    if state is not None:
        first = [part.transpose(0, 1).contiguous() for part in state]
        first = tuple(first) if len(first) == 2 else first[0]
    outputs, last = found(packed, first)
    values, _ = pad_packed_sequence(outputs, batch_first=True, total_length=vectors.values.shape[1])
    ways = 2 if found.bidirectional else 1
    ends = last if isinstance(last, tuple) else (last,)
    batch = len(vectors.lengths)
    return values, [
        end.view(-1, ways, batch, end.shape[-1]).permute(2, 0, 1, 3).flatten(2) for end in ends
    ]


@pytest.mark.filterwarnings(
    "ignore:LSTM with projections:UserWarning"  # torch says once that oneDNN has no kernel
)
@pytest.mark.parametrize(
    ("factory", "settings", "carried"), [*((*case, False) for case in CASES), *CARRIED], ids=called
)
def test_values_states_and_gradients_equal_those_of_packed_sequences(
    factory: Callable[..., Any], settings: dict[str, Any], carried: bool
) -> None:
    stack = made(factory, torch.float64, **settings)
    vectors = padded([4, 1, 6, 3, 0], torch.float64)
    widths = (WIDTH, settings.get("cells", WIDTH))[: 2 if factory is lstm else 1]
    state = tuple(
        torch.randn(5, len(stack.directions), width, dtype=torch.float64, requires_grad=True)
        for width in widths
    )
    found = stack(vectors, state if carried else None)
    full = Vectors(vectors.values[:4], vectors.lengths[:4])  # a packed row has a step at least
    given = [part[:4] for part in state] if carried else None
    values, ends = run_packed(twin(factory, stack, settings.get("cells")), full, given)
    if not stack.causal:
        ends = ends[:1]  # nothing can go on from the cells of a row that was read from its end

    ours, theirs = [found.values[:4]], [values]
    for part, first, end in zip(found.state, state, ends, strict=True):
        assert torch.equal(part[4], first[4] if carried else torch.zeros_like(first[4]))
        ours.append(part[:4])
        theirs.append(end)
    weights = [torch.randn_like(one) for one in ours]
    inputs = [vectors.values, *stack.parameters(), *(state if carried else ())]
    gradients = [
        torch.autograd.grad(parts, inputs, weights, retain_graph=True) for parts in (ours, theirs)
    ]
    assert not found.values[4].any()
    for one, other in zip([*ours, *gradients[0]], [*theirs, *gradients[1]], strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("factory", "settings"),
    [
        (rnn, {}),
        (gru, {"residual": True}),
        (bigru, {"highway": True}),
        (lstm, {}),
        (lstm, {"peephole": True, "layer_norm": True, "zoneout": 0.1, "cells": 20}),
        (lstm, {"coupled": True, "weight_drop": 0.2, "learned_state": True}),
        (bilstm, {"residual": True}),
        (bilstm, {"recurrent_dropout": 0.1, "alternating": True}),
    ],
    ids=called,
)
def test_bf16_autocast_stays_near_fp32_and_zero_in_the_padding(
    factory: Callable[..., Any], settings: dict[str, Any]
) -> None:
    torch.manual_seed(4)
    stack: Stack = factory(Upstream(width=INPUTS), width=16, layers=2, **settings).eval()
    vectors = padded([7, 3, 0])
    with torch.autocast("cpu", torch.bfloat16):
        half = stack(vectors)
    full = stack(vectors)
    torch.testing.assert_close(half.values.float(), full.values, rtol=0, atol=3e-2)
    for part, whole in zip(half.state, full.state, strict=True):
        assert part.dtype == torch.float32
        torch.testing.assert_close(part, whole, rtol=0, atol=1e-1)  # cells may be above 1
    assert not half.values[~vectors.mask].any()
    stack.train()
    with torch.autocast("cpu", torch.bfloat16):
        stack(vectors).values.float().sum().backward()
    for parameter in stack.parameters():
        assert parameter.grad is not None
        assert parameter.grad.dtype == torch.float32
        assert parameter.grad.isfinite().all()


@pytest.mark.parametrize("width", [32, 1016, 1024, 1150])
def test_gradients_in_bf16_are_near_those_in_fp32_however_wide_a_layer_is(width: int) -> None:
    torch.manual_seed(5)
    stack = cast("Stack", lstm(Upstream(width=64), width=width)).train()
    values, weights = torch.randn(2, 3, 64), list(stack.parameters())

    def gradients() -> list[Tensor]:
        vectors = Vectors(values, torch.tensor([3, 2]))
        output = stack(vectors).values.float()
        return list(torch.autograd.grad(output.square().sum(), weights))

    full = gradients()
    with torch.autocast("cpu", torch.bfloat16):
        half = gradients()
    for one, other in zip(half, full, strict=True):
        assert (one - other).norm() < 0.02 * other.norm()


@pytest.mark.gpu
@pytest.mark.parametrize(("factory", "settings"), CASES, ids=called)
def test_a_gpu_gives_what_the_cpu_gives(
    factory: Callable[..., Any], settings: dict[str, Any]
) -> None:
    stack = made(factory, torch.float32, **settings)
    vectors = padded([7, 3, 0])
    here = stack(vectors)
    there = stack.cuda()(Vectors(vectors.values.cuda(), vectors.lengths.cuda()))
    torch.testing.assert_close(there.values.cpu(), here.values, rtol=0, atol=1e-4)
    for one, other in zip(there.state, here.state, strict=True):
        torch.testing.assert_close(one.cpu(), other, rtol=0, atol=1e-4)
