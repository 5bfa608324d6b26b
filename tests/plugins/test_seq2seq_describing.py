"""What a decoder that writes says of its targets."""

from __future__ import annotations

from typing import Any

from seqkit.abilities import Describing, Finding
from seqkit.plugins import Use
from seqkit.stages import Upstream
from seqkit.testing import example
from seqkit.testing.specimens import before
from seqkit_seq2seq.writing import attention

TRAIN = [example("a b", "x y z"), example("c", "x y"), example("d", "")]


def found(examples: list[Any], split: str, **settings: Any) -> list[Finding]:
    decoder: Any = attention(
        before(["text"], Upstream(4)), embed=Use("embedder", "lookup", {"width": 4}), **settings
    )
    decoder.ready(decoder.fit(TRAIN))
    assert isinstance(decoder, Describing)
    return decoder.describe(examples, split)


def test_training_targets_are_told_with_examples() -> None:
    assert found(TRAIN, "train") == [
        Finding("targets have 1.7 pieces, 3 at most; 3 pieces can be written"),
        Finding("1 of 3 targets are empty", "warning"),
        Finding("example: 'a b' → 'x y z'"),
        Finding("example: 'c' → 'x y'"),
        Finding("example: 'd' → ''"),
    ]


def test_pieces_that_cannot_be_written_are_named() -> None:
    test = [example("q b", "x q"), example("c", "q r s")]
    _, told = found(test, "test")
    assert told == Finding(
        "80.0% of the targets' pieces (4) cannot be written; most often 'q' (2), 'r' (1), 's' (1)",
        "warning",
    )
    _, told = found(test, "test", copy=True)
    assert told.text == (
        "60.0% of the targets' pieces (3) can neither be written nor copied; most often 'q' (1), "
        "'r' (1), 's' (1)"
    )


def test_targets_that_are_all_empty_are_an_error() -> None:
    assert found([example("a", "")], "train")[1].level == "error"


def test_a_text_that_does_not_come_back_as_it_was_is_shown() -> None:
    told = found([example("a", "x   y"), example("b", "z")], "train")
    assert Finding("1 of 2 targets differ from what their pieces join to") in told
    assert told[-2].text == "example: 'a' → 'x y', from 'x   y'"


def test_a_split_without_examples_has_no_findings() -> None:
    assert found([], "dev") == []
