"""Data sets of the Hub: read from the cache, and never from the network."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NoReturn

import pytest

from seqkit.errors import DataError
from seqkit.stages import Row
from seqkit_data import reading

CARD = """---
dataset_info:
  features:
  - name: words
    sequence: string
  - name: tags
    sequence:
      class_label:
        names:
          '0': O
          '1': B-PER
  - name: topic
    dtype:
      class_label:
        names:
          '0': sport
---
"""
RECORDS = """{"words": ["Ada", "ran"], "tags": [1, 0], "topic": 0}
{"words": [], "tags": [], "topic": -1}
"""


class TouchedNetworkError(BaseException):
    """A BaseException, so that no handler of the code under test hides it."""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, the offline switch off, and a network that may not be touched."""
    import socket

    import datasets
    import huggingface_hub.constants

    def refuse(*given: Any, **named: Any) -> NoReturn:
        raise TouchedNetworkError(given)

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")
    return tmp_path / "hub"


def fetch(cache: Path, files: dict[str, str]) -> None:
    """Lays files where `hf download me/tiny --repo-type dataset` puts them."""
    home = cache / "datasets--me--tiny"
    folder = home / "snapshots" / ("a" * 40)
    folder.mkdir(parents=True)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text("a" * 40)
    for name, content in files.items():
        (folder / name).write_text(content)


def rows_of(split: str, place: str | None = None, config: str | None = None) -> list[Row]:
    return list(reading.hub(dataset="me/tiny", config=config).read(split, place))


def error_of(split: str, place: str | None = None, config: str | None = None) -> str:
    with pytest.raises(DataError) as caught:
        rows_of(split, place, config)
    return str(caught.value)


def test_class_numbers_become_names_and_hidden_ones_none(cache: Path) -> None:
    fetch(cache, {"README.md": CARD, "train.jsonl": RECORDS})
    assert rows_of("train") == [
        {"words": ["Ada", "ran"], "tags": ["B-PER", "O"], "topic": "sport"},
        {"words": [], "tags": [], "topic": None},
    ]


def test_parquet_in_parts_is_read_with_its_class_names(cache: Path) -> None:
    import datasets

    label = datasets.ClassLabel(names=["neg", "pos"])
    record = {"label": label, "tags": datasets.List(label)}
    features = datasets.Features({"n": datasets.Value("int64"), "record": record})
    fetch(cache, {"README.md": "---\nlicense: mit\n---\n"})
    (folder,) = cache.glob("*/snapshots/*")
    datasets.disable_progress_bars()
    for part in range(2):
        row = {"n": part, "record": {"label": part, "tags": [-1, part]}}
        table = datasets.Dataset.from_list([row], features=features)
        table.to_parquet(folder / f"train-0000{part}-of-00002.parquet")
    assert rows_of("train") == [
        {"n": 0, "record": {"label": "neg", "tags": [None, "neg"]}},
        {"n": 1, "record": {"label": "pos", "tags": [None, "pos"]}},
    ]


def test_a_place_is_the_data_sets_own_word_for_a_split(cache: Path) -> None:
    fetch(
        cache, {"train.jsonl": '{"a": 1}', "validation.jsonl": '{"a": 2}', "test.jsonl": '{"a": 3}'}
    )
    assert rows_of("train") == [{"a": 1}]
    assert rows_of("dev") == [{"a": 2}]
    assert rows_of("dev", "test") == [{"a": 3}]


def test_a_split_that_is_not_there_is_named_with_the_nearest(cache: Path) -> None:
    fetch(cache, {"train.jsonl": '{"a": 1}', "validation.jsonl": '{"a": 2}'})
    assert error_of("dev", "valid") == (
        "hub dataset 'me/tiny': no split 'valid'. Did you mean 'validation'?"
    )
    assert error_of("test") == "hub dataset 'me/tiny': no split 'test'. Known: train, validation."


def test_a_data_set_that_was_not_fetched_fails_at_once_with_the_command(cache: Path) -> None:
    started = time.perf_counter()
    assert error_of("train") == (
        "hub dataset 'me/tiny': not on this machine, or not whole. "
        "Fetch it with `hf download me/tiny --repo-type dataset`."
    )
    assert time.perf_counter() - started < 1


def test_the_command_names_the_revision(cache: Path) -> None:
    fetch(cache, {"train.jsonl": '{"a": 1}'})
    with pytest.raises(DataError) as caught:
        list(reading.hub(dataset="me/tiny", revision="v2").read("train", None))
    assert str(caught.value) == (
        "hub dataset 'me/tiny': not on this machine, or not whole. "
        "Fetch it with `hf download me/tiny --repo-type dataset --revision v2`."
    )


def test_a_name_that_is_none_is_not_on_this_machine(cache: Path) -> None:
    with pytest.raises(DataError, match=r"^hub dataset '\.\./x y': not on this machine, or not"):
        list(reading.hub(dataset="../x y").read("train", None))


def test_one_of_several_configurations_must_be_named(cache: Path) -> None:
    configs = "".join(
        f"- config_name: {name}\n  data_files:\n  - split: train\n    path: {name}.jsonl\n"
        for name in "xy"
    )
    fetch(
        cache,
        {
            "README.md": f"---\nconfigs:\n{configs}---\n",
            "x.jsonl": '{"a": 1}',
            "y.jsonl": '{"a": 2}',
        },
    )
    assert rows_of("train", config="y") == [{"a": 2}]
    assert error_of("train") == "hub dataset 'me/tiny': config is not set. Known: x, y."
    assert error_of("train", config="z") == "hub dataset 'me/tiny': no config 'z'. Known: x, y."


def test_a_damaged_file_is_an_error_of_one_line(cache: Path) -> None:
    fetch(cache, {"train.parquet": "no parquet"})
    message = error_of("train")
    assert message.startswith("hub dataset 'me/tiny': cannot be loaded (")
    assert message.endswith("). Check its files, config and revision.")
    assert "\n" not in message


def test_a_card_that_points_at_the_web_is_refused(cache: Path) -> None:
    url = "https://example.org/train.jsonl"
    card = f"---\nconfigs:\n- config_name: x\n  data_files: {url}\n---\n"
    fetch(cache, {"README.md": card})
    assert error_of("train") == (
        f"hub dataset 'me/tiny': its data lie elsewhere, at {url}. "
        "Download that file, and name it with another source."
    )
