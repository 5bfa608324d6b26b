"""What stages are tried on: texts of many lengths and scripts, and stages to stand beside them."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, final

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.data import row_text
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Example, Frames, Front, Learnt, Pieces, Text, Upstream, Vectors, time_mask
from seqkit.table import collate

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int
    from numpy.random import Generator

    from seqkit.stages import Arrays, Batch, State

WIDTH = 12
SINGLE = "text"
INPUTS = ("passage", "question")
WORD = re.compile(r"\S+")
TEXTS: tuple[str | tuple[str, ...], ...] = (
    "the quick brown fox jumps over 13 lazy dogs .",
    "Yes",
    "",
    "no no no",
    ("given", "words", "stay", "as", "they are"),
    "Fünf Wörter sind es hier",
    "to be or not to be , that is the question of the day",
)
UNSEEN = "ѣ nobody has seen\0 these 👩\u200d👩\u200d👧 e\u0301 before"
HOSTILE: tuple[str | tuple[str, ...], ...] = (
    "\0",
    "a\0b",
    "👩\u200d👩\u200d👧 🇩🇪👍🏽",
    "e\u0301te \u0301\u0301",
    " ",
    " \n\t\u3000",
    "!!!!((((((((",
    "東京都に שָׁלוֹם हिन्दी",
    "\ufffd\u200d\ufeff",
    "one\r\ntwo",
    (),
    ("", "x", ""),
    ("👍🏽", "\0", "two words"),
)


def texts(given: Iterable[str | tuple[str, ...]]) -> list[Text]:
    """Texts, and words that are given."""
    found = [row_text(list(one) if isinstance(one, tuple) else one, "") for one in given]
    return [text for text in found if isinstance(text, Text)]


def example(value: Any, gold: Any = None) -> Example:
    """An example for `check_stage`, its words the pieces.

    value: a text, a list of words, numbers or Frames; for several inputs a mapping from their names
    to these.
    """
    named = value if isinstance(value, Mapping) else {SINGLE: value}
    inputs = {name: pieces(row_text(one, name)) for name, one in named.items()}
    return Example({**named, "gold": gold}, inputs, gold)


def pieces(text: Text | Frames) -> Pieces | Frames:
    """The words of a text, or those that are given, as pieces."""
    if isinstance(text, Frames):
        return text
    spans = [match.span() for match in WORD.finditer(text.text)]
    found = np.array(spans if text.words is None else text.words, np.int32).reshape(-1, 2)
    strings = [text.text[start:end] for start, end in found]
    return Pieces(text, strings, found, np.arange(len(found), dtype=np.int32), found)


def labelled() -> list[Example]:
    """The default examples: a label for each word."""
    found = []
    for value in TEXTS:
        one = example(list(value) if isinstance(value, tuple) else value)
        words = one.inputs[SINGLE]
        strings = words.strings if isinstance(words, Pieces) else []
        gold = ["long" if len(string) > 3 else "short" for string in strings]
        found.append(Example({**one.fields, "gold": gold}, one.inputs, gold))
    return found


def paired() -> list[Example]:
    """The default examples of joint encoders: two inputs of unlike lengths."""
    plain = [list(one) if isinstance(one, tuple) else one for one in TEXTS]
    turned = [*plain[3:], *plain[:3]]
    return [
        example(dict(zip(INPUTS, both, strict=True))) for both in zip(plain, turned, strict=True)
    ]


def shortened(whole: Example, steps: int) -> Example:
    """An example with the first steps of each input, and without gold."""

    def cut(value: Pieces | Frames) -> Pieces | Frames:
        if isinstance(value, Frames):
            return Frames(value.values[:steps], value.rate)
        words = value.words[:steps]
        last = int(words.max(initial=-1)) + 1
        return Pieces(
            value.source, value.strings[:steps], value.spans[:steps], words, value.word_spans[:last]
        )

    return Example(whole.fields, {name: cut(value) for name, value in whole.inputs.items()})


def edges(examples: Sequence[Example]) -> list[Example]:
    """An empty example and one of a single step, made from the first that is long enough."""
    longest = max(examples, key=lambda one: min(map(len, one.inputs.values())))
    return [shortened(longest, 0), shortened(longest, 1)]


@final
class Hashed(nn.Module):
    """A front without weights: each piece and frame has a vector of its own, from its hash.

    It is both tokeniser and embedder.
    """

    samples: bool = False
    along_time: frozenset[str] = frozenset({"steps"})
    table: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        drawn = torch.randn(97, width, generator=torch.Generator().manual_seed(1))
        self.register_buffer("table", drawn, persistent=False)

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """Learns nothing."""
        del examples
        return {}

    def ready(self, learnt: Learnt) -> None:
        """Needs nothing."""

    def prepare(self, example: Example, name: str, rng: Generator | None = None) -> Arrays:
        """Steps [piece]: a number for each string or frame."""
        del rng
        value = example.inputs[name]
        steps = (
            [frame.tobytes() for frame in value.values]
            if isinstance(value, Frames)
            else [string.encode("utf-8", "replace") for string in value.strings]
        )
        numbers = [zlib.crc32(step) % len(self.table) for step in steps]
        return {"steps": np.array(numbers, np.int32)}

    def forward(self, batch: Batch) -> Vectors:
        """The vectors of "steps" [batch time]."""
        steps, lengths = batch["steps"], batch["steps.lengths"]
        real = time_mask(lengths, steps.shape[1]).unsqueeze(2)
        return Vectors(self.table[steps.long()] * real, lengths)


@final
class Words:
    """The tokeniser before `Hashed`: words are what white space parts."""

    samples: bool = False

    def fit(self, texts: Iterable[Text]) -> Learnt:
        """Learns nothing."""
        del texts
        return {}

    def ready(self, learnt: Learnt) -> None:
        """Needs nothing."""

    def prepare(self, text: Text, rng: Generator | None = None) -> Pieces:
        """The words."""
        del rng
        found = pieces(text)
        assert isinstance(found, Pieces)
        return found

    def text(self, strings: Sequence[str]) -> str:
        """Joins words by spaces."""
        return " ".join(strings)


@final
class Chain:
    """A stepwise decoder for searches: the next piece depends on the last one and on the text."""

    end: int = 0

    def __init__(self, labels: int = 6) -> None:
        drawn = torch.randn(5, labels, labels, generator=torch.Generator().manual_seed(1))
        drawn[:, :, self.end] += 1.0
        self.scores = drawn.log_softmax(2)

    def start(self, inputs: Mapping[str, Vectors], batch: Batch) -> tuple[Tensor, State]:
        """Each row's own chain, by its length; a state without anything in it but its rows."""
        del batch
        lengths = next(iter(inputs.values())).lengths
        return lengths % len(self.scores), (torch.zeros(len(lengths), 0),)

    def step(
        self, memory: Int[Tensor, " text"], state: State, last: Int[Tensor, " row"]
    ) -> tuple[Float[Tensor, "row label"], State]:
        """Log-probabilities of the next piece."""
        chains = memory.repeat_interleave(len(last) // max(len(memory), 1))
        return self.scores[chains, last], state

    def narrow(
        self, memory: Int[Tensor, " text"], rows: Int[Tensor, " kept"]
    ) -> Int[Tensor, " kept"]:
        """The chains of some texts."""
        return memory[rows]


def embedded(upstream: Upstream, examples: Sequence[Example]) -> dict[str, Vectors]:
    """What reaches the stage behind the fronts: a batch of vectors for each input."""
    found = {}
    for name, front in upstream.inputs.items():
        batch = collate([front.embedder.prepare(one, name) for one in examples])
        embedder: Any = front.embedder
        found[name] = embedder(batch)
    return found


def before(names: Iterable[str], upstream: Upstream | None = None) -> Upstream:
    """What stands before a stage: the given fronts, or a hashed one for each name."""
    upstream = upstream or Upstream(WIDTH)
    if upstream.inputs:
        return upstream
    width = upstream.width
    return replace(upstream, inputs={name: Front(Hashed(width), Words(), width) for name in names})
