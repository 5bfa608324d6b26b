"""The run directory: a run is begun, killed, resumed exactly, and finished once.

run.json        provenance: recipe, data hashes, plugin sources and versions, seed, hardware;
                written first: a folder without it is no run, and nothing in it is touched
recipe.yaml     the resolved recipe, defaults filled in
fitted/         what the stages have learnt
checkpoints/    the newest two, and the best weights
pipeline/       the trained pipeline
samples.json    a few answers, to look at
answers/        the answers to dev and test, beside their golds: see `seqkit.answers`
metrics.json    the scores; written last: a run that has it is finished
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from seqkit import storage
from seqkit.answers import FOLDER as ANSWERS
from seqkit.answers import Answered, answered, keep, kept
from seqkit.checkpoints import Checkpoints
from seqkit.data import read_rows, splits, trained
from seqkit.doctor import remarks
from seqkit.errors import RunError
from seqkit.evaluation import beside_baselines, plain
from seqkit.experiment import Experiment, Silent, Watch, scored
from seqkit.guards import locked, signalled
from seqkit.loading import load
from seqkit.machine import peak_memory, pick_device
from seqkit.pipeline import Pipeline
from seqkit.provenance import differences, provenance
from seqkit.recipe import Recipe, data_folder, read_recipe
from seqkit.training import Progress

FORMAT = 1
AGAIN = "Run its recipe again to go on."
SHOWN = 3
"""Answers that a finished run keeps to look at."""
HELD_OUT = ("dev", "test")
FILES = ("metrics.json", "samples.json", "recipe.yaml", "report.html")
FOLDERS = ("pipeline", "fitted", ANSWERS)
WRITTEN = (*FILES, *FOLDERS, "checkpoints")
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

    @property
    def recipe(self) -> Recipe:
        """The resolved recipe. Raises RecipeError where a plugin of it is not there any more."""
        return read_recipe(self.folder / "recipe.yaml")

    @property
    def origin(self) -> dict[str, Any]:
        """Its provenance: see `seqkit.provenance`. Raises RunError."""
        return begun(self.folder / "run.json") or {}

    def load(self) -> Pipeline:
        """The trained pipeline."""
        return load(self.folder)

    def answers(self, split: str) -> list[Answered]:
        """Its answers to dev or test beside their golds. Raises RunError, ModelError."""
        return kept(self.folder, split)


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


def read_run(folder: Path) -> Run:
    """A finished run, from its directory alone. Raises RunError where it is none."""
    if not (folder / "run.json").exists():
        raise RunError(f"{folder}: is no run: it has no run.json. Name a run directory.")
    for name in ("pipeline", ANSWERS):
        if not (folder / name).exists():
            raise RunError(f"{folder}: is not finished: it has no '{name}'. {AGAIN}")
    try:
        metrics = json.loads((folder / "metrics.json").read_bytes())
        samples = json.loads((folder / "samples.json").read_bytes())
    except (OSError, ValueError) as error:
        raise RunError(f"{folder}: is not finished: it lacks scores or samples. {AGAIN}") from error
    return Run(folder, metrics, samples)


def read_finished(experiment: Experiment) -> Run | None:
    """The run, if it is finished; one that lacks a part is finished again."""
    try:
        run = read_run(experiment.folder)
    except RunError:
        return None
    return replace(run, data=experiment.files, done_before=True)


def finish(experiment: Experiment, pipeline: Pipeline, progress: Progress) -> Run:
    """Scores the trained pipeline, and writes it, a few answers, and the scores."""
    folder = experiment.folder
    pipeline.save(folder / "pipeline")
    samples = storage.finite(look(experiment, pipeline))
    storage.write_file(folder / "samples.json", storage.as_json(samples))
    examples = {split: scored(experiment, pipeline, split) for split in HELD_OUT}
    said = {split: answered(pipeline, every) if every else [] for split, every in examples.items()}
    keep(folder, said)
    remarked = {split: remarks(pipeline, every, split) for split, every in examples.items()}
    seconds = float(progress.notes.get("seconds", 0.0))
    metrics: dict[str, Any] = {
        "format": FORMAT,
        **{
            split: plain(beside_baselines(pipeline, examples[split], every))
            for split, every in said.items()
        },
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
    if any(remarked.values()):
        metrics["remarks"] = remarked
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


def clear(folder: Path) -> None:
    """Removes what a run has written beside run.json, and nothing else."""
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
    for name in FOLDERS:
        for path in (folder / name, folder / f".{name}.new", folder / f".{name}.old"):
            if path.exists():
                shutil.rmtree(path)
    Checkpoints(folder / "checkpoints").clear()


def as_yaml(value: Any) -> bytes:
    """YAML in the order given."""
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
    return text.encode()
