"""Text: tokenisers that find pieces, and embedders that look them up."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from annotated_types import MinLen

from seqkit.plugins import Register, Use, hookimpl
from seqkit.settings import Dropout, Nested, NonNegativeFloat, PositiveInt
from seqkit.stages import Embedder, Encoder, Tokeniser, Upstream

CHARACTER_STATE = 50


@hookimpl
def seqkit_stages(register: Register) -> None:
    """Registers this package's tokenisers and embedders."""
    register.tokeniser("words", words_tokeniser, rules=words_rules)
    register.tokeniser("characters", characters_tokeniser)
    register.tokeniser("bytes", bytes_tokeniser)
    register.embedder("lookup", lookup_embedder, rules=locked_rules)
    register.embedder("characters", characters_embedder, rules=characters_rules)
    register.embedder("concat", concat_embedder, rules=locked_rules)


def words_tokeniser(
    upstream: Upstream,
    *,
    pattern: str | None = None,
    lower: bool = False,
    digits: bool = False,
) -> Tokeniser:
    """Splits a text into words; words that are given stay as they are.

    A word is a run of letters, digits and combining marks, with single apostrophes and hyphens
    inside it; a number keeps its inner points and commas. Any other character is a piece of its
    own; white space is none. Takes time linear in the text, whatever the text.

    pattern: a regular expression whose matches are the words, for texts up to 100,000 characters.
    lower: looks words up in lower case. Spans keep to the text as given.
    digits: looks each digit up as 0 (Collobert et al. 2011).
    """
    del upstream
    from seqkit_text.words import Words

    return Words(pattern, lower, digits)


def words_rules(settings: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Says what is wrong with an own pattern."""
    pattern = settings["pattern"]
    if pattern is None:
        return
    try:
        empty = re.compile(pattern).fullmatch("")
    except (re.error, OverflowError, RecursionError) as error:
        yield "pattern", f"is no regular expression: {error}. Mend it, or leave it out"
        return
    if empty:
        yield "pattern", "matches the empty string, which is no word. Write + where it says *"


def characters_tokeniser(upstream: Upstream, *, spaces: bool = True) -> Tokeniser:
    """Makes each character (code point) a piece; given words are split into theirs.

    spaces: whether white space makes pieces too.
    """
    del upstream
    from seqkit_text.characters import Characters

    return Characters(spaces)


def bytes_tokeniser(upstream: Upstream) -> Tokeniser:
    """Makes each byte of the text in UTF-8 a piece, "00" to "ff"; there is no unknown piece.

    A byte's span is the character that it belongs to; without given words, a character is a word.
    """
    del upstream
    from seqkit_text.characters import Bytes

    return Bytes()


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
