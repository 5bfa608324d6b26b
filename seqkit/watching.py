"""What a person sees while a run trains: a progress bar on a terminal, plain lines in a log."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import IO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from seqkit.evaluation import measured
from seqkit.experiment import Watch
from seqkit.pipeline import Pipeline
from seqkit.training import Step

SMOOTH = 0.95
"""How much of the shown loss and speed is the past."""
QUIET = 10.0
"""Seconds between two lines of a log."""


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
