"""What happens in a scene, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from seqkit_scenes.stage import Act, Scene

EDGES = {"left": "left", "right": "right", "up": "top", "down": "bottom"}
"""The side to which a direction leads."""
OPPOSITE = {"left": "right", "right": "left", "up": "bottom", "down": "top"}
"""The side from which one comes who goes in a direction."""


@dataclass(frozen=True)
class Phrasing:
    """A way to tell. pronoun: who acts again at once is `it`."""

    enters: str
    moves: str
    leaves: str
    next: str
    pronoun: bool


PHRASINGS = (
    Phrasing("enters from the", "moves", "leaves at the", "then", pronoun=False),
    Phrasing("enters from the", "moves", "leaves at the", "and then", pronoun=True),
    Phrasing("comes in from the", "goes", "goes out at the", "then", pronoun=True),
)


def captions(scene: Scene, phrasings: int) -> list[str]:
    """The scene told in the first so many ways, each caption once."""
    return list(dict.fromkeys(told(scene, phrasing) for phrasing in PHRASINGS[:phrasings]))


def told(scene: Scene, phrasing: Phrasing) -> str:
    """The acts one after the other."""
    return f" {phrasing.next} ".join(sentences(scene, phrasing))


def sentences(scene: Scene, phrasing: Phrasing) -> Iterator[str]:
    """A sentence for each act; a thing has `a` where it is named first, and then `the`."""
    known: set[int] = set()
    before: int | None = None

    def name(thing: int) -> str:
        article = "the" if thing in known else "a"
        known.add(thing)
        return f"{article} {' '.join(scene.things[thing])}"

    for act in scene.acts:
        subject = "it" if phrasing.pronoun and act.thing == before else name(act.thing)
        sentence = f"{subject} {does(act, phrasing)}"
        if act.passed is not None:
            sentence += f" {'behind' if act.behind else 'in front of'} {name(act.passed)}"
        yield sentence
        before = act.thing


def does(act: Act, phrasing: Phrasing) -> str:
    """A verb, with where it leads."""
    if act.kind == "enters":
        return f"{phrasing.enters} {OPPOSITE[act.direction]}"
    if act.kind == "leaves":
        return f"{phrasing.leaves} {EDGES[act.direction]}"
    return f"{phrasing.moves} {act.direction}"
