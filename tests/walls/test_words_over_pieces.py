"""Labels of words over pieces that are not words."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

import seqkit
from seqkit.plugins import registry
from seqkit.stages import Text
from seqkit.testing import check_stage

RECIPE = """
seqkit: 1
name: pieces
data: {use: jsonl, train: train.jsonl, dev: dev.jsonl, text: words, gold: labels}
tokenise: {use: twos}
embed: {use: lookup, width: 8}
encode: {use: bilstm, width: 12}
decode: {use: DECODER}
train: {epochs: 5, batch: {tokens: 60}, optimiser: {use: adam, rate: 0.03}}
evaluate: {metrics: [accuracy], bootstrap: 0}
"""
WORDS = {
    "running": "VERB",
    "goes": "VERB",
    "a": "DET",
    "!": "SIGN",
    "lighthouse": "NOUN",
    "--": "SIGN",
}


def rows(count: int, seed: int) -> list[dict[str, list[str]]]:
    draw = random.Random(seed)
    texts = [draw.choices(list(WORDS), k=draw.randint(1, 6)) for _ in range(count)]
    return [{"words": words, "labels": [WORDS[word] for word in words]} for words in texts]


@pytest.mark.parametrize("decoder", ["word-labels", "tagger", "crf"])
def test_labels_come_back_one_a_word(
    write: Callable[..., Path], tmp_path: Path, decoder: str
) -> None:
    path = write(RECIPE.replace("DECODER", decoder), train=rows(60, 1), dev=rows(15, 2))
    run = seqkit.run(path, out=tmp_path / "run")
    assert run.metrics["dev"]["accuracy"]["value"] > 95
    pipeline = run.load()
    asked = [["goes", "!", "lighthouse", "--", "a"], ["!"], [], ["", "running"], ["--", "a"]]
    answers = [answer["labels"]["value"] for answer in pipeline(asked)]
    assert answers[0] == ["VERB", "SIGN", "NOUN", "SIGN", "DET"]
    assert [len(answer) for answer in answers] == [len(words) for words in asked]
    assert answers == [pipeline([words])[0]["labels"]["value"] for words in asked]


def test_a_word_may_own_no_piece() -> None:
    tokeniser = registry().find("tokeniser", "twos").factory(None)
    pieces = tokeniser.prepare(Text("goes ! on", [(0, 4), (5, 6), (7, 9)]))
    assert pieces.strings == ["go", "es", "on"]
    assert pieces.words.tolist() == [0, 0, 2]


def test_the_stages_below_words_keep_the_contract() -> None:
    check_stage(registry().find("tokeniser", "twos").factory)
    check_stage(registry().find("decoder", "word-labels").factory)
