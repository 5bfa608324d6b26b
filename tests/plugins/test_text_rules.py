"""The text plugin's entry module: what it registers, and what its rules say."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from seqkit.plugins import registry
from seqkit.stages import Embedder, Tokeniser, Upstream
from seqkit_text.character_embedding import characters_rules
from seqkit_text.rules import locked_rules
from seqkit_text.tokenising import words_rules

WORDS = {"pattern": None, "lower": False, "digits": False}
CHARACTERS = {"width": None, "encode": None, "longest": 32}
LOCKED = {"dropout": 0.0, "locked": False}


@pytest.mark.parametrize("name", ["words", "characters", "bytes"])
def test_tokenisers_are_registered(name: str) -> None:
    stage = registry().find("tokeniser", name).factory(Upstream(width=0))
    assert isinstance(stage, Tokeniser)
    assert stage.fit([]) == {}


@pytest.mark.parametrize(
    "name", ["lookup", "affixes", "shape", "hashed", "characters", "character_cnn"]
)
def test_embedders_are_registered(name: str) -> None:
    assert isinstance(registry().find("embedder", name).factory(Upstream(width=0)), Embedder)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (None, None),
        (r"\w+|\S", None),
        (
            "(",
            "is no regular expression: missing ), unterminated subpattern at position 0. "
            "Mend it, or leave it out",
        ),
        (
            "a{99999999999}",
            "is no regular expression: the repetition number is too large. "
            "Mend it, or leave it out",
        ),
        (r"\w*", "matches the empty string, which is no word. Write + where it says *"),
    ],
)
def test_a_bad_pattern_is_told(pattern: str | None, message: str | None) -> None:
    found = list(words_rules(WORDS | {"pattern": pattern}))
    assert found == ([] if message is None else [("pattern", message)])


def test_a_pattern_that_is_nested_too_deep_is_told() -> None:
    [(setting, message)] = words_rules(WORDS | {"pattern": "(" * 5000 + ")" * 5000})
    assert setting == "pattern"
    assert message.startswith("is no regular expression: ")


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, []),
        ({"width": 50}, []),
        ({"encode": "a stage"}, []),
        (
            {"width": 51},
            [
                (
                    "width",
                    "is 51, but each of the two directions takes half of it. "
                    "Use an even number, such as 52",
                )
            ],
        ),
        (
            {"width": 50, "encode": "a stage"},
            [
                (
                    "width",
                    "has no effect, as 'encode' has a width of its own. Leave out one of them",
                )
            ],
        ),
    ],
)
def test_width_and_encode_exclude_each_other(
    changed: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    assert list(characters_rules(CHARACTERS | changed)) == found


def test_locked_has_no_effect_without_dropout() -> None:
    assert list(locked_rules(LOCKED)) == []
    assert list(locked_rules({"dropout": 0.3, "locked": True})) == []
    assert list(locked_rules(LOCKED | {"locked": True})) == [
        ("locked", "has no effect without 'dropout'. Set 'dropout' above 0")
    ]


def test_the_entry_module_imports_nothing_heavy() -> None:
    code = (
        "import sys, seqkit_text; "
        "sys.exit(any(name in sys.modules for name in ('torch', 'numpy', 'pydantic')))"
    )
    environment = {"PATH": ""}  # without SEQKIT_CHECK_SHAPES, as users run it
    run = subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert run.returncode == 0
