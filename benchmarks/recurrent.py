"""seqkit's bilstm against `torch.nn.LSTM` over PackedSequence: the same weights, in one run.

    python benchmarks/recurrent.py [--rounds 3] [--threads 1 2] [--models S M L]

Batches of 32 rows, lengths lognormal with mean 17, cut at 100; `random` batches as they come,
`pools` sorted by length within pools of 50 batches, as seqkit trains. Every row is a process of its
own with that many threads, the rows of a round one after the other; a ratio is taken within a
round, and the median over rounds is printed. `forward` is inference, `train` forward and backward.
Words are real steps. `peak` is a row's arithmetic on real steps as a share of the best that bare
matrix products of the layers' shapes reached in the same precision, in any row's process.
Before anything is timed, the outputs of both are compared.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

ROWS = 32
POOL = 50
MEDIAN, SPREAD, LONGEST = 14.0, 0.623, 100
"""Of the lognormal lengths: their mean is 17."""
MODELS = {"S": (128, 256, 1, 25), "M": (256, 512, 2, 8), "L": (400, 1150, 3, 3)}
"""Inputs, hidden width of a direction, layers; and how many batches of the pool are timed."""
VARIANTS = {
    "packed, random": ("packed", "random", "fp32"),
    "packed, pools": ("packed", "pools", "fp32"),
    "seqkit, random": ("seqkit", "random", "fp32"),
    "seqkit, pools": ("seqkit", "pools", "fp32"),
    "seqkit, pools, bf16": ("seqkit", "pools", "bf16"),
}
RATIOS = {
    "seqkit, pools": "packed, pools",
    "seqkit, pools, bf16": "packed, random",
    "seqkit, random": "packed, random",
}
"""Each row's peer."""
PASSES = {"forward": 1, "train": 3}
"""The arithmetic of each, in forward passes."""


def batches(order: str, count: int) -> list[list[int]]:
    """Lengths of some batches of a pool, spread evenly from its smallest batch to its largest."""
    import numpy as np

    from seqkit.batching import pooled
    from seqkit.optimisers import BatchSettings

    rng = np.random.default_rng(1)
    lengths = rng.lognormal(math.log(MEDIAN), SPREAD, ROWS * POOL).round().clip(1, LONGEST)
    sizes = lengths.astype(np.int64)[:, None]
    if order == "random":
        found = np.split(np.arange(len(sizes)), POOL)
    else:
        found = pooled(sizes, BatchSettings(rows=ROWS, pool=POOL), rng)
    found.sort(key=lambda rows: int(sizes[rows].sum()))
    step = len(found) / count
    return [sizes[found[int((place + 0.5) * step)], 0].tolist() for place in range(count)]


def layers(inputs: int, hidden: int, depth: int) -> tuple[Any, Any]:
    """A bidirectional stack of seqkit, and a `torch.nn.LSTM` with the same weights."""
    import torch

    from seqkit.plugins import registry
    from seqkit.stages import Upstream

    torch.manual_seed(1)
    ours = (
        registry()
        .find("encoder", "bilstm")
        .factory(Upstream(inputs), width=2 * hidden, layers=depth)
    )
    theirs = torch.nn.LSTM(inputs, hidden, depth, bidirectional=True)
    with torch.no_grad():
        for number, ways in enumerate(ours.layers):
            for layer, end in zip(ways, ("", "_reverse"), strict=True):
                for name, weight in layer.kernel.named_parameters():
                    getattr(theirs, f"{name[:-1]}{number}{end}").copy_(weight)
    return ours, theirs


def measure(model: str, variant: str) -> dict[str, float]:
    """Words a second of forward and of training, and their shares of the peak."""
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    from seqkit.stages import Vectors, time_mask

    inputs, hidden, depth, count = MODELS[model]
    who, order, precision = VARIANTS[variant]
    ours, theirs = layers(inputs, hidden, depth)
    rows = []
    for sizes in batches(order, count):
        lengths = torch.tensor(sizes)
        values = torch.randn(len(sizes), max(sizes), inputs)
        rows.append((values * time_mask(lengths, max(sizes)).unsqueeze(2), lengths))

    def packed(values: Any, lengths: Any) -> Any:
        given = pack_padded_sequence(values, lengths, batch_first=False, enforce_sorted=False)
        return pad_packed_sequence(theirs(given)[0])[0]

    def run(values: Any, lengths: Any) -> Any:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            if who == "seqkit":
                return ours(Vectors(values, lengths)).values
            return packed(values.transpose(0, 1), lengths)

    with torch.inference_mode():
        values, lengths = rows[0]
        gap = ours(Vectors(values, lengths)).values.transpose(0, 1)
        gap = (gap - packed(values.transpose(0, 1), lengths)).abs().max()
        assert gap < 1e-5, f"the two differ by {gap}"

    def forward() -> None:
        with torch.inference_mode():
            for values, lengths in rows:
                run(values, lengths)

    def train() -> None:
        for values, lengths in rows:
            (ours if who == "seqkit" else theirs).zero_grad(set_to_none=True)
            output = run(values, lengths)
            output.backward(torch.ones_like(output))

    words = sum(int(lengths.sum()) for _, lengths in rows)
    found = {"product": product_speed(inputs, hidden, precision)}
    for name, function in (("forward", forward), ("train", train)):
        found[name] = words / best(function)
    return found


