"""Inputs: which of them a decoder reads, what their steps are called, and pieces without a text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from seqkit.errors import PluginError
from seqkit.stages import Frames, Pieces, Text, Upstream

MANY = 4
"""Frames of a step that are named one by one."""


def input_name(who: str, inputs: Iterable[str], over: str | None) -> str:
    """The name of the input that a decoder reads. Raises PluginError where that is not clear."""
    names = list(inputs)
    if over is None and len(names) == 1:
        return names[0]
    known = ", ".join(names)
    if over is None:
        raise PluginError(f"{who} reads one input, but there are {known}. Set 'over' to one.")
    if over not in names:
        raise PluginError(f"{who}: over: there is no input '{over}'. Known: {known}.")
    return over


def input_width(who: str, upstream: Upstream, over: str | None) -> int:
    """Width of the vectors that a decoder reads. Raises PluginError where that is not clear."""
    if not upstream.inputs:
        return upstream.width
    return upstream.inputs[input_name(who, upstream.inputs, over)].width or upstream.width


def step_names(value: Pieces | Frames, steps: int) -> Iterator[str]:
    """What was read at each step: several pieces where an encoder has a stride.

    A frame of one channel is its number; others are counted from 1, as are steps of many frames.
    """
    if isinstance(value, Frames) and len(value) > MANY * steps:
        yield from (f"step {number}" for number in range(1, steps + 1))
        return
    if isinstance(value, Pieces):
        strings = list(value.strings)
    elif value.values.shape[1] == 1:
        strings = [f"{number:.4g}" for number in value.values[:, 0].tolist()]
    else:
        strings = [f"frame {number}" for number in range(1, len(value) + 1)]
    stride = -(-len(strings) // steps) if steps else 1
    for start in range(0, steps * stride, stride):
        yield " ".join(strings[start : start + stride])


def listed_pieces(strings: Sequence[str]) -> Pieces:
    """All strings as the pieces of one text."""
    ends = np.cumsum([len(string) for string in strings], dtype=np.int32)
    spans = np.stack((ends - [len(string) for string in strings], ends), 1).astype(np.int32)
    words = np.arange(len(strings), dtype=np.int32)
    return Pieces(Text("".join(strings)), list(strings), spans, words, spans)
