"""The factories of tokenisers, and what rules their settings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from seqkit.stages import Tokeniser, Upstream


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
