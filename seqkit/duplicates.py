"""Examples with the same inputs: within the training split, and held out but trained on too."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any

from seqkit.abilities import Finding
from seqkit.data import plain_value
from seqkit.marks import short
from seqkit.stages import Example, Pieces

CLASHING = 0.01
"""Share of the training examples with another gold for the same inputs that deserves a warning."""
SHARED = 0.1
"""Share of a held-out split that training has too from which its scores flatter."""
FEW = 50
"""Examples up to which a split is a toy, of which nothing is concluded."""


class Trained:
    """The inputs of the training split, each with the first example that has them."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self.examples = len(examples)
        self.first: dict[bytes, int] = {}
        self.repeated = 0
        self.clashes: dict[bytes, str] = {}
        for number, example in enumerate(examples, 1):
            key = fingerprint(example)
            first = self.first.setdefault(key, number) if key else number
            if first != number:
                self.repeated += 1
                if same(examples[first - 1].gold) != same(example.gold):
                    place = f"examples {first:,} and {number:,}{shown(example)}"
                    self.clashes.setdefault(key, place)

    def clashing(self) -> Iterator[Finding]:
        """The same inputs with different golds."""
        if self.clashes:
            inputs = "input stands" if len(self.clashes) == 1 else "inputs stand"
            often = len(self.clashes) >= CLASHING * self.examples
            yield Finding(
                f"{len(self.clashes):,} {inputs} with different golds, such as in "
                f"{next(iter(self.clashes.values()))}",
                "warning" if often else "note",
            )

    def shared(self, examples: Sequence[Example]) -> list[int]:
        """Which held-out examples have inputs that training has too, by number."""
        return [n for n, one in enumerate(examples, 1) if fingerprint(one) in self.first]

    def leaking(
        self, split: str, examples: Sequence[Example], found: Sequence[int]
    ) -> Iterator[Finding]:
        """What to say of the held-out examples of `shared`: an error if they are all."""
        if not found:
            return
        number = max(found, key=lambda number: longest(examples[number - 1]))
        example = examples[number - 1]
        first = self.first[fingerprint(example)]
        place = f"example {number:,} (train {first:,}){shown(example)}"
        if len(found) == len(examples) > FEW:
            yield Finding(
                f"all {len(found):,} examples stand in train too, so a score on them says nothing "
                f"of new ones. Mend data.{split}, or leave it out. Such as {place}",
                "error",
            )
        else:
            told = f"{part(len(found), len(examples))} stand in train too, such as {place}"
            yield Finding(told, "warning" if len(found) > SHARED * len(examples) else "note")


def longest(example: Example) -> int:
    """Pieces or frames of an example's longest input."""
    return max(map(len, example.inputs.values()))


def fingerprint(example: Example) -> bytes:
    """What tells an example's inputs from those of another; nothing where they are all empty."""
    whole, filled = blake2b(digest_size=16), False
    for value in example.inputs.values():
        if isinstance(value, Pieces):
            content = value.source.text.encode("utf-8", "surrogatepass")
        else:
            content = value.values.tobytes()
        filled = filled or bool(content)
        whole.update(b"%d:" % len(content) + content)
    return whole.digest() if filled else b""


def same(gold: Any) -> str:
    """A gold as text, equal where golds are."""
    return json.dumps(gold, sort_keys=True, default=plain_value)


def shown(example: Example) -> str:
    """An example's first text for a message; frames have none."""
    first = next(iter(example.inputs.values()))
    return f": '{short(first.source.text)}'" if isinstance(first, Pieces) else ""


def part(count: int, whole: int) -> str:
    """`94 of 2,077 examples (4.5%)`."""
    return f"{count:,} of {whole:,} examples ({100 * count / whole:.1f}%)"
