"""Embedders that break a promise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, final

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from seqkit.stages import (
    Embedder,
    Example,
    Frames,
    Pieces,
    Upstream,
    Vectors,
    time_mask,
)
from seqkit.testing import check_stage, example

Broken = Callable[..., str]


@final
class Table(nn.Module):
    samples: bool = False
    width: int = 0

    def __init__(self, flaw: str) -> None:
        super().__init__()
        self.flaw, self.seen = flaw, 0
        self.along_time = frozenset(() if flaw == "no time" else ("pieces", "letters"))
        self.along_time |= {"words"} if flaw == "unknown name" else frozenset()

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
        self.drawn, self.samples = int(torch.randint(2, 30, ())), self.flaw == "draws elsewhere"
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
        self.seen += 1
        if self.flaw == "remembers":
            arrays["pieces"] = arrays["pieces"] * (self.seen < 11)
        if self.flaw == "draws in ready":
            arrays["pieces"] = arrays["pieces"] % self.drawn
        if self.flaw == "draws elsewhere" and rng is not None:
            arrays["pieces"] = np.random.default_rng().integers(0, 9, len(found))
        if self.flaw == "floats when empty":
            arrays["pieces"] = np.array(found)
        if self.flaw == "lengths":
            arrays["pieces.lengths"] = np.array(len(found))
        if self.flaw == "no letters":
            del arrays["letters"]
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
        if self.flaw == "cut":
            values, mask = values[:, :-1], mask[:, :-1]
        if self.flaw == "not finite":
            values = values / 0.0
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
        ("floats when empty", "in one example and (dtype('float64'), (), 1) in another."),
        ("lengths", "the array 'pieces.lengths' has the name of lengths."),
        ("unknown name", "along_time names 'words', which prepare never gives."),
        ("no letters", "there is 'letters.offsets' without 'letters'."),
        ("remembers", "prepare gives other arrays the second time."),
        ("draws in ready", "prepare gives other arrays after loading."),
        ("draws elsewhere", "prepare draws from another source than rng."),
        ("knows all", "table: prepare raises KeyError: 'ѣ'"),
        ("plain tensor", "forward gives Tensor, not Vectors."),
        ("neighbours", "comes out different by"),
        ("narrow", "not [8 time 4]: the width it says is 4."),
        ("doubles", "values are of torch.float64, not torch.float32."),
        ("longer", "a row of 10 steps comes out with the length 11"),
        ("cut", "a row of 14 steps comes out with the length 14, but values have 13 steps."),
        ("not finite", "a value is not finite."),
        ("unmasked", "values past the lengths are not zero. Mask them."),
        ("unsaved", "after saving and loading."),
        ("idle", "no gradient reaches the weight 'idle.weight'."),
        ("detached", "what it gives has no gradient."),
    ],
)
def test_a_broken_embedder_is_caught(broken: Broken, flaw: str, message: str) -> None:
    assert message in broken(table, flaw, kind="embedder")


def test_an_embedder_that_keeps_every_promise_passes() -> None:
    check_stage(table)


@final
class Halves(nn.Module):
    """An embedder of every other frame. more: steps that it promises and does not make."""

    samples: bool = False
    width: int = 1
    hop: int = 2
    along_time: frozenset[str] = frozenset({"frames"})

    def __init__(self, more: int) -> None:
        super().__init__()
        self.more = more

    def fit(self, examples: Iterable[Example]) -> Mapping[str, Any]:
        return {}

    def ready(self, learnt: Mapping[str, Any]) -> None:
        pass

    def steps(self, frames: int) -> int:
        return (frames + 1) // 2 + self.more

    def prepare(self, example: Example, name: str, rng: Any = None) -> dict[str, Any]:
        frames = example.inputs[name]
        assert isinstance(frames, Frames)
        return {"frames": frames.values[::2]}

    def forward(self, batch: Mapping[str, Any]) -> Vectors:
        return Vectors(batch["frames"], batch["frames.lengths"])


def halves(upstream: Upstream, *, more: int = 0) -> Embedder:
    """Every other frame."""
    return Halves(more)


def test_an_embedder_that_makes_one_step_of_several_frames_says_how_many() -> None:
    series = [example([0.5] * size) for size in (3, 6, 1)]
    check_stage(halves, examples=series)
    with pytest.raises(AssertionError) as caught:
        check_stage(halves, settings={"more": 1}, examples=series)
    assert str(caught.value) == (
        "halves: along_time names 'frames', but it has 2 rows for 3 steps."
    )
