"""seqkit's tagger against bare torch loops: the same model, data and batch size, in one run.

    python benchmarks/tagger.py --data DIR [--rounds 3] [--batches 120] [--threads 1 2]

Every row is a process of its own with that many threads, the rows of a round one after the other;
a ratio is taken within a round, and the median over rounds is printed. `packed` is the loop that
people write (PackedSequence, random batches), `padded` what they could write. The model: a word
vector (100) beside a character BiLSTM (2 x 25), a BiLSTM (2 x 256), a CRF; about 32 sentences a
batch; Adam. DIR holds `ud_english_ewt/en_ewt-ud-{train,dev,test}.conllu.gz`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RECIPE = """
seqkit: 1
name: benchmark
data: {{use: conllu, train: "{train}", dev: "{dev}", text: form, gold: upos}}
tokenise: words
embed:
  use: concat
  parts:
    - {{use: lookup, width: 100, lower: true, minimum: 2}}
    - {{use: characters, width: 50, character_width: 25}}
encode: {{use: bilstm, width: 512, dropout: 0.3}}
decode: {{use: crf, confidence: false}}
train:
  epochs: 100
  batch: {{rows: 32}}
  optimiser: {{use: adam, rate: 2.0e-3}}
  clip: 5.0
evaluate: {{metrics: [accuracy]}}
"""
WARM_UP = 5


def seqkit_row(data: Path, batches: int, precision: str) -> dict[str, float]:
    """Trains and predicts with seqkit, text to update and text to tags."""
    import torch

    from seqkit.data import read_rows, trained
    from seqkit.experiment import Experiment
    from seqkit.provenance import provenance
    from seqkit.recipe import read_recipe
    from seqkit.training import begin, train

    with tempfile.TemporaryDirectory() as room:
        path = Path(room) / "recipe.yaml"
        place = "ud_english_ewt/en_ewt-ud-{}.conllu.gz"
        path.write_text(RECIPE.format(train=place.format("train"), dev=place.format("dev")))
        os.environ["SEQKIT_CACHE"] = room
        recipe = read_recipe(path, data=data)
        origin = provenance(recipe, data, None, "cpu")
        experiment = Experiment(recipe, data, Path(room), origin, torch.device("cpu"))
        pipeline = experiment.fitted()
        progress = begin(pipeline, recipe.train, precision)
        source = experiment.batches(pipeline)
        words, started = 0, 0.0
        for step in train(pipeline, source, recipe.train, progress):
            if step.number == WARM_UP:
                words, started = 0, time.perf_counter()
                continue
            words += step.tokens
            if step.number == WARM_UP + batches:
                break
        speed = words / (time.perf_counter() - started)
        texts = [row["form"] for row in read_rows(trained(recipe), "dev", data)]
    count = sum(map(len, texts))
    return {"train": speed, "predict": predict_speed(lambda: pipeline(texts), count)}


def bare_row(data: Path, batches: int, variant: str, pool: int) -> dict[str, float]:
    """Trains and predicts with a bare loop, text to update and text to tags."""
    import torch
    from bare import BareTagger, Vocabulary, load, predict_tags, train_words_per_second

    torch.manual_seed(1)
    train, dev = (
        load(data / f"ud_english_ewt/en_ewt-ud-{split}.conllu.gz") for split in ("train", "dev")
    )
    model = BareTagger(Vocabulary(train), packed=variant == "packed")
    threads = torch.get_num_threads()
    speed = train_words_per_second(model, train, batches, threads, pool=pool)
    texts = [sentence.words for sentence in dev]
    count = sum(map(len, texts))
    return {"train": speed, "predict": predict_speed(lambda: predict_tags(model, texts), count)}


def predict_speed(predict: Any, words: int) -> float:
    """Words a second of the best of three passes after a warm-up."""
    seconds = []
    for _ in range(4):
        started = time.perf_counter()
        predict()
        seconds.append(time.perf_counter() - started)
    return words / min(seconds[1:])


ROWS: dict[str, Any] = {
    "packed loop, random batches": lambda data, n: bare_row(data, n, "packed", 1),
    "packed loop, length pools": lambda data, n: bare_row(data, n, "packed", 50),
    "padded loop, random batches": lambda data, n: bare_row(data, n, "padded", 1),
    "padded loop, length pools": lambda data, n: bare_row(data, n, "padded", 50),
    "seqkit, fp32": lambda data, n: seqkit_row(data, n, "fp32"),
    "seqkit, bf16": lambda data, n: seqkit_row(data, n, "bf16"),
}
PEER = "packed loop, random batches"


def measured(row: str, data: Path, batches: int, threads: int) -> dict[str, float]:
    """One row in a process of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, __file__, "--data", str(data), "--batches", str(batches)]
    done = subprocess.run(
        [*command, "--row", row], env=environment, cwd=HERE, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def table(rounds: Sequence[dict[str, dict[str, float]]], threads: int) -> None:
    """Prints the median speeds and the median of the rounds' ratios."""
    print(f"\n{threads} thread{'s' if threads > 1 else ''}, median of {len(rounds)} rounds")
    print(f"{'':30}{'train words/s':>14}{'ratio':>8}{'predict words/s':>17}{'ratio':>8}{'MB':>7}")
    for row in ROWS:
        cells = f"{row:30}"
        for what, width in (("train", 14), ("predict", 17)):
            speeds = [found[row][what] for found in rounds]
            ratios = [found[row][what] / found[PEER][what] for found in rounds]
            cells += f"{statistics.median(speeds):>{width},.0f}{statistics.median(ratios):>8.2f}"
        print(f"{cells}{max(found[row]['memory'] for found in rounds):>7.0f}")


def main() -> None:
    """Measures all rows, or, in a process of its own, one of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, default=120)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--row", choices=list(ROWS))
    given = parser.parse_args()
    data = given.data.resolve()
    if given.row:
        found = ROWS[given.row](data, given.batches)
        found["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        print(json.dumps(found))
        return
    for threads in given.threads:
        rounds = [
            {row: measured(row, data, given.batches, threads) for row in ROWS}
            for _ in range(given.rounds)
        ]
        table(rounds, threads)


if __name__ == "__main__":
    main()
