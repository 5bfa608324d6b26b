"""Recipes of the memory tasks from end to end: numbers in and out, and words in and out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqkit
import seqkit_memory
from seqkit.errors import DataError, RecipeError
from seqkit.recipe import read_recipe

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
SMALL = {
    "data.length": 12,
    "data.size": 60,
    "data.held_out": 20,
    "encode.width": 6,
    "encode.chrono": 12,
    "train.steps": 6,
    "train.every": 3,
    "train.batch": {"rows": 10},
    "evaluate.bootstrap": 20,
}


def run(task: str, folder: Path, **settings: Any) -> seqkit.Run:
    wanted = {**SMALL, **{name.replace("__", "."): value for name, value in settings.items()}}
    return seqkit.run(RECIPES / f"memory-{task}.yaml", out=folder / "run", set=wanted)


@pytest.mark.parametrize("task", ["adding", "multiplication"])
def test_numbers_go_in_and_out(task: str, tmp_path: Path) -> None:
    done = run(task, tmp_path)
    assert [record["step"] for record in done.metrics["train"]["history"]] == [3, 6]
    assert set(done.metrics["test"]) == {"within", "squared_error"}
    signature = done.metrics["test"]["within"]["signature"]
    assert signature == "within tolerance:0.04 examples:20 boot:20"
    series = np.random.default_rng(1).uniform(-1, 1, (15, 2)).astype(np.float32)
    pipeline = done.load()
    alone, *_ = pipeline([series])
    assert isinstance(alone["target"]["value"], float)
    beside = pipeline([series[:4], series, series[:1]])[1]
    assert beside["target"]["value"] == pytest.approx(alone["target"]["value"], abs=1e-6)


def test_a_run_stops_where_its_goal_is_reached(tmp_path: Path) -> None:
    done = run("adding", tmp_path, train__stop={"on": "within", "goal": 0.0})
    assert done.metrics["train"]["steps"] == 3


@pytest.mark.parametrize(("task", "gold"), [("copy", "tags"), ("order", "class")])
def test_words_go_in_and_labels_out(task: Any, gold: str, tmp_path: Path) -> None:
    done = run(task, tmp_path)
    row = next(iter(seqkit_memory.synthetic(task=task, length=12).read("dev", None)))
    [answer] = done.load()([row["words"]])
    value = answer[gold]["value"]
    assert len(value) == len(row["tags"]) if task == "copy" else value in {"XX", "XY", "YX", "YY"}


def test_series_are_scaled_where_the_recipe_asks_for_it(tmp_path: Path) -> None:
    plain, scaled = (
        run("adding", tmp_path / str(scale), embed__scale=scale).load() for scale in (False, True)
    )
    assert plain.learnt["embed"] == {"text": {"channels": 2}}
    found = scaled.learnt["embed"]["text"]
    assert found["mean"] == pytest.approx([0, 0], abs=0.1)
    assert found["deviation"][0] == pytest.approx(3**-0.5, abs=0.05)


def test_a_gap_in_a_series_is_told_when_predicting(tmp_path: Path) -> None:
    pipeline = run("adding", tmp_path).load()
    with pytest.raises(DataError) as caught:
        pipeline([np.array([[0.5, 1.0], [np.nan, 0.0]])])
    assert str(caught.value) == (
        "frames: input 'text': nan at step 2 of 2, channel 1 of 2, is no finite number. "
        "Fill the gap, or leave the series out."
    )
    with pytest.raises(DataError) as caught:
        pipeline([[0.5, 1.0]])
    assert str(caught.value) == (
        "frames: input 'text' has 1 channels, but training began with 2. "
        "Give every series the same channels."
    )


def test_a_setting_for_another_task_is_told_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    recipe = (RECIPES / "memory-reber.yaml").read_text()
    path.write_text(recipe.replace("  task: reber", "  task: reber\n  length: 50"))
    with pytest.raises(RecipeError) as caught:
        read_recipe(path)
    assert str(caught.value) == (
        f"{path}:11:3: data: synthetic: 'length' has no effect on the task reber, only on adding, "
        "multiplication, copy, order. Remove it."
    )
