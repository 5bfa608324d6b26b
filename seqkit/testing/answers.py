"""The promises of stages that answer: decoders and searches."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqkit.stages import Decoder, Example, Loss, Search, Stepwise, Upstream, Vectors
from seqkit.table import collate
from seqkit.testing.specimens import Chain, edges, embedded
from seqkit.testing.subject import Subject, same
from seqkit.testing.vectors import TOLERANCE, distance

CLOSE = 1e-4
"""How near two sums of losses are."""
ROUNDED = 2e-4
"""How near two numbers of answers are, which may be rounded to four places."""


def check_decoder(subject: Subject, examples: Sequence[Example], upstream: Upstream) -> None:
    """Fits on examples with gold; loses on them, and answers them without it."""
    learnt = subject.learn(examples)
    stage = subject.ready(learnt).eval()
    subject.is_network(stage)
    subject.has(stage, Decoder)
    twin = subject.twin(stage, learnt)
    trial = Trial(subject, upstream)
    trial.check_prepare(stage, examples)
    trial.check_loss(stage, examples)
    trial.check_answers(stage, examples)
    with torch.inference_mode():
        one, other = trial.loss(stage, examples), trial.loss(twin, examples)
        near = math.isclose(float(one.total), float(other.total), rel_tol=TOLERANCE)
        subject.hold(near, "the loss differs after saving and loading.")
    bare = blind([*examples, *edges(examples)])
    before, after = trial.predict(stage, bare), trial.predict(twin, bare)
    subject.hold(all(map(alike, before, after)), "an answer differs after saving and loading.")
    totals = []
    for _ in range(2):
        fresh = subject.ready(learnt, seed=5).train()
        torch.manual_seed(6)
        totals.append(float(trial.loss(fresh, examples).total.detach()))
    subject.hold(totals[0] == totals[1], "one seed gives two losses. Draw from torch's generator.")
    subject.gradients(stage, trial.loss(stage, examples).total, "the loss")
    if isinstance(stage, Stepwise):
        check_stepwise(subject, stage, trial, examples)


def blind(examples: Sequence[Example]) -> list[Example]:
    """The examples without their gold."""
    return [replace(one, gold=None) for one in examples]


class Trial:
    """Runs a decoder on batches of examples."""

    def __init__(self, subject: Subject, upstream: Upstream) -> None:
        self.subject, self.hold, self.upstream = subject, subject.hold, upstream

    def prepare(self, stage: Any, one: Example, seed: int | None = None) -> Any:
        """The arrays of one example."""
        gold = "with" if one.gold is not None else "without"
        rng = None if seed is None else np.random.default_rng(seed)
        with self.subject.doing(f"prepare of an example {gold} gold"):
            return dict(stage.prepare(one, rng))

    def batch(self, stage: Any, examples: Sequence[Example]) -> dict[str, Tensor]:
        """The arrays of examples, collated."""
        return dict(collate([self.prepare(stage, one) for one in examples]))

    def loss(self, stage: Any, examples: Sequence[Example]) -> Loss:
        """The loss of a batch."""
        inputs, batch = embedded(self.upstream, examples), self.batch(stage, examples)
        with self.subject.doing(f"loss of {told(examples)}"):
            loss = stage.loss(inputs, batch)
        self.hold(isinstance(loss, Loss), f"loss gives {type(loss).__name__}, not Loss.")
        for name in ("total", "count"):
            number = getattr(loss, name)
            scalar = isinstance(number, Tensor) and number.ndim == 0
            self.hold(scalar, f"the loss's {name} is no scalar tensor.")
            value = float(number.detach())
            self.hold(math.isfinite(value), f"the loss's {name} is {value} for {told(examples)}.")
        found: Loss = loss
        return found

    def predict(
        self, stage: Any, examples: Sequence[Example], keep: int | None = None
    ) -> list[Any]:
        """The answers to a batch, of which only the first few rows are kept."""
        inputs, batch = embedded(self.upstream, examples), self.batch(stage, examples)
        cut = {name: value[:keep] for name, value in batch.items()}
        rows = {
            name: Vectors(one.values[:keep], one.lengths[:keep]) for name, one in inputs.items()
        }
        with torch.inference_mode(), self.subject.doing(f"predict of {told(examples)}"):
            answers = stage.predict(rows, cut, examples[:keep])
        count = len(examples[:keep])
        given = f"{len(answers)} answers" if isinstance(answers, list) else type(answers).__name__
        whole = isinstance(answers, list) and len(answers) == count
        self.hold(whole, f"predict gives {given} for {count} examples, not a list of one each.")
        found: list[Any] = answers
        return found

    def check_prepare(self, stage: Any, examples: Sequence[Example]) -> None:
        """Checks the arrays with gold, and those without."""
        for every in (list(examples), blind([*examples, *edges(examples)])):
            arrays = [self.prepare(stage, one) for one in every]
            given = set[str]().union(*arrays)
            along = stage.along_time & given if every[0].gold is None else stage.along_time
            steps = [len(next(iter(one.inputs.values()))) for one in every]
            self.subject.arrays(arrays, frozenset(along), steps)
            again = [self.prepare(stage, one) for one in every]
            self.hold(same(arrays, again), "prepare gives other arrays the second time.")
            if stage.samples:
                drawn = [[self.prepare(stage, one, 3) for one in every] for _ in range(2)]
                self.hold(same(*drawn), "prepare draws from another source than rng.")

    def check_loss(self, stage: Any, examples: Sequence[Example]) -> None:
        """Checks that totals and counts add up over examples."""
        with torch.inference_mode():
            whole = self.loss(stage, examples)
            alone = [self.loss(stage, [one]) for one in examples]
        for name in ("total", "count"):
            one = float(getattr(whole, name))
            added = sum(float(getattr(part, name)) for part in alone)
            self.hold(
                abs(one - added) <= CLOSE * max(1.0, abs(one)),
                f"the loss's {name} of a batch is {one:.6g}, but those of its rows alone add up to "
                f"{added:.6g}. A loss is a sum and the count it is over, no mean, and each row has "
                "its own.",
            )
        self.hold(float(whole.count) > 0, "the loss of all examples counts nothing.")

    def check_answers(self, stage: Any, examples: Sequence[Example]) -> None:
        """Checks answers and golds, alone, padded and beside others, with empty inputs too."""
        every = blind([*examples, *edges(examples)])
        longest = max(every, key=lambda one: max(map(len, one.inputs.values())))
        alone = [self.predict(stage, [one])[0] for one in every]
        for answer in alone:
            self.check_answer(answer, "an answer", examples[0].gold)
        for one, answer in zip(every, alone, strict=True):
            padded = self.predict(stage, [one, longest], keep=1)[0]
            differs = f"of {told([one])} changes"
            self.hold(alike(answer, padded), f"the answer {differs} when padding follows.")
        for order in (1, -1):
            beside = self.predict(stage, every[::order])
            for one, answer, other in zip(every[::order], alone[::order], beside, strict=True):
                differs = f"of {told([one])} changes"
                self.hold(alike(answer, other), f"the answer {differs} beside other examples.")
        empty = every[-2]
        for answer in self.predict(stage, [empty, empty]):
            self.hold(alike(answer, alone[-2]), "two empty inputs are answered unlike one.")
        for one, answer in zip(examples, alone, strict=False):
            with self.subject.doing("gold"):
                gold = stage.gold(one)
            self.check_answer(gold, "a gold", one.gold)
            names: list[Any] = list(one.gold) if isinstance(one.gold, Mapping) else [None]
            for name in names:
                parts = [pair if name is None else pair[name] for pair in (answer, gold)]
                forms = [form(part["value"]) for part in parts]
                self.hold(
                    None in forms or forms[0] == forms[1],
                    f"gold gives {forms[1]} as its value where predict gives {forms[0]}.",
                )

    def check_answer(self, answer: Any, which: str, gold: Any) -> None:
        """Checks that an answer is JSON, and has a value for each gold."""
        self.hold(isinstance(answer, Mapping), f"{which} is {type(answer).__name__}, no mapping.")
        with self.subject.doing(f"writing {which} as JSON"):
            json.dumps(answer, allow_nan=False)
        parts = [answer]
        if isinstance(gold, Mapping):
            self.hold(
                set(answer) == set(gold),
                f"{which} has the names {sorted(answer)}, but there are the golds {sorted(gold)}.",
            )
            parts = list(answer.values())
        value = all(isinstance(part, Mapping) and "value" in part for part in parts)
        self.hold(value, f"{which} has no 'value', which is what metrics compare.")


def told(examples: Sequence[Example]) -> str:
    """Examples in a message: how many steps each has."""
    steps = [max(map(len, one.inputs.values())) for one in examples]
    return f"inputs of {', '.join(map(str, steps))} steps"


def form(value: Any) -> str | None:
    """The form of an answer's value; None for null, which stands for any."""
    kinds = {"a text": str, "a number": int | float, "a mapping": Mapping, "a list": list | tuple}
    return (
        None
        if value is None
        else next(
            (name for name, kind in kinds.items() if isinstance(value, kind)), type(value).__name__
        )
    )


