"""Prediction by a trained pos-ewt run against a bare torch loop with the same weights, in one run.

    seqkit run recipes/pos-ewt.yaml --data DIR --out RUN
    python benchmarks/predict.py --run RUN --data DIR [--rounds 3] [--threads 1 2]

Given words in, tags out, on the dev and test splits, in fp32. The bare loop reads the run's weights
from their file and imports no seqkit; both must give the same tags. Every row is a process of its
own with that many threads; load time and peak memory are that process's. `first` is the first pass,
which is what text that comes once costs: kernels are made for each new shape of batch. `again` is
the best of three later passes. Ratios are within a round; medians over rounds are shown.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PASSES = 3


def bare(run: Path) -> Callable[[list[list[str]]], list[list[str]]]:
    """The model of recipes/pos-ewt.yaml as one would write it in bare torch, in batches of 32."""
    import torch
    from bare import PaddedBiLSTM, padded
    from safetensors.torch import load_file
    from torch import nn

    weights = load_file(run / "pipeline" / "weights.safetensors")
    learnt = json.loads((run / "pipeline" / "learnt.json").read_text())
    words, letters = (
        {string: number for number, string in enumerate(part["strings"], start=2)}
        for part in learnt["embed"]["text"]["parts"]
    )
    labels = learnt["decode"]["decode"]["labels"]

    def lstm(name: str, inputs: int, hidden: int) -> PaddedBiLSTM:
        module = PaddedBiLSTM(inputs, hidden)
        cut = {key.removeprefix(name): value for key, value in weights.items() if name in key}
        module.load_state_dict(cut)
        return module

    def table(name: str) -> nn.Embedding:
        module = nn.Embedding(*weights[name].shape)
        module.load_state_dict({"weight": weights[name]})
        return module

    spellings, vectors = (table(f"embedding.0.parts.{part}.table.weight") for part in (1, 0))
    speller = lstm("embedding.0.parts.1.encoder.layers.0.", 50, 75)
    first, second = lstm("encoding.0.layers.0.", 250, 200), lstm("encoding.0.layers.1.", 400, 200)
    output = nn.Linear(400, len(labels))
    output.load_state_dict(
        {name: weights[f"decoder.scores.linear.{name}"] for name in ("weight", "bias")}
    )

    @torch.inference_mode()
    def predict(texts: list[list[str]]) -> list[list[str]]:
        order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
        answers: list[list[str]] = [[] for _ in texts]
        for start in range(0, len(order), 32):
            batch = [texts[number] for number in order[start : start + 32]]
            lengths = torch.tensor([len(text) for text in batch])
            rows: dict[str, int] = {}
            types = padded([rows.setdefault(word, len(rows)) for word in text] for text in batch)
            ids = padded([words.get(word.lower(), 1) for word in text] for text in batch)
            read = [word if len(word) <= 32 else word[:16] + word[-16:] for word in rows]
            spelt = padded([letters.get(letter, 1) for letter in word] for word in read)
            sizes = torch.tensor([min(len(word), 32) for word in rows])
            _, states = speller(spellings(spelt), sizes)
            values, _ = first(torch.cat((vectors(ids), states[types]), dim=-1), lengths)
            more, _ = second(values, lengths)
            best = output(values + more).argmax(dim=-1).tolist()
            for number, row in zip(order[start : start + 32], best, strict=True):
                answers[number] = [labels[tag] for tag in row[: len(texts[number])]]
        return answers

    return predict


def ours(run: Path) -> Callable[[list[list[str]]], list[list[str]]]:
    """The same by seqkit."""
    import seqkit

    pipeline = seqkit.load(run)
    return lambda texts: [answers["upos"]["value"] for answers in pipeline(texts)]


ROWS = {"bare torch loop": bare, "seqkit": ours}


def measure(row: str, run: Path, texts: list[list[str]]) -> dict[str, Any]:
    """One row: start-up, words a second, peak memory, and a fingerprint of the tags."""
    started = time.perf_counter()
    predict = ROWS[row](run)
    load = time.perf_counter() - started
    seconds = []
    for _ in range(1 + PASSES):
        started = time.perf_counter()
        tags = predict(texts)
        seconds.append(time.perf_counter() - started)
    return {
        "first": sum(map(len, texts)) / seconds[0],
        "speed": sum(map(len, texts)) / min(seconds[1:]),
        "load": load,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        "tags": hashlib.sha256(json.dumps(tags).encode()).hexdigest(),
    }


def in_process(row: str, given: argparse.Namespace, threads: int) -> dict[str, Any]:
    """One row in a process of its own."""
    command = [sys.executable, __file__, "--run", str(given.run), "--data", str(given.data)]
    done = subprocess.run(
        [*command, "--row", row],
        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measures both rows, or, in a process of its own, one of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--row", choices=list(ROWS))
    given = parser.parse_args()
    if given.row:
        from bare import load

        place = "ud_english_ewt/en_ewt-ud-{}.conllu.gz"
        sentences = [s for name in ("dev", "test") for s in load(given.data / place.format(name))]
        print(json.dumps(measure(given.row, given.run, [list(s.words) for s in sentences])))
        return
    for threads in given.threads:
        rounds = [
            {row: in_process(row, given, threads) for row in ROWS} for _ in range(given.rounds)
        ]
        print(f"\n{threads} thread{'s' if threads > 1 else ''}, median of {given.rounds} rounds")
        print(f"{'':18}{'first':>9}{'ratio':>7}{'again':>9}{'ratio':>7}{'load s':>8}{'MB':>6}")
        peer = next(iter(ROWS))
        for row in ROWS:
            cells = f"{row:18}"
            for what in ("first", "speed"):
                speed = statistics.median(found[row][what] for found in rounds)
                ratio = statistics.median(found[row][what] / found[peer][what] for found in rounds)
                cells += f"{speed:>9,.0f}{ratio:>7.2f}"
            load = statistics.median(found[row]["load"] for found in rounds)
            memory = statistics.median(found[row]["memory"] for found in rounds)
            print(f"{cells}{load:>8.2f}{memory:>6.0f}")
        same = all(len({found[row]["tags"] for row in ROWS}) == 1 for found in rounds)
        print(f"the same tags: {'yes' if same else 'NO'}")


if __name__ == "__main__":
    main()
