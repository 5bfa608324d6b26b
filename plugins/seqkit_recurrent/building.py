"""Stacks from settings: the heavy half of the textbook encoders."""

from __future__ import annotations

import logging
import warnings
from functools import cache

import torch
from torch import nn

from seqkit.errors import PluginError
from seqkit_recurrent.memory_cell import MemoryCells
from seqkit_recurrent.rules import odd_width
from seqkit_recurrent.stack import Make, Stack, ways_of
from seqkit_recurrent.switches import Connections, Switches, Ways

Shape = tuple[int, int, int]
"""Width of the input, width of the output, layers."""


def memory_cells(
    name: str,
    shape: Shape,
    ways: Ways,
    connections: Connections,
    switches: Switches,
    window: int | None = None,
) -> Stack:
    """A stack of LSTM layers. Says once, by name, why one does not run on the fused kernel."""
    if switches.explicit:
        say_once(explicit_note(name, switches))
    elif switches.cells:
        hush_projection()
        say_once(f"{name}: 'cells' has no fused kernel on CPU: torch takes it step by step there.")
    return stack(name, shape, ways, connections, lambda i, w: MemoryCells(i, w, switches), window)


def stack(
    name: str,
    shape: Shape,
    ways: Ways,
    connections: Connections,
    make: Make,
    window: int | None = None,
) -> Stack:
    """A stack of layers. Raises PluginError for a width that its directions cannot share."""
    inputs, width, layers = shape
    if ways == "both" and width % 2:
        raise PluginError(f"{name}: width {odd_width(width)}.")
    directions = ways_of(layers, ways)
    return Stack(
        name,
        inputs,
        make,
        width=width,
        directions=directions,
        connections=connections,
        window=window,
    )


def explicit_note(name: str, switches: Switches) -> str:
    """Says why an encoder is slower than it could be."""
    wanted = ", ".join(f"'{setting}'" for setting in switches.explicit)
    need = "need" if len(switches.explicit) > 1 else "needs"
    return (
        f"{name}: {wanted} {need} an explicit cell, step by step, where torch's fused kernel would "
        "be several times faster."
    )


@cache
def hush_projection() -> None:
    """Has torch warn about projections here, where nobody listens: it does so once a process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nn.LSTM(1, 2, proj_size=1)(torch.zeros(1, 1, 1))


@cache
def say_once(line: str) -> None:
    """Logs a line, the first time that it is said."""
    logging.getLogger(__name__).warning(line)