def alike(left: Any, right: Any) -> bool:
    """Whether two answers are equal, their numbers nearly so."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(alike(left[key], right[key]) for key in left)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(alike, left, right))
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=ROUNDED, abs_tol=ROUNDED)
    return bool(left == right)


def check_stepwise(subject: Subject, stage: Any, trial: Trial, examples: Sequence[Example]) -> None:
    """Checks what searches rely on: the rows of a state can be chosen, doubled and put in order."""
    bare = blind(examples)
    inputs, batch = embedded(trial.upstream, bare), trial.batch(stage, bare)
    rows = torch.arange(len(bare)).flip(0)
    with torch.inference_mode():
        with subject.doing("start"):
            begun = stage.start(inputs, batch)
        pair = isinstance(begun, tuple) and len(begun) == 2
        subject.hold(pair, f"start gives {type(begun).__name__}, not a memory and a state.")
        memory, state = begun
        check_axis(subject, state, len(bare))
        with subject.doing("step"):
            scores, after = stage.step(memory, state, torch.full((len(bare),), stage.end))
        check_axis(subject, after, len(bare))
        size = list(scores.shape)
        fits = len(size) == 2 and size[0] == len(bare) and 0 <= stage.end < size[1]
        subject.hold(fits, f"step gives scores of {size}, not [{len(bare)} label].")
        labels, twice = scores.argmax(1), rows.repeat_interleave(2)
        with subject.doing("narrow"):
            fewer = stage.narrow(memory, rows)
        turned = tuple(part[twice] for part in after)
        with subject.doing("step"):
            one, _ = stage.step(memory, after, labels)
        with subject.doing("step of two rows a text"):
            other, _ = stage.step(fewer, turned, labels[twice])
    gap = distance(one[twice], other)
    subject.hold(gap <= TOLERANCE, "a step changes with the order of the state's rows.")


def check_axis(subject: Subject, state: Any, count: int) -> None:
    """Checks that axis 0 of a state is batch."""
    fits = isinstance(state, tuple) and all(len(part) == count for part in state)
    subject.hold(fits, "a state is no tuple of tensors whose axis 0 is batch.")


def check_search(subject: Subject, examples: Sequence[Example], upstream: Upstream) -> None:
    """Searches a chain whose best paths are short."""
    search = subject.made()
    subject.has(search, Search)

    def run(rows: Sequence[int]) -> list[Any]:
        inputs = embedded(upstream, [examples[row] for row in rows])
        with torch.inference_mode(), subject.doing("run"):
            found: list[Any] = search.run(Chain(), inputs, {})
        whole = len(found) == len(rows) and all(found)
        subject.hold(whole, "run gives no list of answers for each row.")
        return found

    order = list(range(len(examples)))[::-1]
    with subject.doing("writing answers as JSON"):
        json.dumps(run(order), allow_nan=False)
    for row, answers in zip(order, run(order), strict=True):
        subject.hold(alike(run([row])[0], answers), "the answers to a row change beside others.")
