"""Which weights are the best, by the dev split, and when to stop looking for better ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seqkit.batching import cut
from seqkit.checkpoints import Checkpoints
from seqkit.errors import TrainingError
from seqkit.evaluation import better, evaluate, metric_names
from seqkit.optimisers import BatchSettings, StopSettings
from seqkit.pipeline import TOKENS, Pipeline
from seqkit.stages import Example
from seqkit.table import Table
from seqkit.training import Progress, Step, mean_loss

LOSS = "loss"


class Selection:
    """Scores the dev split after an epoch and keeps the best weights.

    By `stop.on`, else by the first metric, else by the loss. What it remembers is in the notes of
    the progress: the best, the evaluations waited since, and the history.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        examples: Sequence[Example],
        checkpoints: Checkpoints,
        stop: StopSettings | None,
    ) -> None:
        self.pipeline, self.examples, self.checkpoints = pipeline, examples, checkpoints
        metrics = metric_names(pipeline.recipe)
        self.on = stop.on if stop else next(iter(metrics), LOSS)
        self.stop = stop
        self.higher = self.on != LOSS and metrics[self.on][1].higher_is_better
        self.batches = loss_batches(pipeline, examples) if self.on == LOSS else []

    def scores(self, step: Step) -> dict[str, float]:
        """The dev scores of the pipeline as it stands. Raises TrainingError for a loss of NaN."""
        scores = {
            name: one.value for name, one in evaluate(self.pipeline, self.examples, 0).items()
        }
        if self.on == LOSS:
            scores[LOSS] = mean_loss(self.pipeline, self.batches)
            if not math.isfinite(scores[LOSS]):
                raise TrainingError(
                    f"train: epoch {step.epoch + 1}, update {step.number}: the loss on dev is "
                    f"{scores[LOSS]}. Mend the dev split, or stop on a metric."
                )
        return scores

    def hear(self, step: Step, scores: Mapping[str, float], progress: Progress) -> bool:
        """Takes scores in, and keeps the weights if they are the best; whether they are."""
        notes, value = progress.notes, scores[self.on]
        best = notes.get("best")
        is_best = better(value, best["value"] if best else None, self.higher)
        if is_best:
            self.checkpoints.save_best(self.pipeline.network, step.number)
            notes["best"] = {"number": step.number, "name": self.on, "value": value}
        notes["waited"] = 0 if is_best else notes.get("waited", 0) + 1
        notes["stopped"] = self.enough(value, notes["waited"])
        progress.schedule.hear(is_best)
        record = {
            "epoch": step.epoch + 1,
            "step": step.number,
            "examples": notes.get("examples", 0),
            "loss": step.loss,
            "dev": dict(scores),
        }
        notes.setdefault("history", []).append(record)
        return is_best

    def enough(self, value: float, waited: int) -> bool:
        """Whether training is to stop: the goal is reached, or patience is at its end."""
        if self.stop is None:
            return False
        goal = self.stop.goal
        reached = goal is not None and (value >= goal if self.higher else value <= goal)
        return reached or waited >= self.stop.patience


def loss_batches(pipeline: Pipeline, examples: Sequence[Example]) -> list[Any]:
    """Examples with gold as batches, for the loss."""
    table = Table.stack([pipeline.prepare(example) for example in examples])
    sizes = pipeline.sizes(table)
    order = np.argsort(sizes.sum(axis=1), kind="stable").tolist()
    return [table.collate(rows) for rows in cut(sizes, order, BatchSettings(tokens=TOKENS))]
