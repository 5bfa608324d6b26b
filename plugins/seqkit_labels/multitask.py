"""The factory of heads: several decoders behind one encoder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from annotated_types import MinLen

from seqkit.errors import nearest
from seqkit.settings import Name, Nested, NonNegativeFloat
from seqkit.stages import Decoder, Upstream


def heads(
    upstream: Upstream,
    *,
    parts: Annotated[Mapping[Name, Nested[Decoder]], MinLen(1)],
    weights: Mapping[Name, NonNegativeFloat] | None = None,
) -> Decoder:
    """Several decoders behind one encoder, trained together (Caruana 1997).

    The recipe's `data.gold` is a mapping; each part decodes the gold of its name, and the answers
    and metrics of each stand under it.

    parts: a decoder for each gold, by the gold's name.
    weights: what a part's loss is multiplied by, 1 where none is given. Losses are sums: with
        weights of 1, the label of a text counts as much as that of one of its words.
    """
    from seqkit_labels.multi_head import MultiHead

    built = {name: part.build(upstream) for name, part in parts.items()}
    return MultiHead(built, weights or {})


def heads_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuses weights of parts that are not there, and parts that nothing trains."""
    parts, weights = settings["parts"], settings["weights"] or {}
    for name in weights:
        if name not in parts:
            yield "weights", f"there is no part '{name}'. {nearest(name, parts)}"
    if all(weights.get(name, 1.0) == 0 for name in parts):
        yield "weights", "are all 0, so that nothing is learnt. Give one part more"
