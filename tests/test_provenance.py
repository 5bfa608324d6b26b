"""What a run is made of, and what differs between two of them."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import pytest
import torch

import seqkit
from seqkit import storage
from seqkit.errors import DataError
from seqkit.provenance import differences, processor, provenance, short
from seqkit.recipe import Recipe, read_recipe


def recipe_of(toy: Path, **settings: Any) -> Recipe:
    return read_recipe(toy, values={name.replace("__", "."): v for name, v in settings.items()})


def origin(toy: Path, sample: int | None = None, **settings: Any) -> dict[str, Any]:
    return provenance(recipe_of(toy, **settings), toy.parent, sample, "cpu")


def test_it_holds_recipe_data_plugins_seed_versions_and_hardware(toy: Path) -> None:
    found = origin(toy, train__seed=7)
    assert set(found) == {
        "format", "recipe", "data", "files", "plugins", "sample", "seed", "versions", "hardware"
    }  # fmt: skip
    assert found["recipe"] == recipe_of(toy, train__seed=7).plain()
    assert set(found["data"]) == {"train", "dev", "test"}
    assert set(found["plugins"]) == {
        "seqkit", "seqkit_data", "seqkit_labels", "seqkit_recurrent", "seqkit_text"
    }  # fmt: skip
    assert (found["seed"], found["sample"], found["format"]) == (7, None, 1)
    assert found["versions"]["seqkit"] == seqkit.__version__
    assert found["versions"]["python"] == platform.python_version()
    assert found["versions"]["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert [plugin["name"] for plugin in found["versions"]["plugins"]] == [
        "data", "labels", "recurrent", "text"
    ]  # fmt: skip
    assert found["hardware"]["threads"] == torch.get_num_threads()
    assert found["hardware"]["device"] == "cpu"


def test_it_is_json_and_the_same_each_time(toy: Path) -> None:
    found = storage.as_json(origin(toy))
    assert json.loads(found) == origin(toy)
    assert found == storage.as_json(origin(toy))


def test_the_folder_of_the_data_does_not_count_but_their_bytes_do(toy: Path) -> None:
    before = origin(toy)
    elsewhere = toy.parent / "elsewhere"
    elsewhere.mkdir()
    for path in toy.parent.glob("*.conll"):
        (elsewhere / path.name).write_bytes(path.read_bytes())
    assert provenance(recipe_of(toy), elsewhere, None, "cpu") == before
    dev = toy.parent / "dev.conll"
    dev.write_bytes(dev.read_bytes() + b"\n")
    after = origin(toy)
    assert [name for name in before["data"] if before["data"][name] != after["data"][name]] == [
        "dev"
    ]


def test_a_split_that_cannot_be_read_is_named(toy: Path) -> None:
    (toy.parent / "dev.conll").unlink()
    with pytest.raises(DataError) as refused:
        origin(toy)
    assert str(refused.value) == (
        f"{toy.parent}/dev.conll: cannot be read (No such file or directory). "
        "Mend data.dev or --data."
    )


def test_equal_runs_do_not_differ(toy: Path) -> None:
    assert differences(origin(toy), origin(toy)) == []


def test_each_changed_setting_is_named_with_both_values(toy: Path) -> None:
    found = differences(origin(toy), origin(toy, encode__width=16, train__epochs=5))
    assert found == [
        "recipe.encode.width was 8 and is 16",
        "recipe.train.epochs was 2 and is 5",
    ]


def test_a_changed_sample_is_named_before_the_data_that_it_changes(toy: Path) -> None:
    found = differences(origin(toy), origin(toy, sample=4))
    assert found[0] == "sample was not there and is 4"
    assert [line.split()[0] for line in found[1:]] == ["data.dev", "data.test", "data.train"]


def test_changed_data_are_named_by_their_split(toy: Path) -> None:
    before = origin(toy)
    test = toy.parent / "test.conll"
    test.write_text(test.read_text().replace("cat", "dog"))
    after = origin(toy)
    was, now = before["data"]["test"][:12], after["data"]["test"][:12]
    assert differences(before, after) == [f"data.test was {was}… and is {now}…"]


def test_an_edited_plugin_is_named(toy: Path) -> None:
    before, after = origin(toy), origin(toy)
    after["plugins"] = after["plugins"] | {"seqkit_text": "0" * 64}
    was = before["plugins"]["seqkit_text"][:12]
    assert differences(before, after) == [f"plugins.seqkit_text was {was}… and is 000000000000…"]


def test_a_stage_in_the_place_of_another_is_named(toy: Path) -> None:
    found = differences(origin(toy), origin(toy, decode="tagger"))
    assert "recipe.decode.use was crf and is tagger" in found
    assert "recipe.decode.smoothing was not there and is 0.0" in found


def test_versions_and_hardware_may_differ(toy: Path) -> None:
    before, after = origin(toy), origin(toy)
    after["versions"] = {"torch": "9"}
    after["hardware"] = {"cores": 1000}
    assert differences(before, after) == []


def test_a_long_value_is_cut_in_a_message() -> None:
    assert short("x" * 40) == "x" * 40
    assert short("x" * 41) == "x" * 12 + "…"
    assert short(None) == "not there"
    assert short(0) == "0"


def test_the_processor_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert processor()

    def closed(*_: Any, **__: Any) -> Any:
        raise PermissionError

    monkeypatch.setattr("seqkit.provenance.open", closed, raising=False)
    assert processor()
