"""Numbers too small for a processor to be fast with are taken for zero while seqkit computes.

Below 1.2e-38 an fp32 number is denormal, and processors take a hundred times as long for it. They
come with training: attention that has found its place gives all others weights like 1e-39, and
Adam's first moment of a rare word's vector shrinks by a tenth at each update. What is lost is far
below the last digit of any sum that a number of ordinary size takes part in.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def flushed() -> Iterator[None]:
    """Takes denormal numbers for zero meanwhile, in this thread and the ones that it computes with.

    It changes nothing where the processor has no such setting. May stand before a function.
    """
    before = flushing()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def flushing() -> bool:
    """Whether denormal numbers are taken for zero now."""
    return bool(torch.tensor(1e-38, dtype=torch.float32, device="cpu") * 0.1 == 0.0)
