"""What decoders of labels say of a split: counts, round trips, and what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from seqkit.abilities import Finding
from seqkit.stages import Example, Frames
from seqkit.testing import example
from seqkit_labels.descriptions import ROOM, describe_texts, listed, table
from seqkit_labels.words import WordLabels

NAMES = [
    example("EU rejects German call", ["I-ORG", "O", "I-MISC", "O"]),
    example("Peter Blackburn in New York", ["I-PER", "I-PER", "O", "I-LOC", "B-LOC"]),
]
RARE = "on fewer than 5"


def fitted(examples: Sequence[Example], scheme: str = "keep") -> WordLabels:
    words = WordLabels("crf", over=None, word="first", scheme=scheme)
    words.ready(words.fit(iter(examples)))
    return words


def told(words: WordLabels, examples: Sequence[Example], split: str = "train") -> list[str]:
    return [finding.text for finding in words.describe(examples, split)]


def warnings(found: Sequence[Finding]) -> list[str]:
    return [finding.text for finding in found if finding.level == "warning"]


def wrong(*golds: tuple[str, list[str]]) -> list[str]:
    """The warnings of a training split that has nothing rare."""
    examples = [example(text, gold) for text, gold in golds * 5]
    return warnings(fitted(examples).describe(examples, "train"))


def test_tags_are_told_by_their_spans_and_three_examples_as_they_come_back() -> None:
    empty = example("no name here", ["O", "O", "O"])
    assert told(fitted([*NAMES, empty], "BIOES"), [empty, *NAMES]) == [
        "5 spans in IOB1, learnt as BIOES; O alone is right for 50.0% of 12 words: LOC 2, ORG 1, "
        "MISC 1, PER 1",
        f"4 of 4 labels {RARE} spans: PER (1), MISC (1), ORG (1), LOC (2)",
        "example: [EU] ORG rejects [German] MISC call",
        "example: [Peter Blackburn] PER in [New] LOC [York] LOC",
    ]


def test_plain_labels_are_told_with_the_score_of_the_commonest() -> None:
    examples = [example("a cat sees", ["DET", "NOUN", "VERB"]), example("cat", ["NOUN"])] * 5
    assert told(fitted(examples), examples) == [
        "3 labels on 20 words; NOUN alone is right for 50.0%: NOUN 10, DET 5, VERB 5",
        "example: a/DET cat/NOUN sees/VERB",
        "example: cat/NOUN",
        "example: a/DET cat/NOUN sees/VERB",
    ]


def test_a_long_example_is_cut_and_begins_a_little_before_its_first_span() -> None:
    text = " ".join([*("word",) * 30, "Paris", *("word",) * 30])
    examples = [example(text, ["O"] * 30 + ["B-LOC"] + ["O"] * 30)]
    [line] = [line for line in told(fitted(examples), examples) if line.startswith("example")]
    assert line == "example: …word word word word [Paris] LOC word word word word word w…"


def test_labels_of_frames_are_told_without_a_text() -> None:
    series = Example({}, {"text": Frames(np.zeros((3, 1), np.float32))}, ["up", "up", "down"])
    assert told(fitted([series]), [series])[-1] == "example: up up down"


@pytest.mark.parametrize(
    ("scheme", "gold", "line"),
    [
        ("BIO", ["O", "I-X", "O"], "word 2 'b': I-X after O"),
        ("BIO", ["I-X", "O", "I-X"], "word 1 'a': I-X at the start"),
        ("BIOES", ["O", "O", "B-X"], "its end after B-X"),
    ],
)
def test_tags_that_break_the_scheme_are_counted_and_the_first_is_placed(
    scheme: str, gold: list[str], line: str
) -> None:
    right = {"BIO": ["B-X", "I-X", "O"], "BIOES": ["B-X", "E-X", "S-X"]}[scheme]
    examples = [example("a b c", right)] * 5 + [example("a b c", gold)]
    words = fitted(examples)
    assert words.file_scheme == scheme
    comma = ":" if line.startswith("its") else ","
    count = "2 tags break" if gold[0] == "I-X" else "1 tag breaks"
    found = warnings(words.describe(examples, "train"))
    assert found == [
        f"{count} {scheme}, the first in example 6{comma} {line}. Read as conlleval does: a span "
        "begins where none goes on"
    ]
    assert warnings(words.describe(examples[5:], "dev"))[-1] == found[0].replace("6", "1")


def test_labels_that_training_has_not_seen_are_counted_and_named() -> None:
    words = fitted([example("a b", ["DET", "NOUN"])])
    held_out = [example("a b", ["DET", "X"]), example("a b c", ["X", "Y", "NOUN"])]
    assert words.describe(held_out, "test") == [
        Finding(
            "3 words in 2 examples have labels that training has not seen: X (2), Y (1). They "
            "count as wrong",
            "warning",
        )
    ]


def test_a_position_of_a_span_that_training_has_not_seen_is_named_as_it_is_learnt() -> None:
    words = fitted([example("a b", ["B-X", "O"])] * 5, "BIOES")
    assert told(words, [example("a b", ["B-X", "I-X"])], "dev") == [
        "2 words in 1 example have labels that training has not seen: B-X (1), E-X (1). They count "
        "as wrong"
    ]


def test_labels_that_a_held_out_split_lacks_are_named() -> None:
    words = fitted([example("a b c", ["DET", "NOUN", "VERB"])])
    assert words.describe([example("a b", ["DET", "NOUN"])], "dev") == [
        Finding("1 of 3 labels of train on no word: VERB")
    ]
    assert words.describe([example("a b", ["DET", "DET"])], "dev") == [
        Finding("the only label is 'DET'", "warning")
    ]
    assert fitted(NAMES).describe([example("a b", ["O", "O"])], "dev") == [
        Finding("there is no labelled span", "warning")
    ]


def test_a_few_rare_labels_are_a_warning_and_a_long_tail_is_a_note() -> None:
    common = [(f"{name}", [name]) for name in "abcd"]
    examples = [example(text, gold) for text, gold in common * 5] + [example("e", ["e"])]
    [finding] = [one for one in fitted(examples).describe(examples, "train") if RARE in one.text]
    assert finding == Finding(f"1 of 5 labels {RARE} words: e (1)", "warning")
    examples += [example(name, [name]) for name in "fgh"]
    [finding] = [one for one in fitted(examples).describe(examples, "train") if RARE in one.text]
    assert finding == Finding(f"4 of 8 labels {RARE} words: h (1), g (1), f (1), e (1)", "note")


def test_labels_that_differ_by_case_or_space_are_named_together() -> None:
    assert wrong(("a b c", ["per", "PER", "LOC"])) == [
        "labels that differ by case or white space alone: 'per' (5), 'PER' (5)"
    ]
    golds = [["card arrival"], ["card  arrival"], ["refund"]] * 5
    assert warnings(describe_texts(golds, [], ["refund"], "train")) == [
        "labels that differ by case or white space alone: 'card arrival' (5), 'card  arrival' (5)"
    ]


def test_white_space_in_the_labels_of_words_is_a_sign_of_columns_split_wrongly() -> None:
    assert wrong(("a b", ["NN sing", "DT "])) == [
        "2 labels with white space inside, such as 'NN sing' (5). Check that the columns are split "
        "where they should be"
    ]


def test_labels_most_of_which_are_tags_are_told_to_have_no_scheme() -> None:
    assert wrong(("a b c", ["B-X", "I-X", "0"])) == [
        "the labels look like tags of spans, such as B-X, but no scheme has 0 (5): no spans are "
        "read"
    ]
    assert wrong(("a b c", ["I-X", "E-X", "O"])) == [
        "the labels look like tags of spans, such as I-X, but no scheme has all of them: no spans "
        "are read"
    ]
    assert wrong(("a b", ["S-foo", "NOUN"])) == []


def test_texts_are_told_with_what_comes_back() -> None:
    golds: list[Any] = [["flight"], ["fare"], ["flight"]] * 5
    text = example("show me " * 20).inputs["text"]
    assert describe_texts(golds, [(text, ["fare"])], ["fare", "flight"], "train") == [
        Finding("2 labels on 15 texts; flight alone is right for 66.7%: flight 10, fare 5"),
        Finding(f"example: '{('show me ' * 20)[:59]}…' → fare"),
    ]


def test_texts_with_several_labels_are_told_by_how_many_they_have() -> None:
    golds: list[Any] = [["flight"], ["fare", "flight"], []] * 5
    text = example("show me").inputs["text"]
    assert describe_texts(golds, [(text, ["fare", "flight"])], ["fare", "flight"], "train") == [
        Finding("2 labels on 15 texts, 1.00 a text and none on 5: flight 10, fare 5"),
        Finding("example: 'show me' → fare, flight"),
    ]
    assert describe_texts([[], []], [], ["fare", "flight"], "dev") == [
        Finding("there is no labelled text", "warning")
    ]
    assert describe_texts([["fare"], ["hotel", "car"]], [], ["fare", "flight"], "test") == [
        Finding("1 of 2 labels of train on no text: flight"),
        Finding(
            "1 text has a label that training has not seen: hotel (1), car (1). They count as "
            "wrong",
            "warning",
        ),
    ]


def test_many_labels_are_listed_as_far_as_there_is_room() -> None:
    assert listed(["x" * 500, "y"]) == "x" * 500 + " and 1 more"
    many = Counter({f"label{n}": 1000 - n for n in range(100)})
    assert table(many).endswith(", label11 989 and 88 more, down to label99 901")
    assert len(table(many)) < ROOM + 40
