"""Sums over paths and best paths, against enumeration of all paths and a log-space loop."""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seqkit.stages import time_mask
from seqkit_labels import chain as module
from seqkit_labels.chain import Chain, posterior
from seqkit_labels.likelihood import negative_log_likelihood
from seqkit_labels.viterbi import best_paths

INF = float("inf")


def case(
    seed: int, lengths: list[int], size: int, spread: float = 1.0, forbidden: float = 0.0
) -> tuple[Tensor, Tensor, Tensor, Chain]:
    """Emissions, labels, lengths and weights in float64; label 0 is never forbidden."""
    random = np.random.default_rng(seed)
    time = max(lengths, default=0)
    emissions = torch.from_numpy(random.normal(0, spread, (len(lengths), time, size)))
    labels = torch.from_numpy(random.integers(0, size, (len(lengths), time)))
    weights = [random.normal(0, 1, shape) for shape in ((size,), (size, size), (size,))]
    for weight in weights:
        weight[random.random(weight.shape) < forbidden] = -INF
    weights[0][0], weights[1][:, 0], weights[2][0] = 0.1, 0.2, 0.3
    return (
        emissions,
        labels,
        torch.tensor(lengths, dtype=torch.int64),
        Chain(*map(torch.from_numpy, weights)),
    )


def score(emissions: Tensor, path: tuple[int, ...], chain: Chain) -> float:
    total = sum(emissions[t, label].item() for t, label in enumerate(path))
    if path:
        total += chain.first[path[0]].item() + chain.last[path[-1]].item()
    return total + sum(chain.pair[a, b].item() for a, b in pairwise(path))


def enumerate_paths(
    emissions: Tensor, lengths: Tensor, chain: Chain
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[tuple[int, ...]]]:
    """Partition, marginals, pairs and best paths from all paths, one by one."""
    batch, time, size = emissions.shape
    partition, best = np.zeros(batch), []
    marginals, pairs = np.zeros((batch, time, size)), np.zeros((size, size))
    for row in range(batch):
        paths = list(product(range(size), repeat=int(lengths[row])))
        scores = np.array([score(emissions[row], path, chain) for path in paths])
        top = scores.max()
        partition[row] = top + np.log(np.exp(scores - top).sum())
        best.append(paths[int(scores.argmax())])
        for path, weight in zip(paths, np.exp(scores - partition[row]), strict=True):
            for t, label in enumerate(path):
                marginals[row, t, label] += weight
            for one, other in pairwise(path):
                pairs[one, other] += weight
    return partition, marginals, pairs, best


def log_space_loss(emissions: Tensor, labels: Tensor, lengths: Tensor, chain: Chain) -> Tensor:
    """The plain loop, a row at a time, with recorded gradients."""
    total = emissions.new_zeros(())
    for row, length in enumerate(lengths.tolist()):
        if not length:
            continue
        forward = chain.first + emissions[row, 0]
        gold = chain.first[labels[row, 0]] + emissions[row, 0, labels[row, 0]]
        for t in range(1, length):
            forward = (forward.unsqueeze(1) + chain.pair).logsumexp(0) + emissions[row, t]
            before, now = labels[row, t - 1], labels[row, t]
            gold = gold + chain.pair[before, now] + emissions[row, t, now]
        gold = gold + chain.last[labels[row, length - 1]]
        total = total + (forward + chain.last).logsumexp(0) - gold
    return total


