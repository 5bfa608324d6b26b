"""Models of thinc's around seqkit's encoders: a list of arrays in, a list of arrays out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from thinc.api import ArgsKwargs, Model, torch2xp, xp2torch
from thinc.types import Floats2d

Ragged = list[Floats2d]
Encode = Model[Ragged, Ragged]
WIDER = 4
"""How many times as wide as its input a layer is inside: as good on EWT as two of half of that."""


@dataclass(frozen=True)
class Surroundings:
    """What an architecture is told beside its encoder."""

    width: int
    depth: int
    hidden: int | None
    dropout: float
    residual: bool
    norm: bool
    mixed_precision: bool

    def check(self, name: str) -> None:
        """Raises ValueError for a number that cannot be, named with its setting."""
        for setting in ("width", "depth", "hidden"):
            value = getattr(self, setting)
            if value is not None and value < 1:
                raise ValueError(f"{name}: {setting}: is {value}. Set it to 1 or more.")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"{name}: dropout: is {self.dropout}. Set it from 0 to below 1.")


def encoder(name: str, use: str, settings: Mapping[str, Any], around: Surroundings) -> Encode:
    """A model that reads each text of a batch. Raises ValueError, which names the setting."""
    from seqkit.errors import SeqkitError
    from seqkit_spacy.forking import guard_forks
    from seqkit_spacy.network import Shape, blocks
    from seqkit_spacy.shim import TwinShim, packed, unpacked

    around.check(name)
    width = around.width
    shape = Shape(width, around.depth, around.hidden or WIDER * width, around.residual, around.norm)
    try:
        module = blocks(use, settings, shape)
    except SeqkitError as error:
        raise ValueError(f"{name}: {error}") from error
    guard_forks()
    return Model(
        name,
        forward,
        dims={"nI": width, "nO": width},
        attrs={"dropout_rate": around.dropout},
        shims=[TwinShim(module, packed, unpacked, mixed_precision=around.mixed_precision)],
    )


def forward(
    model: Encode, texts: Sequence[Floats2d], is_train: bool
) -> tuple[Ragged, Callable[[Sequence[Floats2d]], Ragged]]:
    """Reads texts [token width] of any lengths; some may have none."""
    lengths = [len(text) for text in texts]
    if not any(lengths):
        return list(texts), list
    [shim] = model.shims
    flat = xp2torch(model.ops.flatten(texts), requires_grad=is_train)
    rate = model.attrs["dropout_rate"]
    found, back = shim(ArgsKwargs((flat, lengths, rate), {}), is_train)

    def backprop(gradients: Sequence[Floats2d]) -> Ragged:
        given = xp2torch(model.ops.flatten(gradients))
        inputs = back(ArgsKwargs(((found,),), {"grad_tensors": (given,)}))
        return split(model, torch2xp(inputs.args[0]), lengths)

    return split(model, torch2xp(found), lengths), backprop


def split(model: Encode, flat: Any, lengths: Sequence[int]) -> Ragged:
    """Rows end to end as a list of texts."""
    return list(model.ops.unflatten(flat, model.ops.asarray1i(lengths)))
