"""What a stage may be able to do beyond its contract; the engine asks by the Protocol.

An encoder may be looked into, a decoder may say what its answers are, answer while a text still
comes, answer a long text window by window, have its confidence calibrated or know what a simple
method would answer, any stage may describe the examples it is given, an embedder may make one step
of several frames, a metric may show its score in tables, a source may know lines.

This module imports no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer, Batch, Example, Row, State, Vectors

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float
    from torch import Tensor, nn

    Advance = Callable[
        [Float[Tensor, "row inputs"], State], tuple[Float[Tensor, "row width"], State]
    ]
else:
    Advance = Any

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


@runtime_checkable
class Stepping(Protocol):
    """A causal encoder that can read one step at a time at little cost, for what it has to write.

    stepper: what reads the next step of each row, from a state of the form that forward gives, and
    gives the step's vectors and the state after it, as forward would. What training draws once for
    a text, such as a locked dropout mask, it draws once for all of its steps.
    """

    def stepper(self) -> Advance: ...


@runtime_checkable
class Reaching(Protocol):
    """An embedder that makes the arrays of a step of earlier steps too.

    reach: how many of them; 0 where the settings ask for nothing of the kind.
    """

    reach: int


@runtime_checkable
class Framing(Protocol):
    """An embedder that makes one step of several frames, as a window over samples does.

    hop: frames from one step to the next, once it is ready. steps: how many it makes of so many
    frames.
    """

    hop: int

    def steps(self, frames: int) -> int: ...


@runtime_checkable
class Tabular(Protocol):
    """An embedder with one vector a piece, a row of its table, which output weights may share.

    number: a piece's row; that of "" is the row of all unknown pieces.
    """

    table: nn.Embedding

    def number(self, string: str) -> int: ...


@runtime_checkable
class Aligning(Protocol):
    """A stepwise decoder that knows where it looked.

    alignment: of a state that a step has given, the weight of each step of the input, which sum up
    to one, or to nothing where there is none.
    """

    def alignment(self, state: State) -> Float[Tensor, "row source"]: ...


@runtime_checkable
class Including(Protocol):
    """A search that may write what an answer must have.

    includes: whether it does; it then reads "include" of the batch, by text the numbers of all
    phrases, a -1 between them and behind the last.
    """

    includes: bool


@dataclass(frozen=True)
class Attended:
    """Where a decoder looked: for each piece that it wrote, the weight of each that it read."""

    written: tuple[str, ...]
    read: tuple[str, ...]
    weights: tuple[tuple[float, ...], ...]

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        weights = [list(row) for row in self.weights]
        return {"written": list(self.written), "read": list(self.read), "weights": weights}


@runtime_checkable
class Attentive(Protocol):
    """A decoder that shows where it looked while it wrote an answer to a batch of one."""

    def attended(
        self, inputs: Mapping[str, Vectors], batch: Batch, example: Example, answer: Answer
    ) -> Attended: ...


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


@dataclass(frozen=True)
class Form:
    """What a decoder's answers are.

    value: `words`, a label for each word; `spans`, the same where the labels are tags of a scheme,
    with `spans` beside them; `label`, one for the text; `labels`, any number for the text; `text`.
    labels: all that it may give, those of spans without their tags; none where it writes texts.
    """

    value: Literal["words", "spans", "label", "labels", "text"]
    labels: tuple[str, ...] = ()


@runtime_checkable
class Formed(Protocol):
    """A decoder that says what its answers are, for whoever puts them to use elsewhere.

    form: once the stage is ready; where the recipe names several golds, by their names.
    """

    def form(self) -> Form | Mapping[str, Form]: ...


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
class Windowed(Protocol):
    """A decoder that answers a text from its windows, which it reads one after the other.

    begin: what is remembered of a text before its first window. read: takes the next window, a
    batch of one, and gives what is remembered after it; it changes neither the memory that it is
    given nor itself. conclude: the answer to the whole text, as `predict` gives it.
    """

    def begin(self) -> Any: ...
    def read(self, memory: Any, inputs: Mapping[str, Vectors], batch: Batch) -> Any: ...
    def conclude(self, memory: Any, example: Example) -> Answer: ...


@runtime_checkable
class Calibrating(Protocol):
    """A decoder whose confidence is fitted to be right as often as it says.

    calibrate: is called once, with the chosen weights, on the encoded dev split with gold. It
    changes weights or buffers that change no answer's value, but for a threshold that the recipe
    leaves open, and says in a line each what it did. The same weights and batches end alike.
    """

    def calibrate(self, batches: Iterable[tuple[Mapping[str, Vectors], Batch]]) -> list[str]: ...


@runtime_checkable
class Baselined(Protocol):
    """A decoder that knows what simple methods would answer, which are scored beside it always.

    baselines: by the method's name, an answer to each example, as predict would give it.
    """

    def baselines(self, examples: Sequence[Example]) -> Mapping[str, Sequence[Answer]]: ...


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


@runtime_checkable
class Numbered(Protocol):
    """A source of a file that knows on which line each row begins, counted from 1.

    numbered: what `read` gives, each row with its line, for whoever has to say where one is wrong.
    """

    def numbered(self, split: str, place: Path | str | None) -> Iterator[tuple[int, Row]]: ...


@runtime_checkable
class Prospective(Protocol):
    """A source that reads a file otherwise where answers are asked for than where they are scored.

    prospects: the rows of a file to be answered; those whose gold is not known yet have no field
    for it.
    """

    def prospects(self, place: Path) -> Iterator[Row]: ...
