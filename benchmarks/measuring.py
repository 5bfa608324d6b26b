"""Measuring in processes of their own: words a second, peak memory, accuracy."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sentences import Sentence

Measured = dict[str, Any]
Tag = Callable[[list[list[str]]], list[list[str]]]
"""Tags texts that are given as words."""

HERE = Path(__file__).resolve().parent
PASSES = 3
WARM_UP = 5
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "BLIS_NUM_THREADS")


class Moment(NamedTuple):
    """Seconds on the clock, and seconds that the process has had a processor."""

    wall: float
    processor: float


def now() -> Moment:
    """The present moment."""
    return Moment(time.perf_counter(), time.process_time())


def cores(since: Moment) -> float:
    """How many processors the process has had; below its threads, something else ran as well."""
    end = now()
    return (end.processor - since.processor) / (end.wall - since.wall)


def train_speed(updates: Iterable[int], seconds: float) -> Measured:
    """Words a second of a training.

    updates: makes one update after another and gives the words of each. The first WARM_UP are not
    timed; those after are, until `seconds` have passed.
    """
    words, started = 0, now()
    for number, count in enumerate(updates, 1):
        if number == WARM_UP:
            words, started = 0, now()
            continue
        words += count
        if number > WARM_UP and now().wall - started.wall > seconds:
            break
    return {"train": words / (now().wall - started.wall), "cores": cores(started)}


def tag_speed(make: Callable[[], Tag], sentences: Sequence[Sentence], scored: int) -> Measured:
    """Start-up, words a second of the first pass and of the best later one, and the tags.

    scored: how many sentences at the end count for the accuracy.
    """
    loading = now()
    tag = make()
    tagging = now()
    texts = [list(sentence.words) for sentence in sentences]
    seconds = []
    for _ in range(1 + PASSES):
        started = now()
        tags = tag(texts)
        seconds.append(now().wall - started.wall)
    words = sum(map(len, texts))
    return {
        "first": words / seconds[0],
        "again": words / min(seconds[1:]),
        "load": tagging.wall - loading.wall,
        "cores": cores(tagging),
        "accuracy": accuracy(tags[-scored:], [s.tags for s in sentences[-scored:]]),
        "tags": hashlib.sha256(json.dumps(tags).encode()).hexdigest(),
    }


def accuracy(found: Sequence[Sequence[str]], gold: Sequence[Sequence[str]]) -> float:
    """The percentage of right tags. Raises ValueError where a sentence has other than its words."""
    pairs = [
        (tag, wanted)
        for tags, golds in zip(found, gold, strict=True)
        for tag, wanted in zip(tags, golds, strict=True)
    ]
    return 100 * sum(tag == wanted for tag, wanted in pairs) / len(pairs)


def report(found: Measured) -> None:
    """Prints what a process has measured, and its peak memory in MB, for `in_process` to read."""
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(json.dumps({**found, "memory": memory}))


def in_process(command: Sequence[str], threads: int, limit: float = 600) -> Measured:
    """What a command reports, run with so many threads; "failed" and why, where it does not.

    limit: seconds after which it is stopped.
    """
    environment = {**os.environ, **dict.fromkeys(THREADS, str(threads))}
    try:
        done = subprocess.run(
            command, env=environment, cwd=HERE, capture_output=True, text=True, timeout=limit
        )
    except subprocess.TimeoutExpired:
        return {"failed": f"took longer than {limit:.0f} s"}
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["no message"])[-1]}
    found: Measured = json.loads(done.stdout.splitlines()[-1])
    return found


Round = Mapping[str, Measured]


def median(rounds: Sequence[Round], row: str, what: str) -> float:
    """The median over the rounds of what a row has measured."""
    return float(statistics.median([found[row][what] for found in rounds]))


def ratio(rounds: Sequence[Round], row: str, peer: str, what: str) -> float:
    """The median over the rounds of a row's ratio to a peer in the same round."""
    ratios = [found[row][what] / found[peer][what] for found in rounds]
    return float(statistics.median(ratios))


def failures(rounds: Sequence[Round]) -> dict[str, str]:
    """The rows that failed in any round, and why."""
    return {
        row: found["failed"]
        for measured in rounds
        for row, found in measured.items()
        if "failed" in found
    }
