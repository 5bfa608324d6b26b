"""Fields in the names of recordings."""

from __future__ import annotations

import pytest

from seqkit_speech.naming import fields_of, pattern_problem


@pytest.mark.parametrize(
    ("pattern", "name", "fields"),
    [
        (
            "{digit}_{speaker}_{index}.wav",
            "recordings/7_ann_12.wav",
            {"digit": "7", "speaker": "ann", "index": "12"},
        ),
        ("{speaker}/{text}.wav", "a/b/ann/yes.wav", {"speaker": "ann", "text": "yes"}),
        ("{text}.wav", "say [it] (now).wav", {"text": "say [it] (now)"}),
        ("{a}-{b}", "1-2-3", {"a": "1", "b": "2-3"}),
        ("{digit}_{speaker}.wav", "7_ann.flac", None),
        ("{digit}_{speaker}.wav", "7.wav", None),
        ("{speaker}/{text}.wav", "yes.wav", None),
        ("x.{a}", "xyz", None),
    ],
)
def test_a_name_gives_the_fields_of_its_pattern(
    pattern: str, name: str, fields: dict[str, str] | None
) -> None:
    assert fields_of(pattern, name) == fields


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("{digit}_{speaker}.wav", ""),
        (
            "digit.wav",
            "has no field. Write it as {speaker}_{index}.wav, with the fields of the name",
        ),
        ("{a}_{a}.wav", "has 'a' twice. Give each part its own name"),
        ("{a b}.wav", "has a field 'a b', which is no name. Use letters, digits and _"),
        ("{}.wav", "has a field '', which is no name. Use letters, digits and _"),
        ("{name}.wav", "has a field 'name', which every recording has. Rename it"),
        ("{a}_{b.wav", "has a brace without its other. Write fields as {speaker}"),
    ],
)
def test_patterns_that_cannot_be_meant_are_refused(pattern: str, problem: str) -> None:
    assert pattern_problem(pattern) == problem
