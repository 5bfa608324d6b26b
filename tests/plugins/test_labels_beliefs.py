"""The probability of spans, against the sum over all paths that hold them."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seqkit_labels import chain as module
from seqkit_labels.beliefs import beliefs, reading
from seqkit_labels.chain import Chain
from seqkit_labels.schemes import Span, legal, spans

TAGS = {
    "BIO": ["O", "B-X", "I-X", "B-Y"],
    "IOB1": ["O", "I-X", "B-X", "I-Y"],
    "BIOES": ["O", "B-X", "I-X", "E-X", "S-X", "S-Y"],
    "BILOU": ["O", "B-X", "I-X", "L-X", "U-X", "U-Y"],
    "bare": ["O", "B", "I"],
}


def case(
    seed: int, lengths: list[int], labels: list[str], scheme: str | None
) -> tuple[Tensor, Tensor, Chain]:
    """Emissions, lengths and weights in float64; with a scheme, what it forbids is impossible."""
    random = np.random.default_rng(seed)
    emissions = torch.from_numpy(random.normal(0, 2, (len(lengths), max(lengths), len(labels))))
    weights = [random.normal(0, 1, (len(labels),) * axes) for axes in (1, 2, 1)]
    if scheme:
        for weight, allowed in zip(weights, legal(scheme, labels), strict=True):
            weight[~allowed] = -np.inf
    return emissions, torch.tensor(lengths), Chain(*map(torch.from_numpy, weights))


def every_span(
    emissions: Tensor, length: int, chain: Chain, labels: list[str]
) -> dict[Span, float]:
    """The probability of each span of one row, from all its paths one by one."""
    first, pair, last = (weight.tolist() for weight in chain)
    local, found, total = emissions.tolist(), dict[Span, float](), 0.0
    for path in product(range(len(labels)), repeat=length):
        score = first[path[0]] + last[path[-1]] + sum(pair[a][b] for a, b in pairwise(path))
        weight = float(np.exp(score + sum(local[t][label] for t, label in enumerate(path))))
        total += weight
        for span in spans([labels[index] for index in path]) if weight else ():
            found[span] = found.get(span, 0.0) + weight
    return {span: weight / total for span, weight in found.items()}


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10**6), lengths=st.lists(st.integers(1, 4), min_size=1, max_size=2))
@pytest.mark.parametrize("constrained", [True, False])
@pytest.mark.parametrize("scheme", TAGS)
def test_a_span_has_the_probability_of_all_paths_that_hold_it(
    scheme: str, constrained: bool, seed: int, lengths: list[int]
) -> None:
    labels = TAGS[scheme]
    rules = ("BIO" if scheme == "bare" else scheme) if constrained else None
    emissions, sizes, chain = case(seed, lengths, labels, rules)
    wanted = [every_span(emissions[row], n, chain, labels) for row, n in enumerate(lengths)]
    known = beliefs(emissions, sizes, chain)
    found = known.of_spans([list(one) for one in wanted], reading(labels))
    for one, sure in zip(wanted, found, strict=True):
        np.testing.assert_allclose(sure, list(one.values()), atol=1e-9)


def test_in_log_space_they_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = TAGS["BIOES"]
    emissions, sizes, chain = case(3, [4, 2], labels, "BIOES")
    every = [list(every_span(emissions[row], n, chain, labels)) for row, n in enumerate([4, 2])]
    fast = beliefs(emissions, sizes, chain).of_spans(every, reading(labels))
    monkeypatch.setattr(module, "scaled", lambda *_: None)
    slow = beliefs(emissions, sizes, chain).of_spans(every, reading(labels))
    for one, other in zip(fast, slow, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_single_precision_is_close_however_far_scores_are_apart() -> None:
    labels = TAGS["BIO"]
    emissions, sizes, chain = case(5, [5], labels, "BIO")
    for spread in (1.0, 100.0, 1e4):
        wanted = every_span((emissions[0] - emissions[0].amax()) * spread, 5, chain, labels)
        short = Chain(*(weight.float() for weight in chain))
        known = beliefs((emissions * spread).float(), sizes, short)
        [found] = known.of_spans([list(wanted)], reading(labels))
        np.testing.assert_allclose(found, list(wanted.values()), atol=2e-3)


def test_texts_without_a_span_have_no_probability() -> None:
    emissions, sizes, chain = case(1, [3, 2], TAGS["BIO"], "BIO")
    known = beliefs(emissions, sizes, chain)
    how = reading(TAGS["BIO"])
    assert known.of_spans([[], []], how) == [[], []]
    assert known.of_spans([[], [(0, 1, "X")]], how)[0] == []
    assert reading(["DET", "NOUN"]).kinds == {}


def test_a_span_that_no_path_may_hold_has_none() -> None:
    labels = ["O", "B-X", "E-X"]  # BIOES without a tag for a span of one word
    emissions, sizes, chain = case(2, [3], labels, "BIOES")
    known = beliefs(emissions, sizes, chain)
    [found] = known.of_spans([[(0, 1, "X"), (0, 3, "X"), (0, 2, "X")]], reading(labels))
    assert found[:2] == [0.0, 0.0]
    assert found[2] > 0
