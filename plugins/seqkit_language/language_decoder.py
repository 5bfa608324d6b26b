"""A decoder that says how probable each piece of a text was, given those before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.abilities import Finding, Tabular
from seqkit.errors import DataError, PluginError, SeqkitError
from seqkit.inputs import input_name, input_width
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer, Example, Learnt, Loss, Pieces, Upstream, Vectors
from seqkit_language.caching import Cache, Seen
from seqkit_language.output_layers import (
    NARROWER,
    AdaptiveOutput,
    LinearOutput,
    OutputLayer,
    TiedOutput,
    reached,
)

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int
    from numpy.random import Generator

    from seqkit.pipeline import Pipeline
    from seqkit.stages import Batch

UNKNOWN, FIRST = 0, 1
"""Labels of any piece that is not known, and of the first that is."""
NOTHING = -1
"""Stands for the piece after the last one."""
PLACES = 6
"""Decimal places of log-probabilities."""


@dataclass(frozen=True)
class Reading:
    """What is remembered of a text while it is read: the last vector, and the cache.

    logs: of every piece so far, where the whole text is to be answered.
    """

    last: Float[Tensor, "1 width"] | None = None
    seen: Seen | None = None
    logs: tuple[Tensor, ...] = ()


@final
class LanguageDecoder(nn.Module):
    """p(w_t | w_1 ... w_t-1) from the encoder's vector at step t - 1.

    The arguments are the settings of `language`.
    """

    samples: bool = False
    along_time: frozenset[str] = frozenset({"piece", "next"})

    def __init__(
        self,
        upstream: Upstream,
        *,
        over: str | None = None,
        minimum: int = 1,
        tie: bool = False,
        adaptive: Sequence[int] = (),
        smoothing: float = 0.0,
        cache: Cache | None = None,
    ) -> None:
        super().__init__()
        if not upstream.causal:
            raise PluginError(
                "language: an encoder reads each text from its end too, and so sees what is to be "
                "guessed. Use encoders that read forwards alone, such as lstm or gru."
            )
        if upstream.stride != 1:
            raise PluginError(
                "language: an encoder joins steps, but each piece is guessed from the one before. "
                "Use encoders that keep every step."
            )
        self.upstream, self.over, self.minimum = upstream, over, minimum
        self.tie, self.adaptive, self.cache = tie, list(adaptive), cache
        self.smoothing = smoothing
        self.width = input_width("language", upstream, over)

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """The pieces, by falling count. Raises DataError where there is none, or no text."""
        counts: Counter[str] = Counter()
        for example in examples:
            counts.update(self.pieces(example).strings)
        known = [string for string, count in counts.items() if count >= self.minimum]
        if not known:
            raise DataError(
                f"language: no piece occurs {self.minimum} times in the training split. Give it "
                "texts that are not empty, or set 'minimum' lower."
            )
        return {"strings": sorted(known, key=lambda string: (-counts[string], string))}

    def ready(self, learnt: Learnt) -> None:
        """Allocates the output layer. Raises PluginError where it does not fit the embedder."""
        self.strings: list[str] = list(learnt["strings"])
        self.names = ["", *self.strings]
        self.numbers = {string: number for number, string in enumerate(self.strings, FIRST)}
        self.layer: OutputLayer
        if self.tie:
            self.layer = self.tied()
        elif self.adaptive:
            self.layer = self.parted()
        else:
            self.layer = LinearOutput(self.width, self.labels)

    def parted(self) -> AdaptiveOutput:
        """The output layer in parts. Raises PluginError where there is not enough for all."""
        if self.adaptive[-1] >= self.labels:
            raise PluginError(
                f"language: 'adaptive' ends with {self.adaptive[-1]}, but there are {self.labels} "
                "pieces. Choose smaller numbers, or leave it out."
            )
        if self.width < NARROWER ** len(self.adaptive):
            raise PluginError(
                f"language: 'adaptive' has {len(self.adaptive)} tails, each {NARROWER} times "
                f"narrower than what is before it, but the encoder gives {self.width}. Name fewer "
                "numbers, or widen the encoder."
            )
        return AdaptiveOutput(self.width, self.labels, self.adaptive)

    def tied(self) -> TiedOutput:
        """The output layer that shares the embedder's vectors. Raises PluginError."""
        name = input_name("language", self.upstream.inputs, self.over)
        embedder = self.upstream.inputs[name].embedder
        if not isinstance(embedder, Tabular):
            raise PluginError(
                "language: 'tie' needs an embedder with one vector a piece, such as lookup. Use "
                "that, or leave 'tie' out."
            )
        if embedder.table.embedding_dim != self.width:
            raise PluginError(
                f"language: 'tie' needs equal widths, but the encoder gives {self.width} and the "
                f"embedder {embedder.table.embedding_dim}. Make them alike, or leave 'tie' out."
            )
        unknown = embedder.number("")
        rows = [unknown, *(embedder.number(string) for string in self.strings)]
        lacking = rows.count(unknown) - 1
        if lacking:
            raise PluginError(
                f"language: 'tie': the embedder has no vector for {lacking} of the "
                f"{len(self.strings)} pieces. Give both the same 'minimum'."
            )
        return TiedOutput(embedder.table, rows)

    @property
    def labels(self) -> int:
        """How many labels there are, the unknown one among them."""
        return FIRST + len(self.strings)

    def pieces(self, example: Example) -> Pieces:
        """The input that is read. Raises DataError where it is frames."""
        found = example.inputs[input_name("language", example.inputs, self.over)]
        if not isinstance(found, Pieces):
            raise DataError(
                "language: guesses pieces of texts, but the input is frames. Name a field that "
                "holds text."
            )
        return found

    def prepare(self, example: Example, rng: Generator | None = None) -> dict[str, np.ndarray]:
        """Gives "piece" [piece], each one's label, and "next", that of the one after it."""
        del rng
        strings = self.pieces(example).strings
        labels = (self.numbers.get(string, UNKNOWN) for string in strings)
        found = np.fromiter(labels, np.int32, len(strings))
        return {"piece": found, "next": np.append(found[1:], np.int32(NOTHING))[: len(found)]}

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """The share of a split's pieces that are not known."""
        del split
        counts = Counter(string for one in examples for string in self.pieces(one).strings)
        unknown = sum(count for string, count in counts.items() if string not in self.numbers)
        if not unknown:
            return []
        share = unknown / counts.total()
        text = f"{share:.2%} of the pieces ({unknown:,} of {counts.total():,}) are guessed as one"
        return [Finding(f"{text}, the unknown piece")]

    def vectors(self, inputs: Mapping[str, Vectors]) -> Vectors:
        """The vectors of the input that is read."""
        return inputs[input_name("language", inputs, self.over)]

    def loss(self, inputs: Mapping[str, Vectors], batch: Batch) -> Loss:
        """Cross-entropy summed over pieces but each text's first; the count is of these."""
        wanted = batch["next"].long()
        real = (wanted != NOTHING) & self.vectors(inputs).mask
        values = self.vectors(inputs).values[real]
        smoothing = self.smoothing if self.training else 0.0
        return Loss(self.layer.loss(values, wanted[real], smoothing), real.sum())

    @torch.no_grad()
    def predict(
        self, inputs: Mapping[str, Vectors], batch: Batch, examples: Sequence[Example]
    ) -> list[Answer]:
        """The log-probability of each piece but the first, as a list under `value`.

        Beside it the `pieces`, and over what is counted: `words` and `characters`.
        """
        vectors = self.vectors(inputs)
        lengths = batch["piece.lengths"].tolist()
        if self.cache is None:
            real = vectors.mask[:, 1:]
            wanted = batch["piece"].long()[:, 1:][real]
            logs = self.logs(vectors.values[:, :-1][real], wanted)
            ends = torch.tensor([max(length - 1, 0) for length in lengths]).cumsum(0)
            parts = torch.tensor_split(logs, ends[:-1])
        else:
            parts = tuple(
                self.follow(Reading(), values[:length], pieces[:length].long())[0]
                for values, pieces, length in zip(
                    vectors.values, batch["piece"], lengths, strict=True
                )
            )
        return [self.answer(part, one) for part, one in zip(parts, examples, strict=True)]

    def logs(
        self, values: Float[Tensor, "row width"], wanted: Int[Tensor, " row"]
    ) -> Float[Tensor, " row"]:
        """The log-probability of each wanted label, in fp32 under autocast too."""
        with torch.autocast(values.device.type, enabled=False):
            return reached(self.layer, values, wanted, self.labels)

    def follow(
        self, reading: Reading, values: Float[Tensor, "step width"], pieces: Int[Tensor, " step"]
    ) -> tuple[Float[Tensor, " scored"], Reading]:
        """The log-probabilities of some steps' pieces, and what is remembered after them."""
        if not len(pieces):
            return values.new_zeros(0), reading
        before = values[:-1]
        if reading.last is None:
            pieces = pieces[1:]
        else:
            before = torch.cat((reading.last, before))
        logs, seen = self.logs(before, pieces), reading.seen
        if self.cache is not None:
            logs, seen = self.cache.mixed(logs, before, pieces, seen)
        return logs, Reading(values[-1:], seen)

    def begin(self) -> Reading:
        """What is remembered of a text before its first step."""
        return Reading()

    @torch.no_grad()
    def push(
        self, memory: Reading, inputs: Mapping[str, Vectors], batch: Batch, example: Example
    ) -> tuple[list[Answer], Reading]:
        """The log-probability of each piece that has come; a text's first has none."""
        del example
        logs, after = self.follow(memory, self.vectors(inputs).values[0], batch["piece"][0].long())
        return [{"value": round(log, PLACES)} for log in logs.tolist()], after

    def finish(self, memory: Reading) -> list[Answer]:
        """Nothing: every piece was answered when it came."""
        del memory
        return []

    @torch.no_grad()
    def read(self, memory: Reading, inputs: Mapping[str, Vectors], batch: Batch) -> Reading:
        """What is remembered after one more window of a text that is answered as a whole."""
        logs, after = self.follow(memory, self.vectors(inputs).values[0], batch["piece"][0].long())
        return Reading(after.last, after.seen, (*memory.logs, logs))

    def conclude(self, memory: Reading, example: Example) -> Answer:
        """The answer to a text of which every window was read."""
        return self.answer(torch.cat(memory.logs) if memory.logs else torch.zeros(0), example)

    def answer(self, logs: Float[Tensor, " scored"], example: Example) -> Answer:
        """The log-probabilities of a text with what they are counted by."""
        pieces = self.pieces(example)
        scored = list(pieces.strings[1:])
        ends = pieces.spans[:, 1]
        return {
            "value": [round(log, PLACES) for log in logs.tolist()],
            "pieces": scored,
            "words": len(np.unique(pieces.words[1:])),
            "characters": int(ends[-1] - ends[0]) if len(ends) else 0,
            "unknown": sum(string not in self.numbers for string in scored),
        }

    def gold(self, example: Example) -> Answer:
        """What a model would answer that knows the text: nothing costs anything."""
        return self.answer(torch.zeros(max(len(self.pieces(example)) - 1, 0)), example)

    def next_piece(self, values: Float[Tensor, "row width"]) -> Float[Tensor, "row label"]:
        """The log-probabilities of what comes after some steps; the unknown piece never comes."""
        with torch.autocast(values.device.type, enabled=False):
            found: Tensor = self.layer.log_probabilities(values)
        found[:, UNKNOWN] = -torch.inf
        return found


def language_decoder(pipeline: Pipeline, who: str, model: str) -> LanguageDecoder:
    """The decoder of a language model. Raises SeqkitError for a model of another task."""
    decoder = pipeline.network.decoder
    if not isinstance(decoder, LanguageDecoder):
        raise SeqkitError(
            f"{who}: {model} is no language model: its decoder is "
            f"'{pipeline.recipe.decode.name}'. Name a model whose decoder is 'language'."
        )
    return decoder
