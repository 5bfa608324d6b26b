"""Texts that are too long to be in memory as a whole: read window by window, answered as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from seqkit.abilities import Windowed
from seqkit.batching import Streams
from seqkit.errors import SeqkitError
from seqkit.live import check_encoders
from seqkit.network import DECODE, scoped
from seqkit.optimisers import BatchSettings
from seqkit.settings import CHECK_SHAPES
from seqkit.table import Table

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Int

if TYPE_CHECKING:
    from seqkit.network import States
    from seqkit.pipeline import Pipeline
    from seqkit.stages import Answer, Arrays, Example

LONG = 8192
"""Steps beyond which a text is read window by window, where the stages can."""
WINDOW = 2048
"""Steps of a window."""


def long_texts(
    pipeline: Pipeline, arrays: Sequence[Arrays], steps: Int[np.ndarray, " example"]
) -> list[int]:
    """Which prepared texts are beyond LONG steps and can be read window by window."""
    along = pipeline.along_time
    long = [row for row in np.flatnonzero(steps > LONG).tolist() if set(arrays[row]) <= along]
    return long if long and reads_windows(pipeline) else []


def reads_windows(pipeline: Pipeline) -> bool:
    """Whether a pipeline's stages can go on from one window of a text to the next."""
    if len(pipeline.names) > 1 or not isinstance(pipeline.network.decoder, Windowed):
        return False
    try:
        check_encoders(pipeline.recipe, pipeline.network)
    except SeqkitError:
        return False
    return True


def answer_in_windows(pipeline: Pipeline, arrays: Arrays, example: Example) -> Answer:
    """The answer to a prepared text: that of the whole, to 1e-5, in the memory of one window."""
    network, device = pipeline.network, pipeline.device
    decoder = network.decoder
    assert isinstance(decoder, Windowed)
    settings = BatchSettings(streams=1, window=WINDOW)
    states: States | None = None
    memory = decoder.begin()
    for window, _, _ in Streams(Table.stack([arrays]), pipeline.along_time, settings):
        batch = {name: value.to(device) for name, value in window.items()}
        vectors, states = network.encode(batch, states)
        memory = decoder.read(memory, vectors, scoped(batch, DECODE))
    return decoder.conclude(memory, example)
