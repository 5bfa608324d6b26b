"""Symbols that are to be given back after a long time: all of them, or only their order."""

from __future__ import annotations

from numpy.random import RandomState

from seqkit.stages import Row

BLANK, DELIMITER = "_", "|"
REMEMBERED = 10
"""Symbols that are to be copied."""
DISTRACTORS = "abcd"
PLACES = {2: ((10, 20), (50, 60)), 3: ((10, 20), (33, 43), (66, 76))}
"""Where each X or Y may stand, both ends included, in hundredths of the length."""


def copy(random: RandomState, length: int, symbols: int) -> Row:
    """Ten symbols, a long pause, and the symbols again (Arjovsky et al. 2016)."""
    remembered = [str(symbol) for symbol in random.randint(symbols, size=REMEMBERED).tolist()]
    pause, answer = [BLANK] * (length - 1), [BLANK] * REMEMBERED
    return {
        "words": [*remembered, *pause, DELIMITER, *answer],
        "tags": [*answer, *pause, BLANK, *remembered],
    }


def order(random: RandomState, length: int, markers: int) -> Row:
    """Which of X and Y came when, among distractors (Hochreiter & Schmidhuber 1997, 6)."""
    steps = random.randint(length, length + length // 10 + 1)
    words = [DISTRACTORS[code] for code in random.randint(4, size=steps).tolist()]
    words[0], words[-1] = "E", "B"
    found = ""
    for begin, end in PLACES[markers]:
        place = random.randint(begin * length // 100, end * length // 100 + 1)
        words[place] = "XY"[random.randint(2)]
        found += words[place]
    return {"words": words, "class": found}
