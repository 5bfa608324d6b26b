"""Alternatives of one setting, each trained in a process of its own, and one table of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from seqkit import storage
from seqkit.alternatives import Alternative, checked
from seqkit.charts import INSTALL, line_chart
from seqkit.errors import RunError
from seqkit.machine import pick_device
from seqkit.matching import is_off, matched
from seqkit.outcomes import Outcome, Trial, curves, curves_csv, markdown, profiles, table
from seqkit.processes import run_words
from seqkit.recipe import data_folder, read_recipe
from seqkit.seeds import Say, by_seed, tell, tried
from seqkit.swaps import Swap, as_flow

FORMAT = 1


@dataclass(frozen=True)
class Plan:
    """What is compared and how: see `compare`. given: the alternatives."""

    swap: Swap
    given: Sequence[Any]
    data: str | None = None
    out: str | None = None
    device: str = "auto"
    sample: int | None = None
    fresh: bool = False
    seeds: int | None = None
    parameters: int | None = None
    match: bool = True

    def refuse_odd(self) -> None:
        """Raises RunError for options that exclude each other, or that this machine lacks."""
        pick_device(self.device)
        if self.parameters is not None and not self.match:
            raise RunError("--parameters: excludes --no-match. Keep one of them.")
        if self.seeds is not None and self.seeds < 1:
            raise RunError(f"--seeds: should be 1 or more, not {self.seeds}.")
        if self.seeds is not None and self.swap.path in ("train", "train.seed"):
            raise RunError(f"--seeds: excludes --swap {self.swap.path}. Keep one of them.")

    def words(self, alternative: Alternative, out: Path, seed: int | None) -> list[str]:
        """The command line that runs an alternative."""
        return run_words(
            self.swap.file,
            self.swap.overrides(alternative.value),
            out,
            data=self.data,
            device=self.device,
            sample=self.sample,
            seed=seed,
            fresh=self.fresh,
        )


@dataclass(frozen=True)
class Comparison:
    """A comparison that has ended.

    swapped: the path of the setting. target: the parameters that widths were chosen for; None where
    none were. notes: what is to be known of the table.
    """

    folder: Path
    recipe: str
    swapped: str
    target: int | None
    outcomes: Sequence[Outcome]
    notes: Sequence[str]

    @property
    def failed(self) -> bool:
        """Whether an alternative failed."""
        return any(trial.error for outcome in self.outcomes for trial in outcome.trials)

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Headings, and a line for each alternative."""
        return table(self.outcomes)

    def plain(self) -> dict[str, Any]:
        """All of it as JSON: the table, and the learning curves."""
        found = {
            "format": FORMAT,
            "recipe": self.recipe,
            "swapped": self.swapped,
            "target": self.target,
            "notes": list(self.notes),
            "alternatives": [outcome.plain() for outcome in self.outcomes],
        }
        return dict(storage.finite(found))


def compare(
    recipe: str | Path,
    swap: Mapping[str, Sequence[Any]],
    *,
    set: Mapping[str, Any] | None = None,  # noqa: A002  the command line's word for it
    data: str | Path | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    sample: int | None = None,
    fresh: bool = False,
    seeds: int | None = None,
    parameters: int | None = None,
    match: bool = True,
    say: Say = lambda _: None,
) -> Comparison:
    """Trains the alternatives of one setting, each in a process of its own, and compares them.

    swap: one dotted path, such as `encode`, and its alternatives: names, mappings or plain values.
    Where the recipe has a stage there, a name keeps those of the recipe's settings that the other
    stage has too; so does a mapping, whose own settings come first, and one without `use` is the
    recipe's own stage with changes. set, data, device, sample, fresh: as for `seqkit.run`. out:
    where the runs and the results are written (default: `runs/compare-NAME`). seeds: so many runs
    of each, with seeds from 1 on. match: chooses widths by which stages come to the same number of
    trained parameters: `parameters`, or else the recipe's as it stands. A mapping that says its
    width keeps it. say: takes lines of progress.

    Raises RecipeError with every mistake before anything is trained, RunError, and Interrupted;
    called again, it goes on. An alternative that fails is told of in the result.
    """
    file, where = Path(recipe), None if data is None else str(data)
    folder = data_folder(file, where)
    read_recipe(file, values=set or {}, data=folder)
    path, given = only_one(list(swap.items()))
    settings = {name: as_flow(value) for name, value in (set or {}).items()}
    plan = Plan(
        Swap(file, settings, path, folder),
        given,
        data=where,
        out=None if out is None else str(out),
        device=device,
        sample=sample,
        fresh=fresh,
        seeds=seeds,
        parameters=parameters,
        match=match,
    )
    return carried_out(plan, say)


