"""The sections of a recipe, each checked: data, stages by input name, evaluate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqkit.carving import share_problem
from seqkit.checks import BAD, Checker, long_form
from seqkit.errors import nearest
from seqkit.marks import Node, short, shown
from seqkit.optimisers import TrainSettings
from seqkit.plugins import NAME
from seqkit.settings import DataFile, Name, NonNegativeInt
from seqkit.signatures import Chosen, plain
from seqkit.wording import a

FORMAT = 1
KEYS = ("seqkit", "name", "data", "tokenise", "embed", "encode", "decode", "train", "evaluate")
LATER = ("search", "requires")
SPLITS = ("train", "dev", "test")
BOOTSTRAP = 1000

ByName = Mapping[str, Chosen]
"""A stage for each input, by the input's name."""
Metrics = tuple[tuple[str, Chosen], ...]
"""Pairs of a gold's name, or "" where there is one gold, and a metric."""


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

    @property
    def files(self) -> bool:
        """Whether the places are files."""
        return bool(self.source.stage.files)

    def paths(self, place: Path) -> list[Path]:
        """The files that the source reads for the path of a place. Raises DataError."""
        return self.source.files(place)


class Sections(Checker):
    """Checks what stands at the top level of a recipe. A method gives None for a problem."""

    def keys(self, root: Node, needed: Sequence[str]) -> dict[str, Node]:
        """The known keys that are given; a key without a value counts as not given."""
        given = root.value if isinstance(root.value, Mapping) else {}
        for key in given:
            if key == "steps":
                message = "'steps' makes a chain, whose only other key is 'name'. Leave it out."
                self.add(root.keys[key], "", message)
            elif key in LATER:
                self.add(root.keys[key], "", f"'{key}' is not in this version. Remove it.")
            elif key not in KEYS:
                hint = nearest(key[:64], KEYS)
                self.add(root.keys[key], "", f"a recipe has no key '{short(key)}'. {hint}")
        said = {key: given[key] for key in KEYS if key in given and given[key].value is not None}
        for key in needed:
            if key not in said:
                self.add(root.mark, "", f"a recipe needs the key '{key}'.")
        return said

    def is_this_format(self, root: Node) -> bool:
        """Whether the rest of the recipe can be read; a recipe without format may be."""
        node = root.value.get("seqkit") if isinstance(root.value, Mapping) else None
        if node is None:
            self.add(
                root.mark, "", f"a recipe needs 'seqkit: {FORMAT}', the version of its format."
            )
            return True
        if type(node.value) is int and node.value == FORMAT:
            return True
        self.add(
            node.mark,
            "seqkit",
            f"recipe format {short(str(node.plain()))} is not in this version, which reads format "
            f"{FORMAT}.",
        )
        return False

    def name(self, node: Node) -> str | None:
        """The recipe's name, fit to name a folder."""
        self.marks["name"] = node.mark
        if isinstance(node.value, str) and NAME.fullmatch(node.value) and node.value.strip("."):
            return node.value
        wanted = "1 to 64 of A-Z a-z 0-9 _ . -"
        self.add(node.mark, "name", f"input should be {wanted}, not {shown(node.value)}.")
        return None

    def data(self, node: Node) -> DataSettings | None:
        """The source, its places, and the fields of inputs and gold."""
        before = len(self.problems)
        source = self.stage("source", node, "data", reserved=(*SPLITS, "text", "gold"))
        given = long_form(node).value
        if not isinstance(given, Mapping):
            return None
        files = source is not None and source.stage.files
        places = {
            split: self.value(DataFile if files else str | None, given[split], f"data.{split}")
            for split in SPLITS
            if split in given
        }
        for split in places:
            if message := share_problem(places, split):
                self.add(given[split].mark, f"data.{split}", message)
        if files and "train" not in given:
            self.add(node.mark, "data", "needs the key 'train', the file to learn from.")
        text = self._fields(given.get("text", Node({"text": Node("text", node.mark)}, node.mark)))
        gold = self._gold(given["gold"]) if "gold" in given else None
        if source is None or len(self.problems) > before:
            return None
        return DataSettings(source, places, {"text": text} if isinstance(text, str) else text, gold)

    def _fields(self, node: Node) -> Any:
        if not isinstance(node.value, Mapping):
            return self.value(Name, node, "data.text")
        if not node.value:
            self.add(node.mark, "data.text", "names no input. Say {text: field}.")
        for name in node.value:
            if name in ("use", "decode") or not NAME.fullmatch(name) or "." in name:
                mark = node.keys.get(name, node.mark)
                self.add(mark, "data.text", f"'{short(name)}' cannot be an input's name.")
        return self.value(dict[str, Name], node, "data.text")

    def _gold(self, node: Node) -> Any:
        if node.value is None:
            return None
        kind = dict[str, Name] if isinstance(node.value, Mapping) else Name
        return self.value(kind, node, "data.gold")

    def by_name(
        self, kind: str, node: Node, path: str, names: Sequence[str] | None
    ) -> ByName | None:
        """One stage for all inputs, or one for each. names: of the inputs, where known."""
        if is_stage(node, names):
            chosen = self.stage(kind, node, path)
            return None if chosen is None else dict.fromkeys(names or ("text",), chosen)
        before = len(self.problems)
        given = node.value if isinstance(node.value, Mapping) else {}
        self.marks[path] = node.mark
        names = tuple(given) if names is None else names
        for name in given:
            if name not in names:
                message = f"no input called '{short(name)}'. {nearest(name[:64], names)}"
                self.add(node.keys[name], path, message)
        for name in names:
            if name not in given:
                self.add(node.mark, path, f"needs {a(kind)} for the input '{name}'.")
        wanted = [name for name in names if name in given]
        chosen_by_name = {name: self.stage(kind, given[name], f"{path}.{name}") for name in wanted}
        if len(self.problems) > before:
            return None
        return {name: chosen for name, chosen in chosen_by_name.items() if chosen is not None}

    def encode(self, node: Node, names: Sequence[str] | None) -> tuple[Chosen | ByName, ...] | None:
        """The encoders, one after the other."""
        self.marks["encode"] = node.mark
        if not isinstance(node.value, tuple):
            part = self._encode_part(node, "encode", names)
            return None if part is None else (part,)
        parts = [
            self._encode_part(item, f"encode.{index}", names)
            for index, item in enumerate(node.value)
        ]
        found = tuple(part for part in parts if part is not None)
        return found if len(found) == len(parts) else None

    def _encode_part(
        self, node: Node, path: str, names: Sequence[str] | None
    ) -> Chosen | ByName | None:
        if is_stage(node, names):
            return self.stage("encoder", node, path, joint=True)
        return self.by_name("encoder", node, path, names)

    def evaluate(self, node: Node | None, data: DataSettings | None) -> tuple[Metrics, int] | None:
        """The metrics, and how many samples the intervals are drawn from. data: where known."""
        if node is None:
            return (), BOOTSTRAP
        self.marks["evaluate"] = node.mark
        before = len(self.problems)
        if not isinstance(node.value, Mapping):
            self.add(node.mark, "evaluate", f"input should be a mapping, not {shown(node.value)}.")
            return None
        for key in node.value:
            if key not in ("metrics", "bootstrap"):
                hint = nearest(key[:64], ("metrics", "bootstrap"))
                self.add(node.keys[key], "evaluate", f"has no setting '{short(key)}'. {hint}")
        bootstrap = BOOTSTRAP
        if "bootstrap" in node.value:
            path = "evaluate.bootstrap"
            bootstrap = self.value(NonNegativeInt, node.value["bootstrap"], path)
        metrics: Metrics = ()
        if "metrics" in node.value:
            metrics = self._metrics(node.value["metrics"], data)
        return None if len(self.problems) > before else (metrics, bootstrap)

    def _metrics(self, node: Node, data: DataSettings | None) -> Metrics:
        path = "evaluate.metrics"
        self.marks[path] = node.mark
        gold = data.gold if data else None
        if isinstance(node.value, Mapping) and "use" not in node.value:
            golds = gold if isinstance(gold, Mapping) else node.value
            if data is not None and golds is not gold:
                self.add(node.mark, path, "input should be a list: data.gold is not a mapping.")
                return ()
            for name in node.value:
                if name not in golds:
                    hint = nearest(name[:64], golds)
                    self.add(node.keys[name], path, f"no gold called '{short(name)}'. {hint}")
            return tuple(
                pair
                for name, inside in node.value.items()
                for pair in self._metric_list(inside, f"{path}.{name}", name)
            )
        if isinstance(gold, Mapping):
            form = "{" + ", ".join(f"{name}: [...]" for name in gold) + "}"
            self.add(node.mark, path, f"input should be {short(form)}, one list for each gold.")
            return ()
        return tuple(self._metric_list(node, path, ""))

    def _metric_list(self, node: Node, path: str, gold: str) -> list[tuple[str, Chosen]]:
        self.marks[path] = node.mark
        if not isinstance(node.value, tuple):
            self.add(node.mark, path, f"input should be a list, not {shown(node.value)}.")
            return []
        metrics: list[Chosen] = []
        for index, item in enumerate(node.value):
            metric = self.stage("metric", item, f"{path}.{index}")
            if metric is not None and metric in metrics:
                self.add(item.mark, path, f"'{metric.name}' is named twice. Keep one of them.")
            elif metric is not None:
                metrics.append(metric)
        return [(gold, metric) for metric in metrics]

    def train(self, node: Node | None, root: Node) -> TrainSettings | None:
        """How to train."""
        settings = self.value(TrainSettings, node or Node({}, root.mark), "train")
        return None if settings is BAD else settings

    def stop(self, train: TrainSettings, names: Sequence[str]) -> None:
        """Reports an early stop on something that is not measured."""
        if train.stop is not None and train.stop.on not in (*names, "loss"):
            hint = nearest(train.stop.on[:64], (*names, "loss"))
            message = f"no metric called '{short(train.stop.on)}' in evaluate. {hint}"
            self.add(self.marks["train.stop.on"], "train.stop.on", message)


def is_stage(node: Node, names: Sequence[str] | None) -> bool:
    """Whether a node is meant as one stage, and not as a mapping by input name."""
    if not isinstance(node.value, Mapping) or "use" in node.value:
        return True
    if names is None:
        return not any(isinstance(inside.value, Mapping) for inside in node.value.values())
    return not any(name in names for name in node.value)
