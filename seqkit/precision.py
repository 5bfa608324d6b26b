"""In which precision each batch is trained: fp32, bf16, or what is measured to be the faster."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import torch

from seqkit.batching import Batches
from seqkit.denormals import flushed
from seqkit.pipeline import Pipeline

if TYPE_CHECKING:
    from seqkit.stages import Batch

BF16_ROWS = 32
"""Rows that a batch has at least which `precision: auto` runs in bf16.

In smaller ones the products are too small to make good what converting the weights costs.
"""
BY_ROWS = f"bf16 from {BF16_ROWS} rows"
"""What is recorded where `precision: auto` has chosen bf16."""
TRIALS = 4
"""Batches on which `precision: auto` measures each precision."""


def autocast(device: torch.device, precision: str, batch: Batch) -> AbstractContextManager[Any]:
    """Runs matrix products in bf16 where the precision says so of a batch; weights stay fp32.

    precision: fp32, bf16 or BY_ROWS.
    """
    half = precision == "bf16" or (precision == BY_ROWS and rows(batch) >= BF16_ROWS)
    return torch.autocast(device.type, torch.bfloat16, enabled=half)


def rows(batch: Batch) -> int:
    """How many rows a batch has: axis 0 of every array."""
    return max((len(array) for array in batch.values()), default=0)


def choose_precision(pipeline: Pipeline, batches: Batches) -> str:
    """What `precision: auto` stands for: BY_ROWS where bf16 is faster by a tenth, else fp32.

    Both are measured, forward and backward, on the first few batches of BF16_ROWS rows or more;
    fp32 where an epoch has none. Changes no weights, draws nothing from the random generators, and
    leaves the position of the batches.
    """
    position = batches.position()
    large = (batch for batch, _, _ in batches if rows(batch) >= BF16_ROWS)
    trials = list(itertools.islice(large, TRIALS))
    batches.seek(position)
    if not trials:
        return "fp32"
    best = {"fp32": math.inf, "bf16": math.inf}
    with torch.random.fork_rng():
        for _ in range(2):  # the first round warms up
            for precision in best:
                best[precision] = min(best[precision], seconds(pipeline, trials, precision))
    return BY_ROWS if best["bf16"] < 0.9 * best["fp32"] else "fp32"


@flushed()
def seconds(pipeline: Pipeline, batches: Sequence[Batch], precision: str) -> float:
    """How long forward and backward take in one precision; no gradient is left behind."""
    network, device = pipeline.network.train(), pipeline.device
    started = time.perf_counter()
    for batch in batches:
        moved = {name: value.to(device) for name, value in batch.items()}
        with autocast(device, precision, moved):
            loss, _, _ = network(moved)
        loss.total.backward()
    if device.type == "cuda":
        torch.cuda.synchronize()
    spent = time.perf_counter() - started
    network.zero_grad(set_to_none=True)
    return spent
