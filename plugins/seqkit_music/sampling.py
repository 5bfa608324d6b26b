"""Music that a model makes up, step after step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.random import RandomState

from seqkit.errors import ModelError
from seqkit.pipeline import Pipeline
from seqkit.settings import CHECK_SHAPES
from seqkit_music.keyboard import KEYS
from seqkit_music.next_notes import NextNotes

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float64, UInt8


def continuation(
    pipeline: Pipeline,
    prompt: UInt8[np.ndarray, "time 88"],
    steps: int,
    *,
    temperature: float = 1.0,
    together: int | None = None,
    seed: int = 1,
) -> UInt8[np.ndarray, "steps 88"]:
    """Samples the steps that come after a prompt, each note of a step on its own.

    An empty prompt stands for one silent step. temperature: divides the log-odds; at 0 a note
    sounds where it is likelier than not. together: how many notes sound at once at most, the
    likeliest of those drawn. A step costs the same wherever it stands, as the encoder's state is
    carried on.

    Raises ModelError for a pipeline whose decoder is not `notes`, and SeqkitError for one whose
    encoder cannot go on.
    """
    if not isinstance(pipeline.network.decoder, NextNotes):
        raise ModelError(
            f"{pipeline.recipe.name}: decodes with `{pipeline.recipe.decode.name}`, but music is "
            "made up by `notes`. Name a model of music, such as that of recipes/music-jsb.yaml."
        )
    live, random = pipeline.live(), RandomState(seed)  # numpy keeps this generator as it is
    live.push(*(prompt if len(prompt) else np.zeros((1, KEYS), np.uint8)))
    found = np.zeros((steps, KEYS), np.uint8)
    for frame in found:
        frame[:] = drawn(live.memory[0].double().cpu().numpy(), temperature, together, random)
        live.push(frame)
    return found


def drawn(
    logits: Float64[np.ndarray, " 88"],
    temperature: float,
    together: int | None,
    random: RandomState,
) -> UInt8[np.ndarray, " 88"]:
    """One step: each note sounds with its probability."""
    if temperature:
        with np.errstate(over="ignore"):  # what is beyond all bounds is as good as certain
            likely = (1 + np.tanh(logits / (2 * temperature))) / 2
        sounds = random.random_sample(len(logits)) < likely
    else:
        sounds = logits > 0
    if together is not None:
        likeliest = np.argsort(np.where(sounds, -logits, np.inf), kind="stable")
        sounds[likeliest[together:]] = False
    return sounds.astype(np.uint8)
