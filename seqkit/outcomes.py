"""What the alternatives of a comparison came to: one table, learning curves, gradient profiles."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from seqkit.alternatives import Alternative
from seqkit.charts import Line, Number
from seqkit.evaluation import measured

NONE = "-"
"""Stands in a table where there is no value."""
MEASURED = {
    "parameters": ("parameters", ",.0f"),
    "width": ("width", ".0f"),
    "tokens_per_second": ("tokens/s", ",.0f"),
    "peak_memory_mb": ("peak MB", ",.0f"),
    "updates": ("updates", ",.0f"),
    "seconds": ("seconds", ",.1f"),
    "best_update": ("best at update", ",.0f"),
    "best_examples": ("best at example", ",.0f"),
}
"""From what is measured of an alternative to its heading in the table and its format."""


@dataclass(frozen=True)
class Trial:
    """One run of an alternative. metrics: None where it failed, with the error."""

    seed: int
    folder: str
    metrics: Mapping[str, Any] | None
    error: str = ""

    @property
    def train(self) -> Mapping[str, Any]:
        """What training took, and its history."""
        train: Mapping[str, Any] = (self.metrics or {}).get("train", {})
        return train

    @property
    def history(self) -> Sequence[Mapping[str, Any]]:
        """The evaluations on dev, first to last."""
        history: Sequence[Mapping[str, Any]] = self.train.get("history", ())
        return history

    @property
    def on(self) -> str:
        """What the best weights were selected on; nothing where there is no dev split."""
        return (self.train.get("best") or {}).get("name") or next(
            (name for record in self.history for name in record["dev"]), ""
        )

    def measured(self) -> dict[str, Any]:
        """What the table tells of one run, the scores aside."""
        train = self.train
        best = (train.get("best") or {}).get("number")
        at = next((record for record in self.history if record["step"] == best), {})
        return {
            **{key: train.get(key) for key in ("parameters", "tokens_per_second")},
            **{key: train.get(key) for key in ("peak_memory_mb", "seconds")},
            "updates": train.get("steps"),
            "best_update": best,
            "best_examples": at.get("examples") or None,
        }


@dataclass(frozen=True)
class Outcome:
    """An alternative and its trials, one for each seed. parameters: as reckoned before training."""

    alternative: Alternative
    trials: Sequence[Trial]
    parameters: int | None = None

    @property
    def name(self) -> str:
        """The alternative's name."""
        return self.alternative.name

    @property
    def done(self) -> list[Trial]:
        """The trials that did not fail."""
        return [trial for trial in self.trials if trial.metrics is not None]

    def scores(self) -> dict[str, list[Any]]:
        """Values by name, such as `test accuracy`: one for each finished trial.

        On test, or on dev where there is none; and the loss on dev where that was selected on.
        """
        found: dict[str, list[Any]] = {}
        for trial in self.done:
            metrics = trial.metrics or {}
            split = "test" if metrics.get("test") else "dev"
            for name, score in metrics.get(split, {}).items():
                found.setdefault(f"{split} {name}", []).append(score["value"])
            if trial.on == "loss":
                best = trial.train.get("best") or {}
                found.setdefault("dev loss", []).append(best.get("value"))
        return found

    def summary(self) -> dict[str, Any]:
        """The alternative's line of the table: means over seeds, of scores with their deviation."""
        measured = [trial.measured() for trial in self.done]
        means = {key: mean([each.get(key) for each in measured]) for key in MEASURED}
        return {
            "name": self.name,
            "finished": len(self.done),
            "trials": len(self.trials),
            "scores": {
                name: {"mean": mean(values), "deviation": deviation(values)}
                for name, values in self.scores().items()
            },
            **means,
            "parameters": means["parameters"] if measured else self.parameters,
            "width": self.alternative.width,
        }

    def plain(self) -> dict[str, Any]:
        """All that is known of it, as JSON."""
        trials = [
            {
                "seed": trial.seed,
                "folder": trial.folder,
                "error": trial.error,
                **trial.measured(),
                "history": list(trial.history),
            }
            for trial in self.trials
        ]
        alternative = self.alternative
        kept = {"value": alternative.value, "dropped": list(alternative.dropped)}
        return {**self.summary(), **kept, "runs": trials}


def mean(values: Sequence[Number | None]) -> float | None:
    """The mean; None where there is no value, or one is none."""
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known and len(known) == len(values) else None


