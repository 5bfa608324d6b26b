"""Embedders, encoders and joint encoders that break a promise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, final

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from seqkit.settings import PositiveInt
from seqkit.stages import (
    Embedder,
    Encoder,
    Example,
    Joint,
    Pieces,
    Upstream,
    Vectors,
    time_mask,
)
from seqkit.testing import check_stage

Broken = Callable[..., str]


@final
class Table(nn.Module):
    samples: bool = False
    width: int = 0

    def __init__(self, flaw: str) -> None:
        super().__init__()
        self.flaw, self.seen = flaw, 0
        self.along_time = frozenset(() if flaw == "no time" else ("pieces", "letters"))

    def fit(self, examples: Iterable[Example]) -> Mapping[str, Any]:
        every = list(examples)
        if self.flaw == "keeps state":
            self.seen = len(every)
        if self.flaw == "reads twice":
            assert list(examples)
        known = {string for one in every for string in strings(one)}
        return {"strings": sorted(known)}

    def ready(self, learnt: Mapping[str, Any]) -> None:
        self.known = {string: row for row, string in enumerate(learnt["strings"], 1)}
        self.width, size = 4, len(self.known) + 1
        self.table = nn.Embedding(size, 4)
        self.shift = torch.randn(4) if self.flaw == "unsaved" else torch.zeros(4)
        self.idle = nn.Linear(2, 2) if self.flaw == "idle" else None

    def prepare(self, example: Example, name: str, rng: Any = None) -> dict[str, Any]:
        pieces = example.inputs[name]
        assert isinstance(pieces, Pieces)
        found = [self.known.get(string, 0) for string in pieces.strings]
        if self.flaw == "knows all":
            found = [self.known[string] for string in pieces.strings]
        sizes = np.array([0, *map(len, pieces.strings)], np.int32).cumsum()
        arrays = {
            "pieces": np.array(found + [0] * (self.flaw == "one too many"), np.int32),
            "letters": np.frombuffer("".join(pieces.strings).encode("utf-32-le"), np.int32),
            "letters.offsets": sizes[:-1] if self.flaw == "cut offsets" else sizes,
        }
        if self.flaw == "sometimes" and not found:
            del arrays["letters"], arrays["letters.offsets"]
        if self.flaw == "strings":
            arrays["pieces"] = np.array(list(pieces.strings), str)
        if self.flaw == "lists":
            arrays["pieces"] = found  # type: ignore[assignment]
        return arrays

    def forward(self, batch: Mapping[str, Tensor]) -> Any:
        values, lengths = self.table(batch["pieces"]) + self.shift, batch["pieces.lengths"]
        if self.flaw == "plain tensor":
            return values
        mask = time_mask(lengths, values.shape[1]).unsqueeze(2)
        if self.flaw == "neighbours":
            values = values - values.mean(0)
        if self.flaw == "narrow":
            values = values[:, :, 1:]
        if self.flaw == "doubles":
            values = values.double()
        if self.flaw == "longer":
            lengths = lengths + 1
        if self.flaw == "detached":
            values = values.detach()
        return Vectors(values if self.flaw == "unmasked" else values * mask, lengths)


def strings(one: Example) -> Sequence[str]:
    pieces = one.inputs["text"]
    assert isinstance(pieces, Pieces)
    return pieces.strings


def table(upstream: Upstream, *, flaw: str = "") -> Embedder:
    """A table of vectors."""
    return Table(flaw)


@pytest.mark.parametrize(
    ("flaw", "message"),
    [
        ("keeps state", "table: fit changes 'seen' of the stage. Return it, and take it in ready"),
        ("reads twice", "table: fit raises AssertionError"),
        ("no time", "along_time is empty: name the arrays with a row a piece."),
        ("one too many", "along_time names 'pieces', but it has 11 rows for 10 steps."),
        ("cut offsets", "'letters.offsets' does not go up from 0 to the end of 'letters'."),
        ("sometimes", "prepare gives the arrays ['letters', 'letters.offsets', 'pieces'] for one"),
        ("strings", "the array 'pieces' is of <U5, not numbers."),
        ("lists", "the array 'pieces' is no numpy array."),
        ("knows all", "table: prepare raises KeyError: 'ѣ'"),
        ("plain tensor", "forward gives Tensor, not Vectors."),
        ("neighbours", "comes out different by"),
        ("narrow", "not [8 time 4]: the width it says is 4."),
        ("doubles", "values are of torch.float64, not torch.float32."),
        ("longer", "a row of 10 steps comes out with the length 11"),
        ("unmasked", "values past the lengths are not zero. Mask them."),
        ("unsaved", "after saving and loading."),
        ("idle", "no gradient reaches the weight 'idle.weight'."),
        ("detached", "what it gives has no gradient."),
    ],
)
def test_a_broken_embedder_is_caught(broken: Broken, flaw: str, message: str) -> None:
    assert message in broken(table, flaw, kind="embedder")


@final
class Recurrent(nn.Module):
    stride: int = 1

    def __init__(self, inputs: int, width: int, flaw: str) -> None:
        super().__init__()
        self.width, self.flaw = width, flaw
        self.causal = flaw not in ("backward", "both ways")
        self.cell = nn.GRUCell(inputs, width)

    def forward(self, vectors: Vectors, state: tuple[Tensor, ...] | None = None) -> Vectors:
        values, mask = vectors.values, vectors.mask
        zero = values.new_zeros(len(values), self.width)
        hidden = zero if state is None or self.flaw == "forgets" else state[0]
        if self.flaw == "needs steps":
            values[0, 0]
        if self.flaw == "backward":
            values, mask = values.flip(1), mask.flip(1)
        if self.flaw == "looks ahead":
            values = values + values.sum(1, keepdim=True)
        if self.flaw == "other neighbours":
            values = values - values.sum((0, 1)) / vectors.lengths.sum()
        steps = [zero.new_zeros(len(zero), 0, self.width)]
        for step, real in zip(values.unbind(1), mask.unbind(1), strict=True):
            new = self.cell(step, hidden)
            kept = real.unsqueeze(1)
            hidden = (
                new
                if self.flaw in ("reads padding", "backward")
                else torch.where(kept, new, hidden)
            )
            steps.append((hidden * kept).unsqueeze(1))
        out = torch.cat(steps, 1)
        out = out.flip(1) if self.flaw == "backward" else out
        if self.flaw == "draws elsewhere" and self.training:
            out = out * float(np.random.default_rng().uniform(0.5, 1.5))
        hidden = hidden.unsqueeze(0) if self.flaw == "layers first" else hidden
        penalty = None if self.flaw == "loses penalty" else vectors.penalty
        return Vectors(out, vectors.lengths, (hidden,), penalty)


def recurrent(upstream: Upstream, *, width: PositiveInt = 5, flaw: str = "") -> Encoder:
    """A recurrent encoder."""
    return Recurrent(upstream.width, width, flaw)


@pytest.mark.parametrize(
    ("flaw", "message"),
    [
        ("reads padding", "has a state that differs by"),
        ("backward", "steps comes out different by"),
        ("other neighbours", "beside other rows."),
        ("needs steps", "recurrent: forward of rows of 0 steps raises IndexError"),
        ("looks ahead", "it says that it is causal, but a step sees later steps."),
        ("forgets", "windows with carried state differ by"),
        ("layers first", "a state's axis 0 is [1], not batch, 7."),
        ("draws elsewhere", "one seed gives two results."),
        ("loses penalty", "the penalty of the stage before it is lost. Add it to its own."),
    ],
)
def test_a_broken_encoder_is_caught(broken: Broken, flaw: str, message: str) -> None:
    assert message in broken(recurrent, flaw)


def test_padding_and_neighbours_are_told_apart(broken: Broken) -> None:
    assert "when padding follows it." in broken(recurrent, "backward")
    assert "beside other rows." in broken(recurrent, "other neighbours")


@final
class Beside(nn.Module):
    width: int = 3
    stride: int = 1
    causal: bool = False

    def __init__(self, widths: Mapping[str, int], flaw: str) -> None:
        super().__init__()
        self.flaw = flaw
        self.into = nn.ModuleDict({name: nn.Linear(size, 3) for name, size in widths.items()})

    def forward(self, inputs: Mapping[str, Vectors]) -> Any:
        sums = {
            name: self.into[name](one.values) * one.mask.unsqueeze(2)
            for name, one in inputs.items()
        }
        total = sum(one.sum(1, keepdim=True) for one in sums.values())
        if self.flaw == "means":
            total = sum(one.mean(1, keepdim=True) for one in sums.values())
        found = {
            name: Vectors(
                torch.tanh(total) * one.mask.unsqueeze(2), one.lengths, penalty=one.penalty
            )
            for name, one in inputs.items()
        }
        return found["passage"] if self.flaw == "one" else found


def beside(upstream: Upstream, *, flaw: str = "") -> Joint:
    """Sums of all inputs."""
    return Beside({name: front.width for name, front in upstream.inputs.items()}, flaw)


@pytest.mark.parametrize(
    ("flaw", "message"),
    [
        ("one", "gives Vectors for the inputs ['passage', 'question']. Give vectors for each"),
        ("means", "when padding follows it."),
    ],
)
def test_a_broken_joint_encoder_is_caught(broken: Broken, flaw: str, message: str) -> None:
    assert message in broken(beside, flaw, kind="joint")


def test_an_embedder_that_keeps_every_promise_passes() -> None:
    check_stage(table)


def test_an_encoder_that_keeps_every_promise_passes() -> None:
    check_stage(recurrent)
    check_stage(recurrent, settings={"flaw": "both ways", "width": 3})


def test_a_joint_encoder_that_keeps_every_promise_passes() -> None:
    check_stage(beside, kind="joint")
