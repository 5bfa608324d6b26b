"""A vector for each piece from its characters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol, cast, final, runtime_checkable

from torch import Tensor, nn

from seqkit.abilities import Finding
from seqkit.errors import PluginError
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Encoder, Example, Vectors
from seqkit_text.alphabet import SPELT, Alphabet
from seqkit_text.dropout import Dropout
from seqkit_text.reading import read_spellings
from seqkit_text.tables import drawn_table

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int
    from numpy.random import Generator

    from seqkit.stages import Arrays, Batch, Learnt


@runtime_checkable
class Reader(Protocol):
    """Makes one vector of a word's characters."""

    width: int

    def __call__(self, vectors: Vectors) -> Float[Tensor, "word width"]:
        """The vectors of words from those of their characters, [word character width]."""
        ...


@final
class Spelling(nn.Module):
    """Looks characters up, and has a reader make a vector of each spelling, once a batch."""

    samples = False
    along_time = SPELT
    table: nn.Embedding

    def __init__(
        self, alphabet: Alphabet, reader: Reader, *, character_width: int, dropout: float
    ) -> None:
        super().__init__()
        self.alphabet, self.reader = alphabet, reader
        self.width, self.character_width = reader.width, character_width
        self.dropout = Dropout(dropout)

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """Counts the characters of every input. Raises DataError where there is none to know."""
        return self.alphabet.fit(examples)

    def ready(self, learnt: Learnt) -> None:
        """Allocates the characters' vectors; the unknown one is zero."""
        self.table = drawn_table(self.alphabet.ready(learnt), self.character_width)

    def prepare(self, example: Example, name: str, rng: Generator | None = None) -> Arrays:
        """Gives "forms" [piece] and, ragged, "characters". Raises DataError for frames."""
        del rng
        return self.alphabet.prepare(example, name)

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """The share of a split's characters that have no vector of their own."""
        return self.alphabet.describe(examples, split)

    def forward(self, batch: Batch) -> Vectors:
        """The vectors of "characters" [batch piece character], each spelling read once."""
        values = read_spellings(batch, self.width, self.read)
        return Vectors(self.dropout(values), batch["forms.lengths"])

    def read(
        self, characters: Int[Tensor, "word character"], sizes: Int[Tensor, " word"]
    ) -> Float[Tensor, "word width"]:
        """The vectors of a few spellings."""
        return self.reader(Vectors(self.table(characters), sizes))


@final
class LastState(nn.Module):
    """Reads characters by a recurrent encoder, whose last states are the word's vector.

    encoder: its state's first tensor is [batch layer width], as seqkit's recurrent encoders have.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder, self.width = encoder, encoder.width

    def forward(self, vectors: Vectors) -> Float[Tensor, "word width"]:
        """The encoder's last layer after the last character. Raises PluginError without one."""
        encoder = type(self.encoder).__name__
        encoded: Vectors = cast("Any", self.encoder)(vectors)
        state = encoded.state
        if state is None:
            raise PluginError(
                f"characters: encoder {encoder} keeps no state after the last character. "
                "Choose a recurrent one, such as bilstm."
            )
        if state[0].ndim != 3 or state[0].shape[2] != self.width:
            raise PluginError(
                f"characters: encoder {encoder} is {self.width} wide, but its state is "
                f"{tuple(state[0].shape)}, not [batch, layer, {self.width}]. Choose another one."
            )
        return state[0][:, -1]
