"""Two golds, two decoders behind one encoder, and metrics for each."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import seqkit
from seqkit.errors import RecipeError
from seqkit.plugins import registry
from seqkit.testing import check_stage, example

RECIPE = """
seqkit: 1
name: travel
data: {use: jsonl, train: train.jsonl, dev: dev.jsonl,
       text: words, gold: {slots: tags, intent: wish}}
tokenise: {use: words}
embed: {use: lookup, width: 12}
encode: {use: bilstm, width: 12}
decode: {use: pair, slots: {use: crf}, intent: {use: classifier, pool: mean}}
train: {epochs: 6, batch: {tokens: 100}, optimiser: {use: adam, rate: 0.03},
        stop: {on: slots.span_f1, patience: 4}}
evaluate: {metrics: {slots: [span_f1, accuracy], intent: [accuracy]}, bootstrap: 0}
"""
CITIES = ["paris", "rome", "oslo"]


def rows(count: int, seed: int) -> list[dict[str, Any]]:
    draw, found = random.Random(seed), []
    for _ in range(count):
        wish, city = draw.choice(["fly", "stay"]), draw.choice(CITIES)
        words, tags = ["please", wish, "to", city], ["O", "O", "O", "B-CITY"]
        cut = draw.randint(0, 1)
        found.append({"words": words[cut:], "tags": tags[cut:], "wish": wish})
    return found


def test_two_heads_are_trained_scored_and_answer_together(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    run = seqkit.run(write(RECIPE, train=rows(60, 1), dev=rows(20, 2)), out=tmp_path / "run")
    scores = {name: score["value"] for name, score in run.metrics["dev"].items()}
    assert set(scores) == {"slots.span_f1", "slots.accuracy", "intent.accuracy"}
    assert min(scores.values()) > 90
    assert run.metrics["train"]["best"]["name"] == "slots.span_f1"
    first, empty = run.load()([["fly", "to", "rome"], []])
    assert first["intent"]["value"] == "fly"
    assert first["slots"]["value"] == ["O", "O", "B-CITY"]
    assert empty["slots"]["value"] == []


def test_metrics_are_given_for_each_gold(write: Callable[..., Path]) -> None:
    recipe = RECIPE.replace("{slots: [span_f1, accuracy], intent: [accuracy]}", "[accuracy]")
    with pytest.raises(RecipeError, match=r"input should be \{slots: \[...\], intent: \[...\]\}"):
        seqkit.run(write(recipe, train=rows(9, 1), dev=rows(2, 2)))


def test_the_decoder_of_two_heads_keeps_the_contract() -> None:
    golds = [(str(row["wish"]), row["tags"], row["words"]) for row in rows(6, 3)]
    examples = [example(words, {"slots": tags, "intent": wish}) for wish, tags, words in golds]
    settings = {"slots": "crf", "intent": "classifier"}
    check_stage(registry().find("decoder", "pair").factory, settings=settings, examples=examples)
