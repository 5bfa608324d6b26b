"""What the steps of a decoder read and give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, final

import torch
from torch import Tensor

from seqkit.abilities import Advance, Attended
from seqkit.inputs import input_name, step_names
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Example, Vectors
from seqkit.unrolling import Product
from seqkit_seq2seq.attending import Seen
from seqkit_seq2seq.recurring import Recurrence
from seqkit_seq2seq.target import Target

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Int

    from seqkit.stages import Batch, State


@final
class Reader:
    """Reads what was written, a piece at a time.

    Training over whole texts reads nothing here, so that neither part is made before it is used.
    """

    def __init__(self, target: Target, recurrence: Recurrence) -> None:
        self.target, self.recurrence = target, recurrence

    @cached_property
    def table(self) -> Float[Tensor, "label width"]:
        """The vector of every piece."""
        return self.target.table()

    @cached_property
    def advance(self) -> Advance:
        """One step of the recurrent layers, with what training draws once for a text."""
        return self.recurrence.stepper()


@dataclass(frozen=True)
class Memory:
    """What every step reads: the input, and what was written.

    mixer: see `Readout.mixer`. tied: the output weights, where they are the pieces' vectors.
    copies: the number of each step of the input; extra: how many strings only the input has.
    """

    seen: Seen
    reader: Reader
    mixer: Product
    tied: Float[Tensor, "label width"] | None
    copies: Int[Tensor, "batch source"] | None = None
    extra: int = 0


@dataclass(frozen=True)
class Turned:
    """What one step, or all of a text, gives. looked: the weights of the input's steps."""

    mixed: Float[Tensor, "batch time width"]
    looked: Float[Tensor, "batch time source"]
    writes: Float[Tensor, "batch time 1"] | None


def attended(
    decoder: Any,
    inputs: Mapping[str, Vectors],
    batch: Batch,
    example: Example,
    written: Sequence[str],
    numbers: Sequence[int],
) -> Attended:
    """The weights of the input's steps at each piece of an answer to one text."""
    name = input_name("attention", example.inputs, decoder.over)
    steps = int(inputs[name].lengths[0])
    read = tuple(step_names(example.inputs[name], steps))
    memory, state = decoder.start(inputs, batch)
    shown = tuple(row[:steps] for row in looks(decoder, memory, state, numbers))
    return Attended(tuple(written), read, shown)


def looks(
    decoder: Any, memory: Any, state: State, numbers: Sequence[int]
) -> Iterator[tuple[float, ...]]:
    """The weights of one text's steps while its pieces are written."""
    for last in [decoder.end, *numbers[:-1]][: len(numbers)]:
        _, state = decoder.step(memory, state, torch.tensor([last], device=state[0].device))
        yield tuple(decoder.alignment(state)[0].tolist())
