"""A finished run as one HTML page: scores, curves, tables, mistakes, the recipe, provenance.

It is made from the run directory alone, which keeps the answers; no model is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from seqkit import page, storage
from seqkit.abilities import Tabulation
from seqkit.answers import Answered, clipped, items, one_line
from seqkit.evaluation import measured, tables
from seqkit.figures import curve, reliability
from seqkit.page import heading, paragraph
from seqkit.runs import Run

FILE = "report.html"
MISTAKES = 12
"""The most confident mistakes that are shown for each gold."""
LONG = 300
"""Characters of a text that are shown."""


def write_report(run: Run, out: Path | None = None) -> Path:
    """Writes the page (default: `report.html` in the run directory), and says where.

    Raises RecipeError where a plugin of the recipe is gone, ModelError where the answers are
    damaged, and OSError.
    """
    place = run.folder / FILE if out is None else out
    text = page.page(f"{run.folder.name}: report", parts(run))
    storage.write_file(place, text.encode("utf-8", "replace"))
    return place


def parts(run: Run) -> Iterator[str]:
    """The parts of the page, in order."""
    recipe = run.recipe
    yield heading(recipe.name, 1)
    yield paragraph(f"{run.folder}: {taken(run)}", quiet=True)
    yield from scores(run.metrics)
    yield from learning(run.metrics["train"])
    split = next((split for split in ("test", "dev") if run.metrics.get(split)), "")
    if split:
        every = run.answers(split)
        for name, shown in tables(recipe, every).items():
            yield from metric_tables(f"{split}: {name}", shown)
        for gold in every[0].gold:
            yield from mistakes(every, gold, split)
    yield heading("Recipe")
    yield page.preformatted((run.folder / "recipe.yaml").read_text("utf-8"))
    yield heading("Provenance")
    yield page.rows(("what", "which"), list(origins(run.origin)))


def taken(run: Run) -> str:
    """What training took, in a line."""
    train = run.metrics["train"]
    return (
        f"seed {run.origin['seed']}, {train['parameters']:,} weights, {train['steps']:,} updates "
        f"in {train['seconds']:,.0f} s, {train['tokens_per_second']:,.0f} tokens/s, "
        f"{train['peak_memory_mb']:,.0f} MB"
    )


def scores(metrics: Mapping[str, Any]) -> Iterator[str]:
    """The scores of dev and test, with interval and signature, and what is to be known of them."""
    cells = [
        (split, label, shown(one["value"]), interval(one), one["signature"])
        for split in ("dev", "test")
        for name, score in metrics.get(split, {}).items()
        for label, one in [(name, score), *baselines(name, score)]
    ]
    if cells:
        yield heading("Scores")
        headings = ("split", "metric", "value", "95% interval", "signature")
        yield page.rows(headings, cells, (False, False, True))
    for split, lines in metrics.get("remarks", {}).items():
        yield from (paragraph(f"{split}: {line}") for line in lines)


def baselines(name: str, score: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The scores of simple methods that stand below a metric's, named after both."""
    return [(f"{name}: {method}", one) for method, one in score.get("baselines", {}).items()]


def interval(score: Mapping[str, Any]) -> str:
    """A score's interval."""
    return f"{shown(score['low'])} to {shown(score['high'])}"


def shown(value: float | None) -> str:
    """A score, or what stands for one that is no number."""
    return "?" if value is None else measured(value)


def learning(train: Mapping[str, Any]) -> Iterator[str]:
    """The curve of what the weights were selected on, and that of the training loss."""
    history, best = train["history"], train["best"] or {}
    if len(history) < 2:
        return
    name = best.get("name") or next(iter(history[0]["dev"]))
    yield heading("Learning")
    for title, values in (
        (f"dev {name}", [record["dev"].get(name) for record in history]),
        ("loss of one update", [record["loss"] for record in history]),
    ):
        points = [
            (float(record["step"]), float(value))
            for record, value in zip(history, values, strict=True)
            if value is not None
        ]
        if points:
            yield page.figure(curve(points, "updates", title, best.get("number")))
    if best:
        kept = f"The weights of update {best['number']:,} were kept: dev {name} "
        yield paragraph(f"{kept}{shown(best['value'])}.", quiet=True)


