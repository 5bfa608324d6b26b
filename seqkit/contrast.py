"""What changed between two runs, as a terminal shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from seqkit import storage
from seqkit.answers import clipped, items, one_line
from seqkit.changes import Change, Changes, Difference, Turned
from seqkit.evaluation import measured
from seqkit.excerpts import marked
from seqkit.stages import Answer

LONG = 300
"""Characters of a text that are shown."""
WORDS = 8
"""Words of a text that are shown where their labels differ."""
SIDES = ("gold", "before", "after")


def print_changes(changes: Changes, limit: int, as_json: bool) -> None:
    """Prints what changed: all of it as JSON, or so many examples each way."""
    if as_json:
        plain = storage.finite(changes.plain())
        print(json.dumps(plain, indent=1, ensure_ascii=False))  # noqa: T201  the command's output
    else:
        show_changes(changes, limit, Console())


def show_changes(changes: Changes, limit: int, console: Console) -> None:
    """Shows the counts, the metrics' differences, and examples."""
    console.print(
        Text(f"before  {changes.before}\nafter   {changes.after}\n")
        + Text(f"split   {changes.split}, {changes.examples:,} examples"),
        soft_wrap=True,
    )
    for note in changes.notes:
        console.print(Text(note, style="dim"), soft_wrap=True)
    if changes.differences:
        show_differences(changes.differences, console)
    for gold in changes.golds:
        show_turned(gold, limit, console)


def show_differences(differences: Sequence[Difference], console: Console) -> None:
    """Shows how much each metric changed, and below the table what was measured."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("metric", "before", "after", "change", "95% interval"):
        table.add_column(title, justify="left" if title == "metric" else "right")
    for one in differences:
        large = max(abs(one.before), abs(one.after)) >= 0.1
        write = ("{:+.2f}" if large else "{:+.3g}").format
        interval = f"{write(one.low)} to {write(one.high)}"
        scores = measured(one.before), measured(one.after), write(one.value)
        table.add_row(Text(one.name), *scores, interval)
    console.print()
    console.print(table)
    for one in differences:
        console.print(Text(one.signature, style="dim"), soft_wrap=True)


def show_turned(gold: Turned, limit: int, console: Console) -> None:
    """Shows how many answers to a gold changed, and examples of each direction."""
    console.print(
        f"\n[bold]{len(gold.fixed):,} turned right, {len(gold.broken):,} turned wrong[/bold]; "
        f"{gold.both_right:,} right and {gold.both_wrong:,} wrong in both",
        highlight=False,
    )
    console.print(
        Text(f"gold '{gold.gold}', whole answers; between equals at least as uneven by ")
        + Text(f"p = {gold.chance:.2g} (McNemar, exact)"),
        soft_wrap=True,
    )
    for title, every in (("turned right", gold.fixed), ("turned wrong", gold.broken)):
        shown = every[:limit]
        if shown:
            console.print(f"\n[bold]{title}[/bold], {len(shown):,} of {len(every):,}")
        for change in shown:
            for line in change_lines(change):
                console.print(line, soft_wrap=True)


def change_lines(change: Change) -> Iterator[Text]:
    """One example: its text with gold and both answers, or where only words differ, these."""
    number, text = f"{change.index + 1:>6}  ", change.text
    answers = (change.gold, change.before, change.after)
    if isinstance(text, str) and all("spans" in answer for answer in answers):
        for side, answer in zip(SIDES, answers, strict=True):
            start = number if side == "gold" else " " * len(number)
            inside = [span for span in answer["spans"] if span[1] <= len(text)]
            yield Text.assemble(start, (f"{side:<8}", "dim"), *marked(text, inside))
        return
    yield Text(number + clipped(one_line(text), LONG))
    indent = " " * len(number)
    words = items(text, *(answer["value"] for answer in answers))
    if words is not None:
        yield from (Text(indent + line) for line in word_lines(words, answers))
    else:
        pairs = zip(SIDES, answers, strict=True)
        yield Text(indent + "   ".join(f"{side} {said(answer)}" for side, answer in pairs))


def word_lines(words: Sequence[str], answers: Sequence[Answer]) -> Iterator[str]:
    """The words on whose labels gold and the answers differ."""
    rows = zip(words, *(answer["value"] for answer in answers), strict=True)
    odd = [(word, labels) for word, *labels in rows if labels[1:] != [labels[0]] * 2]
    for word, labels in odd[:WORDS]:
        pairs = zip(SIDES, labels, strict=True)
        yield f"{word}: " + ", ".join(f"{side} {label}" for side, label in pairs)
    if len(odd) > WORDS:
        yield f"and {len(odd) - WORDS} more"


def said(answer: Answer) -> str:
    """The value of an answer, with its confidence where it has one."""
    value, sure = answer["value"], answer.get("confidence")
    shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"{shown} ({100 * sure:.0f}%)" if isinstance(sure, float) else shown
