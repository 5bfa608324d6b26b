"""Decoders and searches that break a promise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, final

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqkit.stages import (
    Answer,
    Decoder,
    Example,
    Loss,
    Pieces,
    Search,
    Stepwise,
    Upstream,
    Vectors,
    time_mask,
)
from seqkit.testing import check_stage, example

Broken = Callable[..., str]


@final
class Labels(nn.Module):
    samples: bool = False
    along_time: frozenset[str] = frozenset()
    end: int = 0

    def __init__(self, width: int, flaw: str) -> None:
        super().__init__()
        self.width, self.flaw = width, flaw
        self.noise = nn.Dropout(0.5)

    def fit(self, examples: Iterable[Example]) -> Mapping[str, Any]:
        labels = sorted({label for one in examples for label in one.gold})
        if self.flaw == "keeps state":
            self.linear = nn.Linear(self.width, 2)
        return {"labels": labels}

    def ready(self, learnt: Mapping[str, Any]) -> None:
        self.labels = learnt["labels"]
        self.linear = nn.Linear(self.width, len(self.labels))
        self.shift, self.calls = torch.randn(2) * 9, 0
        self.samples = self.flaw == "draws from nowhere"

    def prepare(self, example: Example, rng: Any = None) -> dict[str, Any]:
        if example.gold is None and self.flaw != "peeks":
            return {"size": np.array(len(strings(example)), np.int32)}
        found = [self.labels.index(label) for label in example.gold]
        self.calls += 1
        if self.flaw == "draws from nowhere" and rng is not None:
            found = np.random.default_rng().integers(0, 2, len(found)).tolist()
        if self.flaw == "remembers" and self.calls % 2:
            found = found[::-1]
        return {"labels": np.array(found, np.int32), "size": np.array(len(found), np.int32)}

    def scores(self, inputs: Mapping[str, Vectors]) -> Tensor:
        values = inputs["text"].values
        if self.flaw == "neighbours":
            values = values - values.mean((0, 1))
        if self.flaw == "unsaved":
            values = values * self.shift[0]
        if self.flaw == "draws elsewhere" and self.training:
            values = values * float(np.random.default_rng().uniform(0.5, 1.5))
        found: Tensor = self.linear(self.noise(values))
        return found

    def loss(self, inputs: Mapping[str, Vectors], batch: Mapping[str, Tensor]) -> Any:
        scores, labels = self.scores(inputs), batch["labels"].long()
        real = time_mask(batch["labels.lengths"], labels.shape[1])
        losses = F.cross_entropy(scores.transpose(1, 2), labels, reduction="none") * real
        count = real.sum()
        if self.flaw == "mean of means":
            return Loss((losses.sum(1) / real.sum(1).clamp(min=1)).mean(), torch.tensor(1))
        if self.flaw == "mean":
            return Loss(losses.sum() / count.clamp(min=1), count)
        if self.flaw == "padded count":
            return Loss(losses.sum(), torch.tensor(labels.numel()))
        if self.flaw == "counts nothing":
            return Loss(losses.sum(), count * 0)
        if self.flaw == "not finite":
            return Loss(losses.sum() / (count - 1), count)
        return losses.sum() if self.flaw == "plain tensor" else Loss(losses.sum(), count)

    def predict(
        self,
        inputs: Mapping[str, Vectors],
        batch: Mapping[str, Tensor],
        examples: Sequence[Example],
    ) -> list[Answer]:
        found, sizes = self.scores(inputs).argmax(2), batch["size"].tolist()
        if self.flaw == "tensors":
            return [{"value": row} for row in found]
        if self.flaw == "padding":
            found = found * 0 + found.shape[1] % 2
        if self.flaw == "empty" and len(examples) == 2 and not found.shape[1]:
            return [{"value": ["none"]}] * 2
        if self.flaw == "unsaved answers":
            found = (self.scores(inputs) + self.shift).argmax(2)
        if self.flaw == "answers":
            found = (self.scores(inputs).cumsum(0)).argmax(2)
        if self.flaw == "learns from gold":
            sizes = [len(example.gold) for example in examples]
        rows = [
            [self.labels[label] for label in row[:size]]
            for row, size in zip(found, sizes, strict=True)
        ]
        if self.flaw == "lists":
            return rows  # type: ignore[return-value]
        if self.flaw == "last is lost":
            rows = rows[:-1]
        return [{"labels" if self.flaw == "no value" else "value": row} for row in rows]

    def gold(self, example: Example) -> Answer:
        return {
            "value": " ".join(example.gold) if self.flaw == "other form" else list(example.gold)
        }

    def start(self, inputs: Mapping[str, Vectors], batch: Any) -> Any:
        found = inputs["text"].values.sum(1)
        if self.flaw == "no memory":
            return (found,)
        return found, (found[:1] if self.flaw == "one state" else found,)

    def narrow(self, memory: Any, rows: Tensor) -> Any:
        return memory[rows]

    def step(self, memory: Any, state: Any, last: Tensor) -> tuple[Tensor, Any]:
        shift = torch.arange(len(last)).unsqueeze(1) if self.flaw == "counts rows" else 0
        if self.flaw == "one row a text":
            shift = memory.new_zeros(len(memory), 1)
        if self.flaw == "few scores":
            return state[0][:, :0], state
        return self.linear(state[0] + last.unsqueeze(1)) + shift, state


def labels(upstream: Upstream, *, flaw: str = "") -> Decoder:
    """A label a word."""
    return Labels(upstream.width, flaw)


@pytest.mark.parametrize(
    ("flaw", "message"),
    [
        ("keeps state", "labels: fit changes '_modules' of the stage."),
        ("peeks", "labels: prepare of an example without gold raises TypeError"),
        ("mean of means", "the loss's total of a batch is"),
        ("mean", "A loss is a sum and the count it is over, no mean"),
        ("padded count", "the loss's count of a batch is 98, but those of its rows alone add up"),
        ("counts nothing", "the loss of all examples counts nothing."),
        ("not finite", "the loss's total is inf for inputs of 1 steps."),
        ("plain tensor", "loss gives Tensor, not Loss."),
        ("neighbours", "each row has its own."),
        ("answers", "the answer of inputs of"),
        ("remembers", "prepare gives other arrays the second time."),
        ("unsaved", "the loss differs after saving and loading."),
        ("unsaved answers", "an answer differs after saving and loading."),
        ("draws elsewhere", "one seed gives two losses. Draw from torch's generator."),
        ("learns from gold", "predict of inputs of 10 steps raises TypeError"),
        ("tensors", "writing an answer as JSON raises TypeError"),
        ("last is lost", "predict gives 0 answers for 1 examples, not a list of one each."),
        ("no value", "an answer has no 'value', which is what metrics compare."),
        ("other form", "gold gives a text as its value where predict gives a list."),
        ("padding", "changes when padding follows."),
        ("empty", "two empty inputs are answered unlike one."),
        ("lists", "an answer is list, no mapping."),
        ("draws from nowhere", "prepare draws from another source than rng."),
        ("no memory", "start gives tuple, not a memory and a state."),
        ("one row a text", "step of two rows a text raises RuntimeError"),
        ("one state", "a state is no tuple of tensors whose axis 0 is batch."),
        ("few scores", "step gives scores of [7, 0], not [7 label]."),
        ("counts rows", "a step changes with the order of the state's rows."),
    ],
)
def test_a_broken_decoder_is_caught(broken: Broken, flaw: str, message: str) -> None:
    assert message in broken(labels, flaw)


def strings(one: Example) -> Sequence[str]:
    pieces = one.inputs["text"]
    assert isinstance(pieces, Pieces)
    return pieces.strings


@final
class First:
    def __init__(self, flaw: str) -> None:
        self.flaw = flaw

    def run(
        self, decoder: Stepwise, inputs: Mapping[str, Vectors], batch: Any
    ) -> list[list[Answer]]:
        memory, state = decoder.start(inputs, batch)
        rows = len(state[0])
        scores, _ = decoder.step(memory, state, torch.full((rows,), decoder.end))
        if self.flaw == "neighbours":
            scores = scores - scores.mean(0)
        best = scores.argmax(1)
        if self.flaw == "tensors":
            return [[{"value": one}] for one in best]
        return [[] if self.flaw == "silent" else [{"value": [one]}] for one in best.tolist()]


def first(upstream: Upstream, *, flaw: str = "") -> Search:
    """The best first piece."""
    return First(flaw)


@pytest.mark.parametrize(
    ("flaw", "message"),
    [
        ("silent", "first: run gives no list of answers for each row."),
        ("tensors", "first: writing answers as JSON raises TypeError"),
        ("neighbours", "first: the answers to a row change beside others."),
    ],
)
def test_a_broken_search_is_caught(broken: Broken, flaw: str, message: str) -> None:
    assert message in broken(first, flaw)


def test_a_decoder_that_keeps_every_promise_passes() -> None:
    check_stage(labels)
    check_stage(labels, examples=[example("a b", ["x", "y"]), example(["c", "d e"], ["y", "y"])])


def test_an_answer_has_the_names_of_the_golds() -> None:
    golds = {"short": "x", "long": "y"}
    with pytest.raises(
        AssertionError, match=r"the names \['value'\], but there are the golds \['lo"
    ):
        check_stage(labels, examples=[example("a b", golds), example("c d", golds)])


def test_a_search_that_keeps_every_promise_passes() -> None:
    check_stage(first)


def test_the_vectors_before_a_decoder_may_have_any_width() -> None:
    check_stage(labels, upstream=Upstream(width=5))
