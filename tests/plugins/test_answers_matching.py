"""The embedder exact_match: what another input has too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.errors import DataError, RecipeError
from seqkit.recipe import check_stage
from seqkit.stages import Upstream
from seqkit.testing import example
from seqkit_answers import exact_match

WORDS = st.lists(st.sampled_from(["a", "A", "b", "c"]), max_size=8)


def matches(passage: str, question: str, name: str = "passage", **chosen: Any) -> Any:
    stage = exact_match(Upstream(0), **chosen)
    stage.ready(stage.fit([]))
    both = example({"passage": passage, "question": question})
    return stage.prepare(both, name)["matches"].T.tolist()


def test_a_piece_of_the_question_is_marked_as_it_is_and_in_lower_case() -> None:
    assert matches("Bo was in Ulm", "where WAS Bo") == [[1, 0, 0, 0], [1, 1, 0, 0]]
    assert matches("Bo was in Ulm", "where WAS Bo", lower=False) == [[1, 0, 0, 0]]
    assert matches("Bo was in Ulm", "where WAS Bo", name="question") == [[0, 0, 1], [0, 1, 1]]


def test_pieces_are_marked_in_runs_that_both_inputs_have() -> None:
    found = matches("a b c a c b a", "x b c a", runs=[1, 2, 3, 4], lower=False)
    assert found == [[1] * 7, [0, 1, 1, 1, 0, 0, 0], [0, 1, 1, 1, 0, 0, 0], [0] * 7]


@settings(max_examples=50, deadline=None)
@given(passage=WORDS, question=WORDS, run=st.integers(1, 4))
def test_runs_are_those_that_a_search_finds(
    passage: list[str], question: list[str], run: int
) -> None:
    expected = [0] * len(passage)
    for start in range(len(passage) - run + 1):
        part = passage[start : start + run]
        if any(question[at : at + run] == part for at in range(len(question))):
            expected[start : start + run] = [1] * run
    (found,) = matches(" ".join(passage), " ".join(question), runs=[run], lower=False)
    assert found == expected


def test_of_three_inputs_any_other_counts() -> None:
    stage = exact_match(Upstream(0), lower=False)
    every = example({"a": "x y z", "b": "y", "c": "z"})
    assert stage.prepare(every, "a")["matches"].T.tolist() == [[0, 1, 1]]


def test_a_single_input_is_refused() -> None:
    with pytest.raises(DataError) as caught:
        exact_match(Upstream(0)).prepare(example("a b"), "text")
    assert str(caught.value) == (
        "exact_match: compares 'text' with another input, but there is none. Name several under "
        "data.text, such as {passage: passage, question: question}."
    )


def test_frames_are_refused() -> None:
    both = example({"text": "a", "series": np.ones((2, 1))})
    with pytest.raises(DataError, match="compares pieces, but input 'series' is frames"):
        exact_match(Upstream(0)).prepare(both, "text")


@pytest.mark.parametrize(
    ("runs", "wrong"),
    [
        ([2, 2], "has 2 twice, which gives the same feature twice. Keep one"),
        ([], "at least 1"),
        ([0], "greater than 0"),
    ],
)
def test_runs_that_make_no_sense_are_told_at_check(runs: list[int], wrong: str) -> None:
    with pytest.raises(RecipeError, match=wrong):
        check_stage("embedder", {"use": "exact_match", "runs": runs})
