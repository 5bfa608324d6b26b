"""The two values that stages hand on, and the contract of each stage.

    text ─ Tokeniser ─▶ Pieces ─ Embedder ─▶ Vectors ─ Encoder ─▶ Vectors ─ Decoder ─▶ answers

Every stage has its moments. `fit` returns what was learnt from the training split and changes
nothing in the stage; `ready` allocates from it, the same call after fit and on load; `prepare`
turns one example into integer arrays on the host; `forward` runs on the device.

Axis words: batch, time (pieces or frames), piece, word, width, label, source, target, beam. A mask
is True where a step is real. Padding never changes an answer.

This module imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from seqkit.settings import CHECK_SHAPES

if TYPE_CHECKING or CHECK_SHAPES:
    import numpy as np
    from jaxtyping import Bool, Float, Float32, Int, Int32
    from numpy.random import Generator
    from torch import Tensor

    Arrays = Mapping[str, np.ndarray]
    Batch = Mapping[str, Tensor]
    State = tuple[Tensor, ...]
else:
    Arrays = Batch = State = Any  # the names can be imported where torch is not

# Arrays: one example on the host. Axis 0 of an array is time and may differ between examples; a
#   scalar (no axis) is one number an example. An array whose steps are themselves ragged is stored
#   flat, as "chars", with "chars.offsets" [piece + 1] beside it.
# Batch: the same names collated. "words" [batch time ...] comes with "words.lengths" [batch];
#   "chars" becomes [batch piece char] with "chars.lengths" [batch piece]; a scalar becomes [batch].
# State: tensors whose axis 0 is batch.
Learnt = Mapping[str, Any]
"""What fit found: JSON values, bytes, numpy arrays, and mappings and lists of them."""
Answer = Mapping[str, Any]
"""JSON-able. "value" is what metrics compare, the rest is evidence."""
Row = Mapping[str, Any]
"""One record of a source: field names to texts, lists of words, labels, numbers, arrays."""


@dataclass(frozen=True)
class Text:
    """What a user, a line of CoNLL or a spaCy Doc gives.

    words: half-open character spans of given words, or None where the tokeniser is to find them.
    """

    text: str
    words: Sequence[tuple[int, int]] | None = None


@dataclass(frozen=True)
class Pieces:
    """The surface strings of one text, where they stand in it, and which word each belongs to.

    strings: looked up by embedders; may be normalised. Spans never are: they index the text as the
    user gave it. A word may own no piece.
    """

    source: Text
    strings: Sequence[str]
    spans: Int32[np.ndarray, "piece 2"]
    words: Int32[np.ndarray, " piece"]
    word_spans: Int32[np.ndarray, "word 2"]

    def __len__(self) -> int:
        return len(self.strings)


@dataclass(frozen=True)
class Frames:
    """The numeric twin of Pieces: a series, pen strokes, speech. Rate is frames per second."""

    values: Float32[np.ndarray, "time channel"]
    rate: float = 1.0

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class Vectors:
    """One vector for each step of each row, on the device.

    values: rows past a row's length are zero. state: the encoder's state after each row's last real
    step. penalty: a scalar that the trainer adds to the mean loss (activation regularisation).
    """

    values: Float[Tensor, "batch time width"]
    lengths: Int[Tensor, " batch"]
    state: State | None = None
    penalty: Float[Tensor, ""] | None = None

    @property
    def mask(self) -> Bool[Tensor, "batch time"]:
        """True where a step is real."""
        return time_mask(self.lengths, self.values.shape[1])


def time_mask(lengths: Int[Tensor, "*rows"], time: int) -> Bool[Tensor, "*rows time"]:
    """True where a step is real: step t of a row exists where t is below the row's length."""
    import torch

    return torch.arange(time, device=lengths.device) < lengths.unsqueeze(-1)


@dataclass(frozen=True)
class Example:
    """One record on its way through the pipeline.

    fields: the source's row. inputs: by name; a single input is named "text". gold: the value of
    the field that the recipe names under `data.gold`, a mapping where it names several, and None
    when predicting.
    """

    fields: Row
    inputs: Mapping[str, Pieces | Frames]
    gold: Any = None


def is_right(value: Any, gold: Any) -> bool:
    """Whether an answer's value is gold as a whole; an item that gold has as None is not judged."""
    if isinstance(gold, list) and None in gold and isinstance(value, list):
        pairs = zip(value, gold, strict=False)
        return len(value) == len(gold) and all(right in (None, given) for given, right in pairs)
    return bool(value == gold)


@dataclass(frozen=True)
class Loss:
    """A sum and the count it is over. The trainer divides once, over micro-batches and ranks."""

    total: Float[Tensor, ""]
    count: Float[Tensor, ""] | Int[Tensor, ""]


@dataclass(frozen=True)
class Front:
    """What stands before a stage for one input: for shared vocabularies and tied weights.

    width: of this input's vectors where they reach the stage.
    """

    embedder: Embedder
    tokeniser: Tokeniser | None = None
    width: int = 0


