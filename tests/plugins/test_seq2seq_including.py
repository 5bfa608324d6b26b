"""Phrases that an answer must have: against all paths of small chains, and in the decoder."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import example as example_of
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.errors import DataError, PluginError
from seqkit.plugins import Use
from seqkit.stages import Example, Upstream, Vectors
from seqkit.table import collate
from seqkit.testing import example
from seqkit.testing.specimens import Chain, before, embedded
from seqkit_seq2seq.attention_decoder import AttentionDecoder
from seqkit_seq2seq.including import BETWEEN, Phrases, reached, stands
from seqkit_seq2seq.searching import beam_search
from seqkit_seq2seq.writing import attention

NOTHING = Upstream(0)
END = 0
PHRASES = st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=3), max_size=3)
UPSTREAM = before(["text"], Upstream(12))
PAIRS = [("a b c", "x y z"), ("b", "y"), ("c d e", "z x x y"), ("e a", "Bob x")]
EXAMPLES = [example(source, target) for source, target in PAIRS]


def rows_of(phrases: Sequence[Sequence[Sequence[int]]]) -> torch.Tensor:
    """The batch's way to name the phrases of each text."""
    rows = [[number for one in each for number in (*one, BETWEEN)] for each in phrases]
    width = max(map(len, rows))
    return torch.tensor([row + [BETWEEN] * (width - len(row)) for row in rows])


def run(
    phrases: Sequence[Sequence[Sequence[int]]], lengths: Sequence[int] | None = None, **options: Any
) -> list[list[Any]]:
    counts = torch.tensor(lengths or range(len(phrases)))
    inputs = {"text": Vectors(torch.zeros(len(counts), int(counts.max()), 1), counts)}
    batch = {"include": rows_of(phrases)}
    batch |= {key: options.pop(key) for key in ("prefix",) if key in options}
    search = beam_search(NOTHING, **options)
    return [list(answers) for answers in search.run(Chain(), inputs, batch)]


def log_probability(row: int, pieces: Sequence[int], limit: int) -> float:
    """Of a path through the row's chain, and of its end where that fits."""
    scores = Chain().scores[row % 5]
    path = [END, *pieces, *([END] if len(pieces) < limit else [])]
    return float(sum(scores[one, other] for one, other in itertools.pairwise(path)))


@pytest.mark.parametrize("phrases", [[[3]], [[2, 5]], [[1], [4]], [[4, 4]]])
def test_a_wide_beam_finds_the_best_of_all_paths_with_the_phrases(phrases: Any) -> None:
    limit = 1 + sum(map(len, phrases))
    found = run([phrases] * 3, size=150, normalise=0.0, ratio=0.0, more=1)
    for row, answers in enumerate(found):
        paths = [
            (log_probability(row, path, limit), path)
            for length in range(limit + 1)
            for path in itertools.product(range(1, 6), repeat=length)
            if all(stands(tuple(phrase), path) for phrase in phrases)
        ]
        score, path = max(paths)
        assert answers[0]["value"] == list(path)
        assert answers[0]["score"] == pytest.approx(score, abs=1e-5)


@settings(max_examples=60, deadline=None)
@example_of([[[4], [5, 1], [1, 2, 3]]], 1, 0, 1)  # where nothing else may be written
@given(
    st.lists(PHRASES, min_size=1, max_size=4),
    st.integers(1, 6),
    st.integers(0, 2),
    st.integers(0, 3),
)
def test_every_answer_has_its_phrases(phrases: Any, size: int, more: int, no_repeat: int) -> None:
    found = run(phrases, size=size, best=size, ratio=1.0, more=more, no_repeat=no_repeat)
    for wanted, answers in zip(phrases, found, strict=True):
        assert answers
        for answer in answers:
            assert all(stands(tuple(phrase), answer["value"]) for phrase in wanted)


@settings(max_examples=30, deadline=None)
@given(st.lists(PHRASES, min_size=2, max_size=5))
def test_a_text_with_phrases_is_answered_alike_alone(phrases: Any) -> None:
    together = run(phrases, size=3, best=3)
    for row, own in enumerate(phrases):
        assert run([own], lengths=[row], size=3, best=3) == [together[row]]


