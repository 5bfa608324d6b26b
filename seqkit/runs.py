"""The run directory: a run is begun, killed, resumed exactly, and finished once.

run.json        provenance: recipe, data hashes, plugin sources and versions, seed, hardware
recipe.yaml     the resolved recipe, defaults filled in
fitted/         what the stages have learnt
checkpoints/    the newest two, and the best weights
pipeline/       the trained pipeline
samples.json    a few answers, to look at
metrics.json    the scores; written last: a run that has it is finished
"""

from __future__ import annotations

import fcntl
import json
import resource
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
import yaml

from seqkit import storage
from seqkit.data import read_rows, splits, trained
from seqkit.errors import RunError
from seqkit.evaluation import Score, evaluate, plain
from seqkit.experiment import Experiment, Silent, Watch, scores_of
from seqkit.pipeline import Pipeline, load
from seqkit.provenance import differences, provenance
from seqkit.recipe import Recipe, data_folder, read_recipe
from seqkit.training import Progress

FORMAT = 1
SHOWN = 3
"""Answers that a finished run keeps to look at."""
WRITTEN = ("run.json", "recipe.yaml", "samples.json", "metrics.json")
FOLDERS = ("fitted", "checkpoints", "pipeline")


@dataclass(frozen=True)
class Run:
    """A finished run. resumed: whether it had been finished before this call."""

    folder: Path
    metrics: Mapping[str, Any]
    samples: list[dict[str, Any]]
    done_before: bool = False

    def load(self) -> Pipeline:
        """The trained pipeline."""
        return load(self.folder)


def run(
    recipe: str | Path,
    *,
    set: Mapping[str, Any] | None = None,  # noqa: A002  the command line's word for it
    data: str | Path | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    fresh: bool = False,
    sample: int | None = None,
    watch: Watch | None = None,
) -> Run:
    """Runs a recipe to its end, or goes on with a run that was interrupted.

    set: settings to change, by dotted path. data: the data folder (default: SEQKIT_DATA, then the
    recipe's folder). out: the run directory (default: `runs/NAME`). fresh: starts over. sample: the
    first rows of each split alone. Raises RecipeError with every mistake before anything loads.
    """
    folder = data_folder(Path(recipe), None if data is None else str(data))
    checked = read_recipe(Path(recipe), values=set or {}, data=folder)
    return execute(checked, folder, out=out, device=device, fresh=fresh, sample=sample, watch=watch)


def execute(
    recipe: Recipe,
    data: Path,
    *,
    out: str | Path | None = None,
    device: str = "auto",
    fresh: bool = False,
    sample: int | None = None,
    watch: Watch | None = None,
) -> Run:
    """Runs a checked recipe. Raises RunError where the run directory holds another run."""
    folder = Path(out) if out is not None else Path("runs") / recipe.name
    chosen = pick_device(device)
    watch = watch or Silent()
    origin = provenance(recipe, data, sample, str(chosen))
    with locked(folder), signalled() as stopping:
        if fresh:
            clear(folder)
        enter(folder, origin, watch.said)
        finished = read_finished(folder)
        if finished:
            return finished
        experiment = Experiment(recipe, data, folder, origin, chosen, watch, stopping)
        pipeline, progress = experiment.learn()
        return finish(experiment, pipeline, progress)


def enter(folder: Path, origin: Mapping[str, Any], say: Callable[[str], None]) -> None:
    """Begins a run, or makes sure that the folder's run is this one. Raises RunError."""
    place = folder / "run.json"
    if not place.exists():
        storage.write_file(folder / "recipe.yaml", as_yaml(origin["recipe"]))
        storage.write_file(place, storage.as_json(origin))
        return
    try:
        before = json.loads(place.read_bytes())
    except ValueError as error:
        raise RunError(f"{place}: is damaged. Start over with --fresh.") from error
    found = differences(before, json.loads(storage.as_json(origin)))
    if found:
        shown = "; ".join(found[:3]) + (f"; and {len(found) - 3} more" if len(found) > 3 else "")
        raise RunError(
            f"{folder}: holds another run: {shown}. Give another --out, or start over with --fresh."
        )
    for name in ("versions", "hardware"):
        if before.get(name) != json.loads(storage.as_json(origin[name])):
            say(f"the {name} differ from those the run began with: results may differ slightly")


