"""Answers to questions about a passage: spans of its text (Chen et al. 2017), and their scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from annotated_types import MinLen

from seqkit.plugins import Register, hookimpl
from seqkit.settings import Dropout, Name, PositiveInt
from seqkit.stages import Decoder, Embedder, Joint, Metric, Upstream

ONE = [1]


@hookimpl
def seqkit_stages(register: Register) -> None:
    """Registers exact_match, aligned, span, answer_exact and answer_f1."""
    register.embedder("exact_match", exact_match, rules=exact_match_rules)
    register.encoder("aligned", aligned, joint=True)
    register.decoder("span", span, rules=span_rules)
    register.metric("answer_exact", answer_exact)
    register.metric("answer_f1", answer_f1)


def exact_match(
    upstream: Upstream,
    *,
    runs: Annotated[list[PositiveInt], MinLen(1)] = ONE,
    lower: bool = True,
) -> Embedder:
    """Says of each piece whether it stands in another input too (Chen et al. 2017).

    For pipelines with several inputs, such as a passage and a question, and mostly as a part of
    `concat`. Nothing is trained.

    runs: a feature for each of these: whether the piece is in a run of so many pieces that stands
        in another input. Pieces that are characters need runs of 2 and 3 too.
    lower: gives each feature a second time, for pieces in lower case.
    """
    del upstream
    from seqkit_answers.matching import Matches

    return Matches(runs, lower)


def exact_match_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """No length of runs twice."""
    runs = settings["runs"]
    twice = [run for run in runs if runs.count(run) > 1]
    if twice:
        yield "runs", f"has {twice[0]} twice, which gives the same feature twice. Keep one"


def aligned(
    upstream: Upstream, *, width: PositiveInt | None = None, to: Name | None = None
) -> Joint:
    """Puts beside each vector of an input the mean of those of the other input that are like it.

    The aligned question embedding of Chen et al. 2017, softmax over j of relu(W p_i) relu(W q_j).
    Both inputs must have vectors of one width; what comes out is twice as wide.

    width: of relu(W p); by default that of the vectors.
    to: the input that is given the other one, such as passage; the other is then filled up with
        zeros. By default each is given the other.
    """
    from seqkit_answers.alignment import Alignment

    return Alignment(upstream, width=width, to=to)


def span(
    upstream: Upstream,
    *,
    passage: Name = "passage",
    question: Name = "question",
    longest: PositiveInt = 30,
    threshold: float | None = None,
    best: PositiveInt | None = None,
    dropout: Dropout = 0.0,
) -> Decoder:
    """Answers a question by a span of a passage, copied exactly (Chen et al. 2017).

    Gold is a list of right answers, each [start, end, text] with character positions in the
    passage, as the source `squad` gives it; an empty list where the passage has no answer. Where
    training has such questions, the answer may be the empty text.

    passage: the input that answers are taken from.
    question: the input that asks.
    longest: pieces that an answer may have.
    threshold: where there may be no answer, by how much the logarithm of the probability of none
        must be above that of the best span (default: fitted on dev, or 0).
    best: gives so many of the likeliest answers as `alternatives`, each with its probability.
    dropout: share of the values of both inputs that is dropped in training.
    """
    from seqkit_answers.extraction import SpanReader

    return SpanReader(
        upstream,
        passage=passage,
        question=question,
        longest=longest,
        threshold=threshold,
        best=best,
        dropout=dropout,
    )


def span_rules(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Two inputs, not one."""
    if settings["passage"] == settings["question"]:
        yield "question", f"is '{settings['question']}', as 'passage' is. Name two inputs"


def answer_exact(*, of: Literal["words", "characters"] = "words") -> Metric:
    """Share of answers that are one of their golds, in percent: exact match, EM.

    of: `words` compares as SQuAD does, in lower case, without punctuation and English articles;
        `characters` as JaQuAD does, without white space.
    """
    from seqkit_answers.scores import AnswerExact

    return AnswerExact(of)


def answer_f1(*, of: Literal["words", "characters"] = "words") -> Metric:
    """Mean F1 of what an answer and the most similar of its golds have in common, in percent.

    of: `words` as SQuAD counts them, in lower case, without punctuation and English articles;
        `characters` as JaQuAD does, without white space.
    """
    from seqkit_answers.scores import AnswerF1

    return AnswerF1(of)
