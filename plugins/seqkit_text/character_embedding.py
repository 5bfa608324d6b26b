"""The factories of embedders that read characters, and what rules their settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from annotated_types import MinLen

from seqkit.plugins import Use
from seqkit.settings import Dropout, Nested, NonNegativeInt, PositiveInt
from seqkit.stages import Embedder, Encoder, Upstream
from seqkit_text.rules import repeated

STATE = 50
KERNELS = [2, 3, 4]


def characters_embedder(
    upstream: Upstream,
    *,
    width: PositiveInt | None = None,
    encode: Nested[Encoder] | None = None,
    character_width: PositiveInt = 25,
    minimum: PositiveInt = 1,
    longest: PositiveInt = 32,
    dropout: Dropout = 0.0,
) -> Embedder:
    """Reads each piece's characters; the last states are its vector (Lample et al. 2016).

    A spelling is read once a batch, however often it occurs.

    width: width of a vector, half for each direction of a bilstm; 50 where neither it nor
        'encode' is given.
    encode: another recurrent encoder to read with; its width is then the width of a vector.
    character_width: width of a character's own vector.
    minimum: characters that training has fewer times than this are unknown.
    longest: of a longer piece, as many characters are read, half of its head, half of its tail.
    dropout: share of the output's elements that training sets to zero.
    """
    del upstream
    from seqkit_text.alphabet import Alphabet
    from seqkit_text.spelling import LastState, Spelling

    reader = encode or Use("encoder", "bilstm", {"width": width or STATE})
    return Spelling(
        Alphabet("characters", minimum, longest),
        LastState(reader.build(Upstream(width=character_width))),
        character_width=character_width,
        dropout=dropout,
    )


def characters_rules(settings: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Says where `width` and `encode` exclude each other, or halves do not fit."""
    width = settings["width"]
    if width is None:
        return
    if settings["encode"] is not None:
        yield "width", "has no effect, as 'encode' has a width of its own. Leave out one of them"
    elif width % 2:
        yield (
            "width",
            f"is {width}, but each of the two directions takes half of it. "
            f"Use an even number, such as {width + 1}",
        )


def character_cnn_embedder(
    upstream: Upstream,
    *,
    width: PositiveInt = 60,
    kernels: Annotated[list[PositiveInt], MinLen(1)] = KERNELS,
    highway: NonNegativeInt = 0,
    character_width: PositiveInt = 25,
    minimum: PositiveInt = 1,
    longest: PositiveInt = 32,
    dropout: Dropout = 0.0,
) -> Embedder:
    """Reads each piece's characters by convolutions, and keeps each filter's highest answer.

    As dos Santos & Zadrozny (2014), Ma & Hovy (2016) and Kim et al. (2016) do, with the vectors of
    begin and end and with the tanh of the latter. A spelling is read once a batch, however often it
    occurs.

    width: width of a vector, the number of filters.
    kernels: how many characters a filter sees; the filters are shared out equally among them.
    highway: how many highway layers follow (Srivastava et al. 2015).
    character_width: width of a character's own vector.
    minimum: characters that training has fewer times than this are unknown.
    longest: of a longer piece, as many characters are read, half of its head, half of its tail.
    dropout: share of the output's elements that training sets to zero.
    """
    del upstream
    from seqkit_text.alphabet import Alphabet
    from seqkit_text.convolution import Convolution
    from seqkit_text.spelling import Spelling

    return Spelling(
        Alphabet("character_cnn", minimum, longest),
        Convolution(character_width, width=width, kernels=kernels, highway=highway),
        character_width=character_width,
        dropout=dropout,
    )


def character_cnn_rules(settings: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Says where a kernel stands twice, or the filters cannot be shared out."""
    width, kernels = settings["width"], settings["kernels"]
    yield from repeated(settings, "kernels")
    if width % len(kernels):
        fit = width + len(kernels) - width % len(kernels)
        yield (
            "width",
            f"is {width}, but each of the {len(kernels)} kernels takes an equal share of it. "
            f"Use a multiple of {len(kernels)}, such as {fit}",
        )
