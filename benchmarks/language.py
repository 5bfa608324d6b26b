"""Training speed and peak memory of a word language model, beside the loop that one would write.

    python benchmarks/language.py --data DIR [--threads 1] [--rounds 3] [--seconds 20]

Penn Treebank, two layers of 200 units with tied vectors, 20 streams of 35 words, SGD, dropout 0.2:
recipes/lm-ptb.yaml, beside a plain loop of torch.nn.LSTM and F.cross_entropy over all scores of a
window, as PyTorch's own example of a language model has it. With --vocabulary 33000 words are drawn
from as many, for the memory that the scores take; "training" is what a process has more at its peak
than before the first update. Each row is a process of its own; the rows of a round follow one
another, and the ratios are those of one round.
"""

from __future__ import annotations

import argparse
import gzip
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from measuring import Round, failures, in_process, median, ratio, report, train_speed

ROWS, WINDOW, WIDTH, LAYERS, RATE, CLIP, DROPOUT = 20, 35, 200, 2, 20.0, 0.25, 0.2
PLAIN = "plain loop"
OURS = {"seqkit, fp32": "fp32", "seqkit, bf16": "bf16"}
RECIPE = Path(__file__).resolve().parent.parent / "recipes" / "lm-ptb.yaml"
DRAWN = 200_000
"""Words of a text that is drawn."""


def main() -> None:
    """Measures every row in every round, and prints them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--vocabulary", type=int, default=0, help="draw words from so many")
    parser.add_argument("--row", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.row:
        measure(given)
        return
    rounds: list[Round] = []
    for number in range(given.rounds):
        print(f"round {number + 1}", flush=True)
        rounds.append({row: in_process(command(given, row), given.threads) for row in rows()})
    show(rounds)


def rows() -> list[str]:
    """The names of all rows."""
    return [PLAIN, *OURS]


def command(given: argparse.Namespace, row: str) -> list[str]:
    """What measures one row."""
    words = [sys.executable, __file__, "--data", str(given.data.resolve()), "--row", row]
    more = ["--seconds", str(given.seconds), "--vocabulary", str(given.vocabulary)]
    return [*words, *more, "--threads", str(given.threads)]


def text_of(given: argparse.Namespace) -> str:
    """The training text, or one that is drawn, in which every word of the vocabulary occurs."""
    if not given.vocabulary:
        return gzip.decompress((given.data / "lm_ptb" / "ptb.train.txt.gz").read_bytes()).decode()
    rng = np.random.default_rng(1)
    drawn = rng.integers(0, given.vocabulary, DRAWN)
    numbers = np.concatenate((np.arange(given.vocabulary), drawn)).tolist()
    lines = (numbers[start : start + 20] for start in range(0, len(numbers), 20))
    return "\n".join(" ".join(f"w{number}" for number in line) for line in lines)


def measure(given: argparse.Namespace) -> None:
    """One row, in this process."""
    import torch

    torch.set_num_threads(given.threads)
    torch.manual_seed(1)
    text = text_of(given)
    updates = plain_updates(text) if given.row == PLAIN else own_updates(text, OURS[given.row])
    next(updates)
    before = memory()
    found = train_speed(updates, given.seconds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    report({**found, "growth": peak - before})


def memory() -> float:
    """What this process has in memory now, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def own_updates(text: str, precision: str) -> Iterator[int]:
    """The words of each update of the recipe, without its average; first 0, when all is built."""
    from seqkit.batching import Streams
    from seqkit.pipeline import build
    from seqkit.recipe import read_recipe
    from seqkit.table import prepare_all
    from seqkit.training import begin, train

    recipe = read_recipe(RECIPE, {"train.precision": precision, "train.average": "null"})
    rows = [{"text": text}]
    pipeline = build(recipe, rows)
    examples = [pipeline.example(row, "text") for row in rows]
    table = prepare_all(examples, pipeline.prepare, "text")
    batches = Streams(table, pipeline.along_time, recipe.train.batch)
    progress = begin(pipeline, recipe.train, precision)
    yield 0
    for step in train(pipeline, batches, recipe.train, progress):
        yield step.tokens


def plain_updates(text: str) -> Iterator[int]:
    """The words of each update of a plain loop; first 0, when all is built."""
    import torch
    from torch import nn
    from torch.nn import functional as F

    known: dict[str, int] = {}
    words = [word for line in text.splitlines() for word in (*line.split(), "\n")]
    numbers = torch.tensor([known.setdefault(word, len(known)) for word in words])
    length = len(numbers) // ROWS
    streams = numbers[: ROWS * length].view(ROWS, length).t().contiguous()
    table, lstm = nn.Embedding(len(known), WIDTH), nn.LSTM(WIDTH, WIDTH, LAYERS, dropout=DROPOUT)
    bias, drop = nn.Parameter(torch.zeros(len(known))), nn.Dropout(DROPOUT)
    nn.init.uniform_(table.weight, -0.1, 0.1)
    weights: list[Any] = [*table.parameters(), *lstm.parameters(), bias]
    yield 0
    while True:
        state = None
        for start in range(0, length - 1, WINDOW):
            size = min(WINDOW, length - 1 - start)
            read, wanted = streams[start : start + size], streams[start + 1 : start + 1 + size]
            values, state = lstm(drop(table(read)), state)
            state = tuple(part.detach() for part in state)
            scores = F.linear(drop(values), table.weight, bias)
            loss: Any = F.cross_entropy(scores.flatten(0, 1), wanted.flatten())
            for weight in weights:
                weight.grad = None
            loss.backward()
            nn.utils.clip_grad_norm_(weights, CLIP)
            with torch.no_grad():
                for weight in weights:
                    weight.add_(weight.grad, alpha=-RATE)
            yield size * ROWS


def show(rounds: list[Round]) -> None:
    """Prints the medians of the rounds, and the ratios within a round."""
    failed = failures(rounds)
    print(f"{'':<14}{'words/s':>10}{'ratio':>8}{'memory':>10}{'training':>10}{'cores':>8}")
    for row in rows():
        if row in failed or PLAIN in failed:
            print(f"{row:<14}{failed.get(row, 'no plain loop to compare with')}")
            continue
        speed = median(rounds, row, "train")
        times = ratio(rounds, row, PLAIN, "train")
        whole, more, cores = (median(rounds, row, what) for what in ("memory", "growth", "cores"))
        sizes = f"{whole:>7,.0f} MB{more:>7,.0f} MB"
        print(f"{row:<14}{speed:>10,.0f}{times:>8.2f}{sizes}{cores:>8.2f}")


if __name__ == "__main__":
    main()
