"""The promises of decoders that answer while a text still comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqkit.abilities import Incremental
from seqkit.stages import Example, Frames, Pieces, Text, Upstream
from seqkit.table import collate
from seqkit.testing.answers import Trial, alike, blind, told
from seqkit.testing.specimens import edges, embedded
from seqkit.testing.subject import Subject

SIZES = (1, 3)
"""Words of a push."""
FEW, MANY = 32, 128
"""Steps after which it is seen how much is remembered."""


def check_incremental(subject: Subject, examples: Sequence[Example], upstream: Upstream) -> None:
    """Pushes the words of examples in parts, where the decoder takes parts of a single input."""
    stage = subject.ready(subject.learn(examples)).eval()
    if not hasattr(stage, "push"):
        return
    subject.has(stage, Incremental)
    if len(upstream.inputs) > 1:
        return
    coming = Coming(subject, Trial(subject, upstream))
    every = blind([*examples, *edges(examples)])
    whole = [coming.trial.predict(stage, [one])[0] for one in every]
    with torch.inference_mode():
        coming.check_answers(stage, every, whole, examples[0].gold)
        coming.check_memory(stage, max(every, key=lambda one: max(map(len, one.inputs.values()))))


@dataclass(frozen=True)
class Coming:
    """Pushes to a decoder under test."""

    subject: Subject
    trial: Trial

    def push(self, stage: Any, memory: Any, part: Example) -> tuple[list[Any], Any]:
        """What a decoder gives for one part."""
        vectors = embedded(self.trial.upstream, [part])
        batch = collate([self.trial.prepare(stage, part)])
        with self.subject.doing(f"push of {told([part])}"):
            found = stage.push(memory, vectors, batch, part)
        pair = isinstance(found, tuple) and len(found) == 2 and isinstance(found[0], list)
        self.subject.hold(pair, "push gives no list of answers and what is remembered.")
        answers, after = found
        return answers, after

    def begin(self, stage: Any) -> Any:
        """What a decoder remembers of no text."""
        with self.subject.doing("begin"):
            return stage.begin()

    def finish(self, stage: Any, memory: Any) -> list[Any]:
        """The answers that were open."""
        with self.subject.doing("finish"):
            found = stage.finish(memory)
        self.subject.hold(isinstance(found, list), "finish gives no list of answers.")
        answers: list[Any] = found
        return answers

    def run(self, stage: Any, cut: Sequence[Example], times: int) -> list[Any]:
        """All answers to one text, each of whose parts is pushed so many times from one memory."""
        memory, found = self.begin(stage), list[Any]()
        for part in cut:
            before = memory
            for _ in range(times):
                answers, memory = self.push(stage, before, part)
            found += answers
        return found + self.finish(stage, memory)

    def check_answers(
        self, stage: Any, examples: Sequence[Example], whole: Sequence[Any], gold: Any
    ) -> None:
        """Checks that parts come to what wholes do, and that nothing is kept but the memory."""
        hold = self.subject.hold
        for size in SIZES:
            apart = [parts(one, size) for one in examples]
            for one, cut, answer in zip(examples, apart, whole, strict=True):
                found, again = (self.run(stage, cut, times) for times in (1, 2))
                for each in found:
                    self.trial.check_answer(each, "a pushed answer", gold)
                pushed = f"the answers to {told([one])}, pushed {size} by {size},"
                hold(joined(found, answer), f"{pushed} do not come to that of the whole.")
                hold(
                    alike(found, again),
                    f"{pushed} change when a push is made again from the same memory. Change "
                    "neither the memory that is given nor the stage: give a new memory.",
                )

    def check_memory(self, stage: Any, one: Example) -> None:
        """Checks that what is remembered does not grow with the text."""
        cut, memory, sizes = parts(one, 1), self.begin(stage), list[int]()
        for step in range(MANY):
            _, memory = self.push(stage, memory, cut[step % len(cut)])
            sizes.append(size_of(memory))
        few, many = sizes[FEW - 1], sizes[-1]
        self.subject.hold(
            many - few < (MANY - FEW) // 2,
            f"what it remembers grows with the text: {few} numbers after {FEW} words, {many} "
            f"after {MANY}.",
        )


def parts(whole: Example, size: int) -> list[Example]:
    """An example's single input, cut after every so many words or frames."""
    ((name, value),) = whole.inputs.items()
    count = len(value) if isinstance(value, Frames) else len(value.word_spans)
    return [
        Example(whole.fields, {name: cut(value, start, min(start + size, count))})
        for start in range(0, count, size)
    ]


def cut(value: Pieces | Frames, start: int, end: int) -> Pieces | Frames:
    """Some words or frames, as a text or a series of their own."""
    if isinstance(value, Frames):
        return Frames(value.values[start:end], value.rate)
    words = value.word_spans[start:end]
    chosen = np.flatnonzero((value.words >= start) & (value.words < end))
    spans = value.spans[chosen]
    first = int(min(words.min(initial=2**31 - 1), spans.min(initial=2**31 - 1)))
    last = int(max(words.max(initial=0), spans.max(initial=0)))
    given = [(begin, stop) for begin, stop in (words - first).tolist()]
    return Pieces(
        Text(value.source.text[first:last], given),
        [value.strings[piece] for piece in chosen.tolist()],
        spans - first,
        value.words[chosen] - start,
        words - first,
    )


def joined(answers: Sequence[Any], whole: Any) -> bool:
    """Whether answers come to the whole one: the items of its value, or it alone."""
    if isinstance(whole, Mapping) and "value" not in whole:
        return all(
            joined([answer[name] for answer in answers], part) for name, part in whole.items()
        )
    values = [answer["value"] for answer in answers]
    return alike(values, whole["value"]) or alike(values, [whole["value"]])


def size_of(memory: Any) -> int:
    """How many numbers and characters are remembered."""
    if isinstance(memory, Tensor | np.ndarray):
        return memory.numel() if isinstance(memory, Tensor) else memory.size
    if isinstance(memory, str | bytes):
        return len(memory)
    if isinstance(memory, Mapping):
        return sum(size_of(key) + size_of(value) for key, value in memory.items())
    if isinstance(memory, list | tuple | set | frozenset):
        return sum(map(size_of, memory))
    if is_dataclass(memory):
        return sum(size_of(getattr(memory, each.name)) for each in fields(memory))
    return size_of(vars(memory)) if hasattr(memory, "__dict__") else 1
