"""What settings say of a decoder with attention; no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

IMPOSSIBLE = -1e9
"""The log-probability of what is never written, which sums can still be made of."""


@dataclass(frozen=True)
class Switches:
    """The settings of the same names; kind is `attend`, scheduled is `sampling`."""

    width: int
    kind: Literal["additive", "dot", "general", "heads", "monotonic"]
    heads: int
    feed: bool
    bridge: Literal["mean", "last", "zero"]
    deep: bool
    tie: bool
    dropout: float
    smoothing: float
    scheduled: float
    copying: bool
    coverage: float
    prefix: str | None = None
    include: str | None = None
    references: str | None = None
