"""A recipe as a whole: read, checked, with every default filled in.

    recipe.yaml ─ read ─▶ nodes ─ check ─▶ Recipe ─ build (the pipeline's) ─▶ Pipeline

The check builds nothing and reports all problems at once.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from seqkit import nodes, places, plugins
from seqkit.carving import shares
from seqkit.checks import Checker
from seqkit.errors import DataError
from seqkit.marks import Node, Problems, TooManyError, one_line
from seqkit.optimisers import BatchSettings, TrainSettings, batch_rules
from seqkit.plugins import Registry
from seqkit.sections import FORMAT, SPLITS, ByName, DataSettings, Metrics, Sections
from seqkit.settings import DataFile
from seqkit.signatures import Chosen, chosen_in, plain
from seqkit.wording import metric_names

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Recipe:
    """A checked recipe.

    tokenise, embed: by input name; a shared stage is the same object under each name. encode: run
    one after the other; a mapping runs one on each input. metrics: (gold name or "", metric).
    marks: by path, where the recipe says it; "" is the recipe itself.
    """

    name: str
    data: DataSettings | None
    tokenise: ByName
    embed: ByName
    encode: tuple[Chosen | ByName, ...]
    decode: Chosen
    train: TrainSettings
    metrics: Metrics
    bootstrap: int
    marks: Mapping[str, str] = field(compare=False, repr=False)

    def plain(self) -> dict[str, Any]:
        """The resolved recipe as JSON or YAML can hold it; it reads to an equal recipe."""
        encode = [plain_by_name(part) for part in self.encode]
        said = {
            "seqkit": FORMAT,
            "name": self.name,
            "data": self.data and self.data.plain(),
            "tokenise": plain_by_name(self.tokenise),
            "embed": plain_by_name(self.embed),
            "encode": encode[0] if len(encode) == 1 else encode,
            "decode": self.decode.plain(),
            "train": plain(self.train),
            "evaluate": {
                **({"metrics": self._plain_metrics()} if self.metrics else {}),
                "bootstrap": self.bootstrap,
            },
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
        source = self.data.source if self.data else None
        parts = [source, self.tokenise, self.embed, self.encode, self.decode, self.train]
        for chosen in chosen_in([*parts, self.metrics]):
            if id(chosen) not in seen:
                seen.add(id(chosen))
                yield chosen

    def located(self, folder: Path) -> Recipe:
        """The recipe to fit stages by: these name files and folders of data by their paths."""
        kept: dict[int, Chosen] = {}

        def found(value: Any) -> Any:
            if isinstance(value, Chosen):  # one that inputs share stays one
                return kept.setdefault(id(value), places.located(value, folder))
            return {name: found(one) for name, one in value.items()}

        return replace(
            self,
            tokenise=found(self.tokenise),
            embed=found(self.embed),
            encode=tuple(map(found, self.encode)),
            decode=found(self.decode),
        )

    def metric_names(self) -> tuple[str, ...]:
        """The metrics as `train.stop.on` and reports name them: `accuracy`, `slots.span_f1`."""
        return metric_names(self.metrics)

    def where(self, path: str) -> str:
        """Where the recipe says `path`, or else what is around it."""
        while path and path not in self.marks:
            path = path.rpartition(".")[0]
        return self.marks.get(path, "")


def plain_by_name(stages: Chosen | ByName) -> dict[str, Any]:
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
    file = one_line(str(path))
    with contextlib.suppress(TooManyError):
        root = nodes.read(nodes.load(path), file, problems)
        if root is not None:
            root = changed(root, overrides, values, problems)
            recipe = _check(root, file, registry, problems, data=data)
            if recipe is not None:
                return recipe
    raise problems.error()


def changed(
    root: Node, overrides: Mapping[str, str], values: Mapping[str, Any], problems: Problems
) -> Node:
    """The tree of a recipe with other settings, from texts and from values, by path."""
    for place, text in overrides.items():
        root = nodes.override(root, place, text, problems)
    for place, value in values.items():
        root = nodes.set_value(root, place, value, problems)
    return root


def recipe_from_plain(
    value: Mapping[str, Any],
    where: str,
    inputs: Sequence[str] = ("text",),
    registry: Registry | None = None,
    overrides: Mapping[str, str] = NOTHING,
    values: Mapping[str, Any] = NOTHING,
) -> Recipe:
    """The recipe of a saved pipeline, which may lack `data`.

    inputs: the names of the inputs where there is no `data` to name them. overrides, values: as in
    `read_recipe`. Raises RecipeError.
    """
    problems = Problems()
    with contextlib.suppress(TooManyError):
        root = changed(nodes.from_plain(value, where, problems), overrides, values, problems)
        recipe = None if problems else _check(root, where, registry, problems, inputs)
        if recipe is not None:
            return recipe
    raise problems.error()


def check_stage(kind: str, value: Any, registry: Registry | None = None) -> Chosen:
    """One stage by itself: a name, or a mapping as a recipe would hold. Raises RecipeError."""
    problems = Problems()
    with contextlib.suppress(TooManyError):
        node = nodes.from_plain(value, "", problems)
        check = Checker(registry or plugins.registry(), problems)
        chosen = check.stage(kind, node, kind, joint=True)
        if chosen is not None and not problems:
            return chosen
    raise problems.error()


def _check(
    root: Node,
    file: str,
    registry: Registry | None,
    problems: Problems,
    inputs: Sequence[str] | None = None,
    data: Path | None = None,
) -> Recipe | None:
    """The recipe, or None where there are problems. inputs: given for saved pipelines alone."""
    check = Sections(registry or plugins.registry(), problems, {BatchSettings: batch_rules})
    if not check.is_this_format(root):
        return None
    needed = ("name", "embed", "decode") if inputs else ("name", "data", "embed", "decode")
    given = check.keys(root, needed)
    name = check.name(given["name"]) if "name" in given else None
    source = check.data(given["data"]) if "data" in given else None
    names = tuple(source.text) if source else None if "data" in given else inputs
    tokenise: ByName | None = {}
    if "tokenise" in given:
        tokenise = check.by_name("tokeniser", given["tokenise"], "tokenise", names)
    embed = check.by_name("embedder", given["embed"], "embed", names) if "embed" in given else None
    encode = check.encode(given["encode"], names) if "encode" in given else ()
    decode = check.stage("decoder", given["decode"], "decode") if "decode" in given else None
    train = check.train(given.get("train"), root)
    evaluate = check.evaluate(given.get("evaluate"), source)
    if train and evaluate:
        check.stop(train, metric_names(evaluate[0]))
    if data is not None:
        _check_places(check, source, data)
    if problems or name is None or tokenise is None or embed is None or encode is None:
        return None
    if decode is None or train is None or evaluate is None:
        return None
    marks = {"": file, **{path: str(mark) for path, mark in check.marks.items()}}
    return Recipe(name, source, tokenise, embed, encode, decode, train, *evaluate, marks)


def _check_places(check: Sections, data: DataSettings | None, folder: Path) -> None:
    of_data = {f"data.{split}" for split in SPLITS}
    messages = {
        path: places.problem(place, wanted, folder)
        for path, (place, wanted) in check.named.items()
        if path not in of_data
    }
    if data and data.files:
        for split in data.places.keys() - shares(data.places).keys():
            messages[f"data.{split}"] = files_problem(data, data.places[split], folder)
    for path, message in messages.items():
        if message:
            check.add(check.marks[path], path, message)


def files_problem(data: DataSettings, place: str, folder: Path) -> str:
    """What is wrong with the files of a split, or nothing."""
    if data.source.stage.files is True:
        return places.problem(place, places.kinds(DataFile), folder)
    try:
        paths = data.paths(folder / place)
    except DataError as error:
        return str(error)
    closed = [path for path in paths if not os.access(path, os.R_OK)]
    return f"'{closed[0]}' cannot be read. Mend its permissions." if closed else ""
