"""The types that a recipe may set.

A factory's signature is its schema: annotate what stands after the star with these types, and the
recipe is checked against them before anything heavy is imported. Other plain types (`str`, `bool`,
`int`, `float`, `Literal[...]`, lists and dicts of them, `X | None`) work as they are.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar, runtime_checkable

from annotated_types import Ge, Gt, Le, Lt, MinLen

if TYPE_CHECKING:
    from seqkit.stages import Upstream

Built = TypeVar("Built", covariant=True)

CHECK_SHAPES = bool(os.environ.get("SEQKIT_CHECK_SHAPES"))
"""True in the tests alone: there the shapes in the annotations are imported, and checked."""


@dataclass(frozen=True)
class Described:
    """A word for the schema and for `seqkit explain` about what a setting's value is."""

    text: str


PositiveInt = Annotated[int, Gt(0)]
NonNegativeInt = Annotated[int, Ge(0)]
PositiveFloat = Annotated[float, Gt(0.0)]
NonNegativeFloat = Annotated[float, Ge(0.0)]
Probability = Annotated[float, Ge(0.0), Le(1.0)]
Dropout = Annotated[float, Ge(0.0), Lt(1.0)]
Name = Annotated[str, MinLen(1), Described("a name")]
DataFile = Annotated[str, MinLen(1), Described("a file, relative to the data folder")]
DataFolder = Annotated[str, MinLen(1), Described("a folder, relative to the data folder")]


@runtime_checkable
class Nested(Protocol[Built]):
    """A stage inside a stage: the recipe names it, its owner builds it.

    In a signature, `encode: Nested[Encoder]` accepts `{use: bilstm, width: 64}`. The owner calls
    `encode.build(Upstream(width=32))`, in its factory or, where a width is known only after fit,
    in its `ready`.
    """

    def build(self, upstream: Upstream) -> Built: ...


Settings = dict[str, Any]
"""Checked settings of one factory, defaults filled in, nested stages as `Nested`."""
