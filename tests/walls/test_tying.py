"""Widths that are known after fit alone, and an output layer tied to the embedder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from safetensors.torch import load_file

import seqkit
from seqkit.plugins import registry
from seqkit.stages import Front, Upstream
from seqkit.testing import check_stage, example

RECIPE = """
seqkit: 1
name: echo
data: {use: jsonl, train: train.jsonl, text: words, gold: words}
tokenise: {use: words}
embed: {use: counted}
encode: [{use: as-wide}, {use: bilstm, width: 6}, {use: as-wide}]
decode: {use: tied}
train: {epochs: 20, batch: {rows: 4}, optimiser: {use: adam, rate: 0.05}}
evaluate: {metrics: [accuracy], bootstrap: 0}
"""
ROWS = [{"words": list(text)} for text in ("abcdef", "fa", "ce", "bd", "d", "aabb")]


def test_tied_weights_are_stored_once_and_are_one_again_when_loaded(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    run = seqkit.run(write(RECIPE, train=ROWS), out=tmp_path / "run")
    folder = tmp_path / "run" / "pipeline"
    aliases = json.loads((folder / "pipeline.json").read_bytes())["aliases"]
    stored = load_file(folder / "weights.safetensors")
    pipeline = run.load()
    tables = [
        name for name in pipeline.network.state_dict() if name.endswith(("table", "table.weight"))
    ]
    assert len(tables) >= 2
    (kept,) = set(tables) & set(stored)
    assert {aliases[name] for name in tables if name != kept} == {kept}
    stages = [*pipeline.network.embedding, *pipeline.network.encoding]
    widths = [cast("Any", stage).width for stage in stages]
    assert set(widths) == {6}
    embedder, decoder = (
        cast("Any", pipeline.network.embedding[0]),
        cast("Any", pipeline.network.decoder),
    )
    assert decoder.table is embedder.table.weight
    assert torch.equal(embedder.table.weight, stored[kept])
    answers = [answer["words"]["value"] for answer in pipeline([row["words"] for row in ROWS])]
    right = sum(
        a == b
        for a, row in zip(answers, ROWS, strict=True)
        for a, b in zip(a, row["words"], strict=True)
    )
    assert right > 12


def test_a_saved_pipeline_of_a_plugin_that_is_gone_names_it(
    write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seqkit.run(write(RECIPE, train=ROWS), set={"train.epochs": 1}, out=tmp_path / "run")
    monkeypatch.undo()
    registry.cache_clear()
    line = 'needs the plugin .*toy-counted.*Run: pip install "seqkit-walls==1.0"'
    with pytest.raises(seqkit.SeqkitError, match=line):
        seqkit.load(tmp_path / "run")


def test_stages_sized_by_the_data_keep_the_contract() -> None:
    examples = [example(row["words"], row["words"]) for row in ROWS]
    counted = registry().find("embedder", "counted").factory
    check_stage(counted)
    check_stage(registry().find("encoder", "as-wide").factory)
    embedder = counted(Upstream(width=0))
    embedder.ready(embedder.fit(iter(examples)))
    before = Upstream(embedder.width, inputs={"text": Front(embedder, None, embedder.width)})
    check_stage(registry().find("decoder", "tied").factory, examples=examples, upstream=before)
