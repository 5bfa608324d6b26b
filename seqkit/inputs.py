"""Which of a pipeline's inputs a decoder with the setting `over` reads; for plugins."""

from __future__ import annotations

from collections.abc import Iterable

from seqkit.errors import PluginError
from seqkit.stages import Upstream


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
