"""A vector for each piece from its characters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import accumulate
from typing import TYPE_CHECKING, Any, cast, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqkit.errors import PluginError
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Encoder, Example, Vectors, time_mask
from seqkit_text.dropout import Dropout
from seqkit_text.vocabulary import (
    FIRST,
    PADDING,
    UNKNOWN,
    Remembered,
    count_strings,
    numbered,
    pieces_of,
    vocabulary,
)

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int
    from numpy.random import Generator

    from seqkit.stages import Arrays, Batch, Learnt

STEP_COST = 48
"""What a recurrent step costs beside its rows, in rows: measured on a CPU with AVX-512."""
LAUNCH_COST = 2048
"""The same on an accelerator, where launching a step costs more than its rows do."""


@final
class Spelling(nn.Module):
    """Reads characters by a recurrent encoder, whose last states are the piece's vector.

    encoder: its state's first tensor is [batch layer width], as seqkit's recurrent encoders have.
    """

    samples = False
    along_time = frozenset({"forms", "characters"})
    table: nn.Embedding

    def __init__(
        self,
        encoder: Encoder,
        *,
        character_width: int,
        minimum: int,
        longest: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.width = encoder.width
        self.character_width, self.minimum = character_width, minimum
        self.head, self.tail = longest - longest // 2, longest // 2
        self.dropout = Dropout(dropout)
        self.known: dict[str, int] = {}
        self.spellings = Remembered(self.spell)

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """Counts the characters of every input. Raises DataError where there is none to know."""
        counts: Counter[str] = Counter()
        for string, count in count_strings(examples, "characters").items():
            for character in string:
                counts[character] += count
        return vocabulary(counts, "characters", "character", self.minimum)

    def ready(self, learnt: Learnt) -> None:
        """Allocates the characters' vectors; the unknown one is zero."""
        self.known = numbered(learnt["strings"])
        self.spellings.clear()
        size = FIRST + len(self.known)
        self.table = nn.Embedding(size, self.character_width, padding_idx=PADDING)
        bound = (3 / self.character_width) ** 0.5
        with torch.no_grad():
            self.table.weight[FIRST:].uniform_(-bound, bound)
            self.table.weight[:FIRST].zero_()

    def spell(self, string: str) -> tuple[int, bytes]:
        """A number for the spelling, equal for equal spellings, and its characters as int32."""
        if len(string) > self.head + self.tail:
            string = string[: self.head] + string[len(string) - self.tail :]
        characters = [self.known.get(character, UNKNOWN) for character in string]
        spelt = np.array(characters, np.int32).tobytes()
        return int.from_bytes(blake2b(spelt, digest_size=8).digest(), "big") >> 1, spelt

    def prepare(self, example: Example, name: str, rng: Generator | None = None) -> Arrays:
        """Gives "forms" [piece] and, ragged, "characters". Raises DataError for frames."""
        del rng
        found = list(self.spellings.all(pieces_of(example, name, "characters").strings))
        spelt = [characters for _, characters in found]
        offsets = np.zeros(len(found) + 1, np.int32)
        np.cumsum(np.fromiter(map(len, spelt), np.int32, len(spelt)) // 4, out=offsets[1:])
        return {
            "forms": np.array([form for form, _ in found], np.int64),
            "characters": np.frombuffer(bytearray().join(spelt), np.int32),
            "characters.offsets": offsets,
        }

    def forward(self, batch: Batch) -> Vectors:
        """The vectors of "characters" [batch piece character], each spelling read once."""
        lengths, sizes = batch["forms.lengths"], batch["characters.lengths"]
        rows, time = batch["forms"].shape
        real = time_mask(lengths, time) & (sizes > 0)
        places = real.flatten().nonzero().squeeze(1)
        if len(places) == 0:
            return Vectors(self.table.weight.new_zeros(rows, time, self.width), lengths)
        forms, which = torch.unique(batch["forms"].flatten()[places], return_inverse=True)
        first = which.new_empty(len(forms)).scatter_(0, which, places)
        states, ranks = self.read(batch["characters"].flatten(0, 1)[first], sizes.flatten()[first])
        # Row 0 is for what has no characters; the embedding's gradient beats that of an index.
        index = which.new_zeros(rows * time).scatter_(0, places, ranks[which] + 1)
        states = torch.cat([states.new_zeros(1, self.width), states])
        values = F.embedding(index.view(rows, time), states, padding_idx=0)
        return Vectors(self.dropout(values), lengths)

    def read(
        self, characters: Int[Tensor, "word character"], sizes: Int[Tensor, " word"]
    ) -> tuple[Float[Tensor, "word width"], Int[Tensor, " word"]]:
        """The states of all spellings by rising length, and the rank of each spelling."""
        order = sizes.argsort(stable=True)
        ranks = torch.empty_like(order)
        ranks[order] = torch.arange(len(order), device=order.device)
        lengths, counts = torch.unique(sizes, return_counts=True)
        step = STEP_COST if sizes.device.type == "cpu" else LAUNCH_COST
        groups = length_groups(lengths.tolist(), counts.tolist(), step)
        states = []
        parts = torch.split_with_sizes(order, [rows for _, rows in groups])
        for (longest, _), group in zip(groups, parts, strict=True):
            spelt = characters[group, :longest]
            spelt = spelt.masked_fill(~time_mask(sizes[group], longest), PADDING)
            states.append(self.last_state(Vectors(self.table(spelt), sizes[group])))
        return torch.cat(states), ranks

    def last_state(self, vectors: Vectors) -> Float[Tensor, "word width"]:
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


def length_groups(
    lengths: Sequence[int], counts: Sequence[int], step: int
) -> list[tuple[int, int]]:
    """Parts rows by length so that reading them padded costs least: longest and rows of each group.

    lengths: rising, with how many rows have each. A group costs its longest length times its rows
    and `step` more. Exact, by dynamic programming over the last group.
    """
    before = [0, *accumulate(counts)]
    best: list[tuple[int, int]] = [(0, 0)]
    for last, longest in enumerate(lengths):
        best.append(
            min(
                (best[first][0] + longest * (before[last + 1] - before[first] + step), first)
                for first in range(last + 1)
            )
        )
    groups = []
    end = len(lengths)
    while end:
        first = best[end][1]
        groups.append((lengths[end - 1], before[end] - before[first]))
        end = first
    return groups[::-1]
