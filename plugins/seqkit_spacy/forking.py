"""What makes a process that has computed with torch safe to fork."""

from __future__ import annotations

import os
from functools import cache

VARIABLE = "SEQKIT_FORK_GUARD"
"""Set to 0, it leaves forked processes as they are."""


@cache
def guard_forks() -> None:
    """Gives every process that is forked from now on one thread of torch, once.

    A forked child has none of its parent's threads, but torch waits for them: without this,
    `nlp.pipe(texts, n_process=2)` hangs after one prediction in the parent.
    """
    if os.environ.get(VARIABLE) != "0" and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=one_thread)


def one_thread() -> None:
    """Computes in the thread that asks."""
    import torch

    torch.set_num_threads(1)