def read_finished(folder: Path) -> Run | None:
    """The run, if it is finished."""
    place = folder / "metrics.json"
    if not place.exists():
        return None
    samples = json.loads((folder / "samples.json").read_bytes())
    return Run(folder, json.loads(place.read_bytes()), samples, done_before=True)


def finish(experiment: Experiment, pipeline: Pipeline, progress: Progress) -> Run:
    """Scores the trained pipeline, and writes it, a few answers, and the scores."""
    folder = experiment.folder
    pipeline.save(folder / "pipeline")
    samples = look(experiment, pipeline)
    storage.write_file(folder / "samples.json", storage.as_json(samples))
    scores = {split: plain(scores_of(experiment, pipeline, split)) for split in ("dev", "test")}
    seconds = float(progress.notes.get("seconds", 0.0))
    metrics = {
        "format": FORMAT,
        **scores,
        "train": {
            "seconds": round(seconds, 3),
            "steps": progress.number,
            "tokens_per_second": round(progress.notes.get("tokens", 0) / max(seconds, 1e-9), 1),
            "parameters": pipeline.parameters,
            "peak_memory_mb": peak_memory(),
            "precision": progress.precision,
            "best": progress.notes.get("best"),
            "history": progress.notes.get("history", []),
        },
    }
    storage.write_file(folder / "metrics.json", storage.as_json(metrics))
    return Run(folder, metrics, samples)


def look(experiment: Experiment, pipeline: Pipeline) -> list[dict[str, Any]]:
    """A few answers on the test split, or on dev or train where there is none."""
    data = trained(experiment.recipe)
    split = splits(data)[-1]
    rows = list(read_rows(data, split, experiment.data, SHOWN))
    examples = [pipeline.example(row, f"data.{split}", gold=False) for row in rows]
    return [
        pipeline.record(example, answer, index)
        for index, (example, answer) in enumerate(
            zip(examples, pipeline.answer(examples), strict=True)
        )
    ]


def score_file(pipeline: Pipeline, path: str) -> dict[str, Score]:
    """A pipeline's scores on another file, read by its recipe's own source. Raises DataError."""
    data = trained(pipeline.recipe)
    rows = data.source.build().read("test", Path(path))
    examples = (pipeline.example(row, f"{path}: example {n}") for n, row in enumerate(rows, 1))
    return evaluate(pipeline, examples)


def pick_device(device: str) -> torch.device:
    """The device that was asked for; `auto` takes a GPU where there is one. Raises RunError."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, _, number = device.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (number and not number.isdigit()):
        raise RunError(f"--device {device}: is none of auto, cpu, cuda, cuda:N, mps.")
    count = {
        "cpu": 1,
        "cuda": torch.cuda.device_count(),
        "mps": int(torch.backends.mps.is_available()),
    }[kind]
    if int(number or 0) >= count:
        raise RunError(f"--device {device}: this machine has {count} of them. Use --device auto.")
    return torch.device(device)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps a second process out of a run directory. Raises RunError where one is in it."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "wb") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RunError(
                f"{folder}: another process is running in it. Wait for it, or give another --out."
            ) from error
        yield


@contextmanager
def signalled() -> Iterator[Callable[[], bool]]:
    """Turns SIGINT and SIGTERM into a flag, so that a run stops between two steps.

    A second signal stops at once. Only the main thread can take signals.
    """
    asked: list[int] = []

    def ask(number: int, _: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def clear(folder: Path) -> None:
    """Removes what a run has written, and nothing else."""
    for name in WRITTEN:
        (folder / name).unlink(missing_ok=True)
    for name in FOLDERS:
        if (folder / name).exists():
            shutil.rmtree(folder / name)


def as_yaml(value: Any) -> bytes:
    """YAML in the order given."""
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
    return text.encode()


def peak_memory() -> float:
    """The most memory that this process has had, in megabytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most / (1e6 if sys.platform == "darwin" else 1e3), 1)
