"""Texts cut after so many pieces, and that it is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import seqkit
from seqkit.abilities import Finding
from seqkit.plugins import Use
from seqkit.stages import Example, Text, Upstream
from seqkit_text.tokenising import cut_tokeniser

Command = Callable[..., tuple[int, str, str]]
NOTHING = Upstream(0)
RECIPE = """\
seqkit: 1
name: toy
data: {use: tsv, columns: [text, label], train: t.tsv, text: text, gold: label}
tokenise: {use: cut, longest: 3}
embed: {use: lookup, width: 4}
encode: {use: bilstm, width: 4}
decode: classifier
train: {epochs: 1, save: 0}
"""


def test_the_first_pieces_are_kept() -> None:
    pieces = cut_tokeniser(NOTHING, longest=2).prepare(Text("one two, three"))
    assert list(pieces.strings) == ["one", "two"]
    assert pieces.spans.tolist() == [[0, 3], [4, 7]]
    assert pieces.words.tolist() == [0, 1]
    assert len(pieces.word_spans) == 4


@pytest.mark.parametrize("text", ["", "one", "one two three"])
def test_a_text_that_is_short_enough_stays_whole(text: str) -> None:
    inner = Use("tokeniser", "words")
    found = cut_tokeniser(NOTHING, longest=3, tokenise=inner).prepare(Text(text))
    assert list(found.strings) == text.split()


def test_the_tokeniser_inside_is_fitted_on_whole_texts() -> None:
    inner = Use("tokeniser", "sentencepiece", {"size": 8, "byte_fallback": False})
    texts = [Text("ab ab ab late"), Text("ab late")]
    whole, tokeniser = inner.build(NOTHING), cut_tokeniser(NOTHING, longest=2, tokenise=inner)
    for each in (whole, tokeniser):
        each.ready(each.fit(texts))
    wanted = whole.prepare(texts[0])
    assert list(tokeniser.prepare(texts[0]).strings) == list(wanted.strings[:2])
    assert tokeniser.text(wanted.strings) == "ab ab ab late"


def test_it_is_said_how_many_texts_are_cut() -> None:
    tokeniser = cut_tokeniser(NOTHING, longest=2)
    texts = ["a b c d", "a b", "a", "a b c"]
    examples = [Example({}, {"text": tokeniser.prepare(Text(text))}) for text in texts]
    first, *_ = tokeniser.describe(examples, "dev")  # type: ignore[attr-defined]  # an ability
    assert first == Finding("2 texts are cut after 2 pieces; the longest has 4")
    assert tokeniser.describe(examples[1:3], "dev") == []  # type: ignore[attr-defined]  # the same


def test_a_text_of_ten_thousand_words_is_learnt_and_answered(
    tmp_path: Path, command: Command
) -> None:
    long = " ".join(["good"] * 10_000)
    (tmp_path / "t.tsv").write_text(f"{long}\tyes\nbad bad\tno\n")
    (tmp_path / "toy.yaml").write_text(RECIPE)
    code, out, told = command("data", tmp_path / "toy.yaml")
    assert code == 0, told
    assert "1 text is cut after 3 pieces; the longest has 10,000" in out
    run = seqkit.run(tmp_path / "toy.yaml", out=tmp_path / "run")
    pipeline = run.load()
    cut, short = pipeline([long, "good good good"])
    assert cut == short
