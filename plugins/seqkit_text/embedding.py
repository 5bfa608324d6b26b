"""The factories of embedders that are learnt with the model, and what rules their settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from annotated_types import MinLen

from seqkit.plugins import Use
from seqkit.settings import Dropout, Nested, NonNegativeFloat, PositiveInt
from seqkit.stages import Embedder, Encoder, Upstream

CHARACTER_STATE = 50
PREFIXES = [1, 2, 3]
SUFFIXES = [1, 2, 3, 4]


def lookup_embedder(
    upstream: Upstream,
    *,
    width: PositiveInt = 100,
    minimum: PositiveInt = 1,
    limit: PositiveInt | None = None,
    lower: bool = False,
    dropout: Dropout = 0.0,
    locked: bool = False,
    word_dropout: Dropout = 0.0,
    unknown: NonNegativeFloat = 0.0,
) -> Embedder:
    """Looks each piece's vector up in a table that is learnt with the model.

    width: width of a vector.
    minimum: pieces that training has fewer times than this are unknown.
    limit: how many pieces the table holds at most, the most frequent ones.
    lower: looks pieces up in lower case.
    dropout: share of the output's elements that training sets to zero.
    locked: drops the same elements at every step of a text (Gal & Ghahramani 2016).
    word_dropout: share of pieces that training takes for unknown (Iyyer et al. 2015).
    unknown: alpha; training takes a piece that it has f times for unknown with probability
        alpha / (alpha + f) (Kiperwasser & Goldberg 2016). 0.25 is their value.
    """
    del upstream
    from seqkit_text.lookup import Lookup

    return Lookup(
        width=width,
        minimum=minimum,
        limit=limit,
        lower=lower,
        dropout=dropout,
        locked=locked,
        word_dropout=word_dropout,
        unknown=unknown,
    )


def affixes_embedder(
    upstream: Upstream,
    *,
    prefixes: list[PositiveInt] = PREFIXES,
    suffixes: list[PositiveInt] = SUFFIXES,
    affix_width: PositiveInt = 20,
    minimum: PositiveInt = 2,
    lower: bool = False,
    dropout: Dropout = 0.0,
    locked: bool = False,
) -> Embedder:
    """Looks up the vectors of each piece's prefixes and suffixes, and puts them end to end.

    The width of a vector is the number of affixes times 'affix_width'. A piece that is shorter than
    an affix is that affix itself.

    prefixes: how many characters each prefix has.
    suffixes: how many characters each suffix has.
    affix_width: width of the vector of one affix.
    minimum: affixes that training has fewer times than this are unknown.
    lower: takes affixes in lower case.
    dropout: share of the output's elements that training sets to zero.
    locked: drops the same elements at every step of a text (Gal & Ghahramani 2016).
    """
    del upstream
    from seqkit_text.ends import Affixes

    return Affixes(
        prefixes=prefixes,
        suffixes=suffixes,
        affix_width=affix_width,
        minimum=minimum,
        lower=lower,
        dropout=dropout,
        locked=locked,
    )


def affixes_rules(settings: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Says where there is no affix, or one twice, or `locked` has nothing to lock."""
    if not settings["prefixes"] and not settings["suffixes"]:
        yield "suffixes", "is empty, and so is 'prefixes'. Give at least one length to one of them"
    for name in ("prefixes", "suffixes"):
        for length in sorted(set(settings[name])):
            if settings[name].count(length) > 1:
                yield name, f"has the length {length} twice. Leave out one of them"
    yield from locked_rules(settings)


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
    from seqkit_text.spelling import Spelling

    reader = encode or Use("encoder", "bilstm", {"width": width or CHARACTER_STATE})
    return Spelling(
        reader.build(Upstream(width=character_width)),
        character_width=character_width,
        minimum=minimum,
        longest=longest,
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


def concat_embedder(
    upstream: Upstream,
    *,
    parts: Annotated[list[Nested[Embedder]], MinLen(1)],
    dropout: Dropout = 0.0,
    locked: bool = False,
) -> Embedder:
    """Puts the vectors of several embedders end to end.

    parts: the embedders, each with its own settings.
    dropout: share of the output's elements that training sets to zero.
    locked: drops the same elements at every step of a text (Gal & Ghahramani 2016).
    """
    from seqkit_text.concat import Concat

    return Concat([part.build(upstream) for part in parts], dropout, locked)


def locked_rules(settings: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Says where `locked` has nothing to lock."""
    if settings["locked"] and not settings["dropout"]:
        yield "locked", "has no effect without 'dropout'. Set 'dropout' above 0"
