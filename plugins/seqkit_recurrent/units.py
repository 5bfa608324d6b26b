"""Encoders of units without cells: gru and rnn in one direction, bigru in two."""

from __future__ import annotations

from seqkit.settings import Dropout, PositiveInt
from seqkit.stages import Encoder, Upstream
from seqkit_recurrent.switches import Connections, Memory, Ways


def gru(
    upstream: Upstream,
    *,
    width: PositiveInt = 256,
    layers: PositiveInt = 1,
    input_dropout: Dropout = 0.0,
    dropout: Dropout = 0.0,
    output_dropout: Dropout | None = None,
    locked: bool = False,
    weight_drop: Dropout = 0.0,
    residual: bool = False,
    highway: bool = False,
    chrono: Memory | None = None,
    learned_state: bool = False,
    window: PositiveInt | None = None,
) -> Encoder:
    """Gated recurrent unit (Cho et al. 2014), its reset gate behind the product as in cuDNN.

    Reads forwards alone, so that its state can be carried on.

    width: output width. All other settings: as in lstm.
    """
    from seqkit_recurrent.building import stack
    from seqkit_recurrent.gated import Units

    between = Connections(input_dropout, dropout, output_dropout, locked, residual, highway)
    shape = (upstream.width, width, layers)

    def make(inputs: int, width: int) -> Units:
        return Units("gru", inputs, width, weight_drop, learned_state, chrono)

    return stack("gru", shape, "forward", between, make, window)


def bigru(
    upstream: Upstream,
    *,
    width: PositiveInt = 512,
    layers: PositiveInt = 1,
    alternating: bool = False,
    input_dropout: Dropout = 0.0,
    dropout: Dropout = 0.0,
    output_dropout: Dropout | None = None,
    locked: bool = False,
    weight_drop: Dropout = 0.0,
    residual: bool = False,
    highway: bool = False,
    chrono: Memory | None = None,
    learned_state: bool = False,
    window: PositiveInt | None = None,
) -> Encoder:
    """Bidirectional gated recurrent unit, which reads each text both ways.

    width: output width, an even number: half of it is the hidden width of each direction.
    alternating, window: as in bilstm. All other settings: as in lstm.
    """
    from seqkit_recurrent.building import stack
    from seqkit_recurrent.gated import Units

    between = Connections(input_dropout, dropout, output_dropout, locked, residual, highway)
    shape = (upstream.width, width, layers)
    ways: Ways = "alternating" if alternating else "both"

    def make(inputs: int, width: int) -> Units:
        return Units("gru", inputs, width, weight_drop, learned_state, chrono)

    return stack("bigru", shape, ways, between, make, window)


def rnn(
    upstream: Upstream,
    *,
    width: PositiveInt = 256,
    layers: PositiveInt = 1,
    input_dropout: Dropout = 0.0,
    dropout: Dropout = 0.0,
    output_dropout: Dropout | None = None,
    locked: bool = False,
    weight_drop: Dropout = 0.0,
    residual: bool = False,
    highway: bool = False,
    learned_state: bool = False,
    window: PositiveInt | None = None,
) -> Encoder:
    """Simple recurrent network of tanh units (Elman 1990): no gates, and a short memory.

    Reads forwards alone, so that its state can be carried on.

    width: output width. All other settings: as in lstm.
    """
    from seqkit_recurrent.building import stack
    from seqkit_recurrent.gated import Units

    between = Connections(input_dropout, dropout, output_dropout, locked, residual, highway)
    shape = (upstream.width, width, layers)

    def make(inputs: int, width: int) -> Units:
        return Units("rnn", inputs, width, weight_drop, learned_state)

    return stack("rnn", shape, "forward", between, make, window)
