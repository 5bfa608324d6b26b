"""Subwords: sentencepiece models that are trained on the training split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import sentencepiece
from hypothesis import given
from hypothesis import strategies as st

import seqkit
from seqkit.data import words_text
from seqkit.errors import DataError
from seqkit.stages import Example, Pieces, Text, Upstream
from seqkit_text.subwords import PART, Subwords, training_lines
from seqkit_text.tokenising import sentencepiece_rules, sentencepiece_tokeniser

SENTENCE = "the cat sat on a mat and that fat rat ate the oats at the gate that the cat hates"
WORDS = SENTENCE.split()
TRAIN = [Text(" ".join(WORDS[start:] + WORDS[:start])) for start in range(len(WORDS))]
MARK = "\u2581"
ANY = st.text(st.characters(exclude_characters=MARK, exclude_categories=["Cs"]), max_size=20)
NEAR = st.text(st.sampled_from("theca  \n\t\u3000é🙂\0"), max_size=20)
SIZES = {("unigram", True): 275, ("bpe", True): 300, ("unigram", False): 19, ("bpe", False): 40}
BOTH = pytest.mark.parametrize("algorithm", ["unigram", "bpe"])


def subwords(algorithm: str = "bpe", byte_fallback: bool = True, **settings: Any) -> Subwords:
    size = SIZES[algorithm, byte_fallback]
    said = {"algorithm": algorithm, "byte_fallback": byte_fallback, "size": size, **settings}
    return cast("Subwords", sentencepiece_tokeniser(Upstream(width=0), **said))


def trained(algorithm: str = "bpe", byte_fallback: bool = True, **settings: Any) -> Subwords:
    stage = subwords(algorithm, byte_fallback, **settings)
    stage.ready(stage.fit(iter(TRAIN)))
    return stage


STAGES = {
    (algorithm, fallback): trained(algorithm, fallback)
    for algorithm in ("unigram", "bpe")
    for fallback in (True, False)
}
EVERY = pytest.mark.parametrize("kind", list(STAGES), ids=str)


def surfaces(pieces: Pieces) -> list[str]:
    return [pieces.source.text[start:end] for start, end in pieces.spans.tolist()]


@EVERY
@given(text=ANY | NEAR)
def test_pieces_join_to_exactly_the_text(kind: tuple[str, bool], text: str) -> None:
    stage = STAGES[kind]
    assert stage.text(stage.prepare(Text(text)).strings) == text


@EVERY
@given(text=ANY | NEAR)
def test_spans_tile_the_text_and_words_are_what_white_space_parts(
    kind: tuple[str, bool], text: str
) -> None:
    pieces = STAGES[kind].prepare(Text(text))
    covered = {place for start, end in pieces.spans.tolist() for place in range(start, end)}
    left = [place for place in range(len(text)) if place not in covered]
    assert all(text[place] == " " and 0 < place < len(text) - 1 for place in left)
    assert (np.diff(pieces.spans[:, 0]) >= 0).all()
    words = [text[start:end] for start, end in pieces.word_spans.tolist()]
    assert words == (text.split() or [text][: len(text)])
    assert (np.diff(pieces.words) >= 0).all()
    for string, word, span in zip(pieces.strings, pieces.words, pieces.spans, strict=True):
        if text[slice(*span)].strip():
            start, end = pieces.word_spans[word]
            assert start <= span[0] <= span[1] <= end
        if not string.startswith(("<0x", MARK)):
            assert string == text[slice(*span)]


@EVERY
def test_words_are_split_as_sentencepiece_splits_them(kind: tuple[str, bool]) -> None:
    stage = STAGES[kind]
    model = sentencepiece.SentencePieceProcessor(model_proto=stage.fit(TRAIN)["model"])
    text = "that cat hates the zebra"
    assert stage.prepare(Text(text)).strings == model.encode(text, out_type=str)
    given_words = stage.prepare(words_text(text.split()))
    assert given_words.strings == model.encode(" ".join(text.split()), out_type=str)


def test_a_piece_and_each_byte_of_a_character_know_their_place() -> None:
    pieces = trained().prepare(Text(" the é\n"))
    assert pieces.strings == [MARK, f"{MARK}the", MARK, "<0xC3>", "<0xA9>", "<0x0A>"]
    assert surfaces(pieces) == [" ", "the", "", "é", "é", "\n"]
    assert pieces.words.tolist() == [0, 0, 1, 1, 1, 1]
    assert pieces.word_spans.tolist() == [[1, 4], [5, 6]]


def test_without_fall_back_a_character_that_is_unknown_stays_as_it_is() -> None:
    pieces = trained(byte_fallback=False).prepare(Text("the é\n"))
    assert pieces.strings == [f"{MARK}the", MARK, "é", "\n"]
    assert surfaces(pieces) == ["the", "", "é", "\n"]


def test_given_words_are_kept_and_each_is_split_on_its_own() -> None:
    text = Text("don't, cat", [(0, 2), (2, 5), (5, 5), (5, 6), (7, 10)])
    stage = trained()
    pieces = stage.prepare(text)
    assert pieces.word_spans.tolist() == [list(span) for span in text.words or ()]
    for word, (start, end) in enumerate(text.words or ()):
        own = [
            string for string, of in zip(pieces.strings, pieces.words, strict=True) if of == word
        ]
        assert own == stage.prepare(Text(text.text[start:end])).strings
    assert stage.text(pieces.strings) == "do n't , cat"


def test_a_given_word_may_hold_white_space() -> None:
    stage = trained()
    pieces = stage.prepare(Text("the  cat\tsat", [(0, 8), (8, 12)]))
    assert pieces.words.max() == 1
    assert pieces.strings[0] == f"{MARK}the"
    assert stage.text(
        [s for s, word in zip(pieces.strings, pieces.words, strict=True) if not word]
    ) == ("the  cat")


def test_a_text_of_nothing_but_white_space_is_one_word() -> None:
    pieces = trained().prepare(Text(" \n"))
    assert pieces.strings == [MARK, "<0x0A>"]
    assert pieces.word_spans.tolist() == [[0, 2]]
    assert len(trained().prepare(Text(""))) == 0


def test_the_mark_itself_and_lone_surrogates_are_read_as_the_replacement_character() -> None:
    stage = trained()
    pieces = stage.prepare(Text(f"a{MARK}b \ud800"))
    assert stage.text(pieces.strings) == "a\ufffdb \ufffd"
    assert pieces.source.text == f"a{MARK}b \ud800"


def test_bytes_that_are_no_utf8_become_the_replacement_character() -> None:
    assert trained().text([f"{MARK}a", "<0xC3>", "<0x41>"]) == "a\ufffdA"
    assert trained(byte_fallback=False).text([f"{MARK}a", "<0x41>"]) == "a<0x41>"


@BOTH
def test_training_is_deterministic(algorithm: str) -> None:
    assert subwords(algorithm).fit(TRAIN) == subwords(algorithm).fit(iter(TRAIN))


@BOTH
@pytest.mark.parametrize("fallback", [True, False])
def test_too_large_a_vocabulary_is_refused_with_the_size_that_fits(
    algorithm: str, fallback: bool
) -> None:
    with pytest.raises(DataError, match=r"not for 8,000\. Set 'size' to \d+ or lower\.$") as caught:
        subwords(algorithm, fallback, size=8000).fit(TRAIN)
    most = int(str(caught.value).split("Set 'size' to ")[1].split()[0])
    assert subwords(algorithm, fallback, size=most).fit(TRAIN)["model"]
    with pytest.raises(DataError, match=f"for {most} pieces at most, not for {most + 1}"):
        subwords(algorithm, fallback, size=most + 1).fit(TRAIN)


@pytest.mark.parametrize(
    ("fallback", "message"),
    [
        (
            True,
            "sentencepiece: the characters of the training split, and the 256 bytes, are 271 "
            "pieces, but there is room for 20. Set 'size' to 271 or higher, or "
            "'character_coverage' lower.",
        ),
        (
            False,
            "sentencepiece: the characters of the training split are 15 pieces, but there is room "
            "for 9. Set 'size' to 15 or higher, or 'character_coverage' lower.",
        ),
    ],
)
def test_too_small_a_vocabulary_is_refused_with_the_size_that_fits(
    fallback: bool, message: str
) -> None:
    size = 20 if fallback else 9
    with pytest.raises(DataError) as caught:
        subwords("bpe", fallback, size=size).fit(TRAIN)
    assert str(caught.value) == message


@pytest.mark.parametrize("texts", [[], [Text("")], [Text(" \n")], [Text("a", [])]])
def test_no_word_to_learn_from_is_an_error(texts: Sequence[Text]) -> None:
    with pytest.raises(DataError) as caught:
        subwords().fit(texts)
    assert str(caught.value) == (
        "sentencepiece: the training split has no word. Give it texts that are not empty."
    )


def test_what_else_sentencepiece_refuses_is_told_in_its_words() -> None:
    with pytest.raises(
        DataError, match=r"^sentencepiece: cannot be trained on these texts: .*empty"
    ):
        subwords().fit([Text("\u2585")])  # sentencepiece's own sign for what is unknown


def test_words_too_long_for_sentencepiece_are_learnt_from_in_parts(
    capfd: pytest.CaptureFixture[str],
) -> None:
    long = Text("ab" * 40_000, [(0, 80_000)])
    assert [len(line) for line in training_lines(long)] == [PART] * 80
    assert subwords(size=263).fit([long])["model"]
    assert capfd.readouterr() == ("", "")


def test_any_length_is_split() -> None:
    stage = trained()
    for text in ("the!" * 10_000, " " * 20_000, "é" * 10_000, "a " * 10_000):
        assert stage.text(stage.prepare(Text(text)).strings) == text


@BOTH
def test_sampled_pieces_come_from_the_rng_alone_and_join_to_the_same_text(algorithm: str) -> None:
    stage = trained(algorithm, sampling=0.3)
    text, best = TRAIN[0], trained(algorithm).prepare(TRAIN[0])
    drawn = [stage.prepare(text, np.random.default_rng(seed)).strings for seed in range(8)]
    sentencepiece.set_random_generator_seed(99)
    again = [stage.prepare(text, np.random.default_rng(seed)).strings for seed in range(8)]
    assert drawn == again
    assert len({tuple(strings) for strings in drawn}) > 4
    assert {stage.text(strings) for strings in drawn} == {text.text}
    assert stage.samples
    assert stage.prepare(text).strings == best.strings


def test_without_sampling_the_rng_is_not_touched() -> None:
    rng, untouched = np.random.default_rng(1), np.random.default_rng(1)
    stage = trained()
    assert not stage.samples
    assert stage.prepare(TRAIN[0], rng).strings == stage.prepare(TRAIN[0]).strings
    assert rng.random() == untouched.random()


def test_lower_powers_of_the_probability_draw_more_even_splits() -> None:
    counts = []
    for sampling in (0.05, 5.0):
        stage = trained("unigram", sampling=sampling)
        rngs = [np.random.default_rng(seed) for seed in range(40)]
        splits = [tuple(stage.prepare(Text("hates"), rng).strings) for rng in rngs]
        counts.append(max(map(splits.count, splits)))
    assert counts[0] < 32 < counts[1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"algorithm": "bpe", "sampling": 0.9}, None),
        ({"algorithm": "unigram", "sampling": 2.0}, None),
        (
            {"algorithm": "bpe", "sampling": 1.0},
            "is 1, but for bpe it is the share of merges that are left out. "
            "Use a number below 1, such as 0.1",
        ),
    ],
)
def test_bpe_cannot_leave_out_every_merge(settings: dict[str, Any], message: str | None) -> None:
    assert list(sentencepiece_rules(settings)) == ([("sampling", message)] if message else [])


def example(stage: Subwords, text: str) -> Example:
    return Example({}, {"text": stage.prepare(Text(text))})


def test_a_split_is_described_by_its_fertility_and_what_is_unknown() -> None:
    stage = trained()
    (known,) = stage.describe([example(stage, "the the"), example(stage, "that")], "train")
    assert known.level == "note"
    assert known.text == ("1.00 pieces a word (2 distinct of 300); 0.00% of the pieces are bytes")
    (foreign,) = stage.describe([example(stage, "the é")], "dev")
    assert foreign.level == "warning"
    assert foreign.text.startswith("2.00 pieces a word (4 distinct of 300); 50.00% of the pieces")
    plain = trained(byte_fallback=False)
    (unknown,) = plain.describe([example(plain, "the é")], "dev")
    assert unknown.text.endswith("33.33% of the pieces are unknown")
    assert stage.describe([example(stage, "")], "dev") == []


RECIPE = """\
seqkit: 1
name: subwords
data: {use: conll, columns: [form, tag], train: train, dev: dev, text: form, gold: tag}
tokenise: {use: sentencepiece, algorithm: bpe, size: 280, sampling: 0.05}
embed: {use: lookup, width: 16}
encode: {use: bilstm, width: 16}
decode: {use: tagger, word: WORD}
train: {epochs: 30, batch: {tokens: 200}, optimiser: {use: adam, rate: 0.03}}
evaluate: {metrics: [accuracy], bootstrap: 0}
"""


def label(word: str) -> str:
    return "T" if "t" in word else "N"


@pytest.mark.parametrize(
    "word",
    [
        "first",
        pytest.param("last", marks=pytest.mark.slow),
        pytest.param("mean", marks=pytest.mark.slow),
    ],
)
def test_words_are_labelled_over_subwords(tmp_path: Path, word: str) -> None:
    for name, sentences in (("train", TRAIN[::3]), ("dev", [Text(SENTENCE[::-1])])):
        lines = [[f"{one}\t{label(one)}" for one in text.text.split()] for text in sentences]
        (tmp_path / name).write_text("\n\n".join("\n".join(each) for each in lines) + "\n")
    recipe = tmp_path / "subwords.yaml"
    recipe.write_text(RECIPE.replace("WORD", word))
    run = seqkit.run(recipe, out=tmp_path / "run")
    answer = run.load()([TRAIN[0].text])[0]["tag"]
    assert answer["value"] == [label(word) for word in WORDS]
