"""What a person sees of what is trained: scores, tables, answers, and what changed."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import accumulate
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from seqkit.abilities import Tabulation
from seqkit.chaining import ChainRun
from seqkit.comparison import Comparison
from seqkit.evaluation import Score, measured
from seqkit.excerpts import answer_lines
from seqkit.runs import Run
from seqkit.seeds import Seeds
from seqkit.watching import counted

GAP = "  "
"""Between two columns."""
ROWS = 40
"""Rows of a metric's table that are shown."""
WIDE = 400
"""Columns of a table that takes what it needs: a signature stays on its line."""


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


def show_chain(chain: ChainRun, console: Console) -> None:
    """Shows a chain's trained steps with their scores, and how it is used."""
    for run in chain.runs:
        console.print(Text(f"\n{run.folder.name}", style="bold"))
        show_scores(run.metrics, console)
    console.print("\n[bold]try next[/bold]")
    folder = shlex.quote(str(chain.folder))
    if len(chain.inputs) == 1:
        command = f"echo 'a text of yours' | seqkit predict {folder} -"
    else:
        command = f"seqkit predict {folder} texts.jsonl  # objects with {', '.join(chain.inputs)}"
    console.print(Text(f"  {command}"), soft_wrap=True)


def show_scores(metrics: Mapping[str, Any], console: Console) -> None:
    """Shows the scores of each split, with intervals and remarks, and what training took.

    Below a score stand those of the decoder's baselines, where it knows any.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("split", "metric", "value", "95% interval", "signature"):
        table.add_column(title, justify="right" if title == "value" else "left")
    for split in ("dev", "test"):
        for name, score in metrics.get(split, {}).items():
            table.add_row(split, Text(name), *score_cells(score), Text(score["signature"]))
            for method, one in score.get("baselines", {}).items():
                table.add_row("", Text(f"  {method}"), *score_cells(one), style="dim")
    if table.row_count:
        unfolded(console).print(table)
    for split, lines in metrics.get("remarks", {}).items():
        for line in lines:
            console.print(Text(f"{split}: {line}", style="yellow"), soft_wrap=True)
    train = metrics.get("train")
    if train:
        console.print(
            f"trained in {train['seconds']:.1f} s: {train['steps']} updates, "
            f"{counted(train['tokens_per_second'])} tokens/s, {counted(train['parameters'])} "
            f"weights, {train['peak_memory_mb']:.0f} MB",
            highlight=False,
        )


def score_cells(score: Mapping[str, Any]) -> tuple[str, str]:
    """A score and its interval; a question mark for what is no number."""
    value, low, high = (unknown_or(measured, score[key]) for key in ("value", "low", "high"))
    return value, f"{low} to {high}"


def unfolded(console: Console) -> Console:
    """The same place to print to, wide enough that no cell is folded."""
    return Console(file=console.file, width=WIDE, force_terminal=console.is_terminal)


def print_scores(
    scores: Mapping[str, Score],
    tables: Mapping[str, Sequence[Tabulation]],
    remarks: Sequence[str],
    as_json: bool,
) -> None:
    """Prints an evaluation, with the tables of its metrics where there are any.

    remarks: what a reader of the scores should know; beside JSON, they go to standard error.
    """
    found = {name: score.plain() for name, score in scores.items()}
    if as_json:
        for name, every in tables.items():
            found[name]["tables"] = [asdict(table) for table in every]
        print(json.dumps(found, indent=1))  # noqa: T201  the command's output
        for remark in remarks:
            print(remark, file=sys.stderr)  # noqa: T201  the command's output
        return
    console = Console()
    show_scores({"test": found, "remarks": {"test": remarks}}, console)
    for name, every in tables.items():
        for table in every:
            show_table(table, name, console)


def show_table(table: Tabulation, metric: str, console: Console) -> None:
    """Shows a table of a metric: the rows and columns that a screen has room for."""
    if not table.rows:
        return
    rows = [[cell(value) for value in row] for row in table.rows[:ROWS]]
    lengths = [
        max(map(len, column)) + len(GAP) for column in zip(table.columns, *rows, strict=True)
    ]
    columns = max(1, sum(reached <= console.width for reached in accumulate(lengths)))
    console.print(Text(f"\n{metric}: {table.title}", style="bold"), soft_wrap=True)
    drawn = Table(box=None, pad_edge=False, padding=(0, len(GAP), 0, 0), header_style="bold")
    for title, value in list(zip(table.columns, table.rows[0], strict=True))[:columns]:
        drawn.add_column(Text(title), justify="left" if isinstance(value, str) else "right")
    for row in rows:
        drawn.add_row(*map(Text, row[:columns]))
    console.print(drawn)
    for left, what in ((len(table.rows) - len(rows), "rows"), (len(lengths) - columns, "columns")):
        if left:
            console.print(Text(f"and {left} more {what}: see --json", style="dim"))


def cell(value: str | int | float) -> str:
    """A cell of a table."""
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def show_seeds(seeds: Seeds, console: Console) -> None:
    """Shows the scores of each seed with mean and deviation, and below them what was measured."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("split", "metric", *(f"seed {trial.seed}" for trial in seeds.trials)):
        table.add_column(title, justify="right" if title.startswith("seed") else "left")
    table.add_column("mean ± deviation", justify="right")
    signatures = []
    for split in ("dev", "test"):
        for name, spread in seeds.scores(split).items():
            values = [unknown_or(measured, value) for value in spread.values]
            mean, deviation = (unknown_or(measured, v) for v in (spread.mean, spread.deviation))
            table.add_row(split, Text(name), *values, f"{mean} ± {deviation}")
            signatures.append(f"{split} {spread.signature}")
            for method, value in spread.baselines.items():
                shown = unknown_or(measured, value)
                table.add_row("", Text(f"  {method}"), *[""] * len(values), shown, style="dim")
    if table.row_count:
        unfolded(console).print(table)
    for signature in signatures:
        console.print(Text(signature, style="dim"), soft_wrap=True)
    for trial in seeds.trials:
        if trial.error:
            console.print(Text(f"seed {trial.seed}: failed: {trial.error}"), soft_wrap=True)
    console.print(Text(f"written to {seeds.folder}"), soft_wrap=True)


def unknown_or(write: Callable[[float], str], value: float | None) -> str:
    """A value, written, or a question mark where it is not known."""
    return "?" if value is None else write(value)


def show_comparison(comparison: Comparison, console: Console) -> None:
    """Shows the table of a comparison, what is to be known of it, and where more is written."""
    headings, rows = comparison.table()
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for number, title in enumerate(headings):
        table.add_column(Text(title), justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    (console if console.is_terminal else unfolded(console)).print(table)
    for note in comparison.notes:
        console.print(Text(note), soft_wrap=True)
    console.print(Text(f"written to {comparison.folder}"), soft_wrap=True)


SHORT = 120
"""Characters of a text that a command to copy holds."""


def next_commands(run: Run) -> list[str]:
    """Three commands that a newcomer may try on a finished run."""
    folder = run.folder
    data = f" --data {shlex.quote(str(run.data))}" if run.data else ""
    text = next((s["text"] for s in run.samples if isinstance(s["text"], str)), "a text of yours")
    text = text if len(text) <= SHORT else text[:SHORT].rpartition(" ")[0] or text[:SHORT]
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
