"""The factories of tokenisers, and what rules their settings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le

from seqkit.plugins import Use
from seqkit.settings import Nested, NonNegativeFloat, PositiveInt
from seqkit.stages import Tokeniser, Upstream

WORDS = Use("tokeniser", "words")
Coverage = Annotated[float, Ge(0.98), Le(1.0)]


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


def cut_tokeniser(
    upstream: Upstream, *, longest: PositiveInt, tokenise: Nested[Tokeniser] = WORDS
) -> Tokeniser:
    """Keeps the first pieces of a text, where texts may be longer than memory or time allow.

    `seqkit data` says how many texts are cut. Not for labels of words, which need every word.

    longest: so many pieces are kept.
    tokenise: finds the pieces.
    """
    from seqkit_text.cutting import Cut

    return Cut(tokenise.build(upstream), longest)


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


def sentencepiece_tokeniser(
    upstream: Upstream,
    *,
    algorithm: Literal["unigram", "bpe"] = "unigram",
    size: PositiveInt = 8000,
    byte_fallback: bool = True,
    character_coverage: Coverage = 0.9995,
    sampling: NonNegativeFloat = 0.0,
) -> Tokeniser:
    """Splits words into subwords by a sentencepiece model, trained on the training split.

    A word is a run without white space, or a given word; its first piece begins with ▁ (Kudo &
    Richardson 2018). Nothing is normalised, and pieces join to exactly the text that they come
    from. The model is saved with the pipeline.

    algorithm: unigram (Kudo 2018), or bpe (Sennrich et al. 2016).
    size: how many pieces there are, characters and bytes among them.
    byte_fallback: splits characters that the model does not know into their bytes in UTF-8, so that
        there is no unknown piece.
    character_coverage: share of the training split's characters that are pieces of their own.
    sampling: above 0, training splits words anew in each epoch. For unigram it is the power of a
        split's probability, lower is more random (Kudo 2018: 0.1 to 0.5); for bpe the share of
        merges that are left out (Provilkov et al. 2020: 0.1).
    """
    del upstream
    from seqkit_text.subwords import Subwords

    return Subwords(
        algorithm=algorithm,
        size=size,
        byte_fallback=byte_fallback,
        character_coverage=character_coverage,
        sampling=sampling,
    )


def sentencepiece_rules(settings: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Says where bpe would leave out every merge."""
    if settings["algorithm"] == "bpe" and settings["sampling"] >= 1:
        yield (
            "sampling",
            f"is {settings['sampling']:g}, but for bpe it is the share of merges that are left "
            "out. Use a number below 1, such as 0.1",
        )
