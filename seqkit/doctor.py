"""The data doctor: what the examples of a recipe are, before anything is trained on them.

The engine counts: examples, lengths, what is empty, missing or repeated. Each stage adds what it
knows through `describe`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from seqkit.abilities import Describing, Finding
from seqkit.assembly import ready_tokenisers, row_example
from seqkit.data import rows_of, splits, trained
from seqkit.duplicates import Trained
from seqkit.errors import DataError
from seqkit.pipeline import Pipeline, build, fitting
from seqkit.recipe import Recipe
from seqkit.stages import Example, Pieces, Row, Tokeniser

LINES = 6
"""Lines that a run says of its data, before it trains."""
SEVERITY = ("error", "warning", "note")


@dataclass(frozen=True)
class Size:
    """How long the examples of a split are in one input, in pieces or frames.

    empty: examples without a step. Half of the examples are not longer than `median`, 95% not
    longer than `most95`.
    """

    split: str
    input: str
    unit: Literal["pieces", "frames"]
    examples: int
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

    level: Literal["note", "warning", "error"]
    split: str
    stage: str
    text: str

    def __str__(self) -> str:
        place = f"{self.split}, {self.stage}" if self.stage else self.split
        return f"{place}: {self.text}"


@dataclass
class Report:
    """What is found in the examples of a recipe."""

    name: str
    sizes: list[Size] = field(default_factory=list)
    findings: list[Told] = field(default_factory=list)

    def of(self, level: str) -> list[Told]:
        """The findings of one level."""
        return [told for told in self.findings if told.level == level]

    def ranked(self) -> list[Told]:
        """The findings, the worst first."""
        return [told for level in SEVERITY for told in self.of(level)]

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "name": self.name,
            "sizes": [asdict(size) for size in self.sizes],
            "findings": [asdict(told) for told in self.ranked()],
        }

    def brief(self, command: str) -> list[str]:
        """Sizes, warnings, and what the engine has noted, in a few lines.

        command: what shows the rest.
        """
        sizes = ", ".join(f"{size.split} {size.examples:,}" for size in self.first_input())
        notes = [told for told in self.of("note") if not told.stage]
        said = [f"warning: {told}" for told in self.of("warning")] + [str(told) for told in notes]
        if len(said) > LINES - 1:
            more = len(said) - (LINES - 2)
            said[LINES - 2 :] = [f"{more} more: {command}"]
        return [f"examples: {sizes}", *said]

    def first_input(self) -> list[Size]:
        """One size a split."""
        return [size for size in self.sizes if size.input == self.sizes[0].input]

    def refuse(self, command: str) -> None:
        """Raises DataError with every error. command: what shows the rest."""
        errors = self.of("error")
        if errors:
            raise DataError("\n".join(f"data: {told}. See `{command}`." for told in errors))


class Doctor:
    """Looks at one split after the other, train first.

    pipeline: None where its stages could not be fitted; then only the engine counts.
    """

    def __init__(self, recipe: Recipe, pipeline: Pipeline | None) -> None:
        self.recipe, self.pipeline = recipe, pipeline
        self.report = Report(recipe.name)
        self.trained: Trained | None = None

    def look(self, split: str, examples: Sequence[Example]) -> None:
        """Adds what there is to say of a split; a gold that cannot be read is an error."""
        for name in examples[0].inputs:
            self.measure(split, name, [example.inputs[name] for example in examples])
        self.tell(split, "", missing(examples) if trained(self.recipe).gold else [])
        if split == "train":
            self.trained = Trained(examples)
            self.tell(split, "", self.trained.findings())
        elif self.trained:
            self.tell(split, "", self.trained.shared(split, examples))
        if self.pipeline:
            self.ask(self.pipeline, split, examples)

    def measure(self, split: str, name: str, inputs: Sequence[Pieces | Frames]) -> None:
        """Adds the lengths of one input."""
        found = size(split, name, inputs)
        self.report.sizes.append(found)
        if found.empty:
            first = next(number for number, one in enumerate(inputs, 1) if not len(one))
            which = "" if name == SINGLE else f" in {name}"
            told = f"{part(found.empty, len(inputs))} are empty{which}, the first is {first:,}"
            self.tell(split, "", [Finding(told, "warning" if found.total else "error")])

    def ask(self, pipeline: Pipeline, split: str, examples: Sequence[Example]) -> None:
        """Adds what each stage says. The decoder says nothing where it cannot read a gold."""
        for who, names, stage in fronts(pipeline):
            if isinstance(stage, Describing):
                narrowed = [replace(one, inputs=chosen(one.inputs, names)) for one in examples]
                self.tell(split, who, stage.describe(narrowed, split))
        decoder, who = pipeline.network.decoder, pipeline.recipe.decode.name
        wrong = [] if split == "train" else unreadable(decoder, examples)
        self.tell(split, who, wrong)
        if isinstance(decoder, Describing) and not wrong:
            self.tell(split, who, decoder.describe(examples, split))

    def tell(self, split: str, stage: str, found: Iterable[Finding]) -> None:
        """Adds findings to the report."""
        self.report.findings += [Told(one.level, split, stage, one.text) for one in found]


def size(split: str, name: str, inputs: Sequence[Pieces | Frames]) -> Size:
    """How long the inputs of a split are."""
    lengths = np.array([len(one) for one in inputs])
    half, most95 = np.percentile(lengths, [50, 95], method="inverted_cdf").tolist()
    return Size(
        split=split,
        input=name,
        unit="pieces" if isinstance(inputs[0], Pieces) else "frames",
        examples=len(lengths),
        empty=int((lengths == 0).sum()),
        total=int(lengths.sum()),
        least=int(lengths.min()),
        median=half,
        mean=round(float(lengths.mean()), 1),
        most95=most95,
        most=int(lengths.max()),
    )


def missing(examples: Sequence[Example]) -> Iterator[Finding]:
    """Examples without a gold, of each name where there are several."""
    lacking: dict[str, list[int]] = {}
    for number, example in enumerate(examples, 1):
        named = example.gold if isinstance(example.gold, Mapping) else {"": example.gold}
        for name, gold in named.items():
            if gold is None:
                lacking.setdefault(name, []).append(number)
    for name, numbers in lacking.items():
        what = f"no gold {name}" if name else "no gold"
        count = part(len(numbers), len(examples))
        yield Finding(f"{count} have {what}, the first is {numbers[0]:,}", "warning")


def unreadable(decoder: Decoder, examples: Sequence[Example]) -> list[Finding]:
    """Golds that the decoder cannot read: how many, and the first with its reason."""
    wrong = []
    for number, example in enumerate(examples, 1):
        try:
            decoder.gold(example)
        except DataError as error:
            wrong.append(f"example {number:,}: {error}")
    more = f" ({len(wrong):,} golds cannot be read.)" if len(wrong) > 1 else ""
    return [Finding(f"{wrong[0]}{more}", "error")] if wrong else []


def fronts(pipeline: Pipeline) -> Iterator[tuple[str, list[str], Tokeniser | Embedder]]:
    """Each tokeniser and embedder: its name, the inputs that share it, itself."""
    recipe = pipeline.recipe
    for named, built in (
        (recipe.tokenise, pipeline.tokenisers),
        (recipe.embed, pipeline.network.embedders),
    ):
        groups = shared(named)
        for one, names in groups:
            which = f" ({', '.join(names)})" if len(groups) > 1 else ""
            yield f"{one.name}{which}", names, built[names[0]]


def chosen(inputs: Mapping[str, Pieces | Frames], names: Iterable[str]) -> dict[str, Any]:
    """Some of the inputs."""
    return {name: inputs[name] for name in names}


def examine(recipe: Recipe, folder: Path, sample: int | None = None) -> Report:
    """Reads all splits of a recipe, fits its stages, and says what is found.

    What cannot be read is an error in the report. sample: the first rows of each split alone.
    """
    rows, wrong = {}, []
    for split in splits(trained(recipe)):
        try:
            rows[split] = rows_of(recipe, split, folder, sample)
        except DataError as error:
            wrong.append((split, Finding(str(error), "error")))
    pipeline, tokenisers = None, None
    if "train" in rows:
        try:
            pipeline = build(recipe, rows["train"])
            tokenisers = pipeline.tokenisers
        except DataError as error:
            wrong.append(("train", Finding(str(error), "error")))
            tokenisers = tokenisers_alone(recipe, rows["train"])
    doctor = Doctor(recipe, pipeline)
    for split, every in rows.items() if tokenisers is not None else ():
        try:
            examples = [
                row_example(recipe, tokenisers, row, f"example {number:,}")
                for number, row in enumerate(every, 1)
            ]
        except DataError as error:
            wrong.append((split, Finding(str(error), "error")))
        else:
            doctor.look(split, examples)
    for split, finding in wrong:
        doctor.tell(split, "", [finding])
    return doctor.report
