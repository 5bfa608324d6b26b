"""The run directory: a run is begun, killed, resumed exactly, and finished once.

run.json        provenance: recipe, data hashes, plugin sources and versions, seed, hardware;
                written first: a folder without it is no run, and nothing in it is touched
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
from seqkit.checkpoints import Checkpoints
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
WRITTEN = ("metrics.json", "samples.json", "recipe.yaml", "pipeline", "fitted", "checkpoints")
"""What stands in a run directory beside run.json."""


@dataclass(frozen=True)
class Run:
    """A finished run.

    data: the folder that its recipe's files are relative to; None where the source reads none.
    done_before: whether it had been finished before this call.
    """

    folder: Path
    metrics: Mapping[str, Any]
    samples: list[dict[str, Any]]
    data: Path | None = None
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
        enter(folder, origin, fresh, watch.said)
        experiment = Experiment(recipe, data, folder, origin, chosen, watch, stopping)
        finished = read_finished(experiment)
        if finished:
            return finished
        pipeline, progress = experiment.learn()
        return finish(experiment, pipeline, progress)


def enter(folder: Path, origin: Mapping[str, Any], fresh: bool, say: Callable[[str], None]) -> None:
    """Begins a run, or makes sure that the folder's run is this one.

    Another run gives way only where it has trained nothing yet. Raises RunError.
    """
    place, plain = folder / "run.json", folder / "recipe.yaml"
    others = [name for name in WRITTEN if (folder / name).exists()]
    if others and not place.exists():
        raise RunError(
            f"{folder}: has '{others[0]}', but no run.json: it is no run. Give another --out."
        )
    now = json.loads(storage.as_json(origin))
    before = None if fresh else begun(place)
    found = [] if before is None else differences(before, now)
    if found and any((folder / name).exists() for name in ("checkpoints", "pipeline")):
        shown = "; ".join(found[:3]) + (f"; and {len(found) - 3} more" if len(found) > 3 else "")
        raise RunError(
            f"{folder}: holds another run: {shown}. Give another --out, or start over with --fresh."
        )
    if found or before is None:
        clear(folder)
        storage.write_file(place, storage.as_json(origin))
        before = now
    if not plain.exists():
        storage.write_file(plain, as_yaml(origin["recipe"]))
    for name in ("versions", "hardware"):
        if before.get(name) != now[name]:
            say(f"the {name} differ from those the run began with: results may differ slightly")


def begun(place: Path) -> dict[str, Any] | None:
    """The provenance of a run that was begun before. Raises RunError where it is damaged."""
    try:
        return dict(json.loads(place.read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise RunError(f"{place}: is damaged. Start over with --fresh.") from error


def read_finished(experiment: Experiment) -> Run | None:
    """The run, if it is finished; one that lacks a part is finished again."""
    folder = experiment.folder
    if not (folder / "pipeline").exists():
        return None
    try:
        metrics = json.loads((folder / "metrics.json").read_bytes())
        samples = json.loads((folder / "samples.json").read_bytes())
    except (OSError, ValueError):
        return None
    return Run(folder, metrics, samples, experiment.files, done_before=True)


def finish(experiment: Experiment, pipeline: Pipeline, progress: Progress) -> Run:
    """Scores the trained pipeline, and writes it, a few answers, and the scores."""
    folder = experiment.folder
    pipeline.save(folder / "pipeline")
    samples = storage.finite(look(experiment, pipeline))
    storage.write_file(folder / "samples.json", storage.as_json(samples))
    scores = {split: plain(scores_of(experiment, pipeline, split)) for split in ("dev", "test")}
    seconds = float(progress.notes.get("seconds", 0.0))
    metrics: dict[str, Any] = {
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
    if "explosions" in progress.notes:
        metrics["train"]["explosions"] = progress.notes["explosions"]
    metrics = storage.finite(metrics)
    storage.write_file(folder / "metrics.json", storage.as_json(metrics))
    return Run(folder, metrics, samples, experiment.files)


def look(experiment: Experiment, pipeline: Pipeline) -> list[dict[str, Any]]:
    """A few answers on the test split, or on dev or train where there is none."""
    data = trained(experiment.recipe)
    split = splits(data)[-1]
    most = min(SHOWN, experiment.origin["sample"] or SHOWN)
    rows = list(read_rows(data, split, experiment.data, most))
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
    """Makes a run directory, and keeps a second process out of it.

    Raises RunError where that cannot be. An OSError that comes out of it names the directory.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = open(folder / ".lock", "wb")  # noqa: SIM115  closed below
    except OSError as error:
        raise RunError(
            f"{folder}: cannot be written ({error.strerror}). Give another --out."
        ) from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RunError(
                f"{folder}: another process is running in it. Wait for it, or give another --out."
            ) from error
        try:
            yield
        except OSError as error:
            error.filename = error.filename or str(folder)
            raise


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
    """Removes what a run has written beside run.json, and nothing else."""
    for name in ("metrics.json", "samples.json", "recipe.yaml"):
        (folder / name).unlink(missing_ok=True)
    for name in ("pipeline", "fitted"):
        for path in (folder / name, folder / f".{name}.new", folder / f".{name}.old"):
            if path.exists():
                shutil.rmtree(path)
    Checkpoints(folder / "checkpoints").clear()


def as_yaml(value: Any) -> bytes:
    """YAML in the order given."""
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
    return text.encode()


def peak_memory() -> float:
    """The most memory that this process has had, in megabytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most / (1e6 if sys.platform == "darwin" else 1e3), 1)
