"""The data doctor: what the examples of a recipe are, before anything is trained on them.

The engine counts: examples, lengths, what is empty, missing or repeated. Each stage adds what it
knows through `describe`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from seqkit.abilities import Describing, Finding
from seqkit.assembly import ready_tokenisers, row_example, shared
from seqkit.data import SINGLE, rows_of, splits, trained
from seqkit.duplicates import FEW, Trained, part
from seqkit.errors import DataError
from seqkit.pipeline import Pipeline, build, fitting
from seqkit.recipe import Recipe
from seqkit.stages import Decoder, Embedder, Example, Frames, Pieces, Row, Tokeniser

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

    level: Literal["note", "warning", "error"]
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


class Doctor:
    """Looks at one split after the other, train first.

    pipeline: None where its stages could not be fitted; then only the engine counts. glance: as
    many examples of a split as the tokenisers and embedders describe; None for all.
    """

    def __init__(
        self, recipe: Recipe, pipeline: Pipeline | None = None, glance: int | None = None
    ) -> None:
        self.recipe, self.pipeline, self.glance = recipe, pipeline, glance
        self.report = Report(recipe.name, recipe.where(""))
        self.trained: Trained | None = None

    def look(self, split: str, examples: Sequence[Example]) -> None:
        """Adds what there is to say of a split; a gold that cannot be read is an error."""
        repeated = self.compare(split, examples)
        for name in examples[0].inputs:
            inputs = [example.inputs[name] for example in examples]
            self.report.sizes.append(size(split, name, inputs, repeated))
            self.tell(split, "", empty(name, inputs))
        if trained(self.recipe).gold:
            self.tell(split, "", missing(examples))
        if self.pipeline:
            self.ask(self.pipeline, split, examples)

    def compare(self, split: str, examples: Sequence[Example]) -> int:
        """Adds what is said of examples that repeat one of train; gives their number."""
        if split == "train":
            self.trained = Trained(examples)
            self.tell(split, "", self.trained.clashing())
            return self.trained.repeated
        if not self.trained:
            return 0
        shared = self.trained.shared(examples)
        self.tell(split, "", self.trained.leaking(split, examples, shared))
        return len(shared)

    def ask(self, pipeline: Pipeline, split: str, examples: Sequence[Example]) -> None:
        """Adds what each stage says. The decoder says nothing where it cannot read a gold."""
        for who, names, stage in fronts(pipeline):
            if isinstance(stage, Describing):
                seen = examples[: self.glance]
                narrowed = [replace(one, inputs=chosen(one.inputs, names)) for one in seen]
                self.tell(split, who, stage.describe(narrowed, split))
        decoder, who = pipeline.network.decoder, pipeline.recipe.decode.name
        wrong = [] if split == "train" else unreadable(decoder, examples)
        self.tell(split, who, wrong)
        if isinstance(decoder, Describing) and not wrong:
            self.tell(split, who, decoder.describe(examples, split))

    @contextmanager
    def noting(self, split: str) -> Iterator[None]:
        """Turns a DataError into an error of the report."""
        try:
            yield
        except DataError as error:
            self.tell(split, "", [Finding(str(error).removeprefix(f"{split}: "), "error")])

    def tell(self, split: str, stage: str, found: Iterable[Finding]) -> None:
        """Adds findings to the report."""
        self.report.findings += [Told(one.level, split, stage, one.text) for one in found]


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


def empty(name: str, inputs: Sequence[Pieces | Frames]) -> Iterator[Finding]:
    """Inputs without a step."""
    numbers = [number for number, one in enumerate(inputs, 1) if not len(one)]
    if numbers:
        which = "" if name == SINGLE else f" in {name}"
        told = f"{part(len(numbers), len(inputs))} are empty{which}, the first is {numbers[0]:,}"
        meaningless = len(numbers) == len(inputs) > FEW
        yield Finding(told, "error" if meaningless else "warning")


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
    count = f"{len(wrong):,} golds cannot be read, the first in " if len(wrong) > 1 else ""
    return [Finding(f"{count}{wrong[0]}", "error")] if wrong else []


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
    """Reads all splits of a recipe, fits its stages on train, and says what is found.

    What cannot be read is an error of the report. sample: the first rows of each split alone.
    """
    doctor, located = Doctor(recipe), recipe.located(folder)
    rows: dict[str, list[Row]] = {}
    for split in splits(trained(recipe)):
        with doctor.noting(split):
            rows[split] = rows_of(recipe, split, folder, sample)
    if "train" in rows:
        with doctor.noting("train"):
            doctor.pipeline = build(located, rows["train"])
        tokenisers = ready(located, rows["train"], doctor.pipeline)
        for split, every in rows.items() if tokenisers is not None else ():
            with doctor.noting(split):
                numbered = enumerate(every, 1)
                doctor.look(
                    split,
                    [row_example(recipe, tokenisers, row, f"example {n:,}") for n, row in numbered],
                )
    return doctor.report


def remarks(pipeline: Pipeline, examples: Sequence[Example], split: str) -> list[str]:
    """What the decoder warns of in examples that are scored, such as labels it has not learnt."""
    decoder = pipeline.network.decoder
    if not examples or not isinstance(decoder, Describing):
        return []
    found = decoder.describe(examples, split)
    return [finding.text for finding in found if finding.level != "note"]


def ready(
    recipe: Recipe, rows: Sequence[Row], pipeline: Pipeline | None
) -> Mapping[str, Tokeniser] | None:
    """The tokenisers: of the pipeline, or alone where another stage could not be fitted.

    None where they cannot be fitted either: the report has the reason.
    """
    if pipeline:
        return pipeline.tokenisers
    try:
        return ready_tokenisers(recipe, fitting(recipe, rows), {"tokenise": {}})
    except DataError:
        return None
