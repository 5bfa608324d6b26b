"""Attention: the papers' equations in float64, masks, and rows without a step."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from seqkit.stages import time_mask
from seqkit_seq2seq.attending import Attention

WIDTH, QUERIES = 6, 4
KINDS: list[Any] = ["additive", "dot", "general", "heads"]


def made(kind: Any, **settings: Any) -> tuple[Attention, torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    queries = WIDTH if kind == "dot" else QUERIES
    attention = Attention(kind, WIDTH, queries, **settings).double()
    lengths = torch.tensor([3, 5])
    values = torch.randn(2, 5, WIDTH, dtype=torch.float64) * time_mask(lengths, 5).unsqueeze(2)
    return attention, values, torch.randn(2, 3, queries, dtype=torch.float64)


def reference(attention: Attention, row: torch.Tensor, query: torch.Tensor) -> torch.Tensor:
    """The weights of one query, step by step, as the papers write them."""
    scores = []
    for step in row:
        if attention.kind == "additive":
            inside = attention.query(query) + attention.key(step)
            scores.append((attention.score.weight[0] * torch.tanh(inside)).sum())
        elif attention.kind == "dot":
            scores.append(query @ step / WIDTH**0.5)
        else:
            scores.append(query @ attention.key.weight @ step)
    return torch.stack(scores).softmax(0)


@pytest.mark.parametrize("kind", ["additive", "dot", "general"])
def test_the_weights_are_those_of_the_papers(kind: Any) -> None:
    attention, values, queries = made(kind)
    contexts, weights = attention(
        attention.see(values, time_mask(torch.tensor([3, 5]), 5)), queries
    )
    for row, length in enumerate([3, 5]):
        for place in range(3):
            wanted = reference(attention, values[row, :length], queries[row, place])
            found = weights[row, place]
            assert torch.allclose(found[:length].double(), wanted, atol=1e-6)
            assert not found[length:].any()
            context = (wanted.unsqueeze(1) * values[row, :length]).sum(0)
            assert torch.allclose(contexts[row, place], context, atol=1e-6)


def test_heads_are_those_of_torch() -> None:
    attention, values, queries = made("heads", heads=2)
    wide = torch.nn.MultiheadAttention(
        WIDTH, 2, bias=False, kdim=WIDTH, vdim=WIDTH, batch_first=True, dtype=torch.float64
    )
    with torch.no_grad():
        wide.in_proj_weight.copy_(
            torch.cat((torch.eye(WIDTH), attention.key.weight, attention.value.weight))
        )
        wide.out_proj.weight.copy_(torch.eye(WIDTH))
    mask = time_mask(torch.tensor([3, 5]), 5)
    wanted, shares = wide(attention.query(queries), values, values, key_padding_mask=~mask)
    contexts, weights = attention(attention.see(values, mask), queries)
    assert torch.allclose(contexts, wanted, atol=1e-6)
    assert torch.allclose(weights.double(), shares, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_without_a_step_gives_zeros_and_finite_gradients(kind: Any) -> None:
    attention, values, queries = made(kind, heads=2 if kind == "heads" else 1)
    values = (values * torch.tensor([1.0, 0.0]).view(2, 1, 1)).requires_grad_()
    mask = time_mask(torch.tensor([3, 0]), 5)
    contexts, weights = attention(attention.see(values, mask), queries)
    assert not contexts[1].any()
    assert not weights[1].any()
    contexts.sum().backward()
    assert values.grad is not None
    assert values.grad.isfinite().all()
    assert all(
        weight.grad.isfinite().all() for weight in attention.parameters() if weight.grad is not None
    )


def test_coverage_moves_the_weights() -> None:
    attention, values, queries = made("additive", coverage=True)
    seen = attention.see(values, time_mask(torch.tensor([3, 5]), 5))
    nothing = torch.zeros(2, 3, 5, dtype=torch.float64)
    _, before = attention(seen, queries, nothing)
    _, after = attention(seen, queries, nothing + torch.arange(5))
    assert not torch.allclose(before, after)
    assert torch.allclose(before, attention(seen, queries, None)[1])


def test_rows_can_be_chosen() -> None:
    attention, values, queries = made("additive")
    seen = attention.see(values, time_mask(torch.tensor([3, 5]), 5))
    turned = torch.tensor([1, 0])
    contexts, _ = attention(seen, queries)
    others, _ = attention(seen.rows(turned), queries[turned])
    assert torch.allclose(contexts[turned], others)