def gradients(loss: Tensor, inputs: list[Tensor]) -> list[Tensor]:
    return list(torch.autograd.grad(loss, inputs))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    lengths=st.lists(st.integers(0, 4), min_size=1, max_size=3),
    size=st.integers(1, 3),
    spread=st.sampled_from([0.0, 1.0, 30.0, 1e4]),
    forbidden=st.sampled_from([0.0, 0.5]),
)
def test_sums_and_best_paths_are_those_of_all_paths(
    seed: int, lengths: list[int], size: int, spread: float, forbidden: float
) -> None:
    emissions, _, sizes, chain = case(seed, lengths, size, spread, forbidden)
    partition, marginals, pairs, best = enumerate_paths(emissions, sizes, chain)
    found = posterior(emissions, sizes, chain)
    np.testing.assert_allclose(found.log_partition, partition, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(found.marginals, marginals, atol=1e-9)
    np.testing.assert_allclose(found.pairs, pairs, atol=1e-9)
    paths = best_paths(emissions.numpy(), sizes.numpy(), *(weight.numpy() for weight in chain))
    for row, path in enumerate(best):
        given = tuple(paths[row, : lengths[row]].tolist())
        assert score(emissions[row], given, chain) == pytest.approx(
            score(emissions[row], path, chain), abs=1e-9
        )
        assert not paths[row, lengths[row] :].any()


@pytest.mark.parametrize("lengths", [[5], [3, 0, 6, 1], [0, 0], []])
def test_the_gradient_is_that_of_a_log_space_loop(lengths: list[int]) -> None:
    emissions, labels, sizes, chain = case(1, lengths, 4)
    inputs = [value.clone().requires_grad_() for value in (emissions, *chain)]
    loss = negative_log_likelihood(inputs[0], labels, sizes, Chain(*inputs[1:]))
    reference = log_space_loss(inputs[0], labels, sizes, Chain(*inputs[1:]))
    assert loss.item() == pytest.approx(reference.item(), abs=1e-9)
    if not sum(lengths):
        assert not any(gradient.any() for gradient in gradients(loss, inputs))
        return
    for found, wanted in zip(gradients(loss, inputs), gradients(reference, inputs), strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-8)


def test_the_gradient_passes_gradcheck() -> None:
    emissions, labels, sizes, chain = case(2, [4, 2, 0], 3)
    inputs = tuple(value.requires_grad_() for value in (emissions, *chain))

    def loss(*values: Tensor) -> Tensor:
        return 3 * negative_log_likelihood(values[0], labels, sizes, Chain(*values[1:]))

    assert torch.autograd.gradcheck(loss, inputs)


def test_forbidden_weights_get_no_gradient_and_no_probability() -> None:
    emissions, labels, sizes, chain = case(3, [4, 3], 3, forbidden=0.5)
    labels = torch.zeros_like(labels)
    inputs = [value.clone().requires_grad_() for value in (emissions, *chain)]
    loss = negative_log_likelihood(inputs[0], labels, sizes, Chain(*inputs[1:]))
    for gradient, weight in zip(gradients(loss, inputs)[1:], chain, strict=True):
        assert not gradient[weight == -INF].any()
        assert gradient.isfinite().all()
    found = posterior(emissions, sizes, chain)
    assert not found.pairs[chain.pair == -INF].any()
    assert not found.marginals[:, 0, chain.first == -INF].any()


@pytest.mark.parametrize("spread", [1.0, 100.0, 1e4])
def test_single_precision_agrees_however_far_scores_are_apart(spread: float) -> None:
    emissions, labels, sizes, chain = case(4, [7, 12, 3], 5, spread, forbidden=0.4)
    labels = torch.zeros_like(labels)
    exact = [value.clone().requires_grad_() for value in (emissions, *chain)]
    short = [value.detach().float().requires_grad_() for value in exact]
    wanted = negative_log_likelihood(exact[0], labels, sizes, Chain(*exact[1:]))
    found = negative_log_likelihood(short[0], labels, sizes, Chain(*short[1:]))
    assert found.item() == pytest.approx(wanted.item(), rel=1e-5)
    for one, other in zip(gradients(found, short), gradients(wanted, exact), strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-2, atol=2e-3)


def test_a_path_that_exp_space_would_lose_is_found_in_log_space(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Label 1 is hopeless at step 0, but the only one that may reach label 1 at step 1.
    emissions = torch.tensor([[[0.0, -200.0], [-500.0, 0.0]]])
    pair = torch.tensor([[0.0, -INF], [0.0, 0.0]])
    chain, lengths = Chain(torch.zeros(2), pair, torch.zeros(2)), torch.tensor([2])
    called = []
    slow = module.in_log_space

    def counting(*given: Any) -> Any:
        called.append(1)
        return slow(*given)

    monkeypatch.setattr(module, "in_log_space", counting)
    found = posterior(emissions, lengths, chain)
    assert called
    assert found.log_partition.item() == pytest.approx(-200.0)
    torch.testing.assert_close(found.marginals, torch.tensor([[[0.0, 1.0], [0.0, 1.0]]]))
    posterior(emissions / 100, lengths, chain)
    assert len(called) == 1


def test_a_path_that_is_lost_where_small_numbers_are_flushed_is_found() -> None:
    # exp(-88) is flushed to 0, but the path that keeps to label 0 has no more than exp(-80).
    emissions = torch.tensor([[[0.0, -88.0], [-40.0, 0.0], [-40.0, 0.0]]])
    pair = torch.tensor([[0.0, -INF], [-INF, 0.0]])
    lengths = torch.tensor([3])
    torch.set_flush_denormal(True)
    try:
        found = posterior(emissions, lengths, Chain(torch.zeros(2), pair, torch.zeros(2)))
    finally:
        torch.set_flush_denormal(False)
    wanted = 1 / (1 + np.exp(8))
    assert found.marginals[0, :, 1].tolist() == pytest.approx([wanted] * 3, rel=1e-4)


def test_log_space_and_exp_space_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    emissions, _, sizes, chain = case(5, [6, 0, 2, 4], 4, forbidden=0.3)
    fast = posterior(emissions, sizes, chain)
    monkeypatch.setattr(module, "scaled", lambda *given: None)
    for found, wanted in zip(fast[:3], posterior(emissions, sizes, chain)[:3], strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-10)


def test_long_texts_neither_overflow_nor_vanish() -> None:
    emissions, labels, sizes, chain = case(6, [3000], 4)
    short = Chain(*(weight.float() for weight in chain))
    loss = negative_log_likelihood(emissions.float(), labels, sizes, short)
    assert loss.item() == pytest.approx(
        negative_log_likelihood(emissions, labels, sizes, chain).item(), rel=1e-5
    )
    assert posterior(emissions.float(), sizes, short).marginals.sum(2).allclose(torch.ones(1))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), lengths=st.lists(st.integers(0, 6), min_size=2, max_size=5))
