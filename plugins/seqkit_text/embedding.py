"""The factories of embedders that are learnt with the model, and what rules their settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le, MinLen

from seqkit.errors import nearest
from seqkit.settings import Dropout, Name, Nested, NonNegativeFloat, PositiveInt
from seqkit.stages import Embedder, Upstream
from seqkit_text.rules import locked_rules, repeated

PREFIXES = [1, 2, 3]
SUFFIXES = [1, 2, 3, 4]
FEATURES = ("piece", "lower", "prefix", "suffix", "shape")
ROWS = {"lower": 5000, "prefix": 1000, "suffix": 2500, "shape": 2500}
"""As spaCy's small models have them."""


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
    from seqkit_text.affixes import Affixes

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
    yield from repeated(settings, "prefixes")
    yield from repeated(settings, "suffixes")
    yield from locked_rules(settings)


def shape_embedder(
    upstream: Upstream,
    *,
    width: PositiveInt = 25,
    run: PositiveInt = 4,
    minimum: PositiveInt = 2,
    dropout: Dropout = 0.0,
    locked: bool = False,
) -> Embedder:
    """Adds up the vectors of each piece's shape, as spaCy has it, and of its casing.

    The shape of Apples is Xxxxx, that of 10.5 is dd.d. The casing is lower, title, upper, mixed,
    caseless (letters without case), digit or punctuation.

    width: width of a vector.
    run: how many equal characters in a row a shape keeps.
    minimum: shapes that training has fewer times than this are unknown.
    dropout: share of the output's elements that training sets to zero.
    locked: drops the same elements at every step of a text (Gal & Ghahramani 2016).
    """
    del upstream
    from seqkit_text.shapes import Shapes

    return Shapes(width=width, run=run, minimum=minimum, dropout=dropout, locked=locked)


def hashed_embedder(
    upstream: Upstream,
    *,
    width: PositiveInt = 96,
    rows: dict[Name, PositiveInt] = ROWS,
    hashes: Annotated[int, Ge(1), Le(8)] = 4,
    mix: Literal["maxout", "linear"] = "maxout",
    dropout: Dropout = 0.0,
    locked: bool = False,
) -> Embedder:
    """Mixes vectors of each piece's features, from tables whose rows many pieces share.

    As spaCy's MultiHashEmbed (Miranda et al. 2022): hashes pick a few rows for each feature, whose
    sum is the feature's vector. No piece is unknown, and there is nothing to fit.

    width: width of a vector, and of a row.
    rows: by feature, the rows of its table; features are piece, lower (case), prefix (the first
    character), suffix (the last three) and shape.
    hashes: how many rows a feature has.
    mix: maxout takes the highest of three linear maps of all features and normalises; linear is
    one map.
    dropout: share of the output's elements that training sets to zero.
    locked: drops the same elements at every step of a text (Gal & Ghahramani 2016).
    """
    del upstream
    from seqkit_text.hashed import Hashed

    return Hashed(
        width=width,
        rows=rows,
        hashes=hashes,
        maxout=mix == "maxout",
        dropout=dropout,
        locked=locked,
    )


def hashed_rules(settings: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Says which names are no features, or that there is none, or where `locked` has no effect."""
    for name in settings["rows"]:
        if name not in FEATURES:
            yield "rows", f"has '{name}', which is no feature. {nearest(name, FEATURES)}"
    if not settings["rows"]:
        yield "rows", f"is empty. Give rows to one or more of {', '.join(FEATURES)}"
    yield from locked_rules(settings)


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
