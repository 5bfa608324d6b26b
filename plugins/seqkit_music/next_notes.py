"""A decoder that tells, at each step of a piece, which notes sound at the next one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqkit.abilities import Finding
from seqkit.errors import DataError, PluginError
from seqkit.inputs import input_name, input_width
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Answer, Example, Frames, Learnt, Loss, Upstream, Vectors
from seqkit_music.keyboard import KEYS, notes_of, piano_roll

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float, Float32, Float64, UInt8
    from numpy.random import Generator

    from seqkit.stages import Batch

Memory = Tensor | None
"""What the next step is expected to be, as log-odds [1, 88]; None before the first step."""
DIGITS = 6
"""Decimals of a surprise in answers."""


@final
class NextNotes(nn.Module):
    """A linear layer on each step. The argument is the setting of `notes`.

    Raises PluginError where an encoder looks ahead or leaves out steps.
    """

    samples: bool = False
    along_time: frozenset[str] = frozenset({"next", "follows"})

    def __init__(self, upstream: Upstream, *, over: str | None = None) -> None:
        super().__init__()
        if not upstream.causal:
            raise PluginError(
                "notes: the encoder reads each piece from its end too, so that it has heard the "
                "step that is to be predicted. Use a causal encoder, such as lstm or gru."
            )
        if upstream.stride != 1:
            raise PluginError(
                f"notes: the encoder gives one step for {upstream.stride}, but each step is "
                "predicted from the one before it. Use an encoder that keeps every step."
            )
        self.width, self.over = input_width("notes", upstream, over), over

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """How often each note sounds in training, at the steps that count.

        Raises DataError for inputs that are no piano rolls, and where no step follows another.
        """
        sounding, steps = np.zeros(KEYS), 0
        for number, example in enumerate(examples, 1):
            later = self.roll(example, f"notes: train: example {number}")[1:]
            sounding += later.sum(axis=0)
            steps += len(later)
        if not steps:
            raise DataError(
                "notes: no training example has a second step, so that nothing can be predicted. "
                "Give pieces of two steps or more."
            )
        return {"frequencies": ((sounding + 1) / (steps + 2)).tolist()}  # none is 0 or 1

    def ready(self, learnt: Learnt) -> None:
        """Allocates the weights; the bias begins as the log-odds of how often a note sounds."""
        self.frequencies: Float64[np.ndarray, " 88"] = np.array(learnt["frequencies"], np.float64)
        self.linear = nn.Linear(self.width, KEYS)
        with torch.no_grad():
            self.linear.bias.copy_(torch.logit(torch.from_numpy(self.frequencies)))

    def roll(self, example: Example, where: str) -> UInt8[np.ndarray, "time 88"]:
        """The piano roll of an example's input. Raises DataError where it is none."""
        name = input_name("notes", example.inputs, self.over)
        frames, where = example.inputs[name], f"{where}: input '{name}'"
        if not isinstance(frames, Frames):
            raise DataError(
                f"{where}: is a text, but `notes` reads piano rolls. Name a field of frames "
                "under data.text, or choose a decoder of text."
            )
        if not len(frames):
            return np.zeros((0, KEYS), np.uint8)  # what is empty has no width of its own
        return piano_roll(frames.values, where)

    def prepare(self, example: Example, rng: Generator | None = None) -> dict[str, np.ndarray]:
        """Next [time 88], the step after each one, and follows [time], whether there is one.

        Raises DataError as fit does.
        """
        del rng
        roll = self.roll(example, "notes")
        following = np.zeros_like(roll)
        following[:-1] = roll[1:]
        follows = np.ones(len(roll), np.uint8)
        follows[-1:] = 0
        return {"next": following, "follows": follows}

    def logits(self, vectors: Vectors) -> Float32[Tensor, "batch time 88"]:
        """Log-odds of each note at the next step, in fp32 under autocast too."""
        with torch.autocast(vectors.values.device.type, enabled=False):
            found: Tensor = self.linear(vectors.values.float())
        return found

    def loss(self, inputs: Mapping[str, Vectors], batch: Batch) -> Loss:
        """Nats, summed over notes and steps; the count is of the steps that have one after them."""
        logits = self.logits(inputs[input_name("notes", inputs, self.over)])
        real = batch["follows"].bool()
        return Loss(surprise(logits[real], batch["next"][real]).sum(), real.sum())

    @torch.no_grad()
    def predict(
        self, inputs: Mapping[str, Vectors], batch: Batch, examples: Sequence[Example]
    ) -> list[Answer]:
        """By step from the second on: the notes expected as `value`, and the step's `surprise`.

        A note is expected whose probability is above a half; surprise is in nats.
        """
        del examples
        logits = self.logits(inputs[input_name("notes", inputs, self.over)])
        counts = batch["follows"].sum(1).tolist()
        return [
            answer(row[:count], following[:count])
            for row, following, count in zip(logits, batch["next"], counts, strict=True)
        ]

    def gold(self, example: Example) -> Answer:
        """The notes that do sound at each step from the second on, which surprise nobody."""
        value = notes_of(self.roll(example, "notes")[1:])
        return {"value": value, "surprise": [0.0] * len(value)}

    def begin(self) -> Memory:
        """Expects nothing of the first step."""
        return None

    @torch.no_grad()
    def push(
        self, memory: Memory, inputs: Mapping[str, Vectors], batch: Batch, example: Example
    ) -> tuple[list[Answer], Memory]:
        """An answer for each step that has come and has one before it."""
        del batch
        logits = self.logits(inputs[input_name("notes", inputs, self.over)])[0]
        come = torch.from_numpy(self.roll(example, "notes")).to(logits.device)
        expected = logits if memory is None else torch.cat([memory, logits])
        if memory is None:
            come = come[1:]
        found = answer(expected[: len(come)], come)
        pairs = zip(found["value"], found["surprise"], strict=True)
        answers: list[Answer] = [{"value": value, "surprise": [nats]} for value, nats in pairs]
        return answers, expected[-1:] if len(expected) else None

    def finish(self, memory: Memory) -> list[Answer]:
        """Nothing: no step is open."""
        del memory
        return []

    def describe(self, examples: Iterable[Example], split: str) -> list[Finding]:
        """How many notes sound, and what their frequencies in training alone would score."""
        del split
        rolls = [self.roll(example, "notes")[1:] for example in examples]
        steps = np.concatenate(rolls)
        if not len(steps):
            return [Finding("no piece has a second step: nothing is predicted", "error")]
        odds = torch.from_numpy(np.tile(self.frequencies, (len(steps), 1))).logit()
        nats = float(surprise(odds, torch.from_numpy(steps)).mean())
        found = [
            Finding(
                f"{len(steps):,} steps count, {steps.sum(axis=1).mean():.2f} notes sound at each; "
                f"always giving how often each sounds in train has {nats:.2f} nats a step"
            )
        ]
        short = sum(not len(roll) for roll in rolls)
        if short:
            told = f"{short:,} of {len(rolls):,} pieces have no second step: nothing counts in them"
            found.append(Finding(told))
        return found


def surprise(
    logits: Float[Tensor, "*step 88"], notes: UInt8[Tensor, "*step 88"]
) -> Float[Tensor, "*step"]:
    """The negative log-likelihood of the notes of a step, in nats: one binary choice a note."""
    wanted = notes.to(logits.dtype)
    return F.binary_cross_entropy_with_logits(logits, wanted, reduction="none").sum(-1)


def answer(logits: Float32[Tensor, "time 88"], notes: UInt8[Tensor, "time 88"]) -> Answer:
    """The answer to some steps, of which the log-odds and the notes are known."""
    nats = surprise(logits, notes).tolist()
    expected = (logits > 0).to(torch.uint8).cpu().numpy()
    return {"value": notes_of(expected), "surprise": [round(one, DIGITS) for one in nats]}