def test_padding_and_neighbours_change_nothing(seed: int, lengths: list[int]) -> None:
    emissions, labels, sizes, chain = case(seed, lengths, 3)
    weights = [weight.numpy() for weight in chain]
    together = posterior(emissions, sizes, chain)
    paths = best_paths(emissions.numpy(), sizes.numpy(), *weights)
    garbage = torch.where(time_mask(sizes, emissions.shape[1]), labels, 99)
    total = negative_log_likelihood(emissions, garbage, sizes, chain).item()
    alone = 0.0
    for row, length in enumerate(lengths):
        one = emissions[row : row + 1, :length], sizes[row : row + 1]
        found = posterior(*one, chain)
        assert found.log_partition.item() == pytest.approx(together.log_partition[row].item())
        torch.testing.assert_close(found.marginals[0], together.marginals[row, :length])
        assert not together.marginals[row, length:].any()
        path = best_paths(one[0].numpy(), one[1].numpy(), *weights)
        assert path[0].tolist() == paths[row, :length].tolist()
        alone += negative_log_likelihood(
            one[0], labels[row : row + 1, :length], one[1], chain
        ).item()
    assert total == pytest.approx(alone, abs=1e-9)


def test_sums_stay_in_single_precision_under_autocast() -> None:
    emissions, labels, sizes, chain = case(7, [9, 5], 6)
    inputs = [value.float().requires_grad_() for value in (emissions, *chain)]
    plain = negative_log_likelihood(inputs[0], labels, sizes, Chain(*inputs[1:]))
    wanted = gradients(plain, inputs)
    with torch.autocast("cpu", torch.bfloat16):
        found = negative_log_likelihood(inputs[0], labels, sizes, Chain(*inputs[1:]))
        sums = posterior(inputs[0], sizes, Chain(*inputs[1:]))
    assert found.item() == plain.item()
    assert all(map(torch.equal, gradients(found, inputs), wanted))
    again = posterior(inputs[0], sizes, Chain(*inputs[1:]))
    assert all(map(torch.equal, sums[:3], again[:3]))


def test_a_score_that_is_not_a_number_gives_a_loss_that_is_none() -> None:
    emissions, labels, sizes, chain = case(8, [3], 2)
    emissions[0, 1, 0] = torch.nan
    assert negative_log_likelihood(emissions, labels, sizes, chain).isnan()


def test_of_equal_paths_the_lower_labels_win() -> None:
    emissions = np.zeros((1, 3, 2), np.float32)
    weights = np.zeros(2, np.float32), np.zeros((2, 2), np.float32), np.zeros(2, np.float32)
    assert best_paths(emissions, np.array([3]), *weights).tolist() == [[0, 0, 0]]


def test_the_best_path_of_a_long_text_is_exact_in_single_precision() -> None:
    random = np.random.default_rng(9)
    emissions = 1000 + random.integers(0, 64, (1, 20000, 3)) / 64  # exact in single precision
    weights = [random.integers(0, 64, shape) / 64 for shape in ((3,), (3, 3), (3,))]
    lengths = np.array([20000])
    short = best_paths(
        emissions.astype(np.float32), lengths, *(weight.astype(np.float32) for weight in weights)
    )
    assert (short == best_paths(emissions, lengths, *weights)).all()
