"""Recurrent encoders of 2024: slstm and mlstm of the xLSTM, and the parallel mingru and minlstm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from seqkit.errors import PluginError
from seqkit.settings import Dropout, PositiveInt
from seqkit.stages import Encoder, Upstream
from seqkit_recurrent.rules import stack_rules
from seqkit_recurrent.switches import Connections, Memory


def slstm(
    upstream: Upstream,
    *,
    width: PositiveInt = 256,
    layers: PositiveInt = 1,
    heads: PositiveInt = 1,
    forget: Literal["sigmoid", "exponential"] = "sigmoid",
    input_dropout: Dropout = 0.0,
    dropout: Dropout = 0.0,
    output_dropout: Dropout | None = None,
    locked: bool = False,
    residual: bool = False,
    highway: bool = False,
    window: PositiveInt | None = None,
) -> Encoder:
    """LSTM with exponential gates and a normaliser: sLSTM (Beck et al. 2024), the bare layer.

    Reads forwards alone, so that its state can be carried on. Runs step by step.

    width: output width.
    heads: groups of cells, each of which sees its own hidden state alone.
    forget: what makes a forget gate of its input.
    layers, input_dropout, dropout, output_dropout, locked, residual, highway, window: as in lstm.
    """
    from seqkit_recurrent.building import stack
    from seqkit_recurrent.scalar_memory import ScalarMemory

    refuse_heads("slstm", width, heads)
    between = Connections(input_dropout, dropout, output_dropout, locked, residual, highway)

    def make(inputs: int, width: int) -> ScalarMemory:
        return ScalarMemory(inputs, width, heads, forget)

    return stack("slstm", (upstream.width, width, layers), "forward", between, make, window)


def mlstm(
    upstream: Upstream,
    *,
    width: PositiveInt = 256,
    layers: PositiveInt = 1,
    heads: PositiveInt = 1,
    input_dropout: Dropout = 0.0,
    dropout: Dropout = 0.0,
    output_dropout: Dropout | None = None,
    locked: bool = False,
    residual: bool = False,
    highway: bool = False,
    window: PositiveInt | None = None,
) -> Encoder:
    """LSTM with a matrix of memory, read by key: mLSTM (Beck et al. 2024), the bare layer.

    Reads forwards alone, so that its state can be carried on. Computes many steps at once.

    width: output width.
    heads: memories, side by side; each is a matrix of (width / heads) squared.
    layers, input_dropout, dropout, output_dropout, locked, residual, highway, window: as in lstm.
    """
    from seqkit_recurrent.building import stack
    from seqkit_recurrent.matrix_memory import MatrixMemory

    refuse_heads("mlstm", width, heads)
    between = Connections(input_dropout, dropout, output_dropout, locked, residual, highway)

    def make(inputs: int, width: int) -> MatrixMemory:
        return MatrixMemory(inputs, width, heads)

    return stack("mlstm", (upstream.width, width, layers), "forward", between, make, window)


def mingru(
    upstream: Upstream,
    *,
    width: PositiveInt = 256,
    layers: PositiveInt = 1,
    input_dropout: Dropout = 0.0,
    dropout: Dropout = 0.0,
    output_dropout: Dropout | None = None,
    locked: bool = False,
    residual: bool = False,
    highway: bool = False,
    chrono: Memory | None = None,
    window: PositiveInt | None = None,
) -> Encoder:
    """Minimal GRU, whose gate sees the input alone (Feng et al. 2024): all steps at once.

    Reads forwards alone, so that its state can be carried on.

    width: output width. All other settings: as in lstm.
    """
    between = Connections(input_dropout, dropout, output_dropout, locked, residual, highway)
    return minimal("mingru", (upstream.width, width, layers), between, chrono, window)


def minlstm(
    upstream: Upstream,
    *,
    width: PositiveInt = 256,
    layers: PositiveInt = 1,
    input_dropout: Dropout = 0.0,
    dropout: Dropout = 0.0,
    output_dropout: Dropout | None = None,
    locked: bool = False,
    residual: bool = False,
    highway: bool = False,
    chrono: Memory | None = None,
    window: PositiveInt | None = None,
) -> Encoder:
    """Minimal LSTM, whose gates see the input alone and add up to 1 (Feng et al. 2024).

    Reads forwards alone, so that its state can be carried on. Computes all steps at once.

    width: output width. All other settings: as in lstm.
    """
    between = Connections(input_dropout, dropout, output_dropout, locked, residual, highway)
    return minimal("minlstm", (upstream.width, width, layers), between, chrono, window)


def minimal(
    kind: Literal["mingru", "minlstm"],
    shape: tuple[int, int, int],
    between: Connections,
    chrono: int | None,
    window: int | None,
) -> Encoder:
    """A stack of minimal units."""
    from seqkit_recurrent.building import stack
    from seqkit_recurrent.minimal import MinimalUnits

    def make(inputs: int, width: int) -> MinimalUnits:
        return MinimalUnits(kind, inputs, width, chrono)

    return stack(kind, shape, "forward", between, make, window)


def head_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuses settings of slstm and mlstm that exclude each other or have no effect."""
    yield from stack_rules(settings)
    width, heads = settings["width"], settings["heads"]
    if width % heads:
        yield "heads", uneven_heads(width, heads)


def refuse_heads(name: str, width: int, heads: int) -> None:
    """Raises PluginError where heads do not divide the width."""
    if width % heads:
        raise PluginError(f"{name}: heads {uneven_heads(width, heads)}.")


def uneven_heads(width: int, heads: int) -> str:
    """Says why a width cannot be shared by its heads."""
    divisors = (number for number in range(1, width + 1) if width % number == 0)
    near = min(divisors, key=lambda number: abs(number - heads))
    return f"is {heads}, which does not divide 'width', {width}. Use a divisor, such as {near}"
