"""ROUGE of a run's summaries of SciTLDR, beside two sentences of the abstract itself.

    python benchmarks/summaries.py runs/summarise-scitldr --data DIR

`lead` is the abstract's first sentence. `oracle` is the sentence that shares most with a summary of
the authors, by the same measure: what choosing a sentence could reach. The run's are the answers
that it has kept of its test split.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqkit.plugins import registry

TEST = "sum_scitldr_a/test.jsonl.gz"
MEASURES: Mapping[str, Any] = {"ROUGE-1": 1, "ROUGE-2": 2, "ROUGE-L": "longest"}
Abstract = Mapping[str, Any]


def abstracts(data: Path) -> list[Abstract]:
    """The test split: `source`, the abstract's sentences, and `target`, its summaries."""
    with gzip.open(data / TEST, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def kept(run: Path) -> list[str]:
    """The summaries that a run has kept of its test split."""
    lines = (run / "answers" / "test.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["answers"]["summary"]["value"] for line in lines]


def best(metric: Any, abstract: Abstract) -> str:
    """The sentence that shares most with a summary."""
    gold = {"value": abstract["target"][0], "references": abstract["target"]}

    def shared(sentence: str) -> float:
        return float(metric.counts({"value": sentence}, gold)[0])

    return str(max(abstract["source"], key=shared))


def score(metric: Any, texts: Sequence[str], every: Sequence[Abstract]) -> float:
    """The mean over abstracts, in percent."""
    counts = [
        metric.counts({"value": text}, {"value": one["target"][0], "references": one["target"]})
        for text, one in zip(texts, every, strict=True)
    ]
    return float(metric.value(sum(counts)))


def main() -> None:
    """Prints a row for each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    given = parser.parse_args()
    every = abstracts(given.data)
    factory = registry().find("metric", "rouge").factory
    metrics = {name: factory(order=order) for name, order in MEASURES.items()}
    answers, leads = kept(given.run), [one["source"][0] for one in every]
    print(f"{'':20}" + "".join(f"{name:>10}" for name in metrics))
    rows = {
        given.run.name: [score(one, answers, every) for one in metrics.values()],
        "lead": [score(one, leads, every) for one in metrics.values()],
        "oracle": [
            score(one, [best(one, each) for each in every], every) for one in metrics.values()
        ],
    }
    for name, scores in rows.items():
        print(f"{name:20}" + "".join(f"{value:10.2f}" for value in scores))
    print(next(iter(metrics.values())).signature.replace("rouge-1", "rouge"))


if __name__ == "__main__":
    main()