def deviation(values: Sequence[Number | None]) -> float | None:
    """The standard deviation of a sample; None for fewer than two values, or where one is none."""
    known = [value for value in values if value is not None]
    return statistics.stdev(known) if len(known) == len(values) > 1 else None


def table(outcomes: Sequence[Outcome]) -> tuple[list[str], list[list[str]]]:
    """Headings and a line for each alternative; a column that nothing stands in is left out."""
    summaries = [outcome.summary() for outcome in outcomes]
    names = list(dict.fromkeys(chain.from_iterable(each["scores"] for each in summaries)))
    keys = [key for key in MEASURED if any(each[key] is not None for each in summaries)]
    headings = ["alternative", *names, *(MEASURED[key][0] for key in keys)]
    rows = [
        [
            named(each),
            *(scored(name, each["scores"].get(name)) for name in names),
            *(shown(each[key], MEASURED[key][1]) for key in keys),
        ]
        for each in summaries
    ]
    return headings, rows


def named(summary: Mapping[str, Any]) -> str:
    """An alternative's name, with what became of it where not all is well."""
    name, finished, trials = summary["name"], summary["finished"], summary["trials"]
    if finished == trials:
        return str(name)
    return f"{name} ({finished} of {trials} seeds)" if finished else f"{name} (failed)"


def scored(name: str, score: Mapping[str, Any] | None) -> str:
    """A score for the table, with its deviation over seeds."""
    if score is None:
        return NONE
    write = "{:.4f}".format if name.endswith("loss") else measured
    mean, spread = (
        None if number is None else write(number) for number in (score["mean"], score["deviation"])
    )
    return (mean or NONE) if spread is None else f"{mean or NONE} ± {spread}"


def shown(value: Number | None, style: str) -> str:
    """A number for the table."""
    return NONE if value is None else format(value, style)


def markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, its numbers to the right."""
    lines = [headings, ["---", *("---:" for _ in headings[1:])], *rows]
    cells = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def curves_csv(outcomes: Sequence[Outcome]) -> str:
    """Every evaluation of every trial, a line each."""
    records = [
        (outcome.name, trial.seed, record)
        for outcome in outcomes
        for trial in outcome.done
        for record in trial.history
    ]
    names = list(dict.fromkeys(name for _, _, record in records for name in record["dev"]))
    text = io.StringIO()
    write = csv.writer(text, lineterminator="\n").writerow
    keys = ("epoch", "step", "examples", "loss")
    write(["alternative", "seed", *keys, *(f"dev {name}" for name in names)])
    for name, seed, record in records:
        values = [record.get(key) for key in keys] + [record["dev"].get(key) for key in names]
        write([name, seed, *values])
    return text.getvalue()


def curves(outcomes: Sequence[Outcome]) -> tuple[str, str, list[Line]]:
    """What the axes of the learning curves are, and a line for each alternative, mean over seeds.

    The value that was selected on, against training examples, or updates where those are not known.
    """
    trials = [trial for outcome in outcomes for trial in outcome.done]
    seen = all(record.get("examples") for trial in trials for record in trial.history)
    on = next((trial.on for trial in trials if trial.on), "")
    lines = [
        Line(outcome.name, tuple(mean_curve(outcome.done, "examples" if seen else "step", on)))
        for outcome in outcomes
    ]
    return "training examples" if seen else "updates", f"dev {on}", [x for x in lines if x.points]


def mean_curve(trials: Sequence[Trial], at: str, on: str) -> Iterator[tuple[float, float]]:
    """The points of one line: at each evaluation that all trials have, the means over them."""
    for records in zip(*(trial.history for trial in trials), strict=False):
        where = mean([record[at] for record in records])
        value = mean([record["dev"].get(on) for record in records])
        if where is not None and value is not None:
            yield where, value


def profiles(outcomes: Sequence[Outcome]) -> list[Line]:
    """Gradient norms by steps before the last: at the first evaluation and, dashed, at the last.

    Of the first part of each alternative, in its first finished trial that has them. A long profile
    has every so many steps alone.
    """
    lines = []
    for outcome in outcomes:
        histories = [
            [record for record in trial.history if record.get("gradients")]
            for trial in outcome.done
        ]
        norms = next((history for history in histories if history), [])
        for number, record in enumerate([*norms[:1], *norms[1:][-1:]]):
            every = record.get("gradients_every", 1)
            back = enumerate(reversed(next(iter(record["gradients"].values()))))
            points = tuple((every * step, norm) for step, norm in back if norm is not None)
            lines.append(Line(outcome.name, points, dashed=number > 0))
    return [line for line in lines if line.points]
