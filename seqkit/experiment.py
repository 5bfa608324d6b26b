"""One experiment: fit, prepare, train, evaluate; what a run directory keeps makes it resumable."""

from __future__ import annotations

import hashlib
import os
import shlex
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, Protocol, runtime_checkable

import numpy as np
import torch

from seqkit import storage
from seqkit.batching import Batches, Pools, Streams
from seqkit.calibration import calibrate
from seqkit.checkpoints import Checkpoints
from seqkit.data import rows_of, splits, trained
from seqkit.doctor import Doctor
from seqkit.errors import (
    Interrupted,
    ModelError,
    Problem,
    RecipeError,
    TrainingError,
)
from seqkit.gradients import Gradients
from seqkit.pipeline import Pipeline, build, rebuild
from seqkit.precision import choose_precision
from seqkit.recipe import Recipe
from seqkit.selection import Selection
from seqkit.stages import Example, Row
from seqkit.table import collate, prepare_all, prepared
from seqkit.training import (
    Progress,
    Step,
    begin,
    total_steps,
    train,
)

# oneDNN keeps the last 1024 kernels, one for each shape of a batch. When training, a recurrent one
# takes close to a megabyte and its shape seldom comes again: 64 train as fast in half the memory.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
GLANCE = 5000
"""Examples of a split that tokenisers and embedders describe before a run."""


@runtime_checkable
class Watch(Protocol):
    """Is told what happens in a run: a progress bar, lines of a log, or nobody."""

    def began(self, pipeline: Pipeline, steps: int, done: int) -> None: ...
    def stepped(self, step: Step) -> None: ...
    def scored(self, epoch: int, scores: Mapping[str, float], best: bool) -> None: ...
    def said(self, line: str) -> None: ...
    def ended(self) -> None: ...


class Silent:
    """Nobody watches."""

    def began(self, pipeline: Pipeline, steps: int, done: int) -> None:
        """Says nothing."""

    def stepped(self, step: Step) -> None:
        """Says nothing."""

    def scored(self, epoch: int, scores: Mapping[str, float], best: bool) -> None:
        """Says nothing."""

    def said(self, line: str) -> None:
        """Says nothing."""

    def ended(self) -> None:
        """Says nothing."""


