"""What the decoder says of the golds of a split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from statistics import fmean

from seqkit.abilities import Finding
from seqkit_ctc.targets import needed

SHOWN = 3
Row = tuple[str, Sequence[str], int]
"""The name of an example, the pieces of its gold, and how many steps it has."""


def survey(rows: Sequence[Row], known: Collection[str], split: str) -> list[Finding]:
    """How long the golds are, and which ones cannot be written."""
    if not rows:
        return []
    sizes = [len(pieces) for _, pieces, _ in rows]
    tightest = min((steps / needed(pieces) for _, pieces, steps in rows if pieces), default=0.0)
    return [
        Finding(
            f"golds have {fmean(sizes):.1f} pieces, {max(sizes):,} at most; {len(known):,} pieces "
            f"can be written, {tightest:.1f} or more steps for each that a gold takes"
        ),
        *empty(sizes, split),
        *crowded(rows, split),
        *unknown(rows, known),
        *(
            Finding(f"example: {name}, {steps:,} steps → {' '.join(pieces)[:60]}")
            for name, pieces, steps in rows[: SHOWN if split == "train" else 0]
        ),
    ]


def empty(sizes: Sequence[int], split: str) -> Iterator[Finding]:
    """Golds without a piece."""
    count = sizes.count(0)
    if count:
        meaningless = split == "train" and count == len(sizes)
        told = f"{count:,} of {len(sizes):,} golds are empty"
        yield Finding(told, "error" if meaningless else "warning")


def crowded(rows: Sequence[Row], split: str) -> Iterator[Finding]:
    """Golds that take more steps than there are: an error where they are to be learnt."""
    found = [
        f"{name} (takes {needed(pieces)}, has {steps})"
        for name, pieces, steps in rows
        if needed(pieces) > steps
    ]
    if found:
        more = f" and {len(found) - SHOWN:,} more" if len(found) > SHOWN else ""
        yield Finding(
            f"{len(found):,} of {len(rows):,} golds take more steps than there are: "
            f"{', '.join(found[:SHOWN])}{more}",
            "error" if split == "train" else "warning",
        )


def unknown(rows: Sequence[Row], known: Collection[str]) -> Iterator[Finding]:
    """Pieces that training has not."""
    lacking = Counter(piece for _, pieces, _ in rows for piece in pieces if piece not in known)
    if lacking:
        first = next(name for name, pieces, _ in rows if set(pieces) & set(lacking))
        named = ", ".join(f"'{piece}' ({n:,})" for piece, n in lacking.most_common(SHOWN))
        yield Finding(
            f"{lacking.total():,} pieces of golds are not in train and cannot be written, the "
            f"first in {first}; most often {named}",
            "warning",
        )
