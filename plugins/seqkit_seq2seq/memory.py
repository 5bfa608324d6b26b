"""What the steps of a decoder read and give."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from seqkit.abilities import Advance
from seqkit.settings import CHECK_SHAPES
from seqkit_seq2seq.attending import Seen

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int

    from seqkit.stages import State


@dataclass(frozen=True)
class Memory:
    """What every step reads: the input, the vectors of pieces, the way to advance.

    copies: the number of each step of the input; extra: how many strings only the input has.
    """

    seen: Seen
    table: Float[Tensor, "label width"]
    tied: Float[Tensor, "label width"] | None
    advance: Advance
    copies: Int[Tensor, "batch source"] | None = None
    extra: int = 0


@dataclass(frozen=True)
class Turned:
    """What one step, or all of a text, gives. looked: the weights of the input's steps."""

    mixed: Float[Tensor, "batch time width"]
    looked: Float[Tensor, "batch time source"]
    writes: Float[Tensor, "batch time 1"] | None


def looks(
    decoder: Any, memory: Any, state: State, numbers: Iterable[int]
) -> Iterator[tuple[float, ...]]:
    """The weights of one text's steps while its pieces are written."""
    last = decoder.end
    for number in numbers:
        _, state = decoder.step(memory, state, torch.tensor([last], device=state[0].device))
        yield tuple(decoder.alignment(state)[0].tolist())
        last = number