def test_a_text_without_phrases_is_answered_as_ever() -> None:
    found = run([[], [[3, 3]], []], size=3, best=3)
    counts = torch.arange(3)
    inputs = {"text": Vectors(torch.zeros(3, 2, 1), counts)}
    plain = beam_search(NOTHING, size=3, best=3).run(Chain(), inputs, {})
    assert (found[0], found[2]) == (plain[0], plain[2])


def test_phrases_come_behind_a_forced_beginning() -> None:
    prefix = torch.tensor([[5, 5, 5, 5], [2, -1, -1, -1]])
    found = run([[[1, 2]], [[3]]], size=2, best=2, ratio=0.0, more=1, prefix=prefix)
    for answer in found[0]:
        assert answer["value"][:4] == [5, 5, 5, 5]
        assert stands((1, 2), answer["value"])
    for answer in found[1]:
        assert answer["value"][0] == 2
        assert stands((3,), answer["value"])


@settings(max_examples=200, deadline=None)
@given(PHRASES, st.lists(st.integers(1, 5), max_size=8))
def test_what_is_needed_is_enough_and_falls_with_each_step(phrases: Any, written: Any) -> None:
    asked = Phrases(tuple(dict.fromkeys(map(tuple, phrases))))
    so_far = list(written)
    while needed := asked.needed(so_far):
        following = [[*so_far, piece] for piece in asked.onwards(so_far)]
        so_far = min(following, key=asked.needed)
        assert asked.needed(so_far) < needed
    assert all(stands(tuple(phrase), so_far) for phrase in phrases)


def test_the_end_of_what_was_written_may_begin_a_phrase() -> None:
    assert [reached((1, 1, 2), written) for written in ([], [1], [1, 1], [1, 1, 1], [1, 2])] == [
        0,
        1,
        2,
        2,
        0,
    ]


def made(**options: Any) -> AttentionDecoder:
    torch.manual_seed(1)
    decoder = attention(
        UPSTREAM,
        embed=Use("embedder", "lookup", {"width": 6}),
        encode=Use("encoder", "lstm", {"width": 8}),
        include="must",
        **{"search": Use("search", "beam", {"size": 3, "best": 2}), **options},
    )
    assert isinstance(decoder, AttentionDecoder)
    decoder.ready(decoder.fit(EXAMPLES))
    return decoder.eval()


def answers(decoder: AttentionDecoder, examples: Sequence[Example]) -> list[Any]:
    arrays = [decoder.prepare(one) for one in examples]
    return list(decoder.predict(embedded(UPSTREAM, examples), collate(arrays), examples))


def test_the_decoder_writes_what_a_field_says() -> None:
    examples = [
        Example({"must": ["z x", "Bob"]}, EXAMPLES[0].inputs),
        Example({}, EXAMPLES[1].inputs),
        Example({"must": ["y y"]}, EXAMPLES[2].inputs),
    ]
    decoder = made()
    first, plain, last = answers(decoder, examples)
    for one in (first, *first["alternatives"]):
        assert "z x" in one["value"]
        assert "Bob" in one["pieces"]
    assert "y y" in last["value"]
    assert plain == answers(made(), [EXAMPLES[1]])[0]


def test_a_copying_decoder_may_have_to_write_words_of_the_input() -> None:
    told = example("a Zoe", None)
    (answer,) = answers(made(copy=True), [Example({"must": ["Zoe x"]}, told.inputs)])
    assert "Zoe x" in answer["value"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["x", "a q"], r"'must': 'a q' cannot be written: no target of the training split has 'a'"),
        ("x", r"'must' is 'x', not a list of phrases"),
        ([3], r"'must' is \[3\], not a list of phrases"),
        ([""], r"'must' is \[''\], not a list of phrases"),
        (["x", " "], r"'must' is \['x', ' '\], not a list of phrases"),
    ],
)
def test_phrases_that_cannot_be_are_told(given: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        made().prepare(Example({"must": given}, EXAMPLES[0].inputs))


@pytest.mark.parametrize(
    "search",
    [
        Use("search", "greedy"),
        Use("search", "sampling"),
        Use("search", "beam", {"size": 4, "groups": 2}),
    ],
)
def test_a_search_that_cannot_include_is_told(search: Use) -> None:
    with pytest.raises(PluginError, match=r"'include' needs a search that can write what it must"):
        made(search=search)
