"""A recipe as a whole: read, checked, with every default filled in.

    recipe.yaml ─ read ─▶ nodes ─ check ─▶ Recipe ─ build (the pipeline's) ─▶ Pipeline

The check builds nothing and reports all problems at once.
"""

from __future__ import annotations

import difflib
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from seqkit import nodes, plugins
from seqkit.checks import BAD, Checker
from seqkit.marks import Node, Problems, TooManyError, short
from seqkit.optimisers import BatchSettings, TrainSettings, batch_rules
from seqkit.plugins import Registry, Stage
from seqkit.signatures import Chosen, chosen_in, plain

FORMAT = 1
KEYS = ("seqkit", "name", "data", "tokenise", "embed", "encode", "decode", "train", "evaluate")
LATER = ("steps", "search", "requires")
SPLITS = ("train", "dev", "test")
PLACES = (*SPLITS, "text", "gold")
BOOTSTRAP = 1000
NOTHING: Mapping[str, Any] = MappingProxyType({})

ByName = Mapping[str, Chosen]
"""A stage for each input, by the input's name."""


@dataclass(frozen=True)
class DataSettings:
    """Where examples come from.

    places: by split, as the recipe gives it. text: by input name, the field that it is read from.
    gold: the field of the gold, or fields by name.
    """

    source: Chosen
    places: Mapping[str, Any]
    text: Mapping[str, str]
    gold: str | Mapping[str, str] | None

    def plain(self) -> dict[str, Any]:
        """The settings as a recipe would say them."""
        source = self.source.plain()
        single = list(self.text) == ["text"]
        return {
            "use": source.pop("use"),
            **self.places,
            "text": self.text["text"] if single else dict(self.text),
            **({} if self.gold is None else {"gold": plain(self.gold)}),
            **source,
        }


@dataclass(frozen=True)
class Recipe:
    """A checked recipe.

    tokenise, embed: by input name; a shared stage is the same object under each name. encode: run
    one after the other; a mapping runs one on each input. metrics: (gold name or "", metric).
    marks: by path, where the recipe says it.
    """

    name: str
    data: DataSettings | None
    tokenise: ByName
    embed: ByName
    encode: tuple[Chosen | ByName, ...]
    decode: Chosen
    train: TrainSettings
    metrics: tuple[tuple[str, Chosen], ...]
    bootstrap: int
    file: str = field(compare=False)
    marks: Mapping[str, str] = field(compare=False)

    def plain(self) -> dict[str, Any]:
        """The resolved recipe as JSON or YAML can hold it; it reads to an equal recipe."""
        encode = [by_name(part) for part in self.encode]
        said = {
            "seqkit": FORMAT,
            "name": self.name,
            "data": self.data and self.data.plain(),
            "tokenise": by_name(self.tokenise),
            "embed": by_name(self.embed),
            "encode": encode[0] if len(encode) == 1 else encode,
            "decode": self.decode.plain(),
            "train": plain(self.train),
            "evaluate": {"metrics": self._plain_metrics(), "bootstrap": self.bootstrap},
        }
        return {key: value for key, value in said.items() if value not in (None, [], {})}

    def _plain_metrics(self) -> list[Any] | dict[str, list[Any]]:
        golds = list(dict.fromkeys(gold for gold, _ in self.metrics))
        if golds in ([], [""]):
            return [metric.plain() for _, metric in self.metrics]
        return {
            gold: [metric.plain() for named, metric in self.metrics if named == gold]
            for gold in golds
        }

    def stages(self) -> Iterator[Chosen]:
        """All chosen stages, those inside others too, each once."""
        seen = set()
        parts = (self.data and self.data.source, self.tokenise, self.embed, self.encode)
        for chosen in chosen_in([*parts, self.decode, self.train, self.metrics]):
            if id(chosen) not in seen:
                seen.add(id(chosen))
                yield chosen

    def metric_names(self) -> tuple[str, ...]:
        """The metrics as `train.stop.on` and reports name them: `accuracy`, `slots.span_f1`."""
        return tuple(metric_name(gold, metric) for gold, metric in self.metrics)

    def where(self, path: str) -> str:
        """Where the recipe says `path`, or what is around it."""
        while path and path not in self.marks:
            path = path.rpartition(".")[0]
        return self.marks.get(path, self.file)


def metric_name(gold: str, metric: Chosen) -> str:
    """A metric's name, after its gold's where the recipe has several."""
    return f"{gold}.{metric.name}" if gold else metric.name


def by_name(stages: Chosen | ByName) -> dict[str, Any]:
    """One stage, or a stage for each input, as a recipe would say it."""
    if isinstance(stages, Chosen):
        return stages.plain()
    first = next(iter(stages.values()), None)
    if first is not None and all(stage is first for stage in stages.values()):
        return first.plain()
    return {name: stage.plain() for name, stage in stages.items()}


