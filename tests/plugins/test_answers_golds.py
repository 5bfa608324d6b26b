"""Right answers: their form, their place in the passage, and the pieces that cover them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.errors import DataError
from seqkit.stages import Pieces, Text
from seqkit.testing import example
from seqkit_answers.golds import Right, covering, on_borders, pieces_of, right_answers

PASSAGE = "born in Ulm-am-See 1879"


def asked(gold: Any) -> Any:
    return example({"passage": PASSAGE, "question": "where ?"}, gold)


def test_answers_are_spans_of_the_passage() -> None:
    golds = right_answers(asked([[8, 11, "Ulm"], (0, 4, "born")]), "passage", "here")
    assert golds == [Right(8, 11, "Ulm"), Right(0, 4, "born")]
    assert right_answers(asked([]), "passage", "here") == []


@pytest.mark.parametrize(
    ("gold", "wrong"),
    [
        (None, "there is no gold. Name the field of the answers under data.gold."),
        ("Ulm", "the gold is 'Ulm'. A gold is a list of answers, each [start, end, text] with"),
        (["Ulm"], "an answer is 'Ulm'. A gold is a list of answers"),
        ([[8, "Ulm"]], "an answer is [8, 'Ulm']. A gold is"),
        ([[True, 11, "Ulm"]], "an answer is [True, 11, 'Ulm']. A gold is"),
        (
            [[7, 10, "Ulm"]],
            "the answer 'Ulm' is not at [7, 10] of its passage, where ' Ul' stands. Mend its "
            "positions or its text.",
        ),
        ([[-3, 2, "x"]], "the answer 'x' is not at [-3, 2] of its passage, where 'bo' stands."),
        ([[4, 4, ""]], "the answer '' is not at [4, 4] of its passage, where '' stands."),
        ([[90, 93, "Ulm"]], "the answer 'Ulm' is not at [90, 93] of its passage, where '' stands."),
    ],
)
def test_golds_of_another_form_or_elsewhere_are_told(gold: Any, wrong: str) -> None:
    with pytest.raises(DataError) as caught:
        right_answers(asked(gold), "passage", "dev: example 3")
    assert str(caught.value).startswith(f"dev: example 3: {wrong}")


def test_a_lone_surrogate_stands_for_what_the_text_has_instead() -> None:
    one = example({"passage": "a \ud800 b", "question": "?"}, [[2, 5, "\ud800 b"]])
    assert right_answers(one, "passage", "here") == [Right(2, 5, "\ufffd b")]


def test_frames_have_no_spans() -> None:
    with pytest.raises(DataError, match="here: input 'passage' is frames, but spans are taken"):
        pieces_of(example({"passage": np.ones((2, 1)), "question": "?"}), "passage", "here")


@pytest.mark.parametrize(
    ("start", "end", "expected", "whole"),
    [
        (8, 18, (2, 2), True),
        (8, 11, (2, 2), False),
        (5, 11, (1, 2), False),
        (4, 5, None, False),
        (4, 8, (1, 1), False),
        (0, 23, (0, 3), True),
    ],
)
def test_the_fewest_pieces_cover_an_answer(
    start: int, end: int, expected: Any, whole: bool
) -> None:
    pieces = pieces_of(asked([]), "passage", "")
    right = Right(start, end, PASSAGE[start:end])
    assert covering(right, pieces) == expected
    assert on_borders(right, pieces) is whole


@settings(max_examples=50, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 30), max_size=8),
    start=st.integers(0, 29),
    size=st.integers(1, 30),
)
def test_covering_pieces_are_those_that_a_search_finds(
    cuts: list[int], start: int, size: int
) -> None:
    edges = sorted({*cuts})
    spans = list(zip(edges[::2], edges[1::2], strict=False))  # pieces with gaps between them
    array = np.array(spans, np.int32).reshape(-1, 2)
    pieces = Pieces(
        Text("x" * 30), ["x"] * len(spans), array, np.arange(len(spans), dtype=np.int32), array
    )
    inside = [n for n, (a, b) in enumerate(spans) if {*range(a, b)} & {*range(start, start + size)}]
    expected = (min(inside), max(inside)) if inside else None
    assert covering(Right(start, start + size, ""), pieces) == expected
