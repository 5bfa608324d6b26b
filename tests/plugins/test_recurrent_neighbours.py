"""What neither padding nor neighbours change, and what a carried state makes whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from seqkit.stages import Upstream, Vectors
from seqkit_recurrent.stack import Stack
from seqkit_recurrent.textbook import bilstm, lstm
from seqkit_recurrent.units import bigru, gru, rnn

pytestmark = pytest.mark.filterwarnings(
    "ignore:LSTM with projections:UserWarning"  # torch says once that oneDNN has no kernel
)

INPUTS, WIDTH = 5, 6
Case = tuple[Callable[..., Any], dict[str, Any]]
CAUSAL: list[Case] = [
    (rnn, {"layers": 2}),
    (gru, {"layers": 3, "highway": True}),
    (gru, {"learned_state": True}),
    (lstm, {"layers": 2, "residual": True}),
    (lstm, {"coupled": True, "learned_state": True}),
    (lstm, {"forget_gate": False}),
    (lstm, {"cells": 8, "layers": 2}),
    (lstm, {"peephole": True, "cells": 8, "learned_state": True}),
    (lstm, {"layer_norm": True, "zoneout": 0.1, "cell_zoneout": 0.2, "layers": 2}),
]
WHOLE: list[Case] = [
    (bigru, {"layers": 2, "residual": True}),
    (bigru, {"layers": 3, "alternating": True}),
    (bilstm, {"layers": 3, "highway": True}),
    (bilstm, {"layers": 2, "alternating": True, "cells": 8}),
    (bilstm, {"cells": 4, "coupled": True, "learned_state": True}),
    (bilstm, {"layers": 2, "peephole": True, "zoneout": 0.1}),
]
EVERY = [*CAUSAL, *WHOLE]
LENGTHS = st.lists(st.integers(0, 7), min_size=1, max_size=5)


def called(case: Case) -> str:
    """A short name of a case."""
    return f"{case[0].__name__}-{case[1]}"


def made(case: Case) -> Stack:
    """An encoder of which every weight is random, as it predicts."""
    torch.manual_seed(1)
    factory, chosen = case
    stack: Stack = factory(Upstream(width=INPUTS), width=WIDTH, **chosen).eval()
    for parameter in stack.parameters():
        nn.init.normal_(parameter, std=0.4)
    return stack


def batch(lengths: Sequence[int], padding: int = 1) -> Vectors:
    """Random rows, zero past their lengths."""
    values = torch.randn(len(lengths), max(lengths) + padding, INPUTS)
    for row, length in enumerate(lengths):
        values[row, length:] = 0
    return Vectors(values, torch.tensor(lengths))


def close(ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> None:
    """Compares tensors in fp32."""
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(lengths=LENGTHS, padding=st.integers(0, 4), case=st.sampled_from(EVERY))
def test_a_row_gives_the_same_alone_in_any_batch_and_with_any_padding(
    lengths: list[int], padding: int, case: Case
) -> None:
    stack, vectors = made(case), batch(lengths)
    together = stack(vectors)
    for row, length in enumerate(lengths):
        values = torch.zeros(1, length + padding, INPUTS)
        values[0, :length] = vectors.values[row, :length]
        alone = stack(Vectors(values, vectors.lengths[row : row + 1]))
        close([alone.values[0, :length]], [together.values[row, :length]])
        close([part[0] for part in alone.state], [part[row] for part in together.state])
        assert not together.values[row, length:].any()


@settings(max_examples=20, deadline=None)
@given(
    lengths=LENGTHS,
    windows=st.lists(st.integers(1, 4), min_size=8, max_size=8),
    case=st.sampled_from(CAUSAL),
    look=st.booleans(),
)
def test_windows_that_hand_on_their_state_equal_the_whole(
    lengths: list[int], windows: list[int], case: Case, look: bool
) -> None:
    stack, vectors = made(case), batch(lengths)
    whole, start, state, joined = stack(vectors), 0, None, []
    for window in windows:
        part = Vectors(
            vectors.values[:, start : start + window],
            (vectors.lengths - start).clamp(0, window),
        )
        found = stack.observe(part, state).vectors if look else stack(part, state)
        joined.append(found.values)
        assert found.state is not None
        state, start = found.state, start + window
    assert start >= max(lengths)
    assert state is not None
    close([torch.cat(joined, 1), *state], [whole.values, *whole.state])


@pytest.mark.parametrize("case", EVERY, ids=called)
def test_what_stands_in_the_padding_changes_nothing(case: Case) -> None:
    stack, vectors = made(case), batch([2, 5, 0])
    dirty = vectors.values.masked_fill(~vectors.mask.unsqueeze(-1), 9.0)
    clean, other = stack(vectors), stack(Vectors(dirty, vectors.lengths))
    close([clean.values, *clean.state], [other.values, *other.state])


@pytest.mark.parametrize("case", EVERY, ids=called)
def test_what_is_not_a_number_stays_in_its_row(case: Case) -> None:
    stack, vectors = made(case), batch([4, 6, 0])
    dirty = vectors.values.clone()
    dirty[0, 2] = torch.nan
    clean, other = stack(vectors), stack(Vectors(dirty, vectors.lengths))
    assert torch.equal(clean.values[1:], other.values[1:])
    assert other.values[0, 2].isnan().all()
    assert not other.values[0, 4:].any()
    for part, same in zip(clean.state, other.state, strict=True):
        assert torch.equal(part[1:], same[1:])
        assert same[0].isnan().any()
    if stack.causal:
        assert torch.equal(clean.values[0, :2], other.values[0, :2])


@pytest.mark.parametrize("case", EVERY, ids=called)
def test_gradients_reach_every_parameter_and_none_leaves_a_row(case: Case) -> None:
    stack, vectors = made(case), batch([3, 4])
    values = vectors.values.requires_grad_()
    stack(Vectors(values, vectors.lengths)).values[0].sum().backward()
    for name, parameter in stack.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name
    assert values.grad is not None
    assert values.grad[0, :3].all()
    assert not values.grad[0, 3:].any()
    assert not values.grad[1].any()


@pytest.mark.parametrize("case", EVERY, ids=called)
def test_the_state_alone_trains_the_encoder(case: Case) -> None:
    stack = made(case)
    found = stack(batch([3, 4]))
    torch.autograd.backward([part.sum() for part in found.state])
    last = f"layers.{len(stack.layers) - 1}.0."
    trained = {name for name, parameter in stack.named_parameters() if parameter.grad is not None}
    wanted = {name for name, _ in stack.named_parameters() if name.startswith(last)}
    assert wanted <= trained


@settings(max_examples=15, deadline=None)
@given(lengths=LENGTHS, case=st.sampled_from(EVERY))
def test_what_is_seen_of_an_encoder_is_what_it_gives(lengths: list[int], case: Case) -> None:
    stack, vectors = made(case), batch(lengths)
    exact = Vectors(vectors.values.double(), vectors.lengths)
    for given_, tolerance in ((vectors, 1e-5), (exact, 1e-10)):
        stack = stack.to(given_.values.dtype)
        found, seen = stack(given_), stack.observe(given_)
        assert seen.vectors.state is not None
        ours, theirs = [seen.vectors.values, *seen.vectors.state], [found.values, *found.state]
        for one, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(one, other, rtol=0, atol=tolerance)
        shapes = {numbers.shape for part in seen.series.values() for numbers in part.values()}
        assert shapes == {vectors.values.shape[:2]}
