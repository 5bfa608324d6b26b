"""The pages are true: commands, snippets, recipes and names are tried as they stand."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from rich.console import Console

from seqkit.abilities import Finding
from seqkit.checkup import show_report
from seqkit.data import row_inputs, rows_of
from seqkit.doctor import examine
from seqkit.plugins import registry
from seqkit.recipe import check_stage, read_recipe
from seqkit.stages import Frames
from seqkit.testing import example

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
GUIDE = (ROOT / "docs" / "plugins.md").read_text()


def fences(page: str, language: str) -> list[str]:
    """The code blocks of one language on a page."""
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


def run(code: str, folder: Path, path: str = "") -> subprocess.CompletedProcess[str]:
    """Runs a snippet in a process and a folder of its own, without the tests' settings."""
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    del environment["SEQKIT_CHECK_SHAPES"]
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_first_screen_has_the_two_commands_each_on_one_line() -> None:
    first_screen = README.splitlines()[:24]
    assert (
        "pip install -e . -c constraints.txt && seqkit run recipes/quickstart.yaml" in first_screen
    )
    assert 'pip install -e ".[test]" -c constraints.txt && pytest' in first_screen


def test_the_readme_does_not_name_the_quickstarts_task_which_may_change() -> None:
    assert not re.search(r"\bdates?\b|dates-tagger|weekday", README, re.IGNORECASE)


def test_every_page_that_the_readme_links_to_is_there() -> None:
    linked = re.findall(r"\]\(([^)#:]+)\)", README)
    assert linked
    assert [link for link in linked if not (ROOT / link).exists()] == []


def test_the_python_snippet_of_the_readme_runs(tmp_path: Path) -> None:
    (snippet,) = (block for block in fences(README, "python") if "seqkit.run(" in block)
    (tmp_path / "recipes").symlink_to(ROOT / "recipes")
    done = run(snippet, tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 4


def test_the_recipe_of_the_readme_is_in_order(tmp_path: Path) -> None:
    (snippet,) = fences(README, "yaml")
    path = tmp_path / "recipe.yaml"
    path.write_text(snippet)
    assert read_recipe(path).name == "pos-ewt"


def test_the_page_on_embedders_has_all_that_read_pieces_and_its_lines_are_in_order() -> None:
    page = (ROOT / "docs" / "embedders.md").read_text()
    lines = [line for block in fences(page, "yaml") for line in block.splitlines()]
    said = [next(iter(yaml.safe_load(line).items())) for line in lines]
    kinds = {"embed": "embedder", "tokenise": "tokeniser"}
    checked = [(key, check_stage(kinds[key], value, registry()).name) for key, value in said]
    named = {name for key, name in checked if key == "embed"}
    own = [one for one in registry().stages("embedder") if one.plugin.module == "seqkit_text"]
    assert named == {one.name for one in own}
    assert {*re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE), "concat"} == named


def test_the_page_on_sources_has_all_that_read_files_and_its_lines_are_in_order() -> None:
    page = (ROOT / "docs" / "sources.md").read_text()
    (lines,) = fences(page, "yaml")
    reserved = ("train", "text", "gold")
    named = set()
    for line in lines.splitlines():
        given = yaml.safe_load(line)["data"]
        settings = {name: value for name, value in given.items() if name not in reserved}
        named.add(check_stage("source", settings, registry()).name)
    own = [one for one in registry().stages("source") if one.plugin.module == "seqkit_data"]
    assert named == {one.name for one in own}
    listed = "".join(re.findall(r"^\| (`.*?) \|", page, re.MULTILINE))
    assert {*re.findall(r"`(\w+)`", listed)} == {one.name for one in registry().stages("source")}


def test_the_recipe_of_the_page_on_series_is_in_order_and_its_snippet_runs(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "series.md").read_text()
    path = tmp_path / "recipe.yaml"
    head = "seqkit: 1\nname: sales\ntrain: {epochs: 1}\nevaluate: {metrics: [rmse]}\n"
    path.write_text(head + "".join(fences(page, "yaml")))
    assert read_recipe(path).decode.name == "forecast"
    (snippet,) = fences(page, "python")
    done = run(snippet, tmp_path)
    assert done.returncode == 0, done.stderr
    assert [line[:18].rstrip() for line in done.stdout.splitlines()[:5]] == [
        "the model", "naive", "seasonal naive", "transform alone", "Holt-Winters addit"
    ]  # fmt: skip


