"""The promises of a stage that describes the examples of a split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from seqkit.abilities import Describing, Finding, Level
from seqkit.data import SPLITS
from seqkit.stages import Example, Text
from seqkit.testing.specimens import SINGLE
from seqkit.testing.subject import Subject


def check_findings(subject: Subject, given: Sequence[Any]) -> None:
    """Asks a stage that has `describe` about each split. given: what it is fitted on."""
    stage = subject.ready(subject.learn(given))
    if not hasattr(stage, "describe"):
        return
    subject.has(stage, Describing)
    examples = [as_example(stage, one) for one in given]
    for split in SPLITS:
        with subject.doing("describe"):
            found = stage.describe(examples, split)
        for one in found:
            subject.hold(isinstance(one, Finding), f"describe gives {one!r}, no Finding.")
            subject.hold(one.level in get_args(Level), f"describe gives the level {one.level!r}.")
            line = bool(one.text.strip()) and "\n" not in one.text
            subject.hold(line, f"describe gives the text {one.text!r}, not one line.")


def as_example(stage: Any, given: Example | Text) -> Example:
    """An example, made by the stage where it is a tokeniser and was given texts."""
    return Example({}, {SINGLE: stage.prepare(given)}) if isinstance(given, Text) else given
