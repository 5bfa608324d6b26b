"""What is found in the examples of a recipe: a report of sizes and findings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from seqkit.abilities import Level
from seqkit.errors import DataError
from seqkit.stages import Frames, Pieces

LINES = 6
"""Lines that a run says of its data, before it trains."""
SEVERITY = ("error", "warning", "note")


@dataclass(frozen=True)
class Size:
    """How many examples a split has, and how long they are in one input, in pieces or frames.

    repeated: examples with the inputs of an earlier one of train. empty: those without a step. Half
    of the examples are not longer than `median`, 95% not longer than `most95`.
    """

    split: str
    input: str
    unit: Literal["pieces", "frames"]
    examples: int
    repeated: int
    empty: int
    total: int
    least: int
    median: int
    mean: float
    most95: int
    most: int


@dataclass(frozen=True)
class Told:
    """A finding, in which split, and whose: a stage's name, or nothing for the engine."""

    level: Level
    split: str
    stage: str
    text: str

    def __str__(self) -> str:
        place = f"{self.split}, {self.stage}" if self.stage else self.split
        return f"{place}: {self.text}"


@dataclass
class Report:
    """What is found in the examples of a recipe. file: where the recipe stands."""

    name: str
    file: str
    sizes: list[Size] = field(default_factory=list)
    findings: list[Told] = field(default_factory=list)

    def of(self, level: str) -> list[Told]:
        """The findings of one level."""
        return [told for told in self.findings if told.level == level]

    def ranked(self) -> list[Told]:
        """The findings, the worst first."""
        return [told for level in SEVERITY for told in self.of(level)]

    @property
    def failed(self) -> bool:
        """Whether training, or its scores, would be meaningless."""
        return bool(self.of("error"))

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "name": self.name,
            "sizes": [asdict(size) for size in self.sizes],
            "findings": [asdict(told) for told in self.ranked()],
        }

    def brief(self, command: str) -> list[str]:
        """Sizes, what is learnt, and warnings, in a few lines. command: what shows the rest."""
        learnt = [told for told in self.of("note") if told.stage and told.split == "train"]
        first = [told.text for told in learnt if told.stage == learnt[-1].stage][:1]
        said = [*first, *(f"warning: {told}" for told in self.of("warning"))]
        if len(said) > LINES - 1:
            said[LINES - 2 :] = [f"{len(said) - LINES + 2} more warnings: {command}"]
        return [f"examples: {', '.join(self.counts())}", *said]

    def counts(self) -> Iterator[str]:
        """The examples of each split, and the share of them that train has, before them."""
        for size in self.sizes:
            if size.input == self.sizes[0].input:
                where = "repeated" if size.split == "train" else "also in train"
                share = f" ({100 * size.repeated / size.examples:.1f}% {where})"
                yield f"{size.split} {size.examples:,}{share if size.repeated else ''}"

    def refuse(self, command: str) -> None:
        """Raises DataError with every error. command: what shows the rest."""
        errors = [f"{self.file}: {str(told).rstrip('.')}." for told in self.of("error")]
        if errors:
            raise DataError("\n".join(errors) + f" See `{command}`.")


def size(split: str, name: str, inputs: Sequence[Pieces | Frames], repeated: int) -> Size:
    """How many examples a split has, and how long one of their inputs is."""
    lengths = np.array([len(one) for one in inputs])
    half, most95 = np.percentile(lengths, [50, 95], method="inverted_cdf").tolist()
    return Size(
        split=split,
        input=name,
        unit="pieces" if isinstance(inputs[0], Pieces) else "frames",
        examples=len(lengths),
        repeated=repeated,
        empty=int((lengths == 0).sum()),
        total=int(lengths.sum()),
        least=int(lengths.min()),
        median=half,
        mean=round(float(lengths.mean()), 1),
        most95=most95,
        most=int(lengths.max()),
    )