def metric_tables(title: str, found: Sequence[Tabulation]) -> Iterator[str]:
    """The tables of one metric."""
    filled = [table for table in found if table.rows]
    if filled:
        yield heading(title)
    for table in filled:
        yield heading(table.title, 3)
        if table.figure == "reliability":
            yield page.figure(reliability(bins(table)), "A number is that of the answers in a bin.")
        yield page.tabulation(table)


def bins(table: Tabulation) -> list[tuple[float, float, int]]:
    """The rows of a reliability table: confidence, share of right answers, and answers.

    The answers are counted in its one column of whole numbers.
    """
    columns = dict(zip(table.columns, zip(*table.rows, strict=True), strict=True))
    sizes = next((one for one in columns.values() if all(isinstance(n, int) for n in one)), None)
    found = zip(columns["confidence"], columns["right"], strict=True)
    return [
        (float(sure), float(right), int(sizes[place]) if sizes else 1)
        for place, (sure, right) in enumerate(found)
    ]


def mistakes(every: Sequence[Answered], gold: str, split: str) -> Iterator[str]:
    """The mistakes that the answers were most confident of."""
    found = [(sure, one) for one in every if (sure := confidence_of_mistake(one, gold)) is not None]
    found.sort(key=lambda pair: -pair[0])
    if found:
        yield heading(f"{split}: most confident mistakes, {gold}")
    for sure, one in found[:MISTAKES]:
        title = f"example {one.index + 1}, {100 * sure:.1f}% sure"
        yield page.entry(title, mistake_lines(one, gold))


def confidence_of_mistake(one: Answered, gold: str) -> float | None:
    """How sure an answer is of what is wrong in it; None where nothing is, or it does not say."""
    answer, wanted = one.pair(gold)
    given, right = answer["value"], wanted["value"]
    sure: Any = answer.get("confidence")
    if "span_confidence" in answer:
        given, right = (list(map(tuple, each["spans"])) for each in (answer, wanted))
        sure = answer["span_confidence"]
    elif items(one.text, given, right) is not None:
        given, right = (list(enumerate(value)) for value in (given, right))
    if sure is None or given == right:
        return None
    if not isinstance(sure, list):
        return float(sure)
    known = set(right)
    pairs = zip(given, sure, strict=True)
    return max((float(share) for part, share in pairs if part not in known), default=None)


def mistake_lines(one: Answered, gold: str) -> Iterator[str]:
    """An example's gold and answer, as HTML."""
    answer, wanted = one.pair(gold)
    if isinstance(one.text, str) and "spans" in answer and "spans" in wanted:
        for side, told in (("gold", wanted), ("answer", answer)):
            yield f'<span class="quiet">{side}</span> {page.marked(one.text, told["spans"])}'
        return
    yield escape(clipped(one_line(one.text), LONG))
    given, right = answer["value"], wanted["value"]
    words = items(one.text, given, right)
    if words is None:
        yield escape(f"gold {right}, answer {given}")
    else:
        labels = zip(words, right, given, strict=True)
        wrong = [
            f"{word}: gold {gold}, answer {mine}" for word, gold, mine in labels if gold != mine
        ]
        yield escape("; ".join(wrong))


def origins(origin: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """The provenance, a line for each value; the recipe stands above."""
    for name, value in origin.items():
        if name == "recipe" and not path:
            continue
        if isinstance(value, Mapping):
            yield from origins(value, f"{path}{name} ")
        elif name == "plugins" and isinstance(value, list):
            for one in value:
                yield f"{path}{one['distribution']} {one['name']}", str(one["version"])
        elif value is not None:
            yield f"{path}{name}", str(value)
