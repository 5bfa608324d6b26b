"""What a person sees of a run: a progress bar or plain lines, the scores, a few answers."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import IO, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from seqkit.comparison import Comparison
from seqkit.evaluation import Score, measured
from seqkit.experiment import Watch
from seqkit.pipeline import Pipeline
from seqkit.runs import Run
from seqkit.training import Step

SMOOTH = 0.95
"""How much of the shown loss and speed is the past."""
QUIET = 10.0
"""Seconds between two lines of a log."""
WIDE = 400
"""Columns of a table that is written to a file: what it needs."""


class Pulse:
    """Smoothed loss and tokens a second."""

    def __init__(self) -> None:
        self.loss: float | None = None
        self.speed: float | None = None
        self.last = time.monotonic()

    def hear(self, step: Step) -> None:
        """Takes one step in."""
        now = time.monotonic()
        speed = step.tokens / max(now - self.last, 1e-9)
        self.loss = mixed(self.loss, step.loss)
        self.speed = mixed(self.speed, speed)
        self.last = now

    def __str__(self) -> str:
        loss = f"loss {self.loss:.4f}" if self.loss is not None else "loss ?"
        return f"{loss}  {counted(self.speed or 0.0)} tokens/s"


def mixed(past: float | None, now: float) -> float:
    """An exponential moving average."""
    return now if past is None else SMOOTH * past + (1 - SMOOTH) * now


def counted(number: int | float) -> str:
    """A count for a narrow column: 512, 7.8k, 3.1M."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.1f}{letter}"
    return f"{number:.0f}"


def listed(scores: Mapping[str, float]) -> str:
    """Scores on one line."""
    return "  ".join(f"{name} {measured(value)}" for name, value in scores.items())


class Bar:
    """A progress bar for a terminal."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.pulse = Pulse()
        self.dev = ""
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.completed}/{task.total}"),
            TextColumn("{task.fields[pulse]}"),
            TextColumn("{task.fields[dev]}", style="green", markup=False),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
        )
        self.task: TaskID | None = None

    def began(self, pipeline: Pipeline, steps: int, done: int) -> None:
        """Shows the bar."""
        self.said(opening(pipeline, done))
        self.bar.start()
        self.task = self.bar.add_task("train", total=steps, completed=done, pulse="", dev="")

    def stepped(self, step: Step) -> None:
        """Moves the bar."""
        self.pulse.hear(step)
        if self.task is not None:
            self.bar.update(self.task, completed=step.number, pulse=str(self.pulse), dev=self.dev)

    def scored(self, epoch: int, scores: Mapping[str, float], best: bool) -> None:
        """Shows the dev scores, and leaves a line of them behind."""
        self.dev = f"dev {listed(scores)}"
        mark = "  best so far" if best else ""
        self.said(f"epoch {epoch:>3}  {self.pulse}  {self.dev}{mark}")

    def said(self, line: str) -> None:
        """Shows a line as it is: a bracket in it is no markup."""
        self.console.print(Text(line), soft_wrap=True)

    def ended(self) -> None:
        """Takes the bar away."""
        self.bar.stop()


class Lines:
    """Plain lines for a log."""

    def __init__(self, stream: IO[str]) -> None:
        self.stream = stream
        self.pulse = Pulse()
        self.steps = 0
        self.begun = self.told = time.monotonic()
        self.first = 0

    def began(self, pipeline: Pipeline, steps: int, done: int) -> None:
        """Says what is trained."""
        self.steps, self.first = steps, done
        self.begun = self.told = time.monotonic()
        self.said(opening(pipeline, done))

    def stepped(self, step: Step) -> None:
        """Says where training stands, now and then."""
        self.pulse.hear(step)
        now = time.monotonic()
        if now - self.told >= QUIET:
            self.told = now
            pace = (now - self.begun) / max(1, step.number - self.first)
            left = pace * (self.steps - step.number)
            self.said(f"update {step.number}/{self.steps}  {self.pulse}  {left:.0f} s left")

    def scored(self, epoch: int, scores: Mapping[str, float], best: bool) -> None:
        """Says the dev scores."""
        mark = "  best so far" if best else ""
        self.said(f"epoch {epoch:>3}  {self.pulse}  dev {listed(scores)}{mark}")

    def said(self, line: str) -> None:
        """Writes a line."""
        print(line, file=self.stream, flush=True)

    def ended(self) -> None:
        """Needs no end."""


def opening(pipeline: Pipeline, done: int) -> str:
    """What is trained, in a line."""
    recipe, again = pipeline.recipe, f", going on after update {done}" if done else ""
    return (
        f"{recipe.name}: {counted(pipeline.parameters)} weights on {pipeline.device}, "
        f"seed {recipe.train.seed}{again}"
    )


def watcher(stream: IO[str]) -> Watch:
    """A bar where the stream is a terminal, else lines."""
    return Bar(Console(file=stream)) if stream.isatty() else Lines(stream)


def show_run(run: Run, console: Console) -> None:
    """Shows a finished run: scores, a few answers, and what to try next."""
    if run.done_before:
        before = f"{run.folder}: was finished before; --fresh trains again."
        console.print(Text(before), soft_wrap=True)
    show_scores(run.metrics, console)
    if run.samples:
        console.print("\n[bold]a few answers[/bold]")
        for sample in run.samples:
            for line in answer_lines(sample):
                console.print(line, soft_wrap=True)
    console.print("\n[bold]try next[/bold]")
    for command in next_commands(run):
        console.print(Text(f"  {command}"), soft_wrap=True)


def show_scores(metrics: Mapping[str, Any], console: Console) -> None:
    """Shows the scores of each split, with intervals, and what training took."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("split", "metric", "value", "95% interval", "signature"):
        table.add_column(title, justify="right" if title == "value" else "left")
    for split in ("dev", "test"):
        for name, score in metrics.get(split, {}).items():
            value, low, high = (
                "?" if score[key] is None else measured(score[key])
                for key in ("value", "low", "high")
            )
            row = (split, Text(name), value, f"{low} to {high}", Text(score["signature"]))
            table.add_row(*row)
    if table.row_count:
        console.print(table)
    train = metrics.get("train")
    if train:
        console.print(
            f"trained in {train['seconds']:.1f} s: {train['steps']} updates, "
            f"{counted(train['tokens_per_second'])} tokens/s, {counted(train['parameters'])} "
            f"weights, {train['peak_memory_mb']:.0f} MB",
            highlight=False,
        )


