"""Word labels on the host: what is learnt, positions of pieces, answers, descriptions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from seqkit.errors import DataError, PluginError
from seqkit.stages import Example, Frames, Pieces, Text, Upstream
from seqkit_labels.inputs import one_step_a_piece
from seqkit_labels.words import NO_PIECE, UNSEEN, WordLabels


def pieces(text: str, owners: list[int] | None = None) -> Pieces:
    """Words between spaces; `owners` says which word each piece belongs to, one each if None."""
    strings, spans, at = text.split(), [], 0
    for word in strings:
        start = text.index(word, at)
        at = start + len(word)
        spans.append((start, at))
    edges = np.array(spans, np.int32).reshape(-1, 2)
    words = np.array(range(len(strings)) if owners is None else owners, np.int32)
    return Pieces(Text(text), [strings[word] for word in words], edges[words], words, edges)


def example(text: str, gold: Any = None, owners: list[int] | None = None) -> Example:
    return Example({}, {"text": pieces(text, owners)}, gold)


def fitted(examples: list[Example], **settings: Any) -> WordLabels:
    words = WordLabels("crf", **{"over": None, "word": "first", "scheme": "keep"} | settings)
    words.ready(words.fit(iter(examples)))
    return words


NAMES = [
    example("EU rejects German call", ["I-ORG", "O", "I-MISC", "O"]),
    example("Peter Blackburn in New York", ["I-PER", "I-PER", "O", "I-LOC", "B-LOC"]),
]
SPANS = [
    example("John lives in New York", [[0, 4, "PER"], [14, 22, "LOC"]]),
    example("He does", []),
]


def test_labels_are_learnt_with_counts_scheme_and_form() -> None:
    assert WordLabels("crf", over=None, word="first", scheme="keep").fit(NAMES) == {
        "labels": ["O", "I-PER", "B-LOC", "I-LOC", "I-MISC", "I-ORG"],
        "counts": [3, 2, 1, 1, 1, 1],
        "scheme": "IOB1",
        "form": "labels",
        "aligned": True,
    }


def test_labels_are_learnt_in_the_scheme_that_is_asked_for() -> None:
    words = fitted(NAMES, scheme="BIOES")
    assert (words.file_scheme, words.scheme) == ("IOB1", "BIOES")
    assert set(words.labels) == {"O", "S-ORG", "S-MISC", "B-PER", "E-PER", "S-LOC"}
    arrays = words.prepare(NAMES[1])
    assert [words.labels[index] for index in arrays["labels"]] == [
        *("B-PER", "E-PER", "O", "S-LOC", "S-LOC")
    ]


def test_outside_is_always_a_label_of_a_scheme() -> None:
    words = fitted([example("a b", ["B-X", "E-X"]), example("c d", ["B-Y", "E-Y"])])
    assert (words.labels[-1], words.counts[-1]) == ("O", 0)


def test_plain_labels_have_no_scheme() -> None:
    words = fitted([example("a b", ["DET", "NOUN"])])
    assert words.scheme is None
    assert words.answer(["DET"], [], pieces("a")) == {"value": ["DET"]}


def test_plain_labels_cannot_become_a_scheme() -> None:
    with pytest.raises(DataError) as caught:
        fitted([example("a b", ["DET", "NOUN"])], scheme="BIOES")
    assert str(caught.value) == (
        "crf: scheme: the labels, such as DET, NOUN, follow no tag scheme that could become BIOES. "
        "Set 'scheme' to keep."
    )
    with pytest.raises(DataError) as caught:
        fitted([example("a b c d", ["B-X", "o", "I-X", "O"])], scheme="BIOES")
    assert "such as o, B-X, I-X, follow no" in str(caught.value)


def test_character_spans_are_learnt_as_bio() -> None:
    words = fitted(SPANS)
    assert (words.form, words.scheme) == ("spans", "BIO")
    assert words.gold(SPANS[0]) == {
        "value": ["B-PER", "O", "O", "B-LOC", "I-LOC"],
        "spans": [[0, 4, "PER"], [14, 22, "LOC"]],
        "scheme": "BIO",
    }


def test_illegal_tags_are_mended_to_learn_and_kept_as_gold() -> None:
    strange = example("a b", ["O", "I-X"])
    words = fitted([example("a b c", ["B-X", "I-X", "O"]), example("c", ["B-X"]), strange])
    assert words.scheme == "BIO"
    assert [words.labels[index] for index in words.prepare(strange)["labels"]] == ["O", "B-X"]
    assert words.gold(strange) == {"value": ["O", "I-X"], "spans": [[2, 3, "X"]], "scheme": "BIO"}


def test_a_label_that_training_has_not_seen_is_no_error() -> None:
    words = fitted([example("a b", ["DET", "NOUN"])])
    assert words.prepare(example("a b", ["VERB", "DET"]))["labels"].tolist() == [UNSEEN, 0]


def test_prediction_needs_no_gold() -> None:
    arrays = fitted(NAMES).prepare(example("no gold here"))
    assert {name: array.tolist() for name, array in arrays.items()} == {"shift": [0, 0, 0]}


def test_arrays_are_along_time_only_where_each_word_is_one_piece() -> None:
    assert fitted(NAMES).along_time == {"labels", "shift"}
    assert fitted(NAMES, word="mean").along_time == {"labels", "shift", "owner"}
    assert fitted([*NAMES, example("a", ["O"], [0, 0])]).along_time == frozenset()
    assert fitted([*NAMES, example("a b", ["O", "O"], [1, 0])]).along_time == frozenset()


@pytest.mark.parametrize(
    ("word", "speakers", "owner"),
    [("first", [0, None, 2], None), ("last", [1, None, 2], None), ("mean", [0, None, 2], True)],
)
def test_a_word_may_own_no_piece(word: str, speakers: list[int | None], owner: bool | None) -> None:
    words = fitted(NAMES, word=word)
    arrays = words.prepare(example("ab - c", owners=[0, 0, 2]))
    shifts = [NO_PIECE if piece is None else piece - at for at, piece in enumerate(speakers)]
    assert arrays["shift"].tolist() == shifts
    assert ("owner" in arrays) == bool(owner)
    if owner:
        assert (arrays["owner"] + np.arange(3)).tolist() == [0, 0, 2]


def test_frames_are_labelled_one_by_one() -> None:
    frames = Example({}, {"series": Frames(np.zeros((3, 1), np.float32))}, ["up", "up", "down"])
    words = fitted([frames])
    assert words.prepare(frames)["labels"].tolist() == [0, 0, 1]
    assert words.gold(frames) == {"value": ["up", "up", "down"]}


def test_answers_come_in_the_scheme_of_the_file_with_spans_in_characters() -> None:
    words = fitted(NAMES, scheme="BILOU")
    given = [words.index[label] for label in ("B-PER", "L-PER", "O", "U-LOC", "U-LOC")]
    sure = np.array([[0.9, 0.81234567, 1.0, 0.5, 0.6, 0.1]], np.float32)
    answers = words.answers(np.array([[*given, 0]]), np.array([5]), sure, [NAMES[1]])
    assert answers == [
        {
            "value": ["I-PER", "I-PER", "O", "I-LOC", "B-LOC"],
            "spans": [[0, 15, "PER"], [19, 22, "LOC"], [23, 27, "LOC"]],
            "scheme": "IOB1",
            "confidence": [0.9, 0.8123, 1.0, 0.5, 0.6],
            "span_confidence": [0.7311, 0.5, 0.6],  # the product of its words'
        }
    ]
    again = words.answers(
        np.array([[*given, 0]]), np.array([5]), sure, [NAMES[1]], lambda every: [[0.25] * 3]
    )
    assert again[0]["span_confidence"] == [0.25] * 3


def test_answers_have_the_form_of_golds() -> None:
    for examples in (NAMES, SPANS, [example("a b", ["DET", "NOUN"])]):
        words = fitted(examples)
        labels = words.prepare(examples[0])["labels"]
        answers = words.answers(labels[None], np.array([len(labels)]), None, examples[:1])
        assert answers == [words.gold(examples[0])]


def test_a_text_without_words_has_an_answer() -> None:
    assert fitted(NAMES).answers(
        np.zeros((1, 0), np.int64), np.array([0]), None, [example("")]
    ) == [{"value": [], "spans": [], "scheme": "IOB1"}]


def test_an_encoder_that_skips_steps_is_refused() -> None:
    with pytest.raises(PluginError) as caught:
        one_step_a_piece("crf", Upstream(8, stride=4))
    assert str(caught.value) == (
        "crf labels every word, but the encoder gives one step for 4 pieces. "
        "Use an encoder that keeps every step."
    )
