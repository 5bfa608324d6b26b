"""Strings of the embedded Reber grammar (Hochreiter & Schmidhuber 1997, experiment 1)."""

from __future__ import annotations

from numpy.random import RandomState

from seqkit.stages import Row

REBER = (
    {"B": 1},
    {"T": 2, "P": 3},
    {"S": 2, "X": 4},
    {"T": 3, "V": 5},
    {"X": 3, "S": 6},
    {"P": 4, "V": 6},
    {"E": 7},
)
"""By state the symbols that may come, each with the state after it; the string ends in state 7."""


def reber(random: RandomState) -> Row:
    """A string, and by symbol what may come next: B, T or P, a Reber string, T or P again, E."""
    outer = "TP"[random.randint(2)]
    words, allowed = ["B", outer], ["PT", "B"]
    state = 0
    while state < len(REBER):
        symbols = sorted(REBER[state])
        words.append(symbols[random.randint(len(symbols))])
        state = REBER[state][words[-1]]
        allowed.append("".join(sorted(REBER[state])) if state < len(REBER) else outer)
    return {"words": [*words, outer], "next": [*allowed, "E"]}
