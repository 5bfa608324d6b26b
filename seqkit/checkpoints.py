"""Checkpoints of a run: each a folder with a manifest; the newest one that is whole counts."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqkit import storage
from seqkit.errors import ModelError
from seqkit.weights import pack_weights, unpack_weights

if TYPE_CHECKING:
    from torch import nn

    from seqkit.batching import Batches
    from seqkit.training import Progress

OWN = re.compile(r"(step|best)-\d{9}|\.(step|best)-\d{9}\.(new|old)")
"""The names of folders that a run writes among its checkpoints."""
KEPT = 2
"""Checkpoints that stay: the newest, and one to fall back on should it be damaged."""


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints in a folder: `step-N` to go on from, `best-N` with the best weights."""

    folder: Path

    def save(self, network: nn.Module, progress: Progress, batches: Batches) -> None:
        """Writes all that training needs to go on exactly from here. Raises OSError."""
        content, tensors = progress.pack()
        position = storage.as_json(dict(batches.position()))
        weights, aliases = pack_weights(network)
        name = f"step-{progress.number:09d}"
        files = {
            "progress.json": content,
            "progress.safetensors": tensors,
            "position.json": position,
            "weights.safetensors": weights,
            "aliases.json": storage.as_json(aliases),
        }
        storage.write_folder(self.folder / name, files)
        self.prune(progress.number)

    def save_best(self, network: nn.Module, number: int) -> None:
        """Writes the best weights so far. Raises OSError."""
        weights, aliases = pack_weights(network)
        files = {"weights.safetensors": weights, "aliases.json": storage.as_json(aliases)}
        storage.write_folder(self.best(number), files)

    def restore(
        self,
        network: nn.Module,
        progress: Progress,
        batches: Batches,
        say: Callable[[str], None],
    ) -> bool:
        """Goes back to the newest checkpoint that is whole; those skipped are said by name."""
        for place in reversed(self.names("step-")):
            try:
                files = storage.read_folder(place)
                best = best_number(place)
                if best is not None:
                    storage.read_folder(self.best(best))
            except ModelError as error:
                say(f"checkpoint skipped: {error}")
                continue
            fill(network, files, place)
            batches.seek(json.loads(files["position.json"]))
            device = next(network.parameters()).device
            progress.restore(files["progress.json"], files["progress.safetensors"], device)
            return True
        return False

    def restore_best(self, network: nn.Module, number: int) -> None:
        """Fills the network with the best weights. Raises ModelError where they are damaged."""
        place = self.best(number)
        fill(network, storage.read_folder(place), place)

    def best(self, number: int) -> Path:
        """The folder of the best weights, those of one update."""
        return self.folder / f"best-{number:09d}"

    def names(self, prefix: str) -> list[Path]:
        """The folders of one kind, oldest first."""
        if not self.folder.is_dir():
            return []
        found = [path for path in self.folder.iterdir() if OWN.fullmatch(path.name)]
        return sorted(
            (path for path in found if path.name.startswith(prefix)), key=lambda path: path.name
        )

    def clear(self) -> None:
        """Removes every checkpoint."""
        for place in self.names(""):
            shutil.rmtree(place)
        with contextlib.suppress(OSError):  # not there, or not empty: the rest is not ours
            self.folder.rmdir()

    def prune(self, number: int) -> None:
        """Removes what checkpoint `number`, just saved, makes needless, and nothing of others.

        That are all but the newest ones up to it, those beyond it (damaged, as it was reached from
        one before them), best weights that none names, and what a kill has left half-written.
        """
        kept = [place for place in self.names("step-") if numbered(place) <= number][-KEPT:]
        named = {best_number(place) for place in kept}
        for place in self.names("step-"):
            if place not in kept:
                shutil.rmtree(place, ignore_errors=True)
        for place in [*self.names("best-"), *self.names(".")]:
            if place.name[0] == "." or numbered(place) not in named:
                shutil.rmtree(place, ignore_errors=True)


def numbered(place: Path) -> int:
    """The update in a folder's name."""
    return int(place.name.rpartition("-")[2])


def best_number(place: Path) -> int | None:
    """The update that a checkpoint names as the best so far; None where there is none."""
    try:
        notes: dict[str, Any] = json.loads((place / "progress.json").read_bytes())["notes"]
    except (OSError, ValueError, KeyError):
        return None
    best = notes.get("best")
    return int(best["number"]) if best else None


def fill(network: nn.Module, files: dict[str, bytes], place: Path) -> None:
    """Fills a network with a checkpoint's weights."""
    where = str(place / "weights.safetensors")
    unpack_weights(network, files["weights.safetensors"], json.loads(files["aliases.json"]), where)
