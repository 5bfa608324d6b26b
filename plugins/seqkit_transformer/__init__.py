"""The attention encoder: transformer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from seqkit.plugins import Register, hookimpl
from seqkit.settings import Dropout, PositiveInt
from seqkit.stages import Encoder, Upstream


@hookimpl
def seqkit_stages(register: Register) -> None:
    """Registers transformer."""
    register.encoder("transformer", transformer, rules=transformer_rules)


def transformer(
    upstream: Upstream,
    *,
    width: PositiveInt = 512,
    layers: PositiveInt = 6,
    heads: PositiveInt = 8,
    inner: PositiveInt | None = None,
    dropout: Dropout = 0.1,
    positions: Literal["sinusoidal", "rotary"] = "sinusoidal",
) -> Encoder:
    """Self-attention in layers (Vaswani et al. 2017), normalised before each (Xiong et al. 2020).

    The defaults are the base model of Vaswani et al.

    width: width of every layer and of the output; vectors of another width are projected to it.
    layers: layers, each of self-attention and a feed-forward network.
    heads: attention heads, a divisor of the width.
    inner: width inside the feed-forward networks (default: four times the width).
    dropout: share of values dropped from the first layer's input and from every sublayer's output.
    positions: sinusoidal encodings added to the first layer's input, or queries and keys that are
        rotated in every layer (Su et al. 2021); both fixed, for texts of any length.
    """
    from seqkit_transformer.attention import Transformer

    return Transformer(
        upstream.width,
        width=width,
        layers=layers,
        heads=heads,
        inner=inner,
        dropout=dropout,
        positions=positions,
    )


def transformer_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Heads that share the width evenly, in pairs of values where they are rotated."""
    width, heads = settings["width"], settings["heads"]
    if width % heads:
        yield "heads", uneven(width, heads)
    elif settings["positions"] == "rotary" and width // heads % 2:
        yield "positions", unpaired(width, heads)


def uneven(width: int, heads: int) -> str:
    """Says why heads cannot share a width."""
    fits = max((n for n in range(1, min(width, heads)) if not width % n), default=1)
    return (
        f"is {heads}, but 'width' is {width}, which {heads} heads cannot share evenly. "
        f"Use a divisor of {width}, such as {fits}"
    )


def unpaired(width: int, heads: int) -> str:
    """Says why the values of a head cannot be rotated."""
    return (
        f"is rotary, which rotates values in pairs, but 'width' {width} over 'heads' {heads} gives "
        f"each head {width // heads}. Use a width that {2 * heads} divides, or sinusoidal"
    )
