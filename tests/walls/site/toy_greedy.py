"""A search: the best piece at each step, to the end piece or a limit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor

from seqkit.plugins import Register, hookimpl
from seqkit.settings import PositiveInt
from seqkit.stages import Answer, Search, Stepwise, Upstream, Vectors


@hookimpl
def seqkit_stages(register: Register) -> None:
    register.search("likeliest", likeliest)


def likeliest(upstream: Upstream, *, longest: PositiveInt = 10) -> Search:
    """Takes the best piece at each step.

    longest: pieces of an answer at most.
    """
    return Greedy(longest)


@final
class Greedy:
    def __init__(self, longest: int) -> None:
        self.longest = longest

    def run(
        self, decoder: Stepwise, inputs: Mapping[str, Vectors], batch: Mapping[str, Tensor]
    ) -> list[list[Answer]]:
        """One answer a row: its pieces' numbers as value. The first `last` is the end piece."""
        memory, state = decoder.start(inputs, batch)
        last = state[0].new_full((len(state[0]),), decoder.end, dtype=torch.long)
        found: list[list[int]] = [[] for _ in last]
        done = torch.zeros_like(last, dtype=torch.bool)
        for _ in range(self.longest):
            scores, state = decoder.step(memory, state, last)
            last = scores.argmax(1)
            done |= last == decoder.end
            for row in (~done).nonzero().flatten().tolist():
                found[row].append(int(last[row]))
            if done.all():
                break
        return [[{"value": pieces}] for pieces in found]
