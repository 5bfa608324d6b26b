"""What a stage may be able to do beyond its contract; the engine asks by the Protocol.

An encoder may be looked into, a decoder may answer while a text still comes or have its confidence
calibrated, any stage may describe the examples it is given, a metric may show its score in tables.

This module imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer, Batch, Example, State, Vectors

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float
    from torch import Tensor


Level = Literal["note", "warning", "error"]


@dataclass(frozen=True)
class Observed:
    """What a stage lets one see of a forward pass.

    vectors: what forward gives (to 1e-5), computed step by step. series: by part of the stage, such
    as "layer 1 forward" (one that reads from the end is named "... backward"), then by measurement,
    such as "forget gate": a number for each step, in the order of the text; what stands past a
    row's length means nothing. probes: by part, zeros that were added to what is handed from step
    to step, also in the order of the text: the gradient of a loss with respect to them is its total
    derivative, d loss / d h_t.
    """

    vectors: Vectors
    series: Mapping[str, Mapping[str, Float[Tensor, "batch time"]]]
    probes: Mapping[str, Float[Tensor, "batch time width"]]


@runtime_checkable
class Observable(Protocol):
    """An encoder that can be looked into."""

    def observe(self, vectors: Vectors, state: State | None = None) -> Observed: ...


@dataclass(frozen=True)
class Finding:
    """One line of what a stage found in a split.

    level: a note; a warning, where a reader should look before training; an error, where training
    or its scores would be meaningless.
    """

    text: str
    level: Level = "note"


@runtime_checkable
class Describing(Protocol):
    """A tokeniser, embedder or decoder that says, in a few lines, what it found in a split.

    It is called when the stage is ready. split: train, dev or test.
    """

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]: ...


@runtime_checkable
class Incremental(Protocol):
    """A decoder that answers while a text still comes.

    begin: what is remembered of a text before its first step; it must not grow with the text.
    push: takes the steps that have just come, a batch of one, and gives the answers that have
    become final with them, in order, and what is remembered. It changes neither the memory that it
    is given nor itself. finish: the answers that were open. Together, the values of these answers
    are the items of the whole text's value, or there is one answer, which is the whole text's.
    """

    def begin(self) -> Any: ...
    def push(
        self, memory: Any, inputs: Mapping[str, Vectors], batch: Batch, example: Example
    ) -> tuple[list[Answer], Any]: ...
    def finish(self, memory: Any) -> list[Answer]: ...


@runtime_checkable
class Calibrating(Protocol):
    """A decoder whose confidence is fitted to be right as often as it says.

    calibrate: is called once, with the chosen weights, on the encoded dev split with gold. It
    changes weights or buffers that change no answer's value, but for a threshold that the recipe
    leaves open, and says in a line each what it did. The same weights and batches end alike.
    """

    def calibrate(self, batches: Iterable[tuple[Mapping[str, Vectors], Batch]]) -> list[str]: ...


@dataclass(frozen=True)
class Tabulation:
    """A table of a report: its title, its headings, and rows of texts and numbers.

    figure: how it is also drawn. `matrix` colours all numbers but those of the first column;
    `reliability` draws the column `right` against the column `confidence`, both in percent.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float, ...], ...]
    figure: Literal["matrix", "reliability"] | None = None


@runtime_checkable
class Tabulating(Protocol):
    """A metric that shows more than its value: scores by class, confusions."""

    def tables(self, answers: Sequence[Answer], golds: Sequence[Answer]) -> list[Tabulation]: ...


@runtime_checkable
class Surveying(Protocol):
    """A metric whose counts depend on which labels there are, such as a mean over them.

    survey: is called with all answers and golds before any of them is counted.
    """

    def survey(self, answers: Sequence[Answer], golds: Sequence[Answer]) -> None: ...
