"""Tag schemes: detection, reading, writing and legality, against seqeval and brute force."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import BILOU, IOB2, IOBES, Tokens

from seqkit_labels.schemes import (
    SCHEMES,
    Span,
    convert,
    detect,
    illegal,
    legal,
    parts,
    spans,
    strict_spans,
    write,
)

LETTERS = {"IOB1": "BI", "BIO": "BI", "BIOES": "BIES", "BILOU": "BILU"}
REFERENCES = {"BIO": IOB2, "BIOES": IOBES, "BILOU": BILOU}


def alphabet(scheme: str) -> list[str]:
    return ["O", *(f"{letter}-{label}" for letter in LETTERS[scheme] for label in "XY")]


@st.composite
def tagged(draw: st.DrawFn, scheme: str) -> list[str]:
    return draw(st.lists(st.sampled_from(alphabet(scheme)), max_size=9))


@st.composite
def chunks(draw: st.DrawFn) -> tuple[list[Span], int]:
    """Sorted spans that do not overlap, and the length of their text."""
    found: list[Span] = []
    place = 0
    for gap, size, label in draw(
        st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3), st.sampled_from(["X", "Y-Z"])))
    ):
        found.append((place + gap, place + gap + size, label))
        place += gap + size
    return found, place + draw(st.integers(0, 2))


@pytest.mark.parametrize("scheme", SCHEMES)
@given(data=st.data())
def test_written_spans_are_read_back(scheme: str, data: st.DataObject) -> None:
    every, length = data.draw(chunks())
    tags = write(every, length, scheme)
    assert len(tags) == length
    assert spans(tags) == strict_spans(tags, scheme) == every
    assert illegal(tags, scheme) == []


@pytest.mark.parametrize("scheme", SCHEMES)
@given(data=st.data())
def test_converting_to_any_scheme_and_back_changes_nothing(
    scheme: str, data: st.DataObject
) -> None:
    every, length = data.draw(chunks())
    tags = write(every, length, scheme)
    for other in SCHEMES:
        assert convert(convert(tags, other), scheme) == tags


@pytest.mark.parametrize("scheme", ["IOB1", "BIO", "BIOES"])
@given(data=st.data())
def test_spans_are_those_of_conlleval(scheme: str, data: st.DataObject) -> None:
    tags = data.draw(tagged(scheme))
    assert spans(tags) == [(start, end + 1, label) for label, start, end in get_entities(tags)]


@given(tags=tagged("BIOES"))
def test_bilou_is_read_as_bioes_with_other_letters(tags: list[str]) -> None:
    renamed = [tag.replace("E-", "L-").replace("S-", "U-") for tag in tags]
    assert spans(renamed) == spans(tags)


@pytest.mark.parametrize("scheme", REFERENCES)
@given(data=st.data())
def test_strict_spans_are_those_of_seqeval(scheme: str, data: st.DataObject) -> None:
    tags = data.draw(tagged(scheme))
    reference = Tokens(tags, REFERENCES[scheme]).entities
    assert strict_spans(tags, scheme) == [(one.start, one.end, one.tag) for one in reference]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_sequence_is_legal_where_its_own_spans_would_write_it(scheme: str) -> None:
    labels = alphabet(scheme)
    first, pair, last = legal(scheme, labels)
    for length in (1, 2, 3):
        for path in product(range(len(labels)), repeat=length):
            tags = [labels[index] for index in path]
            allowed = (
                first[path[0]] and last[path[-1]] and all(pair[a, b] for a, b in pairwise(path))
            )
            assert allowed == (convert(tags, scheme) == tags) == (not illegal(tags, scheme))


def test_the_places_of_illegal_tags_are_told_the_end_of_the_text_too() -> None:
    assert illegal(["I-X", "O", "B-X", "I-Y", "I-Y"], "BIO") == [0, 3]
    assert illegal(["B-X", "I-X", "B-X"], "BIOES") == [2, 3]
    assert illegal(["B-X", "I-X", "B-X"], "IOB1") == [0]


def test_outside_may_follow_and_precede_itself_in_every_scheme() -> None:
    for scheme in SCHEMES:
        assert all(np.asarray(table).all() for table in legal(scheme, ["O"]))


@pytest.mark.parametrize("scheme", SCHEMES)
@given(data=st.data())
def test_the_scheme_of_a_file_is_detected(scheme: str, data: st.DataObject) -> None:
    every, length = data.draw(chunks())
    signs = [(0, 1, "X"), (2, 5, "X"), (5, 7, "X")]  # enough to tell the four apart
    assert detect([write(every, length, scheme), write(signs, 7, scheme)]) == scheme


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        (["I-PER", "I-PER", "O", "I-LOC", "B-LOC"], "IOB1"),
        (["B-PER", "I-PER", "O", "B-LOC"], "BIO"),
        (["B-PER", "O", "B-PER", "I-PER", "I-LOC"], "BIO"),
        (["B", "I", "O"], "BIO"),
        (["U-PER", "O"], "BILOU"),
        (["S-PER", "O"], "BIOES"),
        (["NOUN", "VERB"], None),
        (["B", "E", "S"], None),
        (["B-PER", "NOUN"], None),
        (["S-PER", "U-PER"], None),
        (["I-PER", "E-PER", "O"], None),
        (["I-", "O"], None),
        (["O", "O"], None),
        ([], None),
    ],
)
def test_labels_are_a_scheme_only_where_all_of_them_fit(
    tags: list[str], scheme: str | None
) -> None:
    assert detect([tags]) == scheme


def test_a_few_strays_do_not_change_the_scheme() -> None:
    assert detect([["B-X", "I-X", "O"]] * 9 + [["I-X", "O"]]) == "BIO"
    assert detect([["I-X", "I-X", "O"]] * 9 + [["B-X", "O"]]) == "IOB1"


def test_a_label_keeps_its_dashes() -> None:
    assert parts("B-from-loc.city") == ("B", "from-loc.city")
    assert spans(["B-a-b", "I-a-b"]) == [(0, 2, "a-b")]


def test_a_tag_of_another_form_stands_outside() -> None:
    assert spans(["B-X", "strange", "I-X"]) == [(0, 1, "X"), (2, 3, "X")]
    assert parts("Z-X") == parts("I-") == parts("") == ("O", "")
