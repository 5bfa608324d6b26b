"""Phrases that an answer must have, in a beam whose places they share (Post & Vilar 2018).

A hypothesis stands in the bank of how many pieces of its phrases it has. At each step the banks
take turns, the fullest first, so that hypotheses with rare phrases live beside likely ones. No
hypothesis ends before it has all phrases, and none uses up the room that the missing ones need.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from seqkit.settings import CHECK_SHAPES
from seqkit_seq2seq.selecting import Candidates

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float

    from seqkit.stages import Batch

Phrase = tuple[int, ...]
Way = tuple[int, int]
"""A hypothesis, and a piece that it goes on with."""
BETWEEN = -1
"""Stands between the phrases of a text, and behind them."""


@dataclass(frozen=True)
class Option:
    """One way to go on. bank: how many pieces of its phrases it then has."""

    bank: int
    total: float
    parent: int
    piece: int
    log: float


@dataclass(frozen=True)
class Phrases:
    """The phrases of one text, each of one piece at least."""

    every: tuple[Phrase, ...]

    @property
    def size(self) -> int:
        """The pieces of all."""
        return sum(map(len, self.every))

    def unmet(self, written: Sequence[int]) -> list[Phrase]:
        """Those that do not stand in what was written."""
        return [phrase for phrase in self.every if not stands(phrase, written)]

    def needed(self, written: Sequence[int]) -> int:
        """As many further pieces are enough for all phrases."""
        unmet = self.unmet(written)
        begun = max((reached(phrase, written) for phrase in unmet), default=0)
        return sum(map(len, unmet)) - begun

    def onwards(self, written: Sequence[int]) -> set[int]:
        """The pieces that go on with a phrase, or begin one."""
        return {phrase[reached(phrase, written)] for phrase in self.unmet(written)}


def stands(phrase: Phrase, written: Sequence[int]) -> bool:
    """Whether a phrase is a part of what was written."""
    size = len(phrase)
    return any(tuple(written[i : i + size]) == phrase for i in range(len(written) - size + 1))


def reached(phrase: Phrase, written: Sequence[int]) -> int:
    """How much of a phrase, but not all, is the end of what was written."""
    most = min(len(phrase) - 1, len(written))
    return next(k for k in range(most, -1, -1) if tuple(written[len(written) - k :]) == phrase[:k])


def phrases_of(batch: Batch) -> list[Phrases] | None:
    """The phrases of each text, where the batch has some."""
    if "include" not in batch:
        return None
    return [Phrases(tuple(dict.fromkeys(parted(row)))) for row in batch["include"].tolist()]


def parted(row: Sequence[int]) -> Iterator[Phrase]:
    """The runs between the marks."""
    phrase: list[int] = []
    for number in (*row, BETWEEN):
        if number != BETWEEN:
            phrase.append(number)
        elif phrase:
            yield tuple(phrase)
            phrase = []


@dataclass(frozen=True)
class Choice:
    """The step of one text that must have phrases.

    allowed, scores: what may be written, and the log-probabilities of all; what goes on with a
    phrase may be written, but where a piece is forced. totals, written: of the hypotheses. limit:
    of the text's pieces.
    """

    allowed: Float[Tensor, "beam label"]
    scores: Float[Tensor, "beam label"]
    totals: Float[Tensor, " beam"]
    written: Sequence[Sequence[int]]
    phrases: Phrases
    limit: int
    end: int
    forced: bool

    def onwards(self) -> set[Way]:
        """The ways that go on with a phrase."""
        return {
            (parent, piece)
            for parent, before in enumerate(() if self.forced else self.written)
            for piece in self.phrases.onwards(before)
        }

    def likeliest(self) -> set[Way]:
        """The likeliest way of each hypothesis that does not end."""
        open_ = self.allowed.clone()
        open_[:, self.end] = -torch.inf
        return set(enumerate(open_.argmax(1).tolist()))

    def options(self, ways: set[Way]) -> Iterator[Option]:
        """Some ways and those of every hypothesis: all that may be gone."""
        onwards, size = self.onwards(), self.phrases.size
        for parent, piece in sorted(ways | onwards | self.likeliest()):
            log = float(self.scores[parent, piece])
            score = log if (parent, piece) in onwards else float(self.allowed[parent, piece])
            total = float(self.totals[parent]) + score
            before = self.written[parent]
            bank = size - self.phrases.needed(before if piece == self.end else [*before, piece])
            room = self.limit - len(before) - 1
            fits = bank == size if piece == self.end else size - bank <= room
            if fits and total > -torch.inf:
                yield Option(bank, total, parent, piece, log)


def chosen(candidates: Candidates, choices: Mapping[int, Choice]) -> Candidates:
    """The candidates, with those of some texts chosen so that they get their phrases."""
    found = replace(
        candidates,
        parents=candidates.parents.clone(),
        pieces=candidates.pieces.clone(),
        logs=candidates.logs.clone(),
        totals=candidates.totals.clone(),
    )
    for text, choice in choices.items():
        likely = set(zip(found.parents[text].tolist(), found.pieces[text].tolist(), strict=True))
        found.totals[text] = -torch.inf
        options = in_turns(choice.options(likely))
        for place, option in enumerate(kept(options, found, choice.end)):
            found.parents[text, place] = option.parent
            found.pieces[text, place] = option.piece
            found.logs[text, place] = option.log
            found.totals[text, place] = option.total
    return found


def in_turns(found: Iterable[Option]) -> list[Option]:
    """The best of each bank, the fullest first, then the second best of each, and so on."""
    banks: dict[int, list[Option]] = defaultdict(list)
    for option in sorted(found, key=lambda one: -one.total):
        banks[option.bank].append(option)
    turns = [
        (place, -bank, option) for bank, one in banks.items() for place, option in enumerate(one)
    ]
    return [option for _, _, option in sorted(turns, key=lambda turn: turn[:2])]


def kept(options: Sequence[Option], candidates: Candidates, end: int) -> list[Option]:
    """As many that go on as there are hypotheses, and those that end before them."""
    found: list[Option] = []
    for option in options:
        going = sum(one.piece != end for one in found)
        if option.piece == end or going < candidates.size:
            found.append(option)
    return found[: candidates.pieces.shape[1]]