def only_one(swaps: Sequence[tuple[str, Sequence[Any]]]) -> tuple[str, Sequence[Any]]:
    """The one setting that is swapped. Raises RunError where there is none, or several."""
    if not swaps:
        raise RunError("--swap: is missing. Say what to compare, such as --swap encode=rnn,lstm.")
    if len(swaps) > 1:
        paths = ", ".join(path for path, _ in swaps)
        raise RunError(f"--swap: is given {len(swaps)} times ({paths}). Compare one at a time.")
    ((path, given),) = swaps
    if isinstance(given, str):
        raise RunError(f"--swap {path}: '{given}' is one text. Give a list of alternatives.")
    return path, given


def carried_out(plan: Plan, say: Say) -> Comparison:
    """Carries a plan out: checks and matches all alternatives, runs them, writes what they came to.

    Raises RecipeError, RunError, Interrupted.
    """
    plan.refuse_odd()
    base, found = checked(plan.swap, plan.given, plan.match)
    target, counts = plan.parameters, {}
    if any(alternative.free for alternative in found):
        target, counted = matched(plan.swap, base, found, target, plan.sample)
        found = [alternative for alternative, _ in counted]
        counts = {alternative.name: count for alternative, count in counted}
    elif target is not None:
        path = plan.swap.path
        raise RunError(f"--parameters: no alternative of {path} has a width to choose. Remove it.")
    notes = list(remarks(found, counts, target, given=plan.parameters is not None))
    for note in notes:
        say(note)
    folder = Path(plan.out) if plan.out is not None else Path("runs") / f"compare-{base.name}"
    outcomes = [
        Outcome(each, list(trials(plan, each, folder, say)), counts.get(each.name))
        for each in found
    ]
    notes += failures(outcomes)
    pictures, lacking = charts(outcomes, f"{base.name}: {plan.swap.path}")
    comparison = Comparison(folder, base.name, plan.swap.path, target, outcomes, [*notes, *lacking])
    write(comparison, pictures)
    return comparison


def remarks(
    found: Sequence[Alternative], counts: Mapping[str, int], target: int | None, given: bool
) -> Iterator[str]:
    """What is to be known before: the target, counts that are off it, settings that are dropped."""
    if target is not None:
        whose = "as asked for" if given else "as the recipe has"
        yield f"widths are chosen for {target:,} parameters, {whose}"
    for each in found:
        if each.dropped:
            names = ", ".join(f"'{name}'" for name in each.dropped)
            yield f"{each.name}: leaves out the recipe's {names}, which it does not have"
        count = counts.get(each.name)
        if target is not None and count is not None and is_off(count, target):
            why = "no width comes nearer" if each.free else "its width was not to be chosen"
            off = f"{100 * (count - target) / target:+.1f}%"
            yield f"{each.name}: has {count:,} parameters, {off} off {target:,}: {why}"


def trials(plan: Plan, alternative: Alternative, folder: Path, say: Say) -> Iterator[Trial]:
    """Runs an alternative, once or with each seed."""
    name, place = alternative.name, folder / alternative.folder
    if plan.seeds is not None:
        words = partial(plan.words, alternative)
        yield from by_seed(words, place, plan.seeds, say, f"{name}, ")
    else:
        own = alternative.recipe.train.seed
        yield tried(plan.words(alternative, place, None), place, own, partial(tell, say, name))


def failures(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """What failed, and why."""
    for outcome in outcomes:
        for trial in outcome.trials:
            if trial.error:
                seed = f", seed {trial.seed}" if len(outcome.trials) > 1 else ""
                yield f"{outcome.name}{seed}: failed: {trial.error}"


def charts(outcomes: Sequence[Outcome], title: str) -> tuple[dict[str, bytes], list[str]]:
    """The charts by file name, and a note where they cannot be drawn."""
    found: dict[str, bytes] = {}
    try:
        across, up, lines = curves(outcomes)
        if lines:
            found["curves.svg"] = line_chart(lines, across, up, title)
        norms = profiles(outcomes)
        if norms:
            note = "at the first evaluation; dashed: at the last"
            axes = "steps before the last", "norm of d loss / d h"
            found["gradients.svg"] = line_chart(norms, *axes, note, logarithmic=True)
    except ImportError:
        return {}, [f"no charts: matplotlib is not installed. Run: {INSTALL}"]
    return found, []


def write(comparison: Comparison, pictures: Mapping[str, bytes]) -> None:
    """Writes the table, everything as JSON, the learning curves, and the charts. Raises OSError."""
    notes = "".join(f"- {note}\n" for note in comparison.notes)
    text = f"# {comparison.recipe}: {comparison.swapped}\n\n{markdown(*comparison.table())}"
    files = {
        "table.md": f"{text}\n{notes}" if notes else text,
        "curves.csv": curves_csv(comparison.outcomes),
    }
    contents = {name: text.encode() for name, text in files.items()} | {**pictures}
    contents["comparison.json"] = storage.as_json(comparison.plain())
    for name, content in contents.items():
        storage.write_file(comparison.folder / name, content)
