"""The LSTM encoders of the textbooks: lstm in one direction, bilstm in two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from seqkit.settings import Dropout, PositiveInt
from seqkit.stages import Encoder, Upstream
from seqkit_recurrent.rules import stack_rules
from seqkit_recurrent.switches import Connections, Memory, Switches, Ways


def lstm(
    upstream: Upstream,
    *,
    width: PositiveInt = 256,
    layers: PositiveInt = 1,
    input_dropout: Dropout = 0.0,
    dropout: Dropout = 0.0,
    output_dropout: Dropout | None = None,
    locked: bool = False,
    recurrent_dropout: Dropout = 0.0,
    weight_drop: Dropout = 0.0,
    zoneout: Dropout = 0.0,
    cell_zoneout: Dropout = 0.0,
    residual: bool = False,
    highway: bool = False,
    peephole: bool = False,
    coupled: bool = False,
    forget_gate: bool = True,
    forget_bias: float = 1.0,
    chrono: Memory | None = None,
    layer_norm: bool = False,
    cells: PositiveInt | None = None,
    learned_state: bool = False,
    window: PositiveInt | None = None,
) -> Encoder:
    """Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000).

    Reads forwards alone, so that its state can be carried on. Runs on torch's fused kernel, but
    with peephole, layer_norm, zoneout, cell_zoneout or recurrent_dropout on an explicit cell.

    width: output width.
    layers: layers, each of which reads the output of the one before.
    input_dropout: share of the input's values that are dropped.
    dropout: share of values dropped after every layer, so between layers and on the output.
    output_dropout: the same after the last layer, where it is to differ.
    locked: one mask a text for all its steps, for these three (Gal & Ghahramani 2016).
    recurrent_dropout: share of the hidden state that is dropped on its way to the next step, one
    mask a text (Gal & Ghahramani 2016).
    weight_drop: share of the recurrent weights that are dropped, one mask a batch (Merity et al.
    2018).
    zoneout, cell_zoneout: share of hidden units, and of cells, that keep their last value at a step
    (Krueger et al. 2017).
    residual: from the second layer on, adds a layer's input to its output (Wu et al. 2016).
    highway: from the second layer on, a gate mixes a layer's input and output (Srivastava et al.
    2015).
    peephole: gates see the cells (Gers & Schmidhuber 2000).
    coupled: the forget gate is 1 minus the input gate (Greff et al. 2017).
    forget_gate: false gives the cell of 1997, which cannot forget.
    forget_bias: the forget gate's bias before training (Jozefowicz et al. 2015).
    chrono: draws the biases of the forget and input gates for memories of up to so many steps
    (Tallec & Ollivier 2018).
    layer_norm: normalises the gates' inputs and the cells (Ba et al. 2016).
    cells: memory cells, more than the width, to which their output is projected (Sak et al. 2014).
    learned_state: learns the state before the first step, which is else zero.
    window: cuts a text into windows of so many steps when training; the state goes on from one to
    the next, but no gradient goes back (truncated back-propagation through time, Williams & Peng
    1990), and one window's activations are in memory at a time.
    """
    from seqkit_recurrent.building import memory_cells

    between = Connections(input_dropout, dropout, output_dropout, locked, residual, highway)
    switches = Switches(
        cells,
        peephole,
        coupled,
        forget_gate,
        forget_bias,
        chrono,
        layer_norm,
        zoneout,
        cell_zoneout,
        recurrent_dropout,
        weight_drop,
        learned_state,
    )
    shape = (upstream.width, width, layers)
    return memory_cells("lstm", shape, "forward", between, switches, window)


def bilstm(
    upstream: Upstream,
    *,
    width: PositiveInt = 512,
    layers: PositiveInt = 1,
    alternating: bool = False,
    input_dropout: Dropout = 0.0,
    dropout: Dropout = 0.0,
    output_dropout: Dropout | None = None,
    locked: bool = False,
    recurrent_dropout: Dropout = 0.0,
    weight_drop: Dropout = 0.0,
    zoneout: Dropout = 0.0,
    cell_zoneout: Dropout = 0.0,
    residual: bool = False,
    highway: bool = False,
    peephole: bool = False,
    coupled: bool = False,
    forget_gate: bool = True,
    forget_bias: float = 1.0,
    chrono: Memory | None = None,
    layer_norm: bool = False,
    cells: PositiveInt | None = None,
    learned_state: bool = False,
    window: PositiveInt | None = None,
) -> Encoder:
    """Bidirectional LSTM (Graves & Schmidhuber 2005), which reads each text both ways.

    width: output width, an even number: half of it is the hidden width of each direction.
    layers: layers, each of which reads the output of the one before.
    alternating: layers take turns, forwards and backwards, each as wide as the output (Zhou & Xu
    2015), instead of two directions in each.
    cells: memory cells of each direction, more than its width, to which their output is projected
    (Sak et al. 2014).
    window: as in lstm; what reads backwards has its windows from the text's end.
    input_dropout, dropout, output_dropout, locked, recurrent_dropout, weight_drop, zoneout,
    cell_zoneout, residual, highway, peephole, coupled, forget_gate, forget_bias, chrono,
    layer_norm, learned_state: as in lstm.
    """
    from seqkit_recurrent.building import memory_cells

    between = Connections(input_dropout, dropout, output_dropout, locked, residual, highway)
    switches = Switches(
        cells,
        peephole,
        coupled,
        forget_gate,
        forget_bias,
        chrono,
        layer_norm,
        zoneout,
        cell_zoneout,
        recurrent_dropout,
        weight_drop,
        learned_state,
    )
    shape = (upstream.width, width, layers)
    ways: Ways = "alternating" if alternating else "both"
    return memory_cells("bilstm", shape, ways, between, switches, window)


def lstm_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuses settings of lstm and bilstm that exclude each other or have no effect."""
    yield from stack_rules(settings)
    coupled, without = settings["coupled"], not settings["forget_gate"]
    if coupled and without:
        yield "coupled", "couples the gate that 'forget_gate: false' lacks. Keep one of them"
    if settings["chrono"] and without:
        yield (
            "chrono",
            "draws the bias of the gate that 'forget_gate: false' lacks. Remove one",
        )
    moved = settings["forget_bias"] != 1.0
    for name, other in (("chrono", settings["chrono"]), ("coupled", coupled)):
        if moved and other:
            yield "forget_bias", f"has no effect with '{name}', which sets the bias. Remove one"
    if moved and without:
        yield "forget_bias", "has no effect with 'forget_gate: false'. Remove one"
    cells = settings["cells"]
    ways = 2 if "alternating" in settings and not settings["alternating"] else 1
    hidden = settings["width"] // ways
    if cells is not None and cells <= hidden:
        each = " of each direction" if ways == 2 else ""
        yield (
            "cells",
            f"is {cells}, but the width{each} is {hidden}: a projection makes less of more. Use "
            f"more than {hidden} cells, or leave 'cells' out for as many as the width",
        )
