"""Decoders that break a promise while a text still comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, final

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqkit.stages import Answer, Decoder, Example, Frames, Loss, Pieces, Text, Upstream, Vectors
from seqkit.testing import check_stage, example
from seqkit.testing.incremental import cut, joined, parts, size_of

Broken = Callable[..., str]


@final
class Signs(nn.Module):
    """A decoder of each step's sign, which may come one step late."""

    samples: bool = False
    along_time: frozenset[str] = frozenset()

    def __init__(self, width: int, flaw: str, late: bool) -> None:
        super().__init__()
        self.linear, self.flaw, self.late = nn.Linear(width, 1), flaw, late
        self.kept: list[Any] = []
        if flaw != "has no begin":
            self.begin = self.nothing

    def fit(self, examples: Iterable[Example]) -> Mapping[str, Any]:
        return {}

    def ready(self, learnt: Mapping[str, Any]) -> None:
        pass

    def prepare(self, example: Example, rng: Any = None) -> dict[str, Any]:
        return {"size": np.array(len(next(iter(example.inputs.values()))), np.int32)}

    def scores(self, inputs: Mapping[str, Vectors]) -> Tensor:
        found: Tensor = self.linear(next(iter(inputs.values())).values).squeeze(2)
        return found

    def loss(self, inputs: Mapping[str, Vectors], batch: Any) -> Loss:
        mask = next(iter(inputs.values())).mask
        return Loss((F.softplus(self.scores(inputs)) * mask).sum(), mask.sum())

    def predict(
        self,
        inputs: Mapping[str, Vectors],
        batch: Mapping[str, Tensor],
        examples: Sequence[Example],
    ) -> list[Answer]:
        rows = zip(self.scores(inputs).sign().tolist(), batch["size"].tolist(), strict=True)
        return [{"value": row[:size]} for row, size in rows]

    def gold(self, example: Example) -> Answer:
        return {"value": [1.0]}

    def nothing(self) -> list[Any]:
        if self.flaw == "begins with an error":
            raise ValueError("no")
        return []

    def push(self, memory: Any, inputs: Mapping[str, Vectors], batch: Any, example: Example) -> Any:
        signs: list[Any] = [{"value": sign} for sign in self.scores(inputs)[0].sign().tolist()]
        if self.flaw == "lists":
            return signs
        if self.flaw == "no value":
            return [{"sign": 1} for _ in signs], memory
        if self.flaw == "stage keeps":
            self.kept += signs
            return [], memory
        if self.flaw == "in place":
            memory += signs
            return [], memory
        if self.flaw == "forgets":
            return signs[:1], memory
        if self.flaw == "words apart":
            return [signs], memory
        if self.flaw == "hoards":
            return signs, [*memory, *signs]
        waiting = [*memory, *signs]
        return (waiting[:-1], waiting[-1:]) if self.late else (signs, memory)

    def finish(self, memory: Any) -> Any:
        if self.flaw == "stage keeps":
            memory, self.kept = self.kept, []
        ends: dict[str, Any] = {"ends with nothing": None, "hoards": []}
        return ends.get(self.flaw, memory)


def signs(upstream: Upstream, *, flaw: str = "", late: bool = False) -> Decoder:
    """A sign a step."""
    return Signs(upstream.width, flaw, late)


@pytest.mark.parametrize(
    ("flaw", "message"),
    [
        ("has no begin", "signs: lacks 'begin', which every Incremental has."),
        ("begins with an error", "signs: begin raises ValueError: no"),
        ("lists", "signs: push gives no list of answers and what is remembered."),
        ("ends with nothing", "signs: finish gives no list of answers."),
        ("no value", "signs: a pushed answer has no 'value', which is what metrics compare."),
        ("words apart", "signs: a pushed answer is list, no mapping."),
        ("forgets", "pushed 3 by 3, do not come to that of the whole."),
        ("in place", "change when a push is made again from the same memory."),
        ("stage keeps", "change when a push is made again from the same memory."),
        ("hoards", "what it remembers grows with the text:"),
    ],
)
def test_a_decoder_that_breaks_a_promise_while_a_text_comes_is_caught(
    broken: Broken, flaw: str, message: str
) -> None:
    assert message in broken(signs, flaw)


@pytest.mark.parametrize("late", [False, True])
def test_a_decoder_that_answers_while_a_text_comes_passes(late: bool) -> None:
    check_stage(signs, settings={"late": late})


def test_frames_come_too() -> None:
    series = [np.arange(size, dtype=np.float32)[:, None] for size in (3, 1, 6, 4)]
    check_stage(signs, examples=[example(Frames(one), gold=[1]) for one in series])


def test_several_inputs_are_not_pushed() -> None:
    pairs = [example({"a": "x y", "b": "z"}, gold=[1]), example({"a": "x", "b": "z y"}, gold=[1])]
    check_stage(signs, settings={"flaw": "forgets"}, examples=pairs)


def test_a_part_of_a_text_is_a_text_of_its_own() -> None:
    words = np.array([[0, 3], [4, 6], [7, 10]], np.int32)
    spans = np.array([[0, 2], [2, 3], [7, 8], [8, 10]], np.int32)
    owners = np.array([0, 0, 2, 2], np.int32)
    whole = Pieces(Text("abc de fgh"), ["ab", "c", "f", "gh"], spans, owners, words)
    part = cut(whole, 1, 3)
    assert isinstance(part, Pieces)
    assert part.source == Text("de fgh", [(0, 2), (3, 6)])
    assert part.strings == ["f", "gh"]
    assert part.words.tolist() == [1, 1]
    assert [part.source.text[start:end] for start, end in part.spans] == ["f", "gh"]
    assert [part.source.text[start:end] for start, end in part.word_spans] == ["de", "fgh"]
    counts = [len(one.inputs["text"]) for one in parts(Example({}, {"text": whole}), 1)]
    assert counts == [2, 0, 2]


def test_answers_come_to_the_whole_one_as_items_or_alone() -> None:
    items = [{"value": 1.0}, {"value": 2.0}]
    assert joined(items, {"value": [1.0, 2.00001]})
    assert joined(items[:1], {"value": 1.0})
    assert not joined(items, {"value": 1.0})
    both = [{"x": one, "y": {"value": "a"}} for one in items]
    assert joined(both, {"x": {"value": [1.0, 2.0]}, "y": {"value": ["a", "a"]}})
    assert not joined(both, {"x": {"value": [1.0, 2.0]}, "y": {"value": ["a", "b"]}})


def test_the_size_of_what_is_remembered_counts_numbers_and_characters() -> None:
    held = {"a": [torch.zeros(2, 3), np.zeros(4)], "b": (None, 1.5, "text")}
    assert size_of(held) == 1 + 6 + 4 + 1 + 1 + 1 + 4
    assert size_of(Frames(np.zeros((5, 2), np.float32))) == 11
    assert size_of(SimpleNamespace(ab=1, c="xyz")) == 2 + 1 + 1 + 3
