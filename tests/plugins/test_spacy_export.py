"""A saved model as the folder of a spaCy pipeline, from which spaCy makes a package."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import spacy

Saved = Callable[[str], Path]
Command = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(
    ("form", "names"),
    [
        ("heads", ["sentencizer", "seqkit_tagger"]),
        ("spans", ["sentencizer", "seqkit_ner"]),
        ("label", ["seqkit_textcat"]),
        ("text", ["sentencizer", "seqkit_translator"]),
    ],
)
def test_a_model_becomes_the_components_that_its_answers_ask_for(
    saved: Saved, tmp_path: Path, command: Command, form: str, names: list[str]
) -> None:
    code, out, err = command("spacy", "export", saved(form), tmp_path / "out", "--lang", "en")
    assert (code, err) == (0, "")
    assert out.startswith(f"{tmp_path / 'out'}: {', '.join(names)}. Load it: spacy.load(")
    nlp = spacy.load(tmp_path / "out")
    assert nlp.pipe_names == names
    assert nlp("Ann sees New York.").text == "Ann sees New York."
    again = command("spacy", "export", saved(form), tmp_path / "out", "--lang", "en")
    assert again[0] == 0  # it may be written anew


def test_the_page_and_the_meta_say_what_must_be_installed(
    trained: Path, tmp_path: Path, command: Command
) -> None:
    out = tmp_path / "out"
    assert command("spacy", "export", trained, out, "--name", "my.toy-model")[0] == 0
    meta = json.loads((out / "meta.json").read_text())
    assert (meta["lang"], meta["name"]) == ("xx", "my_toy_model")
    assert meta["requirements"] == ["seqkit>=0.1.0,<0.2.0"]
    assert meta["description"].endswith('Needs: pip install "seqkit>=0.1.0,<0.2.0"')
    assert set(meta["performance"]) == {"accuracy"}
    page = (out / "README.md").read_text()
    assert '    pip install "seqkit>=0.1.0,<0.2.0"\n' in page
    assert "| accuracy | " in page
    assert "factory `seqkit_tagger`" in page


@pytest.mark.slow
def test_spacy_packages_it_with_its_requirement(
    saved: Saved, tmp_path: Path, command: Command
) -> None:
    command("spacy", "export", saved("spans"), tmp_path / "out", "--lang", "en", "--name", "toy")
    (tmp_path / "package").mkdir()
    words = [sys.executable, "-m", "spacy", "package", "out", "package", "--build", "none"]
    ended = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stdout
    [place] = (tmp_path / "package").iterdir()
    assert "seqkit>=0.1.0,<0.2.0" in json.loads((place / "meta.json").read_text())["requirements"]
    model = place / "en_toy" / "en_toy-0.0.0" / "seqkit_ner" / "model"
    assert (model / "weights.safetensors").is_file()
    assert spacy.load(place / "en_toy" / "en_toy-0.0.0").pipe_names == ["sentencizer", "seqkit_ner"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--lang", "enn"], "--lang: is 'enn', which is no language of spaCy's."),
        (["--component", "seqkit_ne"], "--component seqkit_ne: Did you mean 'seqkit_ner'?"),
        (["--component", "seqkit_textcat"], "seqkit_textcat: needs a model that gives labels of"),
    ],
)
def test_what_cannot_be_exported_is_told(
    saved: Saved, tmp_path: Path, command: Command, words: list[str], message: str
) -> None:
    code, _, err = command("spacy", "export", saved("spans"), tmp_path / "out", *words)
    assert code == 2
    assert err.startswith(message)
    assert not (tmp_path / "out").exists()


def test_nothing_else_is_overwritten(saved: Saved, tmp_path: Path, command: Command) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    code, _, err = command("spacy", "export", saved("spans"), tmp_path)
    assert (code, err) == (2, f"{tmp_path}: holds something else. Name a new folder.\n")
    spacy.blank("en").to_disk(tmp_path / "own")
    code, _, err = command("spacy", "export", saved("spans"), tmp_path / "own")
    assert (code, err) == (2, f"{tmp_path / 'own'}: holds something else. Name a new folder.\n")
    assert spacy.load(tmp_path / "own").pipe_names == []
    code, _, err = command("spacy", "export", tmp_path / "no", tmp_path / "out")
    assert (code, err) == (
        2,
        f"{tmp_path / 'no'}: no such folder. Name a run or a pipeline folder.\n",
    )


def test_chosen_components_stand_without_a_sentencizer(
    saved: Saved, tmp_path: Path, command: Command
) -> None:
    words = ["--component", "seqkit_pipeline", "--component", "seqkit_ner", "--no-sentences"]
    assert command("spacy", "export", saved("spans"), tmp_path / "out", *words)[0] == 0
    assert spacy.load(tmp_path / "out").pipe_names == ["seqkit_pipeline", "seqkit_ner"]
