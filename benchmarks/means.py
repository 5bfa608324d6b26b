"""Runs of one recipe with other settings, a row for each, and the means of their scores."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

import seqkit

Settings = Mapping[str, Any]
Scores = Mapping[str, float]


def parsed(about: str | None, parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The command line, with the arguments that all such benchmarks have; `set` as settings."""
    parser.description = about.splitlines()[0] if about else None
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    given = parser.parse_args()
    given.data = given.data.resolve()
    pairs = (text.partition("=") for text in given.set)
    given.set = {key: yaml.safe_load(value) for key, _, value in pairs}
    return given


def print_means(given: argparse.Namespace, rows: Mapping[str, Settings]) -> None:
    """Trains and scores what is missing, row by row, and prints the means.

    rows: by name, which is also the run's folder in `--out`, the settings of a row.
    """
    found: list[Scores] = []
    for name, settings in rows.items():
        scores = scored(given.recipe, {**settings, **given.set}, given.data, given.out / name)
        if not found:
            print(f"{'':12}" + "".join(f"{score:>20}" for score in scores))
        found.append(scores)
        show(name, scores)
    means = {name: sum(scores[name] for scores in found) / len(found) for name in found[0]}
    show(f"mean of {len(found)}", means)


def scored(recipe: Path, settings: Settings, data: Path, out: Path) -> Scores:
    """The scores of one run on test, and on dev, where there is one, the first of them."""
    metrics = seqkit.run(recipe, set=settings, data=data, out=out).metrics
    dev = {f"dev {name}": found["value"] for name, found in metrics.get("dev", {}).items()}
    return dict(list(dev.items())[:1]) | {
        f"test {name}": found["value"] for name, found in metrics["test"].items()
    }


def show(name: str, scores: Scores) -> None:
    """Prints one row."""
    print(f"{name:12}" + "".join(f"{value:>20.2f}" for value in scores.values()), flush=True)
