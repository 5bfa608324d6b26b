"""Tags as they come, written in another scheme as soon as that is settled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from seqkit.stages import Answer
from seqkit_labels.schemes import ENDS, OUTSIDE, goes_on, parts


@dataclass(frozen=True)
class Tail:
    """What is remembered of the tags that have come.

    before: role and label of the last word. begins: whether a span begins with it. waiting: its
    answer, where the tag depends on the word that comes next.
    """

    before: tuple[str, str] = (OUTSIDE, "")
    begins: bool = False
    waiting: Answer | None = None


def rewrite(tail: Tail, answers: Iterable[Answer], scheme: str) -> tuple[list[Answer], Tail]:
    """The answers whose tags are settled, in the scheme, and what is remembered.

    A span's first word tells where it begins, in any scheme. BIOES and BILOU also mark its end,
    which only the next word tells: there, the last word waits.
    """
    settled: list[Answer] = []
    for answer in answers:
        now = parts(answer["value"])
        onward = goes_on(tail.before, now)
        if tail.waiting is not None:
            settled.append({**tail.waiting, "value": written(tail, scheme, ends=not onward)})
        touches = not onward and tail.before[0] != OUTSIDE and tail.before[1] == now[1]
        begins = not onward and (scheme != "IOB1" or touches)
        tail = Tail(now, begins, answer)
        if scheme not in ENDS or now[0] not in "BI":
            settled.append({**answer, "value": written(tail, scheme, ends=True)})
            tail = replace(tail, waiting=None)
    return settled, tail


def finished(tail: Tail, scheme: str) -> list[Answer]:
    """The answer that waited for another word."""
    if tail.waiting is None:
        return []
    return [{**tail.waiting, "value": written(tail, scheme, ends=True)}]


def written(tail: Tail, scheme: str, ends: bool) -> str:
    """The last word's tag. ends: whether its span ends with it."""
    role, label = tail.before
    if role == OUTSIDE:
        return OUTSIDE
    letter = "B" if tail.begins else "I"
    if ends and scheme in ENDS:
        last, alone = ENDS[scheme]
        letter = alone if tail.begins else last
    return f"{letter}-{label}" if label else letter
