"""The promises of an embedder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from seqkit.abilities import Framing
from seqkit.stages import Embedder, Example
from seqkit.table import collate
from seqkit.testing.specimens import edges
from seqkit.testing.subject import Subject, same
from seqkit.testing.vectors import Rows, check_vectors


def check_embedder(subject: Subject, examples: Sequence[Example], more: Sequence[Example]) -> None:
    """Fits on some examples, then embeds them and more."""
    learnt = subject.learn(examples)
    stage, every = subject.ready(learnt), [*examples, *more, *edges(examples)]
    subject.is_network(stage)
    subject.has(stage, Embedder)
    subject.positive(stage, "width")
    named = [(one, name) for one in every for name in one.inputs]
    steps = [steps_of(stage, len(one.inputs[name])) for one, name in named]

    def prepared(who: Any, seed: int | None = None) -> list[Any]:
        rngs = [None if seed is None else np.random.default_rng(seed) for _ in named]
        with subject.doing("prepare"):
            pairs = zip(named, rngs, strict=True)
            return [dict(who.prepare(one, name, rng)) for (one, name), rng in pairs]

    arrays, twin = prepared(stage), subject.twin(stage, learnt)
    subject.hold(bool(stage.along_time), "along_time is empty: name the arrays with a row a piece.")
    subject.arrays(arrays, stage.along_time, steps)
    subject.hold(same(arrays, prepared(stage)), "prepare gives other arrays the second time.")
    subject.hold(same(arrays, prepared(twin)), "prepare gives other arrays after loading.")
    if stage.samples:
        drawn = same(prepared(stage, 3), prepared(stage, 3))
        subject.hold(drawn, "prepare draws from another source than rng.")

    def run(who: Any, rows: Sequence[int], keep: int) -> Any:
        batch = collate([arrays[row] for row in rows])
        return {"": who({name: value[:keep] for name, value in batch.items()})}

    check_vectors(Rows(subject, run, {"": steps}), stage, twin, learnt)


def steps_of(stage: Any, size: int) -> int:
    """How many steps an embedder makes of so many pieces or frames."""
    return stage.steps(size) if isinstance(stage, Framing) else size