def data_folder(path: Path, given: str | None) -> Path:
    """The folder that data paths are relative to: `--data`, SEQKIT_DATA, or the recipe's own."""
    found = given or os.environ.get("SEQKIT_DATA")
    return Path(found) if found else path.parent


def read_recipe(
    path: Path,
    overrides: Mapping[str, str] = NOTHING,
    data: Path | None = None,
    values: Mapping[str, Any] = NOTHING,
    registry: Registry | None = None,
) -> Recipe:
    """The recipe in a file, checked.

    overrides: texts of `--set`, by path. values: Python values, by path. data: where given, the
    data files are looked for in it. Raises RecipeError with all problems in the order of the file.
    """
    problems = Problems()
    try:
        content = nodes.load(path)
        root = nodes.read(content, short(str(path)), problems)
        if root is not None:
            for place, text in overrides.items():
                root = nodes.override(root, place, text, problems)
            for place, value in values.items():
                root = nodes.set_value(root, place, value, problems)
            recipe = _Sections(str(path), registry or plugins.registry(), problems).recipe(root)
            if recipe is not None and data is not None:
                check_files(recipe, data, problems)
            if recipe is not None and not problems:
                return recipe
    except TooManyError:
        pass
    raise problems.error()


def recipe_from_plain(
    value: Mapping[str, Any],
    where: str,
    inputs: Sequence[str] | None = None,
    registry: Registry | None = None,
) -> Recipe:
    """The recipe of a saved pipeline, which may lack `data`.

    inputs: the names of the inputs, where there is no `data` to name them. Raises RecipeError.
    """
    problems = Problems()
    try:
        root = nodes.from_plain(value, where, problems)
        sections = _Sections(where, registry or plugins.registry(), problems, saved=True)
        recipe = None if problems else sections.recipe(root, inputs)
        if recipe is not None and not problems:
            return recipe
    except TooManyError:
        pass
    raise problems.error()


def check_files(recipe: Recipe, folder: Path, problems: Problems) -> None:
    """Reports data files of the recipe that are not there, or cannot be read."""
    data = recipe.data
    if data is None or not isinstance(data.source.stage, Stage) or not data.source.stage.files:
        return
    for split, place in data.places.items():
        if message := file_problem(str(place), folder):
            problems.add_at(recipe.where(f"data.{split}"), f"data.{split}", message)


def file_problem(place: str, folder: Path) -> str:
    """What is wrong with a data file, or nothing."""
    path = folder / place
    shown_place = f"'{short(place)}'" if os.path.isabs(place) else f"'{short(place)}' in {folder}"
    if os.path.isdir(path):
        return f"{shown_place} is a folder, not a file. Name the file in it."
    if not os.path.isfile(path):
        return f"no file {shown_place}. Set --data or SEQKIT_DATA.{like(path, place)}"
    return "" if os.access(path, os.R_OK) else f"{shown_place} cannot be read. Mend its rights."


def like(path: Path, place: str) -> str:
    """A file with nearly the same name, as a question."""
    try:
        names = [entry.name for entry in itertools.islice(os.scandir(path.parent), 1000)]
    except (OSError, ValueError):
        return ""
    close = difflib.get_close_matches(path.name, names, n=1)
    return f" Did you mean '{os.path.join(os.path.dirname(place), close[0])}'?" if close else ""


class _Sections:
    """Checks the top level of a recipe, key by key."""

    def __init__(
        self, file: str, registry: Registry, problems: Problems, saved: bool = False
    ) -> None:
        self._file = file
        self._problems = problems
        self._saved = saved
        self._check = Checker(registry, problems, {BatchSettings: batch_rules})

    def recipe(self, root: Node, inputs: Sequence[str] | None = None) -> Recipe | None:
        """The recipe, or None where there is a problem."""
        given = dict(root.value) if isinstance(root.value, Mapping) else {}
        given = {key: node for key, node in given.items() if node.value is not None}
        if not self._format(root, given):
            return None
        self._keys(root, given)
        name = self._name(given.get("name"))
        data = self._data(given["data"]) if "data" in given else None
        names = self._inputs(given, inputs)
        tokenise = self._optional(given, "tokenise", lambda n: self._by_name("tokeniser", n, names))
        embed = self._optional(given, "embed", lambda n: self._by_name("embedder", n, names))
        encode = self._optional(given, "encode", lambda n: self._encode(n, names), ())
        decode = self._optional(given, "decode", lambda n: self._check.stage("decoder", n, "decode"))
        empty = Node({}, root.mark)
        train = self._check.value(TrainSettings, given.get("train", empty), "train")
        metrics, bootstrap = self._evaluate(given.get("evaluate", empty), data, "data" in given)
        if train is not BAD and metrics is not None:
            self._stop(train, metrics)
        if self._problems:
            return None
        marks = {path: str(mark) for path, mark in self._check.marks.items()}
        return Recipe(
            name, data, tokenise, embed, encode, decode, train, metrics or (), bootstrap,
            self._file, marks,
        )  # fmt: skip
