"""Every recipe of the tree: in order, commented, and trained for two updates on real data."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import seqkit
from seqkit.carving import shares
from seqkit.experiment import Silent
from seqkit.links import is_chain, read_chain
from seqkit.recipe import Recipe, read_recipe

ROOT = Path(__file__).resolve().parents[1]
EVERY = sorted((ROOT / "recipes").rglob("*.yaml"))
CHAINS = [path for path in EVERY if is_chain(path)]
RECIPES = [path for path in EVERY if path not in CHAINS]
DATA = Path(os.environ.get("SEQKIT_DATA") or ROOT.parent / "shared/data")
SHRUNK: dict[str, dict[str, Any]] = {
    name: {"data.size": 60, "data.held_out": 30}
    for name in ("dates", "numbers", "scenes", "synthetic")
}
SHRUNK["recordings"] = {"data.gold": "index"}
"""By source: settings that make the data small where there is no file to take a sample of, and of
recordings, whose first ones all say the same, another gold."""

SAMPLES = {"intents-banking77.yaml": 400}
"""By recipe: examples to take where the first 40 all have one label."""
SMALL: dict[str, dict[str, Any]] = {
    "translate-tatoeba-deen.yaml": {"tokenise.size": 300},
    "lm-ptb.yaml": {"data.unit": "line"},
    "lm-ptb-characters.yaml": {"data.unit": "line"},
    "lm-ptb-awd.yaml": {"data.unit": "line"},
}
"""By recipe: settings that so few examples can bear, or that make a few of a whole file."""

LIKE_OTHERS = (
    "captions-scenes.yaml",
    "dates.yaml",
    "dates-tagger.yaml",
    "g2p-cmudict.yaml",
    "g2p-sigmorphon2020.yaml",
    "inflect-conll2017.yaml",
    "lm-ptb-awd.yaml",
    "lm-ptb-characters.yaml",
    "lm-shakespeare.yaml",
    "memory-multiplication.yaml",
    "memory-reber.yaml",
    "music-nottingham.yaml",
    "numbers.yaml",
    "protein-cb513.yaml",
    "sentiment-imdb.yaml",
    "speech-digit-strings.yaml",
    "speech-digits.yaml",
    "summarise-scitldr.yaml",
    "translate-multi30k-deen.yaml",
)
"""Recipes that are tried slowly: they take long, or another one runs the same stages."""
every_recipe = pytest.mark.parametrize(
    "path", RECIPES, ids=lambda path: str(path.relative_to(ROOT / "recipes"))
)


def missing(recipe: Recipe) -> list[str]:
    """The data files that are not on this machine."""
    assert recipe.data is not None
    if not recipe.data.files:
        return []
    carved = shares(recipe.data.places)
    places = [place for split, place in recipe.data.places.items() if split not in carved]
    found = {str(place): DATA / place for place in places}
    return sorted(name for name, path in found.items() if not [*path.parent.glob(path.name)])


def test_there_are_recipes() -> None:
    assert {"quickstart.yaml", "pos-ewt.yaml", "ner-wnut17.yaml"} <= {path.name for path in RECIPES}


def test_the_tree_holds_recipes_alone() -> None:
    found = [path for path in (ROOT / "recipes").rglob("*") if path.is_file()]
    assert sorted(found) == EVERY


@every_recipe
def test_a_recipe_is_in_order_and_named_after_its_file(path: Path) -> None:
    recipe = read_recipe(path)
    assert recipe.name == path.stem
    assert recipe.metrics, "a recipe measures something"


@every_recipe
def test_a_recipe_finds_its_data(path: Path) -> None:
    lacking = missing(read_recipe(path))
    if lacking:
        pytest.skip(f"{DATA} lacks {', '.join(lacking)}")
    assert read_recipe(path, data=DATA).name == path.stem


@every_recipe
def test_a_recipe_names_published_figures_or_says_that_its_data_come_along(path: Path) -> None:
    head = path.read_text().split("\n\n")[0].splitlines()
    assert all(line.startswith("# ") for line in head), "it begins with what it is"
    files = read_recipe(path).data
    assert files is not None
    assert not files.files or any("ublished" in line for line in head)


def uncommented(path: Path) -> Iterator[str]:
    """The mappings, one key a line, of which no key has a comment on its line."""
    lines = path.read_text().splitlines()

    def look(node: yaml.Node) -> Iterator[str]:
        if isinstance(node, yaml.MappingNode):
            keys = [(key.start_mark.line, key.value) for key, _ in node.value]
            if not node.flow_style and not any("#" in lines[line] for line, _ in keys):
                yield f"{keys[0][0] + 1}: {', '.join(name for _, name in keys)}"
            for _, value in node.value:
                yield from look(value)
        elif isinstance(node, yaml.SequenceNode):
            for item in node.value:
                yield from look(item)

    root = yaml.compose(path.read_text())
    assert root is not None
    return look(root)


@every_recipe
def test_every_key_has_a_comment_or_a_commented_neighbour(path: Path) -> None:
    assert list(uncommented(path)) == []


def test_a_mapping_without_a_comment_is_found(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("name: x  # said\ntrain:\n  epochs: 1\n  batch: {rows: 1}\nembed: {use: y}\n")
    assert list(uncommented(path)) == ["3: epochs, batch"]


class Count(Silent):
    """Counts the updates."""

    updates = 0

    def stepped(self, step: object) -> None:
        self.updates += 1


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=[pytest.mark.slow] if path.name in LIKE_OTHERS else [])
        for path in RECIPES
    ],
    ids=lambda path: path.name,
)
def test_a_recipe_trains_two_updates_on_a_sample_of_its_data(path: Path, tmp_path: Path) -> None:
    recipe = read_recipe(path)
    lacking = missing(recipe)
    if lacking:
        pytest.skip(f"{DATA} lacks {', '.join(lacking)}")
    assert recipe.data is not None
    settings = {"train.steps": 2, "evaluate.bootstrap": 0}
    settings |= {**SHRUNK.get(recipe.data.source.name, {}), **SMALL.get(path.name, {})}
    sample, watch = SAMPLES.get(path.name, 40), Count()
    run = seqkit.run(
        path, data=DATA, out=tmp_path / "run", sample=sample, set=settings, watch=watch
    )
    assert watch.updates == 2
    assert set(run.metrics["test"]) == set(recipe.metric_names())
    assert len(run.samples) == 3
    texts = [sample["text"] for sample in run.samples if sample["text"] is not None]
    assert len(run.load()(texts)) == len(texts)


@pytest.mark.parametrize("path", CHAINS, ids=lambda path: path.name)
def test_a_chain_is_in_order_and_its_steps_are_recipes_of_this_folder(path: Path) -> None:
    chain = read_chain(path, str(DATA)) if DATA.exists() else None
    if chain is None:
        pytest.skip("no data folder")
    assert chain.name == path.stem
    assert {link.recipe.name for link in chain.links} <= {one.stem for one in RECIPES}
    assert list(uncommented(path)) == []