def print_scores(scores: Mapping[str, Score], as_json: bool) -> None:
    """Prints an evaluation: as JSON, or as a table."""
    found = {name: score.plain() for name, score in scores.items()}
    if as_json:
        print(json.dumps(found, indent=1))  # noqa: T201  the command's output
    else:
        show_scores({"test": found}, Console())


def show_comparison(comparison: Comparison, console: Console) -> None:
    """Shows the table of a comparison, what is to be known of it, and where more is written."""
    headings, rows = comparison.table()
    if not console.is_terminal:
        console = Console(file=console.file, width=WIDE)
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for number, title in enumerate(headings):
        table.add_column(Text(title), justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)
    for note in comparison.notes:
        console.print(Text(note), soft_wrap=True)
    console.print(Text(f"written to {comparison.folder}"), soft_wrap=True)


def answer_lines(sample: Mapping[str, Any]) -> Iterator[Text]:
    """One answer for a person: spans marked in the text, labels beside words, or the value."""
    for name, answer in sample["answers"].items():
        text, value = sample["text"], answer.get("value")
        if "spans" in answer and isinstance(text, str):
            yield Text.assemble("  ", *marked(text, answer["spans"]))
        elif isinstance(value, Sequence) and not isinstance(value, str):
            yield Text.assemble("  ", *labelled(str(text or "a series"), value))
        else:
            value = f"{value:.4g}" if isinstance(value, float) else value
            given = "a series" if text is None else str(text)
            yield Text.assemble("  ", given, "  → ", (f"{name}: {value}", "bold green"))


def marked(text: str, spans: Sequence[Sequence[Any]]) -> Iterator[str | tuple[str, str]]:
    """The text with each span in brackets, its label behind it."""
    at = 0
    for start, end, label in sorted(spans, key=lambda span: (span[0], span[1])):
        yield text[at:start]
        yield (f"[{text[start:end]}]", "bold green")
        yield (f" {label}", "dim")
        at = end
    yield text[at:]


def labelled(text: str, labels: Sequence[Any]) -> Iterator[str | tuple[str, str]]:
    """Each word with its label, as long as words and labels match."""
    words = text.split()
    if len(words) != len(labels):
        yield f"{text}  → {' '.join(map(str, labels))}"
        return
    for word, label in islice(zip(words, labels, strict=True), 40):
        yield f"{word}"
        yield (f"/{label} ", "green")


def next_commands(run: Run) -> list[str]:
    """Three commands that a newcomer may try on a finished run."""
    folder = run.folder
    data = f" --data {shlex.quote(str(run.data))}" if run.data else ""
    text = next((s["text"] for s in run.samples if isinstance(s["text"], str)), "a text of yours")
    series = bool(run.samples) and all(sample["text"] is None for sample in run.samples)
    piped = f"echo {shlex.quote(text)} | " if not series else ""
    here, plain, other = (
        shlex.quote(str(path)) for path in (folder, folder / "recipe.yaml", f"{folder}-2")
    )
    return [
        f"{piped}seqkit predict {here} {'-' if piped else 'series.jsonl'}",
        f"seqkit run {plain}{data} --out {other} --set train.seed=2",
        "seqkit explain train",
    ]