@dataclass(frozen=True)
class Upstream:
    """Everything that a factory may know of the stages before it.

    Outside any pipeline, say `Upstream(width=96)`. width: of the vectors that come in; where inputs
    differ in width, of the first. inputs: the fronts by name, for decoders and joint encoders.
    """

    width: int
    stride: int = 1
    causal: bool = True
    inputs: Mapping[str, Front] = field(default_factory=dict)


@runtime_checkable
class Tokeniser(Protocol):
    """Splits a text into pieces. samples: whether prepare draws from rng while training."""

    samples: bool

    def fit(self, texts: Iterable[Text]) -> Learnt: ...
    def ready(self, learnt: Learnt) -> None: ...
    def prepare(self, text: Text, rng: Generator | None = None) -> Pieces: ...
    def text(self, strings: Sequence[str]) -> str:
        """Joins pieces to a text again."""
        ...


@runtime_checkable
class Embedder(Protocol):
    """Gives each piece or frame a vector.

    width: output width, valid after ready. along_time: the arrays with one row a piece, which
    windows may cut. fit reads every input of each example that it is given.
    """

    width: int
    samples: bool
    along_time: frozenset[str]

    def fit(self, examples: Iterable[Example]) -> Learnt: ...
    def ready(self, learnt: Learnt) -> None: ...
    def prepare(self, example: Example, name: str, rng: Generator | None = None) -> Arrays: ...
    def forward(self, batch: Batch) -> Vectors: ...


@runtime_checkable
class Encoder(Protocol):
    """Reads vectors in context. It has nothing to fit.

    stride: steps in for each step out. causal: whether a step sees the steps before it alone. A
    causal encoder whose steps depend on earlier ones gives its state, from which it can go on.
    """

    width: int
    stride: int
    causal: bool

    def forward(self, vectors: Vectors, state: State | None = None) -> Vectors: ...


@runtime_checkable
class Joint(Protocol):
    """An encoder that is handed all inputs at once; registered with `joint=True`."""

    width: int
    stride: int
    causal: bool

    def forward(self, inputs: Mapping[str, Vectors]) -> Mapping[str, Vectors]: ...


@runtime_checkable
class Decoder(Protocol):
    """Owns its loss, its gold and its answers.

    gold gives an example's gold in the form of predict's answers, for metrics. Where the recipe
    names several golds, an answer is a mapping from each gold's name to its Answer.
    """

    samples: bool
    along_time: frozenset[str]

    def fit(self, examples: Iterable[Example]) -> Learnt: ...
    def ready(self, learnt: Learnt) -> None: ...
    def prepare(self, example: Example, rng: Generator | None = None) -> Arrays: ...
    def loss(self, inputs: Mapping[str, Vectors], batch: Batch) -> Loss: ...
    def predict(
        self, inputs: Mapping[str, Vectors], batch: Batch, examples: Sequence[Example]
    ) -> list[Answer]: ...
    def gold(self, example: Example) -> Answer: ...


@runtime_checkable
class Stepwise(Protocol):
    """A decoder that emits pieces one by one. end: the piece that ends an answer, and begins it.

    start: the memory, which steps read and never change, for each text of the batch, and the state
    before the first step. step: the log-probabilities of the next piece, which the search may write
    into, and the state after it.
    A state may have several rows for each text of the memory, side by side and for each as many:
    the hypotheses of one text. narrow: the memory of some of the texts, in the order given.
    """

    end: int

    def start(self, inputs: Mapping[str, Vectors], batch: Batch) -> tuple[Any, State]: ...
    def step(
        self, memory: Any, state: State, last: Int[Tensor, " row"]
    ) -> tuple[Float[Tensor, "row label"], State]: ...
    def narrow(self, memory: Any, rows: Int[Tensor, " text"]) -> Any: ...


@runtime_checkable
class Search(Protocol):
    """Finds the best answers of a stepwise decoder: a list for each row, best first.

    An answer's "value" is a list of piece numbers, which the decoder makes a text of.
    """

    def run(
        self, decoder: Stepwise, inputs: Mapping[str, Vectors], batch: Batch
    ) -> list[list[Answer]]: ...


@runtime_checkable
class Source(Protocol):
    """Reads records. place: the value of `data.train`, `data.dev` or `data.test`.

    For a source registered with `files=True` it is the path of an existing file; with a function
    as `files`, the path of whatever that takes for a place; for the others the recipe's own word,
    or None where the recipe gives none.
    """

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]: ...


@runtime_checkable
class Metric(Protocol):
    """Scores answers from counts that add up, so that any sample of examples can be scored again.

    signature: one line that says what was measured. higher_is_better: for early stopping.
    value: in the unit that is published (percent for accuracies), from summed counts.
    """

    signature: str
    higher_is_better: bool

    def counts(self, answer: Answer, gold: Answer) -> Float[np.ndarray, " count"]: ...
    def value(self, totals: Float[np.ndarray, " count"]) -> float: ...
