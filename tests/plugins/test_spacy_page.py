"""The page on spaCy is true: its snippet, its tables, its recipe, its config."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
import yaml
from spacy.strings import StringStore
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from spacy.util import load_config, load_model_from_config
from spacy.vectors import Vectors

import seqkit
import seqkit_spacy_entry

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "spacy.md").read_text()
CONFIG = ROOT / "docs" / "spacy-ewt.cfg"


def fence(language: str) -> str:
    """The one code block of a language."""
    [found] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def test_the_snippet_runs_and_what_it_saves_is_loaded(
    saved: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "ner-conll2003").symlink_to(saved("spans"))
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(fence("python"), names)
    assert names["nlp"].pipe_names == ["sentencizer", "seqkit_ner"]
    assert spacy.load("ner-en").pipe_names == ["sentencizer", "seqkit_ner"]


def test_the_tables_name_every_component_and_every_encoder() -> None:
    homes = seqkit_spacy_entry.HOMES
    named = set(re.findall(r"`(seqkit_\w+)`", PAGE))
    assert {name for name, home in homes.items() if home == "factories"} <= named
    described = set(re.findall(r"`seqkit\.(\w+)\.v1`", PAGE))
    assert described == {"BiLSTMEncoder", "BiGRUEncoder", "LSTMEncoder", "StageEncoder", "CRFHead"}


def test_the_config_is_whole_and_differs_from_spacys_own_in_the_encoder_alone() -> None:
    config = load_config(CONFIG)
    said = config["components"]["tok2vec"]["model"]["encode"]
    assert said["@architectures"] == "seqkit.BiLSTMEncoder.v1"
    [(line, *_)] = re.findall(r'(@architectures = "seqkit\.(\w+)\.v1"\nwidth = 96)', fence("ini"))
    assert line in CONFIG.read_text()
    nlp = load_model_from_config(config, auto_fill=False)
    doc = Doc(nlp.vocab, words=["a", "dog"], tags=["DT", "NN"])
    nlp.initialize(lambda: [Example(Doc(nlp.vocab, words=["a", "dog"]), doc)])
    losses = nlp.update([Example(Doc(nlp.vocab, words=["a", "dog"]), doc)])
    assert losses["tagger"] > 0


def test_the_recipe_learns_from_what_spacy_has_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nlp = spacy.blank("en")
    table = np.ones((10, 4), "f")
    more = {"minn": 2, "maxn": 3, "hash_count": 1, "hash_seed": 1, "bow": "<", "eow": ">"}
    floret = spacy.blank("en")
    floret.vocab.vectors = Vectors(data=table, strings=StringStore(), mode="floret", **more)
    floret.to_disk(tmp_path / "en-floret")
    nlp.to_disk(tmp_path / "en-small")
    doc = Doc(nlp.vocab, words=["Ann", "sees", "York"])
    doc.set_ents([Span(doc, 0, 1, "PER")])
    for split in ("train", "dev"):
        DocBin(docs=[doc]).to_disk(tmp_path / f"{split}.spacy")
    said = {
        "seqkit": 1,
        "name": "page",
        **yaml.safe_load(fence("yaml")),
        "encode": {"use": "bilstm", "width": 8},
        "decode": "crf",
        "train": {"epochs": 1},
        "evaluate": {"metrics": ["span_f1"], "bootstrap": 0},
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(said))
    monkeypatch.chdir(tmp_path)
    run = seqkit.run("recipe.yaml", out="run")
    assert set(run.metrics["dev"]) == {"span_f1"}
    [answers] = seqkit.load("run")(["Ann sees York."])
    assert len(answers["ents"]["value"]) == 4
