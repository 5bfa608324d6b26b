"""One recipe with several seeds: a run each, and the mean and the deviation of what they score."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from seqkit import storage
from seqkit.errors import RunError
from seqkit.machine import pick_device
from seqkit.outcomes import Trial, deviation, mean
from seqkit.processes import run_apart, run_words
from seqkit.recipe import data_folder, read_recipe
from seqkit.swaps import as_flow

FORMAT = 1
FILE = "seeds.json"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Spread:
    """A metric on a split over seeds. values: one for each seed; None where the run failed.

    mean, deviation: of the runs that did not fail; the deviation is that of a sample, and there is
    none of fewer than two. baselines: by simple method its score, where the decoder knows any: the
    mean over the runs, though as a rule no seed changes it.
    """

    values: Sequence[float | None]
    mean: float | None
    deviation: float | None
    signature: str
    baselines: Mapping[str, float | None] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {**vars(self), "values": list(self.values)}


@dataclass(frozen=True)
class Seeds:
    """The runs of one recipe with the seeds from 1 on."""

    folder: Path
    recipe: str
    trials: Sequence[Trial]

    @property
    def failed(self) -> bool:
        """Whether a run failed."""
        return any(trial.error for trial in self.trials)

    def scores(self, split: str) -> dict[str, Spread]:
        """The metrics on dev or test, by name."""
        found = [(trial.metrics or {}).get(split, {}) for trial in self.trials]
        names = dict.fromkeys(name for scores in found for name in scores)
        return {name: spread([scores.get(name) for scores in found]) for name in names}

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "format": FORMAT,
            "recipe": self.recipe,
            "runs": [
                {"seed": trial.seed, "folder": trial.folder, "error": trial.error}
                for trial in self.trials
            ],
            **{
                split: {name: one.plain() for name, one in self.scores(split).items()}
                for split in ("dev", "test")
            },
        }


def spread(scores: Sequence[Mapping[str, Any] | None]) -> Spread:
    """A metric over seeds, from its score in each run."""
    known = [score for score in scores if score is not None]
    values = [score["value"] for score in known]
    signature = " ".join(dict.fromkeys(score["signature"] for score in known))
    simple = [score.get("baselines", {}) for score in known]
    methods = dict.fromkeys(method for one in simple for method in one)
    return Spread(
        [None if score is None else score["value"] for score in scores],
        mean(values),
        deviation(values),
        f"{signature} seeds:{len(known)}",
        {name: mean([one[name]["value"] for one in simple if name in one]) for name in methods},
    )


def run_seeds(
    recipe: str | Path,
    seeds: int = 3,
    *,
    set: Mapping[str, Any] | None = None,  # noqa: A002  the command line's word for it
    data: str | Path | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    sample: int | None = None,
    fresh: bool = False,
    say: Say = lambda _: None,
) -> Seeds:
    """Runs a recipe with each of the seeds from 1 to `seeds`, each in a process of its own.

    set, data, device, sample, fresh: as for `seqkit.run`. out: the runs are in `seed-1`, `seed-2`
    and so on below it, and `seeds.json` beside them (default: `runs/NAME-seeds`). say: takes lines
    of progress.

    Raises RecipeError with every mistake before anything is trained, RunError, and Interrupted;
    called again, it goes on, and what is finished is not trained again. A run that fails is told of
    in the result.
    """
    settings = {name: as_flow(value) for name, value in (set or {}).items()}
    where, place = (None if path is None else str(path) for path in (data, out))
    return train_seeds(
        recipe,
        settings,
        seeds,
        data=where,
        out=place,
        device=device,
        sample=sample,
        fresh=fresh,
        say=say,
    )


def train_seeds(
    recipe: str | Path,
    settings: Mapping[str, str],
    seeds: int,
    *,
    data: str | None,
    out: str | None,
    device: str,
    sample: int | None,
    fresh: bool,
    say: Say,
) -> Seeds:
    """As `run_seeds`. settings: as --set has them."""
    file = Path(recipe)
    checked = read_recipe(file, settings, data_folder(file, data))
    folder = Path(out) if out is not None else Path("runs") / f"{checked.name}-seeds"
    refuse_odd(folder, settings, seeds, device)

    def words(place: Path, seed: int) -> list[str]:
        asked: dict[str, Any] = {"data": data, "device": device, "sample": sample, "fresh": fresh}
        return run_words(file, settings, place, seed=seed, **asked)

    found = Seeds(folder, checked.name, list(by_seed(words, folder, seeds, say)))
    storage.write_file(folder / FILE, storage.as_json(storage.finite(found.plain())))
    return found


def refuse_odd(folder: Path, settings: Mapping[str, str], seeds: int, device: str) -> None:
    """Raises RunError for options that exclude each other, or that this machine lacks."""
    pick_device(device)
    if seeds < 1:
        raise RunError(f"--seeds: should be 1 or more, not {seeds}.")
    if "train" in settings or "train.seed" in settings:
        raise RunError("--seeds: excludes another way to set train.seed. Keep one of them.")
    if (folder / "run.json").exists():
        raise RunError(f"{folder}: is a run itself. Give another --out for several seeds.")


def by_seed(
    words: Callable[[Path, int], list[str]], folder: Path, seeds: int, say: Say, name: str = ""
) -> Iterator[Trial]:
    """Runs each seed in a folder of its own. words: the command line of a run. name: tells it."""
    for seed in range(1, seeds + 1):
        place = folder / f"seed-{seed}"
        yield tried(words(place, seed), place, seed, partial(tell, say, f"{name}seed {seed}"))


def tried(words: Sequence[str], place: Path, seed: int, say: Say) -> Trial:
    """Carries out the command line of one run, and reads what it came to. Raises Interrupted."""
    error = run_apart(words, say)
    metrics = None if error else json.loads((place / "metrics.json").read_bytes())
    return Trial(seed, str(place), metrics, error)


def tell(say: Say, name: str, line: str) -> None:
    """Tells a line of a run in its name."""
    say(f"{name}: {line}")
