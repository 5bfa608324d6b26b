"""What is learnt from counting strings, and the numbers that stand for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar, final

from seqkit.abilities import Finding
from seqkit.errors import DataError
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Example, Pieces

if TYPE_CHECKING or CHECK_SHAPES:
    from seqkit.stages import Learnt

PADDING, UNKNOWN, FIRST = 0, 1, 2
"""Numbers of no piece, of any unknown one, and of the first that is known."""

MANY = 0.5
"""Share of a split that is unknown beyond which a reader should look."""
SHOWN = 5
"""Unknown strings that are named, the most frequent ones."""

Value = TypeVar("Value")


def pieces_of(example: Example, name: str, stage: str) -> Pieces:
    """One input of an example. Raises DataError where it is frames."""
    pieces = example.inputs[name]
    if not isinstance(pieces, Pieces):
        raise DataError(
            f"{stage}: embeds pieces, but input '{name}' is frames. Name a field that holds text, "
            "or choose an embedder of frames."
        )
    return pieces


def count_strings(examples: Iterable[Example], stage: str) -> Counter[str]:
    """How often each string is a piece, over every input. Raises DataError where one is frames."""
    counts: Counter[str] = Counter()
    for example in examples:
        for name in example.inputs:
            counts.update(pieces_of(example, name, stage).strings)
    return counts


def vocabulary(
    counts: Counter[str], stage: str, what: str, minimum: int, limit: int | None = None
) -> Learnt:
    """The strings to know, by falling count and then by string, and their counts.

    Raises DataError where there is none.
    """
    if not counts:
        raise DataError(
            f"{stage}: the training split has no {what}. Give it texts that are not empty."
        )
    known = [(string, count) for string, count in counts.items() if count >= minimum]
    if not known:
        most, count = min(counts.items(), key=lambda item: (-item[1], item[0]))
        raise DataError(
            f"{stage}: no {what} occurs {minimum} times in the training split; the most frequent, "
            f"{most[:40]!r}, occurs {count}. Set 'minimum' lower."
        )
    known.sort(key=lambda item: (-item[1], item[0]))
    known = known[:limit]
    return {"strings": [string for string, _ in known], "counts": [count for _, count in known]}


def unknown_share(
    counts: Counter[str], is_known: Callable[[str], bool], what: str, split: str
) -> list[Finding]:
    """What share of a split's strings is unknown; of a held-out one, the most frequent too."""
    unknown = Counter({string: count for string, count in counts.items() if not is_known(string)})
    if not unknown:
        return [Finding(f"none of the {what} is unknown")] if counts else []
    share, kinds = unknown.total() / counts.total(), len(unknown) / len(counts)
    text = (
        f"{share:.1%} of the {what} ({unknown.total():,} of {counts.total():,}) are unknown, "
        f"{kinds:.1%} of the distinct ones"
    )
    if split == "train":
        text = f"{text}: they are rarer than the vocabulary takes"
    else:
        most = sorted(unknown.items(), key=lambda item: (-item[1], item[0]))[:SHOWN]
        named = ", ".join(f"{string[:40]!r} ({count:,})" for string, count in most)
        text = f"{text}; most often {named}"
    return [Finding(text, "warning" if share > MANY else "note")]


def numbered(strings: Sequence[str]) -> dict[str, int]:
    """The number of each known string."""
    return {string: number for number, string in enumerate(strings, FIRST)}


@final
class Remembered(dict[str, Value], Generic[Value]):
    """Answers of a function of a string, kept for the strings that come again.

    It forgets all of them when there are `room`, and never keeps a string of over `longest`
    characters, so that no stream of texts can fill the memory.
    """

    def __init__(
        self, answer: Callable[[str], Value], room: int = 65_536, longest: int = 64
    ) -> None:
        super().__init__()
        self.answer, self.room, self.longest = answer, room, longest

    def __missing__(self, string: str) -> Value:
        value = self.answer(string)
        if len(string) <= self.longest:
            if len(self) >= self.room:
                self.clear()
            self[string] = value
        return value

    def all(self, strings: Iterable[str]) -> Iterator[Value]:
        """The answer for each string."""
        return map(self.__getitem__, strings)