def test_the_recipe_of_the_page_on_answers_is_in_order(tmp_path: Path) -> None:
    (snippet,) = fences((ROOT / "docs" / "answers.md").read_text(), "yaml")
    path = tmp_path / "recipe.yaml"
    path.write_text(snippet)
    assert read_recipe(path).metric_names() == ("answer_exact", "answer_f1")


def test_the_lines_of_the_page_on_speech_are_in_order() -> None:
    page = (ROOT / "docs" / "speech.md").read_text()
    lines = [line for block in fences(page, "yaml") for line in block.splitlines()]
    kinds = {"data": "source", "embed": "embedder", "decode": "decoder"}
    said = [next(iter(yaml.safe_load(line).items())) for line in lines]
    named = {check_stage(kinds[key], value, registry()).name for key, value in said}
    assert named == {"recordings", "spliced", "matlab", "log_mel", "frames", "ctc"}


def test_the_describe_of_the_page_on_data_gives_findings() -> None:
    (snippet,) = fences((ROOT / "docs" / "data.md").read_text(), "python")
    names: dict[str, Any] = {}
    exec(snippet, names)
    examples = [example(text) for text in ("a b c", "a", "a b c d")]
    assert names["describe"](SimpleNamespace(window=2), examples, "train") == [
        Finding("2 texts are longer than 2 pieces", "warning")
    ]
    assert names["describe"](SimpleNamespace(window=4), examples, "train") == []


def test_the_features_of_the_page_on_captions_are_read_as_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "captions.md").read_text()
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for snippet in fences(page, "python"):
        exec(snippet, names)
    whole = yaml.safe_load((ROOT / "recipes" / "captions-scenes.yaml").read_text())
    lengths = []
    for block in fences(page, "yaml"):
        given = yaml.safe_load(block)
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump({**whole, **given}))
        recipe = read_recipe(path, data=tmp_path)
        rows = rows_of(recipe, "train", tmp_path)
        frames = [row_inputs(recipe, row, "train")["text"] for row in rows]
        assert all(isinstance(one, Frames) and one.values.shape[1] == 64 for one in frames)
        assert ("references" in rows[0]) == (given["data"]["use"] == "derived")
        lengths.append([len(one) for one in frames if isinstance(one, Frames)])
    assert lengths == [[12, 12, 12], [12, 7], [12, 7], [12, 12, 12]]


@pytest.mark.slow
def test_the_report_of_the_page_on_data_is_what_is_shown() -> None:
    page, stream = (ROOT / "docs" / "data.md").read_text(), io.StringIO()
    command, _, wanted = fences(page, "text")[0].partition("\n")
    data = Path(os.environ.get("SEQKIT_DATA") or ROOT.parent / "shared/data")
    if not (data / "ner_wnut17").exists():
        pytest.skip(f"needs the data set ner_wnut17 in {data}")
    recipe = read_recipe(ROOT / command.removeprefix("$ seqkit data "))
    show_report(examine(recipe, data), Console(file=stream, width=96, highlight=False))
    assert [line.rstrip() for line in stream.getvalue().splitlines()] == wanted.splitlines()


def test_the_plugin_of_the_readme_has_the_shape_that_the_door_wants() -> None:
    (snippet,) = (block for block in fences(README, "python") if "seqkit_shout" in block)
    done = run(
        f"{snippet}\nfrom seqkit.plugins import Plugin\n"
        "plugin = Plugin('shout', 'seqkit_shout', 'seqkit-shout', '1')\n"
        "seqkit_stages(Register(plugin))\nprint(plugin.stages[0].name)",
        ROOT,
    )
    assert done.stdout == "shout\n", done.stderr


def test_the_plugin_of_the_guide_passes_the_conformance_suite(tmp_path: Path) -> None:
    entry, heavy, tried = fences(GUIDE, "python")
    folder = tmp_path / "seqkit_mean"
    folder.mkdir()
    (folder / "__init__.py").write_text(entry)
    (folder / "encoder.py").write_text(heavy)
    done = run(tried, tmp_path, str(tmp_path))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("word", ["utils", "helpers", "common", "misc", "base", "manager"])
def test_no_module_is_called_after_nothing(word: str) -> None:
    found = [*ROOT.glob(f"seqkit/**/*{word}*.py"), *ROOT.glob(f"plugins/**/*{word}*.py")]
    assert found == []


def test_every_module_of_the_engine_has_its_room_on_the_plan() -> None:
    plan = (ROOT / "docs" / "architecture.md").read_text()
    modules = {path.stem for path in (ROOT / "seqkit").iterdir() if not path.name.startswith("_")}
    assert {name for name in modules if not re.search(rf"\b{name}\b", plan)} <= {"py"}