def flops(inputs: int, hidden: int, depth: int) -> float:
    """Arithmetic of the matrix products of one forward step, both directions."""
    reads = [inputs] + [2 * hidden] * (depth - 1)
    return float(sum(2 * 2 * 4 * hidden * (read + hidden) for read in reads))


def product_speed(inputs: int, hidden: int, precision: str) -> float:
    """The best that bare matrix products of a layer's shapes reach, in operations a second.

    [544, reads] x [reads, 4 hidden] for the inputs of all steps of a batch, [32, hidden] x
    [hidden, 4 hidden] for one step.
    """
    import torch

    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    found = []
    for rows, reads in ((544, inputs), (544, 2 * hidden), (ROWS, hidden)):
        left = torch.randn(rows, reads, dtype=kind)
        right = torch.randn(reads, 4 * hidden, dtype=kind)
        work = 8 * rows * reads * hidden
        times = 1 + 10_000_000_000 // work
        seconds = best(partial(products, left, right, times), tries=5) / times
        found.append(work / seconds)
    return max(found)


def products(left: Any, right: Any, times: int) -> None:
    """Some matrix products."""
    for _ in range(times):
        left @ right


def best(function: Callable[[], Any], tries: int = 2) -> float:
    """The least seconds of a few tries, after a warm-up."""
    function()
    seconds = []
    for _ in range(tries):
        started = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - started)
    return min(seconds)


def measured(model: str, variant: str, threads: int) -> dict[str, float]:
    """One row in a process of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, __file__, "--models", model, "--row", variant]
    done = subprocess.run(
        command, env=environment, cwd=Path(__file__).parent, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def table(model: str, threads: int, rounds: Sequence[dict[str, dict[str, float]]]) -> None:
    """Prints the medians of speeds, shares and ratios."""
    inputs, hidden, depth, _ = MODELS[model]
    plural = "s" if threads > 1 else ""
    print(f"\n{inputs} inputs, 2 x {hidden}, {depth} deep; {threads} thread{plural}")
    print(
        f"{'':22}{'forward w/s':>13}{'ratio':>7}{'peak':>7}{'train w/s':>13}{'ratio':>7}{'peak':>7}"
    )
    work = flops(inputs, hidden, depth)
    peaks = {
        row: max(f[like]["product"] for f in rounds for like in f if kind(like) == kind(row))
        for row in rounds[0]
    }
    for row in rounds[0]:
        cells = f"{row:22}"
        for what in PASSES:
            speed = statistics.median(found[row][what] for found in rounds)
            share = speed * work * PASSES[what] / peaks[row]
            peer = RATIOS.get(row)
            ratio = ""
            if peer:
                each = [found[row][what] / found[peer][what] for found in rounds]
                ratio = f"{statistics.median(each):.2f}"
            cells += f"{speed:>13,.0f}{ratio:>7}{share:>7.0%}"
        print(cells)
    print("ratios: " + "; ".join(f"{row} to {peer}" for row, peer in RATIOS.items()))
    if not has_bf16():
        print("this processor has no bf16: the row of it is left out")


def has_bf16() -> bool:
    """Whether the processor multiplies in bf16 itself."""
    import torch

    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def kind(row: str) -> str:
    """The precision of a row."""
    return VARIANTS[row][2]


def main() -> None:
    """Measures all rows, or, in a process of its own, one of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--models", choices=list(MODELS), nargs="+", default=list(MODELS))
    parser.add_argument("--row", choices=list(VARIANTS))
    given = parser.parse_args()
    if given.row:
        print(json.dumps(measure(given.models[0], given.row)))
        return
    rows = [row for row in VARIANTS if has_bf16() or not row.endswith("bf16")]
    for threads in given.threads:
        for model in given.models:
            rounds = [
                {row: measured(model, row, threads) for row in rows} for _ in range(given.rounds)
            ]
            table(model, threads, rounds)


if __name__ == "__main__":
    main()
