"""Dev and test as shares of train: fixed sides, no row lost, mistakes told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import seqkit
from seqkit.carving import share_problem, shares, side
from seqkit.errors import RecipeError

WANTED = {"dev": 10.0, "test": 20.0}


def test_a_share_is_a_number_with_a_percent_sign() -> None:
    places = {"train": "x.tsv", "dev": "10%", "test": "2.5 %"}
    assert shares(places) == {"dev": 10.0, "test": 2.5}
    assert shares({"dev": "10", "test": None}) == {}


def test_about_as_many_examples_fall_on_a_side_as_its_share_says() -> None:
    found = [side([f"text {number}"], WANTED, repr) for number in range(5000)]
    assert 0.08 < found.count("dev") / 5000 < 0.12
    assert 0.18 < found.count("test") / 5000 < 0.22


def test_a_side_depends_on_the_input_alone() -> None:
    sides = {side(["the same"], WANTED, repr) for _ in range(3)}
    assert len(sides) == 1
    texts = [[f"{number}"] for number in range(200)]
    before = [side(text, {"dev": 10.0}, repr) for text in texts]
    after = [side(text, WANTED, repr) for text in texts]
    assert [one == "dev" for one in before] == [one == "dev" for one in after]


@pytest.mark.parametrize(
    ("places", "split", "message"),
    [
        ({"dev": "0%"}, "dev", "the shares come to 0%. Leave at least 10% to train on."),
        (
            {"dev": "50%", "test": "45%"},
            "test",
            "the shares come to 95%. Leave at least 10% to train on.",
        ),
        (
            {"train": "80%"},
            "train",
            "a share is taken from the training data, so it cannot be 'train' itself.",
        ),
        ({"dev": "10%"}, "dev", ""),
    ],
)
def test_a_share_that_cannot_be_is_told(places: dict[str, Any], split: str, message: str) -> None:
    assert share_problem(places, split) == message


@pytest.fixture
def carved(write_toy: Callable[[Path], Path], tmp_path: Path) -> Path:
    """The toy recipe, its dev and test carved out of train."""
    path = write_toy(tmp_path)
    lines = path.read_text().splitlines()
    kept = [line for line in lines if not line.strip().startswith(("dev:", "test:"))]
    at = next(i for i, line in enumerate(kept) if line.strip().startswith("train:"))
    indent = kept[at][: len(kept[at]) - len(kept[at].lstrip())]
    kept[at + 1 : at + 1] = [f"{indent}dev: 20%", f"{indent}test: 20%"]
    path.write_text("\n".join(kept) + "\n")
    return path


def test_a_run_scores_what_was_carved_out_of_train(carved: Path, tmp_path: Path) -> None:
    from seqkit.data import read_rows, trained
    from seqkit.recipe import read_recipe

    recipe = read_recipe(carved, data=carved.parent)
    data = trained(recipe)
    found = {s: list(read_rows(data, s, carved.parent)) for s in ("train", "dev", "test")}
    whole = seqkit.run(carved, out=tmp_path / "run", set={"train.epochs": 1})
    assert set(whole.metrics["test"]) == set(whole.metrics["dev"])
    texts = {s: {json.dumps(row["form"]) for row in rows} for s, rows in found.items()}
    assert found["dev"]
    assert found["test"]
    assert not texts["train"] & (texts["dev"] | texts["test"])
    assert not texts["dev"] & texts["test"]


def test_a_share_of_too_much_is_told_with_line_and_column(carved: Path) -> None:
    carved.write_text(carved.read_text().replace("dev: 20%", "dev: 95%"))
    with pytest.raises(RecipeError) as caught:
        seqkit.run(carved)
    assert "data.dev: the shares come to 115%. Leave at least 10% to train on." in str(caught.value)
