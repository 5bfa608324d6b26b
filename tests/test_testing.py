"""The door of the conformance suite: kinds, settings and examples."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from torch import nn

from seqkit.errors import PluginError, RecipeError
from seqkit.plugins import registry
from seqkit.stages import Example, Pieces, Upstream
from seqkit.testing import check_stage, example


def words(one: Example) -> Sequence[str]:
    pieces = one.inputs["text"]
    assert isinstance(pieces, Pieces)
    return pieces.strings


def test_a_stage_of_no_kind_is_told_so() -> None:
    with pytest.raises(AssertionError, match="unlike: object has not all members of any Protocol"):
        check_stage(unlike)
    with pytest.raises(AssertionError, match=r"unlike: is no torch.nn.Module. Make it one."):
        check_stage(unlike, kind="encoder")
    with pytest.raises(AssertionError, match=r"linear: lacks 'causal', which every Encoder has."):
        check_stage(linear, kind="encoder")
    with pytest.raises(PluginError, match=r"no kind called 'enkoder'. Did you mean 'encoder'?"):
        check_stage(unlike, kind="enkoder")


def unlike(upstream: Upstream) -> object:
    """Nothing."""
    return object()


def linear(upstream: Upstream) -> object:
    """A module that is no encoder."""
    return nn.Linear(upstream.width, 2)


def test_a_registered_stage_is_found_by_its_factory() -> None:
    bilstm = registry().find("encoder", "bilstm").factory
    check_stage(bilstm, settings={"width": 8})
    with pytest.raises(RecipeError, match=r"'width' is 7, but each of the two directions"):
        check_stage(bilstm, settings={"width": 7})
    with pytest.raises(PluginError, match="a source of files needs examples"):
        check_stage(registry().find("source", "jsonl").factory)


def test_settings_are_checked_as_a_recipe_would_be() -> None:
    bilstm = registry().find("encoder", "bilstm").factory
    with pytest.raises(RecipeError, match=r"encoder.width: input should be greater than 0, not 0"):
        check_stage(bilstm, settings={"width": 0})
    with pytest.raises(PluginError, match="takes 2 parameters before the star"):
        check_stage(lambda upstream, more: None, kind="encoder")


def test_examples_are_made_from_texts_words_numbers_and_mappings() -> None:
    assert words(example("a  b")) == ["a", "b"]
    assert words(example(["a", "b c"])) == ["a", "b c"]
    assert len(example([1.0, 2.0]).inputs["text"]) == 2
    both = example({"passage": "a b", "question": "c"}, gold=3)
    assert [len(one) for one in both.inputs.values()] == [2, 1]
    assert both.gold == 3
    assert json.dumps(both.fields) == '{"passage": "a b", "question": "c", "gold": 3}'
