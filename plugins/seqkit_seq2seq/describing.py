"""What a decoder that writes says of the texts that it is to write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from statistics import fmean

from seqkit.abilities import Finding
from seqkit.stages import Example, Pieces
from seqkit_seq2seq.target import Target, read

EXAMPLES = 3
SHOWN = 60
"""Characters of a text that are shown."""
MANY = 0.5
"""Share of unknown pieces beyond which a reader should look."""
MOST = 5
"""Unknown pieces that are named, the most frequent ones."""


def describe_targets(
    target: Target, examples: Iterable[Example], split: str, copying: bool
) -> list[Finding]:
    """Their lengths, empty ones, pieces that cannot be written, and a few as they come back."""
    every = list(examples)
    if not every:
        return []
    pieces = [target.pieces(example.gold) for example in every]
    lengths = [len(one) for one in pieces]
    found = [
        Finding(
            f"targets have {fmean(lengths):.1f} pieces, {max(lengths):,} at most; "
            f"{len(target.strings):,} pieces can be written"
        )
    ]
    found += empty(lengths, split)
    found += unknown(target, every, pieces, copying)
    found += lossy(target, every, pieces)
    if split == "train":
        found += [Finding(f"example: {line}") for line in decoded(target, every, pieces)]
    return found


def empty(lengths: Sequence[int], split: str) -> Iterator[Finding]:
    """Targets without a piece."""
    count = lengths.count(0)
    if count == len(lengths) and split == "train":
        yield Finding("all targets are empty: there is nothing to learn", "error")
    elif count:
        yield Finding(f"{count:,} of {len(lengths):,} targets are empty", "warning")


def lossy(
    target: Target, examples: Sequence[Example], pieces: Sequence[Sequence[str]]
) -> Iterator[Finding]:
    """Targets that their own pieces cannot be joined to."""
    count = sum(
        target.text(list(strings)) != read(example.gold)
        for example, strings in zip(examples, pieces, strict=True)
    )
    if count:
        yield Finding(f"{count:,} of {len(pieces):,} targets differ from what their pieces join to")


def unknown(
    target: Target, examples: Sequence[Example], pieces: Sequence[Sequence[str]], copying: bool
) -> Iterator[Finding]:
    """Pieces that the decoder can neither write nor copy."""
    lacking: Counter[str] = Counter()
    for example, strings in zip(examples, pieces, strict=True):
        own = {
            string
            for given in example.inputs.values()
            if copying and isinstance(given, Pieces)
            for string in given.strings
        }
        lacking.update(
            string for string in strings if string not in target.numbers and string not in own
        )
    total = sum(map(len, pieces))
    if lacking:
        share = lacking.total() / total
        most = sorted(lacking.items(), key=lambda item: (-item[1], item[0]))[:MOST]
        named = ", ".join(f"{string[:40]!r} ({count:,})" for string, count in most)
        what = "can neither be written nor copied" if copying else "cannot be written"
        yield Finding(
            f"{share:.1%} of the targets' pieces ({lacking.total():,}) {what}; most often {named}",
            "warning" if share > MANY else "note",
        )


def decoded(
    target: Target, examples: Sequence[Example], pieces: Sequence[Sequence[str]]
) -> Iterator[str]:
    """Inputs, and the targets that their pieces join to."""
    for example, strings in zip(examples[:EXAMPLES], pieces, strict=False):
        inputs = [
            given.source.text if isinstance(given, Pieces) else f"{len(given)} frames"
            for given in example.inputs.values()
        ]
        back = target.text(list(strings))
        same = "" if back == read(example.gold) else f", from {cut(read(example.gold))}"
        yield f"{' + '.join(map(cut, inputs))} → {cut(back)}{same}"


def cut(text: str) -> str:
    """A text in quotes, not too long."""
    return repr(text if len(text) <= SHOWN else text[: SHOWN - 1] + "…")
