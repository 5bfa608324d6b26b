"""A decoder that owns a target-side tokeniser, an embedder and a search."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

import seqkit
from seqkit.errors import RecipeError
from seqkit.plugins import registry
from seqkit.testing import check_stage, example

RECIPE = """
seqkit: 1
name: reversing
data: {use: jsonl, train: train.jsonl, dev: dev.jsonl, text: text, gold: reversed}
tokenise: {use: characters}
embed: {use: lookup, width: 8}
encode: {use: bilstm, width: 48}
decode:
  use: writing
  tokenise: {use: characters}
  embed: EMBED
  search: {use: likeliest, longest: 6}
train: {epochs: EPOCHS, batch: {rows: 16}, optimiser: {use: adam, rate: 0.01}}
evaluate: {metrics: [accuracy], bootstrap: 0}
"""
LOOKUP = "{use: lookup, width: 8}"
NESTED = (
    "{use: concat, parts: [{use: lookup, width: 4}, "
    "{use: characters, encode: {use: bilstm, width: 4}}]}"
)


def rows(count: int, seed: int) -> list[dict[str, str]]:
    draw = random.Random(seed)
    texts = ["".join(draw.choices("abc", k=draw.randint(1, 3))) for _ in range(count)]
    return [{"text": text, "reversed": text[::-1]} for text in texts]


@pytest.mark.parametrize(
    ("embed", "epochs"),
    [pytest.param(LOOKUP, 15, marks=pytest.mark.slow), (NESTED, 1)],
    ids=["lookup", "nested"],
)
def test_a_decoder_writes_by_stages_of_its_own(
    write: Callable[..., Path], tmp_path: Path, embed: str, epochs: int
) -> None:
    recipe = RECIPE.replace("EMBED", embed).replace("EPOCHS", str(epochs))
    path = write(recipe, train=rows(160, 1), dev=rows(20, 2))
    run = seqkit.run(path, out=tmp_path / "run")
    pipeline = run.load()
    asked = ["a", "abc", "", "cab", "zzz", "b"]
    together = [answer["reversed"]["value"] for answer in pipeline(asked)]
    assert together == [pipeline([one])[0]["reversed"]["value"] for one in asked]
    if embed == LOOKUP:
        assert run.metrics["dev"]["accuracy"]["value"] > 80
        assert together[0] == "a"


def test_the_default_search_and_mistakes_inside_nested_stages_are_checked(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    recipe = RECIPE.replace("EMBED", "{use: lookup, wdith: 8}").replace("EPOCHS", "1")
    with pytest.raises(RecipeError) as caught:
        seqkit.run(write(recipe.replace("longest: 6", "longest: 0"), train=rows(4, 1), dev=[]))
    assert "decode.embed: lookup has no setting 'wdith'. Did you mean 'width'?" in str(caught.value)
    assert "decode.search.longest: input should be greater than 0, not 0." in str(caught.value)


def test_the_writing_decoder_and_its_search_keep_the_contract() -> None:
    examples = [example(row["text"], row["reversed"]) for row in rows(5, 3)]
    settings = {"tokenise": {"use": "characters"}, "embed": {"use": "lookup", "width": 4}}
    check_stage(registry().find("decoder", "writing").factory, settings=settings, examples=examples)
    check_stage(registry().find("search", "likeliest").factory)
