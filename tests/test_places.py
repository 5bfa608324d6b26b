"""Files and folders that settings name: found by type, located, checked, part of what a run is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from seqkit.errors import DataError, RecipeError
from seqkit.places import kinds, located, named_by
from seqkit.plugins import Plugin, Register, Registry
from seqkit.provenance import differences, provenance
from seqkit.recipe import Recipe, check_stage, read_recipe
from seqkit.settings import DataFile, DataFolder, Name, Nested
from seqkit.stages import Embedder, Upstream

RECIPE = """\
seqkit: 1
name: places
data: {use: jsonl, train: train.jsonl, text: {a: one, b: two}, gold: gold}
tokenise: words
embed: {use: several, parts: [{use: named, file: words.txt, folder: model}]}
decode: classifier
"""


def named(
    upstream: Upstream,
    *,
    file: DataFile,
    either: DataFile | DataFolder | None = None,
    folder: DataFolder | None = None,
    name: Name = "x",
) -> Embedder:
    raise NotImplementedError


def several(
    upstream: Upstream,
    *,
    parts: list[Nested[Embedder]],
    by_name: dict[str, Nested[Embedder]] | None = None,
) -> Embedder:
    raise NotImplementedError


def known() -> Registry:
    from seqkit.plugins import registry

    plugin = Plugin("toys", __name__, "toys", "0")
    register = Register(plugin)
    register.embedder("named", named)
    register.embedder("several", several)
    return Registry([*registry().plugins, plugin])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "train.jsonl").touch()
    (tmp_path / "words.txt").write_text("words")
    (tmp_path / "model" / "inner").mkdir(parents=True)
    (tmp_path / "model" / "inner" / "weights").write_text("weights")
    return tmp_path


def read(folder: Path, *changes: tuple[str, str]) -> Recipe:
    text = RECIPE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "recipe.yaml").write_text(text)
    return read_recipe(folder / "recipe.yaml", data=folder, registry=known())


def refused(folder: Path, *changes: tuple[str, str]) -> Sequence[str]:
    with pytest.raises(RecipeError) as caught:
        read(folder, *changes)
    return [problem.message for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("annotation", "found"),
    [
        (DataFile, (DataFile,)),
        (DataFolder | None, (DataFolder,)),
        (DataFolder | DataFile, (DataFile, DataFolder)),
        (Name, ()),
        (list[DataFile], ()),
        (str | None, ()),
    ],
)
def test_a_type_says_what_its_settings_name(annotation: Any, found: tuple[Any, ...]) -> None:
    assert kinds(annotation) == found


def test_a_located_stage_names_paths_and_so_do_those_inside_it() -> None:
    inner = {"use": "named", "file": "a", "either": "b/c", "name": "y"}
    outer = {"use": "several", "parts": [inner], "by_name": {"z": {"use": "named", "file": "/d"}}}
    chosen = check_stage("embedder", outer, known())
    assert named_by(chosen) == {}
    found = located(chosen, Path("/data")).settings
    assert found["parts"][0].settings == {
        "file": "/data/a", "either": "/data/b/c", "folder": None, "name": "y"
    }  # fmt: skip
    assert found["by_name"]["z"].settings["file"] == "/d"
    assert chosen.settings["parts"][0].settings["file"] == "a"


def test_a_located_recipe_keeps_what_inputs_share_and_its_plain_form_is_the_recipes(
    folder: Path,
) -> None:
    recipe = read(folder)
    found = recipe.located(folder)
    assert found.embed["a"] is found.embed["b"]
    assert found.embed["a"].settings["parts"][0].settings["file"] == str(folder / "words.txt")
    assert recipe.plain()["embed"]["parts"][0]["file"] == "words.txt"


def test_places_that_are_there_pass(folder: Path) -> None:
    assert read(folder, ("file: w", "either: model, file: w"))
    assert read(folder, ("file: w", "either: words.txt, file: w"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("words.txt", "word.txt"),
            "no file 'word.txt' in {}. Set --data or SEQKIT_DATA. Did you mean 'words.txt'?",
        ),
        (("words.txt", "model"), "'model' in {} is a folder. Name a file in it."),
        (
            ("folder: model", "folder: modal"),
            "no folder 'modal' in {}. Set --data or SEQKIT_DATA. Did you mean 'model'?",
        ),
        (
            ("folder: model", "folder: words.txt"),
            "'words.txt' in {} is a file. Name the folder that it is in.",
        ),
        (
            ("folder: model", "either: nothing"),
            "no file or folder 'nothing' in {}. Set --data or SEQKIT_DATA.",
        ),
        (("words.txt", "/none"), "no file '/none'. Set --data or SEQKIT_DATA."),
    ],
)
def test_places_that_are_not_there_are_told(
    folder: Path, change: tuple[str, str], message: str
) -> None:
    assert refused(folder, change) == [message.format(folder)]


def test_places_are_told_with_all_other_problems_in_order(folder: Path) -> None:
    changes = [("train.jsonl", "train.json"), ("words.txt", "w"), ("decode: c", "decode: k")]
    messages = refused(folder, *changes)
    assert [message.partition(" in ")[0] for message in messages[:2]] == [
        "no file 'train.json'",
        "no file 'w'",
    ]
    assert messages[2].startswith("no decoder called 'klassifier'")


def test_a_place_that_is_no_text_is_told_once(folder: Path) -> None:
    assert refused(folder, ("words.txt", "[1]")) == ["input should be text, not a list."]


def test_a_place_that_cannot_be_read_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: "words" not in str(path))
    assert refused(folder) == [f"'words.txt' in {folder} cannot be read. Mend its permissions."]


def test_without_a_data_folder_no_place_is_looked_for(folder: Path) -> None:
    (folder / "words.txt").unlink()
    assert read_recipe(folder / "recipe.yaml", registry=known()).name == "places"


def test_what_places_hold_is_part_of_what_a_run_is_made_of(folder: Path) -> None:
    def made() -> dict[str, Any]:
        return provenance(read(folder), folder, None, "cpu")

    before = made()
    assert list(before["files"]) == ["model", "words.txt"]
    assert differences(before, made()) == []
    (folder / "words.txt").write_text("other")
    assert [line.split()[0] for line in differences(before, made())] == ["files.words.txt"]
    (folder / "words.txt").write_text("words")
    weights = folder / "model" / "inner" / "weights"
    weights.rename(folder / "model" / "weights")
    assert [line.split()[0] for line in differences(before, made())] == ["files.model"]


def test_a_file_that_has_gone_since_the_check_is_told(folder: Path) -> None:
    recipe = read(folder)
    (folder / "words.txt").unlink()
    with pytest.raises(DataError) as caught:
        provenance(recipe, folder, None, "cpu")
    assert str(caught.value) == (
        f"{folder}/words.txt: cannot be read (No such file or directory). "
        "Mend 'words.txt' or --data."
    )
