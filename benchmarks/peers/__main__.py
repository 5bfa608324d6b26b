"""One peer, in its own environment, does one thing and prints what it measured as JSON.

    python -m peers flair train --data DIR --models DIR

from this folder's parent. `train` times updates, `prepare` trains a tagger and keeps it, `tag`
times the kept one, `retrain` trains a tagger of all columns and scores it. `translate` times a
translator; DIR then holds texts in pieces.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from measuring import Measured, Tag, accuracy, cores, now, report, tag_speed, train_speed
from sentences import Sentence, load, treebank

COLUMNS = ("upos", "xpos", "feats")


class Peer(Protocol):
    """A toolkit's module in this folder. It has those of the functions that it is measured by."""

    def updates(self, train: Sequence[Sentence]) -> Iterator[int]:
        """Makes updates without end; gives the words of each."""
        ...

    def prepare(self, train: Sequence[Sentence], dev: Sequence[Sentence], place: Path) -> str:
        """Trains a tagger and keeps it at a place; says how it was trained."""
        ...

    def tagger(self, place: Path) -> Tag:
        """The tagger that was kept."""
        ...

    def retrain(self, data: Path, place: Path) -> list[list[list[str]]]:
        """Trains on all COLUMNS; the answers on test of each column."""
        ...


class Translating(Protocol):
    """The module of a toolkit that translates."""

    def translate(self, texts: Path, place: Path) -> Measured:
        """Target pieces a second of training, and sentences a second of each search it has."""
        ...


def prepare(peer: Peer, data: Path, place: Path) -> Measured:
    """Trains a peer's tagger and keeps it, with how it was trained and the minutes that it took."""
    place.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    how = peer.prepare(load(treebank(data, "train")), load(treebank(data, "dev")), place)
    found = {"how": how, "minutes": (time.perf_counter() - started) / 60}
    (place / "prepared.json").write_text(json.dumps(found))
    return found


def tag(peer: Peer, data: Path, place: Path) -> Measured:
    """Times a peer's tagger on dev and test."""
    dev, test = (load(treebank(data, split)) for split in ("dev", "test"))
    if not (place / "prepared.json").exists():
        raise SystemExit(f"no trained tagger in {place}: run predict.py --prepare first")
    how = json.loads((place / "prepared.json").read_text())
    return {**how, **tag_speed(lambda: peer.tagger(place), dev + test, len(test))}


def retrain(peer: Peer, data: Path, place: Path) -> Measured:
    """Trains a tagger of all columns and scores each on test."""
    place.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    answers = peer.retrain(data, place)
    minutes = (time.perf_counter() - started) / 60
    golds = [[s.tags for s in load(treebank(data, "test"), column)] for column in COLUMNS]
    scores = [accuracy(found, gold) for found, gold in zip(answers, golds, strict=True)]
    return {**dict(zip(COLUMNS, scores, strict=True)), "minutes": minutes}


def main() -> None:
    """Does what is asked and prints it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("peer")
    parser.add_argument("verb", choices=["train", "prepare", "tag", "retrain", "translate"])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=10)
    given = parser.parse_args()
    module = import_module(f"peers.{given.peer}")
    if given.verb == "translate":
        started = now()
        found = cast("Translating", module).translate(given.data, given.models / given.peer)
        report({"cores": cores(started), **found})
        return
    peer = cast("Peer", module)
    if given.verb == "train":
        report(train_speed(peer.updates(load(treebank(given.data, "train"))), given.seconds))
    elif given.verb == "prepare":
        report(prepare(peer, given.data, given.models / given.peer))
    elif given.verb == "tag":
        report(tag(peer, given.data, given.models / given.peer))
    else:
        report(retrain(peer, given.data, given.models / f"{given.peer}-all-columns"))


if __name__ == "__main__":
    main()
