"""Language models: the next piece from those before it, what texts cost, and texts that go on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from annotated_types import Gt, Lt

from seqkit.plugins import Register, Use, hookimpl
from seqkit.settings import (
    Name,
    Nested,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Probability,
)
from seqkit.stages import Decoder, Encoder, Metric, Tokeniser, Upstream

WORDS = Use("tokeniser", "words")
NONE: list[int] = []
Share = Annotated[float, Gt(0.0), Lt(1.0)]


@hookimpl
def seqkit_stages(register: Register) -> None:
    """Registers lines, penalised, language, perplexity and bits."""
    register.tokeniser("lines", lines)
    register.encoder("penalised", penalised, rules=penalised_rules)
    register.decoder("language", language, rules=language_rules)
    register.metric("perplexity", perplexity)
    register.metric("bits", bits)


def lines(
    upstream: Upstream, *, tokenise: Nested[Tokeniser] = WORDS, strip: bool = False
) -> Tokeniser:
    r"""Makes pieces of each line of a text, and a piece "\n" of its end: what language models read.

    A text begins with a piece "\n" too, as if another line stood before it, so that its first word
    has something to follow; its last line ends whether or not the text has a line feed there. Given
    words stay without ends.

    tokenise: finds the pieces of a line.
    strip: leaves out white space around a line.
    """
    from seqkit_language.line_pieces import Lines

    return Lines(tokenise.build(upstream), strip)


def penalised(
    upstream: Upstream,
    *,
    size: NonNegativeFloat = 0.0,
    change: NonNegativeFloat = 0.0,
) -> Encoder:
    """Passes vectors on, and adds to the loss what they are large or restless (Merity et al. 2018).

    size: weight of the mean square of all values (activation regularisation).
    change: weight of the mean square of their change from step to step (temporal activation
    regularisation).
    """
    from seqkit_language.penalty import Penalised

    return Penalised(upstream.width, size, change)


def penalised_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Says where nothing is penalised."""
    if not settings["size"] and not settings["change"]:
        yield "size", "is 0, and so is 'change': nothing is penalised. Set one of them"


def language(
    upstream: Upstream,
    *,
    over: Name | None = None,
    minimum: PositiveInt = 1,
    tie: bool = False,
    adaptive: list[PositiveInt] = NONE,
    smoothing: Probability = 0.0,
    cache: NonNegativeInt = 0,
    cache_share: Share = 0.1,
    cache_sharpness: PositiveFloat = 0.3,
) -> Decoder:
    r"""Says of each piece of a text how probable it was, given the pieces before it.

    Needs encoders that read forwards alone. A text's first piece follows nothing and is not scored:
    the tokeniser `lines` puts one before it. Without gold.

    over: the input that is read, where there are several.
    minimum: pieces that occur less often in the training split are one piece, the unknown one.
    tie: the output weights are the embedder's vectors (Press & Wolf 2017), whose width the encoder
    must have.
    adaptive: by falling frequency, where to part the vocabulary into a head and tails that are
    scored by ever smaller layers (Grave et al. 2017), such as [2000, 10000].
    smoothing: in training, share of the probability that is spread over all pieces (label
    smoothing).
    cache: when answering, so many pieces back are remembered with the vector that each followed
    (Grave, Joulin & Usunier 2017); 0 has no cache.
    cache_share: what share of the probability is the cache's.
    cache_sharpness: how much nearer vectors count for more.
    """
    from seqkit_language.caching import Cache
    from seqkit_language.language_decoder import LanguageDecoder

    remembered = Cache(cache, cache_share, cache_sharpness) if cache else None
    return LanguageDecoder(
        upstream,
        over=over,
        minimum=minimum,
        tie=tie,
        adaptive=adaptive,
        smoothing=smoothing,
        cache=remembered,
    )


def language_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuses settings of the output layer that exclude each other or have no effect."""
    parts, cache = settings["adaptive"], settings["cache"]
    if parts and settings["tie"]:
        yield "adaptive", "has layers of its own, which 'tie' has not. Keep one of them"
    if parts and settings["smoothing"]:
        yield "smoothing", "is not known to 'adaptive'. Keep one of them"
    if parts and sorted(set(parts)) != list(parts):
        yield "adaptive", f"is {list(parts)}, which does not rise. Put the smallest number first"
    for name, default in (("cache_share", 0.1), ("cache_sharpness", 0.3)):
        if not cache and settings[name] != default:
            yield name, "has no effect without a cache. Set 'cache' to so many pieces"


def perplexity(*, each: Literal["piece", "word"] = "piece") -> Metric:
    """The exponential of the mean negative log-probability, over all texts.

    each: what the mean is over: pieces, or words, ends of lines among them; of subwords, a word's
    probability is the product of its pieces'.
    """
    from seqkit_language.counting import Perplexity

    return Perplexity(each)


def bits(*, each: Literal["character", "piece", "word"] = "character") -> Metric:
    """Bits that the texts cost, over what they are counted by.

    each: characters of the text as given, line feeds among them, or pieces, or words.
    """
    from seqkit_language.counting import Bits

    return Bits(each)
