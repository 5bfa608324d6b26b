"""Recurrent encoders: bilstm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from seqkit.plugins import Register, hookimpl
from seqkit.settings import Dropout, PositiveInt
from seqkit.stages import Encoder, Upstream


@hookimpl
def seqkit_stages(register: Register) -> None:
    """Registers the recurrent encoders."""
    register.encoder("bilstm", bilstm, rules=bilstm_rules)


def bilstm(
    upstream: Upstream,
    *,
    width: PositiveInt = 512,
    layers: PositiveInt = 1,
    dropout: Dropout = 0.0,
    locked: bool = False,
    residual: bool = False,
) -> Encoder:
    """Bidirectional LSTM (Graves & Schmidhuber 2005), which reads each text both ways.

    width: output width, an even number: half of it is the hidden width of each direction.
    layers: layers, each of which reads the output of the one before.
    dropout: share of values dropped after every layer, so between layers and on the output.
    locked: one dropout mask a text for all its steps (Gal & Ghahramani 2016).
    residual: from the second layer on, adds a layer's input to its output (Wu et al. 2016).
    """
    from seqkit_recurrent.lstm import BiLSTM

    return BiLSTM(
        upstream.width,
        width=width,
        layers=layers,
        dropout=dropout,
        locked=locked,
        residual=residual,
    )


def bilstm_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """An even width, and no setting without an effect."""
    if settings["width"] % 2:
        yield "width", odd_width(settings["width"])
    if settings["locked"] and not settings["dropout"]:
        yield "locked", "has no effect without 'dropout'. Set 'dropout' above 0"
    if settings["residual"] and settings["layers"] == 1:
        yield "residual", "has no effect with 1 layer. Set 'layers' above 1"


def odd_width(width: int) -> str:
    """Says why a width cannot be shared by two directions."""
    return (
        f"is {width}, but each of the two directions takes half of it. "
        f"Use an even number, such as {width + 1}"
    )
