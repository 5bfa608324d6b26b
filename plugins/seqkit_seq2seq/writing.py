"""The decoder that writes texts: attention."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from seqkit.plugins import Use
from seqkit.settings import (
    Dropout,
    Name,
    Nested,
    NonNegativeFloat,
    PositiveInt,
    Probability,
)
from seqkit.stages import Decoder, Embedder, Encoder, Search, Tokeniser, Upstream

GREEDY = Use("search", "greedy")
LSTM = Use("encoder", "lstm", {"width": 256})
WORDS = Use("tokeniser", "words")
LOOKUP = Use("embedder", "lookup", {"width": 100})


def attention(
    upstream: Upstream,
    *,
    tokenise: Nested[Tokeniser] | Literal["shared"] = WORDS,
    embed: Nested[Embedder] | Literal["shared"] = LOOKUP,
    encode: Nested[Encoder] = LSTM,
    attend: Literal["additive", "dot", "general", "heads", "monotonic"] = "general",
    heads: PositiveInt = 4,
    width: PositiveInt = 256,
    feed: bool = False,
    bridge: Literal["mean", "last", "zero"] = "mean",
    deep: bool = False,
    tie: bool = False,
    copy: bool = False,
    coverage: NonNegativeFloat = 0.0,
    dropout: Dropout = 0.0,
    smoothing: Probability = 0.0,
    sampling: Probability = 0.0,
    minimum: PositiveInt = 1,
    search: Nested[Search] = GREEDY,
    prefix: Name | None = None,
    include: Name | None = None,
    references: Name | None = None,
    over: Name | None = None,
) -> Decoder:
    """Writes a text piece by piece, and at each looks at the input where it must.

    Gold is a text. A recurrent encoder of its own reads what was written so far, each of its steps
    queries the input, and the two together score the next piece (Luong et al. 2015).

    tokenise: the target's tokeniser; `shared` is that of the input, fitted on both.
    embed: the target's embedder; `shared` is that of the input, fitted on both.
    encode: reads what was written: lstm, gru or another causal encoder with a state.
    attend: how a step of the input is scored: additive (Bahdanau et al. 2015), dot or general
        (Luong et al. 2015), or several heads (Vaswani et al. 2017). `monotonic` looks at one step
        for each piece and never back, for spelling, sounds and inflection (Wu & Cotterell 2019).
    heads: how many, for `attend: heads`.
    width: of the attentional vector, from which the next piece is scored; with `tie`, it is that of
        the piece's vectors.
    feed: hands the attentional vector to the next step (input feeding, Luong et al. 2015), at the
        price of training step by step.
    bridge: the first state, from the mean of the encoder's steps, from its state after the last
        one, or zero.
    deep: the piece before also goes into the attentional vector (Bahdanau et al. 2015).
    tie: the output weights are the vectors of the pieces (Press & Wolf 2017).
    copy: may copy words of the input, those that no training text has too (See et al. 2017).
    coverage: weight of the loss for looking again at what was looked at (See et al. 2017).
    dropout: share of the attentional vector's values that training drops.
    smoothing: probability that is spread evenly over all pieces (Szegedy et al. 2016).
    sampling: how often training reads what the model would have written instead of the gold
        (scheduled sampling, Bengio et al. 2015), at the price of training step by step.
    minimum: pieces that the training targets have fewer times than this are unknown.
    search: how the best text is found.
    prefix: the field of an example, if it has it, that says how its answer begins.
    include: the field of an example, if it has it, with a list of phrases that its answer must
        have; the search must be a beam (Post & Vilar 2018).
    references: the field with a list of all texts that are right, for metrics.
    over: the input that is read, where there are several.
    """
    from seqkit_seq2seq.attention_decoder import AttentionDecoder
    from seqkit_seq2seq.monotonic_decoder import MonotonicDecoder
    from seqkit_seq2seq.switches import Switches
    from seqkit_seq2seq.target import Target

    target = Target(
        upstream,
        None if tokenise == "shared" else tokenise,
        None if embed == "shared" else embed,
        minimum,
        over,
    )
    switches = Switches(
        width,
        attend,
        heads if attend == "heads" else 1,
        feed,
        bridge,
        deep,
        tie,
        dropout,
        smoothing,
        sampling,
        copy,
        coverage,
        prefix,
        include,
        references,
    )
    kind = MonotonicDecoder if attend == "monotonic" else AttentionDecoder
    return kind(upstream, target, encode, search.build(upstream), switches, over)


def attention_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Settings that exclude each other or have no effect."""
    if settings["heads"] != 4 and settings["attend"] != "heads":
        yield "heads", f"has no effect with 'attend: {settings['attend']}'. Remove it"
    if settings["embed"] == "shared" and settings["tokenise"] != "shared":
        yield "embed", "is shared, but 'tokenise' is not: other pieces have no vectors. Share both"
    if settings["attend"] == "monotonic":
        for name in ("feed", "deep", "tie", "copy", "coverage", "sampling", "prefix", "include"):
            if settings[name]:
                yield name, "has no effect with 'attend: monotonic'. Remove it"
        return
    if settings["coverage"] and settings["attend"] != "additive":
        yield "coverage", f"needs 'attend: additive', not {settings['attend']}. Change one of them"
    if settings["copy"] and settings["smoothing"]:
        yield "smoothing", "has no effect with 'copy', whose loss is that of a mixture. Remove one"


def shared_stages(settings: Mapping[str, Any]) -> dict[str, str | None]:
    """Which stages of its input the target shares."""
    kinds = ("tokenise", "embed")
    return {kind: settings["over"] for kind in kinds if settings[kind] == "shared"}
