"""A vector for each piece from its characters, read by convolutions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, cast, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqkit.abilities import Finding
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Example, Vectors, time_mask
from seqkit_text.alphabet import SPELT, Alphabet
from seqkit_text.dropout import Dropout
from seqkit_text.reading import read_spellings
from seqkit_text.tables import drawn_table

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int
    from numpy.random import Generator

    from seqkit.stages import Arrays, Batch, Learnt

GATE_BIAS = -2.0
"""Of a highway's gate before training, so that it lets its input through."""


@final
class CharacterConvolution(nn.Module):
    """The highest answer of each filter to any place of a piece (Kim et al. 2016, section 2.2).

    A piece stands between a vector for its begin and one for its end; behind what is shorter than a
    filter stand zeros. kernels: how many characters the filters see, an equal share of them each.
    """

    samples = False
    along_time = SPELT
    table: nn.Embedding
    spans: Tensor

    def __init__(
        self,
        alphabet: Alphabet,
        *,
        width: int,
        kernels: Sequence[int],
        highway: int,
        character_width: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.alphabet = alphabet
        self.width, self.character_width = width, character_width
        filters = width // len(kernels)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(character_width, filters, kernel) for kernel in kernels
        )
        self.longest = max(kernels)
        self.register_buffer(
            "spans", torch.tensor(kernels).repeat_interleave(filters), persistent=False
        )
        self.highways = nn.Sequential(*(Highway(width) for _ in range(highway)))
        self.dropout = Dropout(dropout)

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """Counts the characters of every input. Raises DataError where there is none to know."""
        return self.alphabet.fit(examples)

    def ready(self, learnt: Learnt) -> None:
        """Allocates the characters' vectors; the unknown one is zero, begin and end are last."""
        self.table = drawn_table(self.alphabet.ready(learnt) + 2, self.character_width)

    def prepare(self, example: Example, name: str, rng: Generator | None = None) -> Arrays:
        """Gives "forms" [piece] and, ragged, "characters". Raises DataError for frames."""
        del rng
        return self.alphabet.prepare(example, name)

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """The share of a split's characters that have no vector of their own."""
        return self.alphabet.describe(examples, split)

    def forward(self, batch: Batch) -> Vectors:
        """The vectors of "characters" [batch piece character], each spelling read once."""
        values = read_spellings(batch, self.width, self.answers)
        return Vectors(self.dropout(values), batch["forms.lengths"])

    def answers(
        self, characters: Int[Tensor, "word character"], sizes: Int[Tensor, " word"]
    ) -> Float[Tensor, "word width"]:
        """Each filter's highest answer under a tanh, after the highways.

        One matrix product runs all filters over windows as long as the longest.
        """
        begin, end = self.table.num_embeddings - 2, self.table.num_embeddings - 1
        marked = F.pad(characters, (1, self.longest))
        marked[:, 0] = begin
        marked.scatter_(1, sizes.unsqueeze(1) + 1, end)
        windows = self.table(marked.unfold(1, self.longest, 1)).flatten(2)
        answers = F.linear(windows, *self.filters())
        places = (sizes.unsqueeze(1) + 3 - self.spans).clamp(min=1)
        beyond = ~time_mask(places, answers.shape[1]).transpose(1, 2)
        highest = answers.masked_fill_(beyond, -torch.inf).amax(dim=1)
        found: Tensor = self.highways(torch.tanh(highest))
        return found

    def filters(self) -> tuple[Float[Tensor, "width window"], Float[Tensor, " width"]]:
        """All filters' weights, zero where one is shorter than the longest, and their biases."""
        banks = cast("list[nn.Conv1d]", list(self.convolutions))
        weights = [F.pad(bank.weight, (0, self.longest - bank.kernel_size[0])) for bank in banks]
        biases = [cast("Tensor", bank.bias) for bank in banks]
        return torch.cat(weights).transpose(1, 2).flatten(1), torch.cat(biases)


@final
class Highway(nn.Module):
    """A gate mixes what a layer makes of its input with the input (Srivastava et al. 2015)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weights = nn.Linear(width, 2 * width)
        with torch.no_grad():
            self.weights.bias[width:].fill_(GATE_BIAS)

    def forward(self, values: Float[Tensor, "word width"]) -> Float[Tensor, "word width"]:
        """The input x and relu(W x + b), mixed by the gate sigmoid(V x + c)."""
        transformed, gates = self.weights(values).chunk(2, dim=1)
        return torch.lerp(values, F.relu(transformed), torch.sigmoid(gates))
