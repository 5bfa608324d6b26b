"""Exact hard monotonic attention against the sum over all paths, and what it learns."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch

from seqkit.plugins import Use
from seqkit.stages import Example, Upstream
from seqkit.table import collate
from seqkit.testing import check_stage, example
from seqkit.testing.specimens import before, embedded
from seqkit_seq2seq.monotonic_decoder import MonotonicDecoder
from seqkit_seq2seq.writing import attention

WIDTH = 12
PAIRS = [("a b c", "x y z"), ("b", "y"), ("c d e", "z x x y"), ("d d", ""), ("e a", "w x")]
EXAMPLES = [example(source, target) for source, target in PAIRS]
UPSTREAM = before(["text"], Upstream(WIDTH))


def made(**settings: Any) -> MonotonicDecoder:
    torch.manual_seed(1)
    decoder = attention(
        UPSTREAM,
        attend="monotonic",
        embed=Use("embedder", "lookup", {"width": 6}),
        encode=Use("encoder", "lstm", {"width": 8}),
        width=10,
        **settings,
    )
    assert isinstance(decoder, MonotonicDecoder)
    decoder.ready(decoder.fit(EXAMPLES))
    return decoder.eval()


def batch_of(decoder: MonotonicDecoder, examples: list[Example]) -> tuple[Any, Any]:
    return embedded(UPSTREAM, examples), collate([decoder.prepare(one) for one in examples])


@torch.no_grad()
def summed(decoder: MonotonicDecoder, one: Example) -> float:
    """The log-likelihood of a target as the sum over all monotonic paths."""
    inputs, batch = batch_of(decoder, [one])
    target, lengths = batch["target"].long()[0], batch["target.lengths"]
    vectors = inputs["text"]
    _, (_, _, *first) = decoder.start(inputs, batch)
    hidden = decoder.recurrence(decoder.target.shifted(batch, lengths), tuple(first))[0]
    scores = hidden @ decoder.key(vectors.values[0]).T
    paths = []
    for path in itertools.combinations_with_replacement(range(scores.shape[1]), len(target)):
        total, last = 0.0, 0
        for t, place in enumerate(path):
            total += float(scores[t, last:].log_softmax(0)[place - last])
            mixed = torch.tanh(decoder.hidden(hidden[t]) + decoder.value(vectors.values[0, place]))
            total += float(decoder.output(mixed).log_softmax(0)[target[t]])
            last = place
        paths.append(total)
    return float(torch.tensor(paths).logsumexp(0))


@pytest.mark.parametrize("pair", range(len(PAIRS)))
def test_the_likelihood_is_the_sum_over_all_paths(pair: int) -> None:
    decoder, one = made(), EXAMPLES[pair]
    with torch.no_grad():
        loss = decoder.loss(*batch_of(decoder, [one]))
    assert float(loss.total) == pytest.approx(-summed(decoder, one), abs=1e-4)


def test_the_loss_of_a_batch_is_that_of_single_steps() -> None:
    decoder = made()
    total = 0.0
    with torch.no_grad():
        for one in EXAMPLES:
            inputs, batch = batch_of(decoder, [one])
            memory, state = decoder.start(inputs, batch)
            last = torch.tensor([decoder.end])
            for wanted in batch["target"][0].tolist():
                scores, state = decoder.step(memory, state, last)
                total -= float(scores[0, wanted])
                last = torch.tensor([wanted])
        loss = decoder.loss(*batch_of(decoder, EXAMPLES))
    assert float(loss.total) == pytest.approx(total, abs=2e-4)
    assert int(loss.count) == sum(len(target.split()) + 1 for _, target in PAIRS)


def test_probabilities_sum_to_one() -> None:
    decoder = made()
    memory, state = decoder.start(*batch_of(decoder, EXAMPLES))
    for last in (torch.zeros(5, dtype=torch.long), torch.tensor([2, 3, 2, 4, 5])):
        with torch.no_grad():
            _, state = decoder.step(memory, state, last)
        assert torch.allclose(state[0].exp().sum(1), torch.ones(5), atol=1e-5)
        assert torch.allclose(decoder.alignment(state).sum(1), torch.ones(5), atol=1e-5)


def test_it_never_looks_back() -> None:
    decoder = made()
    prior = torch.full((1, 4), -1e30)
    prior[0, 2] = 0.0
    source, _ = decoder.start(*batch_of(decoder, [example("a b c d", "x")]))
    with torch.no_grad():
        moved = decoder.moved(source, prior, torch.randn(1, 8)).exp()[0]
    assert moved[:2].tolist() == [0.0, 0.0]
    assert float(moved.sum()) == pytest.approx(1.0, abs=1e-5)


def test_it_learns_to_write_the_training_texts_in_order() -> None:
    decoder = made().train()
    optimiser = torch.optim.Adam(decoder.parameters(), 0.02)
    inputs, batch = batch_of(decoder, EXAMPLES)
    for _ in range(120):
        optimiser.zero_grad()
        torch.autograd.backward(decoder.loss(inputs, batch).total)
        optimiser.step()
    answers = decoder.eval().predict(inputs, batch, EXAMPLES)
    assert [answer["value"] for answer in answers] == [target for _, target in PAIRS]
    one = batch_of(decoder, EXAMPLES[:1])
    shown = decoder.attended(*one, EXAMPLES[0], answers[0])
    assert (shown.written, shown.read) == (("x", "y", "z"), ("a", "b", "c"))
    assert all(sum(row) == pytest.approx(1.0, abs=1e-4) for row in shown.weights)


def test_a_decoder_with_monotonic_attention_keeps_the_contract() -> None:
    check_stage(attention, settings={"attend": "monotonic"}, examples=EXAMPLES)
