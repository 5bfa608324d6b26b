"""Errors: the tree, what a command ends with, one line a problem, and the nearest name."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqkit import errors
from seqkit.errors import Problem, RecipeError, SeqkitError, nearest

TREE = ["RecipeError", "PluginError", "DataError", "ModelError", "RunError", "TrainingError"]


def test_the_docstring_draws_every_error_and_no_other() -> None:
    drawn = re.findall(r"[├└]── (\w+)", errors.__doc__ or "")
    made = [
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, SeqkitError) and value is not SeqkitError
    ]
    assert drawn == made == [*TREE, "Interrupted"]


@pytest.mark.parametrize("name", TREE[:5])
def test_a_mistake_that_a_user_can_mend_ends_with_2(name: str) -> None:
    assert getattr(errors, name).exit_code == 2


def test_a_failure_ends_with_1_and_an_interruption_with_130() -> None:
    assert errors.TrainingError.exit_code == 1
    assert errors.Interrupted.exit_code == 130


def test_a_problem_says_where_which_setting_and_what() -> None:
    problem = Problem("a.yaml:7:5", "encode.width", "input should be above 0, not -1.")
    assert str(problem) == "a.yaml:7:5: encode.width: input should be above 0, not -1."


@pytest.mark.parametrize(
    ("where", "path", "line"),
    [("", "train", "train: no."), ("a:1:1", "", "a:1:1: no."), ("", "", "no.")],
)
def test_a_problem_leaves_out_what_is_not_known(where: str, path: str, line: str) -> None:
    assert str(Problem(where, path, "no.")) == line


def test_a_recipe_error_holds_every_problem_a_line_each() -> None:
    problems = [Problem("a:1:1", "b", "one."), Problem("a:2:1", "c", "two.")]
    error = RecipeError(problems)
    assert error.problems == tuple(problems)
    assert str(error) == "a:1:1: b: one.\na:2:1: c: two."


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("hiden", "Did you mean 'hidden'?"),
        ("HIDDEN", "Did you mean 'hidden'?"),
        ("bilstm", "Did you mean 'BiLSTM'?"),
        ("zzz", "Known: BiLSTM, hidden, width."),
        ("", "Known: BiLSTM, hidden, width."),
    ],
)
def test_the_nearest_name_is_suggested_or_all_are_listed(name: str, said: str) -> None:
    assert nearest(name, iter(["width", "hidden", "BiLSTM"])) == said


def test_without_any_name_it_says_so() -> None:
    assert nearest("x", []) == "There is none to choose from."


@given(st.text(max_size=20), st.lists(st.text(min_size=1, max_size=8), max_size=5))
def test_any_name_gets_a_suggestion_that_is_known(name: str, known: list[str]) -> None:
    said = nearest(name, known)
    assert any(f"'{other}'" in said or other in said for other in known) or not known
