"""Golds of word labels: both forms, and what each mistake is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqkit.errors import DataError
from seqkit.stages import Frames, Pieces, Text
from seqkit_labels.gold import Reading, place, read


def words(text: str) -> Pieces:
    """Words between spaces, each one piece."""
    strings, spans, at = text.split(), [], 0
    for word in strings:
        start = text.index(word, at)
        at = start + len(word)
        spans.append((start, at))
    edges = np.array(spans, np.int32).reshape(-1, 2)
    return Pieces(Text(text), strings, edges, np.arange(len(strings), dtype=np.int32), edges)


def letters(text: str) -> Pieces:
    """Each character a word."""
    starts = np.arange(len(text), dtype=np.int32)
    spans = np.stack([starts, starts + 1], 1)
    return Pieces(Text(text), list(text), spans, starts, spans)


JOHN = words("John lives in New York")


def message(gold: Any, form: Any = "labels", source: Pieces | Frames = JOHN) -> str:
    with pytest.raises(DataError) as caught:
        read(gold, source, form, "crf")
    return str(caught.value)


def told(*golds: Any, source: Pieces | Frames = JOHN) -> str:
    reading = Reading("crf")

    def read_all() -> None:
        for gold in golds:
            reading.add(gold, source)
        reading.finish()

    with pytest.raises(DataError) as caught:
        read_all()
    return str(caught.value)


def test_labels_are_taken_as_they_are() -> None:
    gold = ["B-PER", "O", "O", "B-LOC", "I-LOC"]
    assert read(gold, JOHN, "labels", "crf") == gold


def test_character_spans_become_bio_tags_of_words() -> None:
    gold = [[14, 22, "LOC"], (0, 4, "PER")]
    assert read(gold, JOHN, "spans", "crf") == ["B-PER", "O", "O", "B-LOC", "I-LOC"]
    assert read([], JOHN, "spans", "crf") == ["O"] * 5


@given(st.text(max_size=8), st.data())
def test_any_characters_can_carry_spans(text: str, data: st.DataObject) -> None:
    edges = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=4)))
    gold = [(start, end, "X") for start, end in zip(edges[::2], edges[1::2], strict=False)]
    assert place(gold, letters(text)) == (gold, [])


def test_frames_are_words_of_their_own() -> None:
    frames = Frames(np.zeros((3, 2), np.float32))
    assert read(["a", "b", "a"], frames, "labels", "crf") == ["a", "b", "a"]
    assert read([[1, 3, "X"]], frames, "spans", "crf") == ["O", "B-X", "I-X"]


def test_labels_and_words_are_counted() -> None:
    assert message(["O"] * 6) == (
        "crf: 6 labels for 5 words ('John', 'lives', 'in', 'New', 'York'). "
        "Give one label a word, with a tokeniser that keeps the words as they are given."
    )
    assert message(["O"], source=words("one two three four five six")).startswith(
        "crf: 1 label for 6 words ('one', 'two', 'three', 'four', 'five', …)."
    )
    assert message(["O"], source=Frames(np.zeros((2, 1), np.float32))).startswith(
        "crf: 1 label for 2 words. Give"
    )


def test_a_span_that_cuts_a_word_is_shown() -> None:
    assert message([[14, 20, "LOC"]], "spans") == (
        "crf: the span [14, 20, 'LOC'] 'New Yo' does not begin and end where words do, in "
        "'John lives in New York'. Correct it, or use a tokeniser that splits there, such as "
        "`characters`."
    )


def test_a_span_outside_the_text_is_shown() -> None:
    for start, end in ((14, 23), (-4, 4), (4, 4), (9, 5)):
        assert message([[start, end, "LOC"]], "spans").startswith(
            f"crf: the span [{start}, {end}, 'LOC'] lies outside the text of 22 characters, "
            "'John lives in New York'."
        )


def test_spans_that_overlap_are_both_shown() -> None:
    assert message([[0, 10, "X"], [5, 10, "Y"]], "spans").startswith(
        "crf: the span [5, 10, 'Y'] 'lives' overlaps [0, 10, 'X'] 'John lives', in 'John"
    )


@pytest.mark.parametrize("span", [[0, 4], [0, "4", "X"], 7, [0, 4, 1], [True, 4, "X"]])
def test_a_span_of_another_form_is_shown(span: Any) -> None:
    assert message([span], "spans").startswith(
        f"crf: the span {span!r} is not [start, end, label]. Correct it"
    )


def test_long_texts_are_cut_in_messages() -> None:
    assert "'" + "a" * 59 + "…'" in message([[0, 1, "X"]], "spans", words("a" * 99 + " b"))


def test_gold_of_other_types_is_explained() -> None:
    assert message("NOUN") == (
        "crf: the gold is one string, 'NOUN', but each word takes a label. "
        "Give a list of labels, or decode with `classifier`."
    )
    assert message({"slots": [], "intent": "x"}) == (
        "crf: there are several golds, slots, intent. Name one field under data.gold."
    )
    assert message(3) == (
        "crf: the gold is 3, neither labels nor spans. Give a list of labels, one a word, or a "
        "list of [start, end, label]."
    )
    assert message(["O", [0, 4, "X"]]) == (
        "crf: the gold mixes labels and spans. Give one of them."
    )
    assert message([[0, 4, "X"]]) == (
        "crf: the gold has spans, but the model has learnt from labels."
    )
    assert message(None) == ("crf: the example has no gold. Name its field under data.gold.")


def test_the_form_is_found_even_behind_empty_golds() -> None:
    reading = Reading("crf")
    for gold in ([], [[0, 4, "PER"]], []):
        reading.add(gold, JOHN)
    assert reading.form == "spans"
    assert reading.finish()[0] == ["O"] * 5
    assert told([], ["B-X", "O", "O", "O", "O"]).startswith(
        "crf: train: example 1: 0 labels for 5 words"
    )


def test_a_training_example_is_named_by_its_number() -> None:
    assert told(["O"] * 5, ["O"] * 4).startswith("crf: train: example 2: 4 labels for 5 words")
    assert told(["O"] * 5, None) == (
        "crf: train: example 2 has no gold. Name the field of the labels under data.gold."
    )
    assert told(["O"] * 5, [[0, 4, "X"]]) == (
        "crf: train: example 2 has spans, but those before have labels. Give one."
    )


def test_spans_that_do_not_fit_are_counted_over_the_whole_split() -> None:
    found = told([[0, 4, "X"]], [[0, 3, "X"], [5, 99, "Y"]], [[1, 4, "X"]])
    assert found.startswith("crf: train: example 2: the span [0, 3, 'X'] 'Joh' does not begin")
    assert found.endswith("(3 spans do not fit.)")


def test_a_single_label_is_nothing_to_learn() -> None:
    assert told(["O"] * 5, ["O"] * 5) == (
        "crf: the only label is 'O' in 2 training examples, so there is nothing to learn. "
        "Check which field data.gold names."
    )
    assert told().startswith("crf: there is no label in 0 training examples")
    assert told([]).startswith("crf: the only label is 'O' in 1 training example,")


def test_a_word_with_an_empty_label_is_shown() -> None:
    advice = "is empty. Give it one; in a file of columns, check how they are split."
    gold = ["O", "O", "", "B-LOC", "I-LOC"]
    assert message(gold) == f"crf: the label of word 3 'in' {advice}"
    assert told(["O"] * 5, [*gold[:2], " ", *gold[3:]]) == (
        f"crf: train: example 2: the label of word 3 'in' {advice}"
    )
    assert message(["up", ""], source=Frames(np.zeros((2, 1), np.float32))) == (
        f"crf: the label of word 2 {advice}"
    )


def test_a_span_with_an_empty_label_is_shown() -> None:
    assert message([[0, 4, " "]], "spans").startswith(
        "crf: the span [0, 4, ' '] 'John' has an empty label, in 'John lives in New York'. Correct"
    )
