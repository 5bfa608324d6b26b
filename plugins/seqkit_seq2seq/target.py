"""The target side: the texts that a decoder writes, their pieces, numbers and vectors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast, final

import numpy as np
import torch
from torch import Tensor, nn

from seqkit.abilities import Tabular
from seqkit.data import row_text
from seqkit.errors import DataError
from seqkit.inputs import input_name, listed_pieces
from seqkit.settings import CHECK_SHAPES, Nested
from seqkit.stages import (
    Embedder,
    Example,
    Learnt,
    Text,
    Tokeniser,
    Upstream,
    Vectors,
)
from seqkit.table import collate

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int
    from numpy.random import Generator

    from seqkit.stages import Batch

NAME = "target"
END, UNKNOWN, FIRST = 0, 1, 2
"""Numbers of the end, of any piece that is not known, and of the first that is."""
NOTHING = Upstream(width=0)


@final
class Target(nn.Module):
    """The target's tokeniser, vocabulary and embedder; those of the input where they are shared."""

    samples: bool = False
    every: Batch
    tied: Tensor | None = None

    def __init__(
        self,
        upstream: Upstream,
        tokenise: Nested[Tokeniser] | None,
        embed: Nested[Embedder] | None,
        minimum: int,
        over: str | None = None,
    ) -> None:
        super().__init__()
        needed = tokenise is None or embed is None
        front = upstream.inputs[input_name("attention", upstream.inputs, over)] if needed else None
        self.shared = front.tokeniser if front and tokenise is None else None
        self.tokenise, self.embed, self.minimum = tokenise, embed, minimum
        self.shared_embedder = front.embedder if front and embed is None else None

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """The pieces of all golds, by falling count; changes nothing. Raises DataError."""
        texts = [text_of(example.gold) for example in examples]
        learnt: dict[str, Any] = {}
        tokeniser = self.shared
        if tokeniser is None:
            tokeniser = self.made_tokeniser()
            learnt["tokenise"] = tokeniser.fit(texts)
            tokeniser.ready(learnt["tokenise"])
        every = [tokeniser.prepare(text) for text in texts]
        counts = Counter(string for pieces in every for string in pieces.strings)
        known = sorted(
            (string for string, count in counts.items() if count >= self.minimum),
            key=lambda string: (-counts[string], string),
        )
        if not known:
            raise DataError(
                f"attention: no piece of the targets occurs {self.minimum} times in the training "
                "split. Give it texts that are not empty, or set 'minimum' lower."
            )
        if self.embed is not None:
            golds = [Example({}, {NAME: pieces}) for pieces in every]
            learnt["embed"] = self.embed.build(NOTHING).fit(iter(golds))
        return {**learnt, "strings": known}

    def made_tokeniser(self) -> Tokeniser:
        """A new tokeniser of the target."""
        if self.tokenise is None:
            raise DataError(
                "attention: there is no tokeniser of the input to share. Give one: "
                "`decode: {tokenise: {use: words}}`."
            )
        return self.tokenise.build(NOTHING)

    def ready(self, learnt: Learnt) -> None:
        """Builds the tokeniser and the embedder from what was learnt."""
        if self.shared is None:
            self.tokeniser = self.made_tokeniser()
            self.tokeniser.ready(learnt["tokenise"])
        else:
            self.tokeniser = self.shared
        self.samples = self.tokeniser.samples
        if self.embed is not None:
            embedder = self.embed.build(NOTHING)
            embedder.ready(learnt["embed"])
        elif self.shared_embedder is not None:
            embedder = self.shared_embedder
        else:
            raise DataError("attention: there is no embedder of the input to share.")
        self.own, self.embedder = embedder, cast("nn.Module", embedder)
        self.width = embedder.width
        self.begin = nn.Parameter(torch.zeros(self.width))
        self.strings: list[str] = list(learnt["strings"])
        self.numbers = {string: number for number, string in enumerate(self.strings, FIRST)}
        listed = Example({}, {NAME: listed_pieces(["", *self.strings])})
        self.every = collate([embedder.prepare(listed, NAME)])

    @property
    def rows(self) -> Tabular | None:
        """The embedder, where each piece's vector is a row of its table."""
        return self.embedder if isinstance(self.embedder, Tabular) else None

    @property
    def size(self) -> int:
        """How many numbers there are, the end and the unknown one among them."""
        return FIRST + len(self.strings)

    def pieces(self, gold: Any, rng: Generator | None = None) -> Sequence[str]:
        """The pieces of a gold. rng: where given, a tokeniser that samples draws from it."""
        return self.tokeniser.prepare(text_of(gold), rng).strings

    def number(self, string: str) -> int:
        """The number of a piece."""
        return self.numbers.get(string, UNKNOWN)

    def table(self) -> Float[Tensor, "label width"]:
        """The vector of every number, as the embedder has it; that of the end begins a text."""
        every = {name: value.to(self.begin.device) for name, value in self.every.items()}
        training = self.embedder.training
        if training:  # dropout is for what is read
            self.embedder.eval()
        found: Tensor = self.embedder(every).values[0]
        if training:
            self.embedder.train()
        return torch.cat((self.begin.unsqueeze(0), found))

    def weights(self) -> Float[Tensor, "label width"]:
        """The same of an embedder with a table, as it learns it: without its dropout."""
        embedder = self.rows
        assert embedder is not None
        if self.tied is None:
            numbers = [embedder.number(string) for string in ("", *self.strings)]
            self.tied = torch.tensor(numbers)
        self.tied = self.tied.to(self.begin.device)
        return torch.cat((self.begin.unsqueeze(0), embedder.table.weight[self.tied]))

    def arrays(
        self, strings: Sequence[str], numbers: Sequence[int] | None = None
    ) -> dict[str, np.ndarray]:
        """The numbers of a target, as "target", with its end, and what the embedder needs of it.

        Pieces without a number are alike to the embedder. numbers: where they are not its own.
        """
        known = [string if string in self.numbers else "" for string in strings]
        arrays = self.own.prepare(Example({}, {NAME: listed_pieces(known)}), NAME)
        numbers = [self.number(string) for string in strings] if numbers is None else numbers
        return {
            NAME: np.array([*numbers, END], np.int32),
            **{f"{NAME}/{key}": array for key, array in arrays.items()},
        }

    def shifted(self, batch: Batch, lengths: Int[Tensor, " batch"]) -> Vectors:
        """What is read before each piece is written: the beginning, then all pieces but the end."""
        start = f"{NAME}/"
        arrays = {key[len(start) :]: value for key, value in batch.items() if key.startswith(start)}
        vectors: Vectors = self.embedder(arrays)
        begin = self.begin.expand(len(lengths), 1, -1).to(vectors.values.dtype)
        return Vectors(torch.cat((begin, vectors.values), 1), lengths)

    def text(self, strings: Sequence[str]) -> str:
        """Joins pieces to a text."""
        return self.tokeniser.text(strings)


def read(gold: Any) -> str:
    """A gold's text. Raises DataError where it is none."""
    return text_of(gold).text


def text_of(gold: Any) -> Text:
    """A gold as a text. Raises DataError where it is none."""
    found = row_text(gold, "attention: the gold") if gold is not None else None
    if not isinstance(found, Text):
        kind = "none" if gold is None else type(gold).__name__
        raise DataError(
            f"attention: needs a text as gold, not {kind}. Name its field in data.gold."
        )
    return found
