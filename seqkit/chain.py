"""A chain of pipelines: each adds its answers to the fields that the next ones read."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqkit import __version__, storage
from seqkit.errors import DataError, ModelError, SeqkitError
from seqkit.loading import restored
from seqkit.pipeline import WINDOW, Answers, Input, Pipeline

if TYPE_CHECKING:
    import torch

FORMAT = 1
FILE = "chain.json"


@dataclass(frozen=True)
class Member:
    """A pipeline of a chain. reads: by input, the field that it is; gives: by gold, the field."""

    name: str
    pipeline: Pipeline
    reads: Mapping[str, str]
    gives: Mapping[str, str]


class Chain:
    """Pipelines one after the other, loaded as one.

    Call it with texts for a list of answers, or `stream` them: for each text a mapping from fields
    to answers, those of all steps. inputs: the fields that no step gives; a text by itself is the
    only one of them.
    """

    def __init__(self, name: str, members: Sequence[Member]) -> None:
        self.name, self.members = name, tuple(members)
        inputs: dict[str, None] = {}
        given: set[str] = set()
        for member in members:
            inputs |= dict.fromkeys(field for field in member.reads.values() if field not in given)
            given |= set(member.gives.values())
        self.inputs = tuple(inputs)

    def to(self, device: torch.device | str) -> Chain:
        """Moves the weights of all steps; returns the chain itself."""
        for member in self.members:
            member.pipeline.to(device)
        return self

    def __call__(self, texts: Iterable[Input]) -> list[Answers]:
        """The answers of all texts, in their order. Raises SeqkitError for what is no text."""
        return list(self.answered(texts, WINDOW))

    def stream(self, texts: Iterable[Input]) -> Iterator[Answers]:
        """Answers as they come, in the order of the texts; memory stays bounded."""
        return self.answered(texts, 1)

    def answered(self, texts: Iterable[Input], first: int) -> Iterator[Answers]:
        """The answers, in windows of texts that grow from `first` on."""
        if isinstance(texts, str | bytes | Mapping):
            raise SeqkitError("chain(texts): takes several texts. Put a single one in a list.")
        source = (self.fields(given, f"text {index}") for index, given in enumerate(texts))
        while window := list(itertools.islice(source, first)):
            yield from self.window(window)
            first = min(WINDOW, 2 * first)

    def fields(self, given: Any, where: str) -> dict[str, Any]:
        """What a caller gave as one text, by field. Raises DataError where a field is missing."""
        if not isinstance(given, Mapping):
            if len(self.inputs) > 1:
                raise DataError(f"{where}: needs a mapping with {', '.join(self.inputs)}.")
            given = {self.inputs[0]: given}
        lacking = [name for name in self.inputs if name not in given]
        if lacking:
            raise DataError(
                f"{where}: lacks the field '{lacking[0]}'. Give {', '.join(self.inputs)}."
            )
        return {name: given[name] for name in self.inputs}

    def window(self, fields: Sequence[dict[str, Any]]) -> list[Answers]:
        """The answers to some texts, step by step. It adds to their fields."""
        found: list[dict[str, Any]] = [{} for _ in fields]
        for member in self.members:
            inputs = [{name: one[field] for name, field in member.reads.items()} for one in fields]
            for row, answers in enumerate(member.pipeline(inputs)):
                for name, field in member.gives.items():
                    found[row][field] = answers[name]
                    fields[row][field] = answers[name]["value"]
        return list(found)

    def save(self, path: str | Path) -> None:
        """Writes the chain as one folder. Raises OSError, ModelError for a folder of others."""
        storage.write_folder(Path(path), self.files())

    def files(self) -> dict[str, bytes]:
        """The files of all steps, each with its number before its name."""
        steps = [
            {"name": member.name, "reads": dict(member.reads), "gives": dict(member.gives)}
            for member in self.members
        ]
        content = {"format": FORMAT, "seqkit": __version__, "name": self.name, "steps": steps}
        files = {FILE: storage.as_json(content)}
        for number, member in enumerate(self.members, 1):
            files |= {f"{number}.{name}": kept for name, kept in member.pipeline.files().items()}
        return files


def is_saved_chain(path: str | Path) -> bool:
    """Whether a folder is a chain's run, or a saved chain."""
    return any((place / FILE).exists() for place in (Path(path) / "pipeline", Path(path)))


def load_chain(path: str | Path) -> Chain:
    """Loads a saved chain: the folder of its run, or of what was saved.

    Raises ModelError where a file is missing or damaged, or a plugin is not installed.
    """
    folder = Path(path)
    folder = folder / "pipeline" if (folder / "pipeline").exists() else folder
    files = storage.read_folder(folder)
    if FILE not in files:
        raise ModelError(f"{folder}: is no chain, but one pipeline. Load it with seqkit.load.")
    return restored_chain(files, str(folder))


def restored_chain(files: Mapping[str, bytes], folder: str) -> Chain:
    """The chain in the files of a folder, which names them in messages. Raises ModelError."""
    where = f"{folder}/{FILE}"
    content = json.loads(files[FILE])
    if content["format"] != FORMAT:
        raise ModelError(
            f"{where}: is of format {content['format']}, but this version reads {FORMAT}. "
            f"Install seqkit {content['seqkit']}."
        )
    members = []
    for number, step in enumerate(content["steps"], 1):
        start = f"{number}."
        own = {name[len(start) :]: kept for name, kept in files.items() if name.startswith(start)}
        pipeline = restored(own, f"{folder}: step {number}")
        members.append(Member(step["name"], pipeline, step["reads"], step["gives"]))
    return Chain(content["name"], members)
