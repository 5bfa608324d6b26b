"""The shape embedder, against spaCy's shapes and a table read by hand."""

from __future__ import annotations

from typing import cast

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.stages import Upstream, Vectors
from seqkit.table import collate
from seqkit.testing import example
from seqkit_text.embedding import shape_embedder
from seqkit_text.shapes import CASINGS, Shapes, casing, word_shape

TRAIN = [["Apples", "Pears", "10.5", "was", "been"]]


def shapes(minimum: int = 1) -> Shapes:
    stage = cast("Shapes", shape_embedder(Upstream(width=0), width=6, minimum=minimum))
    stage.ready(stage.fit([example(words) for words in TRAIN]))
    return stage.eval()


@pytest.mark.parametrize(
    ("string", "wanted"),
    [
        ("Apples", "Xxxxx"),
        ("iPhone", "xXxxxx"),
        ("C3PO", "XdXX"),
        ("10.5", "dd.d"),
        ("2,000,000", "d,ddd,ddd"),
        ("!!!!!!", "!!!!"),
        ("東京", "xx"),
        ("", ""),
    ],
)
def test_a_shape_is_read_character_by_character(string: str, wanted: str) -> None:
    assert word_shape(string) == wanted


@pytest.mark.slow  # importing spaCy takes longer than all other tests here
@settings(deadline=None)
@given(st.text(st.sampled_from("aaAA11..-éÉ東ßǅª²½Ⅷⅷ𝐀\u0301 "), max_size=12) | st.text())
def test_shapes_are_those_of_spacy(string: str) -> None:
    from spacy.lang.lex_attrs import word_shape as spacy_shape

    assert word_shape(string) == spacy_shape(string)


def test_a_long_word_is_long_and_runs_are_as_long_as_they_are_set() -> None:
    assert word_shape("x" * 99) == "xxxx"
    assert word_shape("xY" * 50) == "LONG"
    assert word_shape("Tokyo-2020", run=1) == "Xx-d"
    assert word_shape("Tokyo-2020", run=2) == "Xxx-dd"


@pytest.mark.parametrize(
    ("string", "wanted"),
    [
        ("covid19", "lower"),
        ("Straße", "title"),
        ("I", "title"),
        ("USA", "upper"),
        ("U.S.", "upper"),
        ("iPhone", "mixed"),
        ("McDonald", "mixed"),
        ("東京1", "caseless"),
        ("$5.20", "digit"),
        ("...", "punctuation"),
        ("", "punctuation"),
    ],
)
def test_casings(string: str, wanted: str) -> None:
    assert casing(string) == wanted


def test_a_vector_is_the_sum_of_shape_and_casing() -> None:
    stage = shapes()
    assert stage.fit([example(words) for words in TRAIN]) == {
        "strings": ["Xxxxx", "dd.d", "xxx", "xxxx"],
        "counts": [2, 1, 1, 1],
    }
    arrays = [stage.prepare(example(words), "text") for words in [["Trees", "12.7"], ["A3"]]]
    found: Vectors = stage(collate(arrays))
    table = stage.table.weight
    of = {name: table[6 + place] for place, name in enumerate(CASINGS)}
    wanted = torch.zeros(2, 2, 6)
    wanted[0, 0] = table[2] + of["title"]
    wanted[0, 1] = table[3] + of["digit"]
    wanted[1, 0] = table[1] + of["title"]
    assert torch.equal(found.values, wanted)
    assert not table[:2].any()


def test_what_stands_in_padding_changes_nothing() -> None:
    stage = shapes()
    batch = dict(collate([stage.prepare(example(words), "text") for words in [["a", "b"], ["a"]]]))
    clean = stage(batch).values
    batch["shapes"][1, 1] = 3
    assert torch.equal(stage(batch).values, clean)


def test_a_split_is_described_by_its_unknown_shapes() -> None:
    stage = shapes(minimum=2)
    [train] = stage.describe([example(words) for words in TRAIN], "train")
    assert train.text == (
        "60.0% of the shapes (3 of 5) are unknown, 75.0% of the distinct ones: they are rarer than "
        "the vocabulary takes"
    )
    [dev] = stage.describe([example(["Trees", "a-b", "a-b"])], "dev")
    assert dev.text == (
        "66.7% of the shapes (2 of 3) are unknown, 50.0% of the distinct ones; most often 'x-x' (2)"
    )
    assert dev.level == "warning"
