"""Labels on which several runs vote, each with the weight of its confidence, beside their own.

    seqkit run recipes/protein-qian.yaml --data DIR --seeds 10 --out RUNS
    python benchmarks/votes.py RUNS/seed-* [--split dev]

The runs have kept answers of the same examples, in which each step has a label and a confidence.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Step = tuple[str, float]
"""A label and its confidence."""


def kept(run: Path, split: str) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    """Of each example that a run has kept, the gold and the answer, of its first output."""
    for line in (run / "answers" / f"{split}.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        name = next(iter(row["answers"]))
        yield row["gold"][name]["value"], row["answers"][name]


def vote(steps: Sequence[Step]) -> str:
    """The label that has most confidence in all."""
    totals: defaultdict[str, float] = defaultdict(float)
    for label, confidence in steps:
        totals[label] += confidence
    return max(totals, key=totals.__getitem__)


def accuracy(labels: Sequence[str], golds: Sequence[str]) -> float:
    """In percent."""
    return 100 * sum(a == b for a, b in zip(labels, golds, strict=True)) / len(golds)


def main() -> None:
    """Prints the accuracy of each run, and that of their vote."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--split", default="test")
    given = parser.parse_args()
    every: list[list[Step]] = []
    golds: list[str] = []
    for run in given.runs:
        if not (run / "answers" / f"{given.split}.jsonl").exists():
            parser.error(f"{run}: has kept no answers of {given.split}. Name a finished run.")
        rows = list(kept(run, given.split))
        found = [label for gold, _ in rows for label in gold]
        if golds and golds != found:
            parser.error(f"{run}: its golds are not those of {given.runs[0]}. Name like runs.")
        golds = found
        every.append(
            [
                step
                for _, answer in rows
                for step in zip(answer["value"], answer["confidence"], strict=True)
            ]
        )
        print(f"{run.name:12}{accuracy([label for label, _ in every[-1]], golds):8.2f}")
    together = [vote(steps) for steps in zip(*every, strict=True)]
    print(f"{'vote':12}{accuracy(together, golds):8.2f}")


if __name__ == "__main__":
    main()
