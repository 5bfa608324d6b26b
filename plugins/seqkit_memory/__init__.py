"""Source: tasks that only a long memory solves, drawn at random; it needs no files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from annotated_types import Ge

from seqkit.plugins import Register, hookimpl
from seqkit.settings import PositiveInt
from seqkit.stages import Source

Several = Annotated[int, Ge(2)]

LENGTH = 100
READERS = {
    "length": ("adding", "multiplication", "copy", "order"),
    "shortest": ("adding", "multiplication", "copy", "order"),
    "symbols": ("copy",),
    "markers": ("order",),
}
"""The tasks that each of these settings is for."""
SHORTEST = {"adding": 11, "multiplication": 11, "copy": 1, "order": 10}
"""The least length at which all that a task puts into a row has its own step."""


@hookimpl
def seqkit_stages(register: Register) -> None:
    """Registers the source."""
    register.source("synthetic", synthetic, rules=synthetic_rules)


def synthetic(
    *,
    task: Literal["adding", "multiplication", "copy", "order", "reber"] = "adding",
    length: PositiveInt | None = None,
    shortest: PositiveInt | None = None,
    size: PositiveInt = 10000,
    held_out: PositiveInt = 2000,
    seed: int = 1,
    symbols: Several | None = None,
    markers: Literal[2, 3] | None = None,
) -> Source:
    """Sequences that only a long memory can answer, drawn at random.

    Four tasks are those of Hochreiter & Schmidhuber (1997), here with T for the length:

    adding (experiment 4): T to 1.1 T steps of two channels, numbers from -1 to 1 and markers. The
    marker is 1 at two steps, one of the first ten and one of the first T / 2 - 1 others, -1 at the
    first and the last step, and 0 elsewhere. Fields: series (an array [time, 2]), target, which is
    0.5 and a quarter of the sum of the two marked numbers; right is what is at most 0.04 away. A
    marked first step has the number 0.

    multiplication (experiment 5): the same with numbers from 0 to 1, their product as target, and
    the number 1 in a marked first step.

    order (experiment 6): T to 1.1 T words, an E, then a, b, c and d at random, then a B; but two
    words, a tenth to a fifth and half to three fifths of T in, are X or Y. Fields: words, class,
    such as XY. With three markers they stand 10 to 20, 33 to 43 and 66 to 76 hundredths of T in.

    reber (experiment 1): the strings of the embedded Reber grammar. Fields: words (a string's
    symbols without the last one), next: by word the symbols that may come next, in alphabetical
    order, such as PT. The last but one repeats the second.

    copy (Arjovsky et al. 2016; Bai et al. 2018): T + 20 words, ten symbols of 0 to 7 at
    random, T - 1 blanks _, a delimiter |, ten blanks. Fields: words, tags: T + 10 blanks, and then
    the ten symbols. Who remembers nothing has a mean loss of 10 ln 8 / (T + 20) nats.

    A sequence of words belongs to one split, whatever the seed, so none of dev or test stands in
    train; within a split it may come again, as the shortest strings of reber do. Two series of
    numbers are never equal.

    task: which of them.
    length: T; 100 where it is left out. Not for reber.
    shortest: trains on lengths from this one up to T, each octave as likely, which is learnt in
    fewer updates; dev and test keep T. Where it is left out, training keeps T too. Not for reber.
    size: rows of train.
    held_out: rows of dev, and of test.
    seed: which rows are drawn.
    symbols: for copy, how many symbols there are to draw from; 8 where it is left out.
    markers: for order, how many X and Y there are; 2 where it is left out.
    """
    from seqkit_memory.source import Synthetic

    sizes = {"train": size, "dev": held_out, "test": held_out}
    return Synthetic(task, length or LENGTH, symbols or 8, markers or 2, sizes, seed, shortest)


def synthetic_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """No setting without an effect, and a length that has room for the task."""
    task, length = settings["task"], settings["length"]
    for name, tasks in READERS.items():
        if settings[name] is not None and task not in tasks:
            yield name, f"has no effect on the task {task}, only on {', '.join(tasks)}. Remove it"
    least, shortest = SHORTEST.get(task, 1), settings["shortest"]
    for name in ("length", "shortest"):
        given = settings[name]
        if given is not None and given < least:
            yield name, f"is {given}, too short for the task {task}. Use {least} or more"
    if shortest is not None and shortest > (length or LENGTH):
        yield "shortest", f"is {shortest}, above 'length', {length or LENGTH}. Lower it"
