"""The data doctor: what the examples of a recipe are, before anything is trained on them.

The engine counts: examples, lengths, what is empty, missing or repeated. Each stage adds what it
knows through `describe`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from seqkit.abilities import Describing, Finding
from seqkit.assembly import ready_tokenisers, row_example, shared
from seqkit.data import SINGLE, rows_of, splits, trained
from seqkit.duplicates import FEW, Trained, part
from seqkit.errors import DataError
from seqkit.findings import Report, Told, size
from seqkit.pipeline import Pipeline, build, fitting
from seqkit.recipe import Recipe
from seqkit.stages import Decoder, Embedder, Example, Frames, Pieces, Row, Tokeniser


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
                narrowed = [
                    replace(one, inputs={name: one.inputs[name] for name in names}) for one in seen
                ]
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


def examine(recipe: Recipe, folder: Path, sample: int | None = None) -> Report:
    """Reads all splits of a recipe, fits its stages on train, and says what is found.

    What cannot be read is an error of the report. sample: the first rows of each split alone.
    """
    doctor, located = Doctor(recipe), recipe.located(folder)
    rows: dict[str, list[Row]] = {}
    for split in splits(trained(recipe)):
        with doctor.noting(split):
            rows[split] = rows_of(recipe, split, folder, sample)
    if "train" not in rows:
        return doctor.report
    with doctor.noting("train"):
        doctor.pipeline = build(located, rows["train"])
    tokenisers = ready(located, rows["train"], doctor.pipeline)
    if tokenisers is None:
        return doctor.report
    for split, every in rows.items():
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