@dataclass
class Experiment:
    """A recipe on its data, in a run directory.

    data: the data folder. origin: the run's provenance. stopping: whether a signal asked to stop.
    """

    recipe: Recipe
    data: Path
    folder: Path
    origin: Mapping[str, Any]
    device: torch.device
    watch: Watch = field(default_factory=Silent)
    stopping: Callable[[], bool] = lambda: False

    @property
    def checkpoints(self) -> Checkpoints:
        """The run's checkpoints."""
        return Checkpoints(self.folder / "checkpoints")

    @property
    def files(self) -> Path | None:
        """The data folder, where the source reads files of it."""
        return self.data if trained(self.recipe).files else None

    def rows(self, split: str) -> list[Row]:
        """The rows of a split. Raises DataError where there are none."""
        return rows_of(self.recipe, split, self.data, self.origin["sample"])

    def examples(self, pipeline: Pipeline, split: str) -> list[Example]:
        """The examples of a split, with gold."""
        return [
            pipeline.example(row, f"data.{split}: example {number}")
            for number, row in enumerate(self.rows(split), 1)
        ]

    def fitted(self) -> Pipeline:
        """The pipeline with its stages fitted: now, or before and kept in the run directory.

        The weights depend on the seed and on what was learnt alone, not on which of the two it was.
        """
        place = self.folder / "fitted"
        try:
            files = storage.read_folder(place)
        except ModelError:
            files = storage.pack(build(self.recipe.located(self.data), self.rows("train")).learnt)
            storage.write_folder(place, files)
        torch.manual_seed(self.recipe.train.seed)
        pipeline = rebuild(self.recipe, storage.unpack(files))
        pipeline.network.to(self.device)
        return pipeline

    def batches(self, pipeline: Pipeline) -> Batches:
        """The batches of the training split: prepared once, or each epoch where a stage samples."""
        settings, seed = self.recipe.train.batch, self.recipe.train.seed
        if settings.streams:
            self.refuse_streams(pipeline)
        if pipeline.samples:
            rows = self.rows("train")
            examples = self.examples(pipeline, "train")
            table = prepare_all(examples, pipeline.prepare, "data.train")

            def sampled(chosen: np.ndarray, epoch: int) -> Any:
                return collate([drawn(pipeline, rows[n], n, seed, epoch) for n in chosen.tolist()])

            return Pools(sampled, pipeline.sizes(table), settings, seed)
        table = prepared(
            self.key(pipeline),
            lambda: prepare_all(self.examples(pipeline, "train"), pipeline.prepare, "data.train"),
        )
        if settings.streams:
            return Streams(table, pipeline.along_time, settings)
        return Pools(lambda rows, _: table.collate(rows), pipeline.sizes(table), settings, seed)

    def refuse_streams(self, pipeline: Pipeline) -> None:
        """Raises RecipeError where a stage cannot go on from window to window."""
        wrong = ""
        if not pipeline.causal:
            wrong = "the encoder reads backwards too. Use a causal encoder, or batch by tokens."
        elif pipeline.samples:
            wrong = "a stage samples the text anew each epoch. Batch by tokens."
        if wrong:
            message = f"streams carry state from window to window, but {wrong}"
            path = "train.batch"
            raise RecipeError([Problem(self.recipe.where(path), path, message)])

    def key(self, pipeline: Pipeline) -> dict[str, Any]:
        """What the prepared training split depends on."""
        plain = self.recipe.plain()
        learnt = storage.pack(pipeline.learnt)
        return {
            "format": 1,
            "data": self.origin["data"]["train"],
            "plugins": self.origin["plugins"],
            "versions": self.origin["versions"],
            "recipe": {part: plain.get(part) for part in ("data", "tokenise", "embed", "decode")},
            "learnt": [hashlib.sha256(learnt[name]).hexdigest() for name in sorted(learnt)],
        }

    def examine(self, pipeline: Pipeline) -> None:
        """Says in a few lines what the data are. Raises DataError where training is meaningless."""
        words = ["seqkit", "data", str(self.folder / "recipe.yaml")]
        words += ["--data", str(self.files)] if self.files else []
        words += ["--sample", str(self.origin["sample"])] if self.origin["sample"] else []
        command = shlex.join(words)
        doctor = Doctor(self.recipe, pipeline, GLANCE)
        for split in splits(trained(self.recipe)):
            doctor.look(split, self.examples(pipeline, split))
        for line in doctor.report.brief(command):
            self.watch.said(f"data: {line}")
        doctor.report.refuse(command)

    def leave(self, when: str) -> NoReturn:
        """Ends because a signal asked to."""
        raise Interrupted(f"{self.folder}: stopped {when}. Run the same command again to go on.")

    def learn(self) -> tuple[Pipeline, Progress]:
        """Trains to the end, from the newest whole checkpoint where there is one.

        Raises Interrupted after a checkpoint where a signal asked to stop, and TrainingError.
        """
        settings = self.recipe.train
        pipeline = self.fitted()
        if not self.checkpoints.names("step-"):
            self.examine(pipeline)
        if self.stopping():
            self.leave("before training")
        batches = self.batches(pipeline)
        progress = begin(pipeline, settings, settings.precision)
        if (
            not self.checkpoints.restore(pipeline.network, progress, batches, self.watch.said)
            and settings.precision == "auto"
        ):
            progress.precision = choose_precision(pipeline, batches)
            self.watch.said(f"precision: {progress.precision}, chosen for this machine and batches")
        if self.stopping():
            self.leave("before training")
        dev = self.selection(pipeline)
        steps = total_steps(batches, settings, progress)
        self.watch.began(pipeline, steps, progress.number)
        try:
            self.follow(pipeline, batches, progress, dev)
        except TrainingError as error:
            kept = self.checkpoints.names("step-")
            raise TrainingError(f"{error} Kept: {kept[-1]}." if kept else str(error)) from error
        finally:
            self.watch.ended()
        best = progress.notes.get("best")
        if best:
            self.checkpoints.restore_best(pipeline.network, best["number"])
        elif progress.averages:
            progress.averages.swap()
        for line in calibrate(pipeline, dev.examples) if dev else ():
            self.watch.said(line)
        return pipeline, progress

    def selection(self, pipeline: Pipeline) -> Selection | None:
        """Who selects the best weights; nobody where there is no dev split."""
        if "dev" not in splits(trained(self.recipe)):
            return None
        examples, stop = self.examples(pipeline, "dev"), self.recipe.train.stop
        return Selection(pipeline, examples, self.checkpoints, stop)

    def follow(
        self, pipeline: Pipeline, batches: Batches, progress: Progress, dev: Selection | None
    ) -> None:
        """Takes step after step; evaluates, saves and stops where it is time to."""
        settings, notes = self.recipe.train, progress.notes
        saved = time.monotonic()
        every = settings.every
        if notes.get("stopped"):
            return
        gradients = Gradients(pipeline, batches, self.watch.said) if settings.watch else None
        for step in train(pipeline, batches, settings, progress):
            notes["tokens"] = notes.get("tokens", 0) + step.tokens
            notes["examples"] = notes.get("examples", 0) + step.examples
            self.watch.stepped(step)
            due = step.number % every == 0 if every else step.ends_epoch
            due = due or step.ends_training
            if due and dev:
                with torch.random.fork_rng(), averaged(progress):
                    scores = dev.scores(step)
                    best = dev.hear(step, scores, progress)
                self.watch.scored(step.epoch + 1, scores, best)
            if gradients:
                gradients.follow(step, notes, due)
            stopping = self.stopping()
            if due or stopping or time.monotonic() - saved >= settings.save:
                now = time.monotonic()
                notes["seconds"] = notes.get("seconds", 0.0) + now - saved
                saved = now
                self.checkpoints.save(pipeline.network, progress, batches)
            if notes.get("stopped"):
                return
            if stopping:
                self.leave(f"after update {step.number}")


def averaged(progress: Progress) -> AbstractContextManager[None]:
    """The averages in the weights' place, where the recipe asks for averages."""
    return progress.averages.used() if progress.averages else nullcontext()


def drawn(
    pipeline: Pipeline, row: Row, number: int, seed: int, epoch: int
) -> dict[str, np.ndarray]:
    """A training example prepared with its own draw: from seed, epoch and number alone."""
    rng = np.random.default_rng([seed, epoch, number])
    example = pipeline.example(row, f"data.train: example {number + 1}", rng=rng)
    return pipeline.prepare(example, rng=rng)


def scored(experiment: Experiment, pipeline: Pipeline, split: str) -> list[Example]:
    """The examples of a split; none where there is no such split, or nothing to score."""
    if split not in splits(trained(experiment.recipe)) or not experiment.recipe.metrics:
        return []
    return experiment.examples(pipeline, split)
