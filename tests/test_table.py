"""Tables: one gather equals plain padding; the cache is used, mended, and never in the way."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqkit import storage, table
from seqkit.errors import DataError
from seqkit.table import Table, collate, prepare_all, prepared

KINDS = {"words": np.int64, "marks": np.uint8, "shares": np.float32, "flags": np.bool_}


def ragged(counts: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Two levels as flat values and offsets: counting up from 1."""
    sizes = [len(step) for step in counts]
    flat = np.array([number for step in counts for number in step], np.int32)
    return flat, np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)


def example(lengths: tuple[int, int, int], chars: list[list[int]], seed: int) -> dict[str, Any]:
    """Arrays of every form that a stage may prepare."""
    rng = np.random.default_rng(seed)
    flat, offsets = ragged(chars)
    return {
        "label": np.array(rng.integers(9), np.int64),
        "rate": np.array(rng.random(), np.float32),
        "words": rng.integers(1, 99, lengths[0]),
        "flags": rng.integers(0, 2, lengths[1]).astype(bool),
        "frames": rng.random((lengths[2], 3)).astype(np.float32),
        "chars": flat,
        "chars.offsets": offsets,
    }


CHARS = st.lists(st.lists(st.integers(1, 9), max_size=4), max_size=4)
EXAMPLES = st.lists(
    st.builds(example, st.tuples(*[st.integers(0, 5)] * 3), CHARS, st.integers(0, 999)),
    min_size=1,
    max_size=5,
)


def padded(arrays: Sequence[Any], time: int, empty: Any) -> list[Any]:
    """Rows of one length, in plain Python."""
    return [list(array) + [empty] * (time - len(array)) for array in arrays]


def reference(examples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A batch as lists, in plain Python."""
    batch: dict[str, Any] = {}
    for name in ("label", "rate"):
        batch[name] = [each[name].item() for each in examples]
    for name, empty in (("words", 0), ("flags", False), ("frames", [0.0] * 3)):
        lengths = [len(each[name]) for each in examples]
        rows = [each[name].tolist() for each in examples]
        batch[name] = padded(rows, max(lengths, default=0), empty)
        batch[name + ".lengths"] = lengths
    steps = [
        [
            each["chars"][begin:end].tolist()
            for begin, end in zip(each["chars.offsets"], each["chars.offsets"][1:], strict=False)
        ]
        for each in examples
    ]
    time = max(map(len, steps), default=0)
    width = max((len(step) for row in steps for step in row), default=0)
    rows = padded(steps, time, [])
    batch["chars"] = [padded(row, width, 0) for row in rows]
    batch["chars.lengths"] = [[len(step) for step in row] for row in rows]
    return batch


def as_lists(batch: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    """A batch as lists."""
    return {name: value.tolist() for name, value in batch.items()}


@given(EXAMPLES)
def test_a_batch_is_what_plain_padding_gives(examples: list[dict[str, Any]]) -> None:
    assert as_lists(collate(examples)) == reference(examples)


@given(EXAMPLES, st.data())
def test_any_rows_in_any_order_are_gathered(examples: list[dict[str, Any]], data: Any) -> None:
    rows = data.draw(st.lists(st.integers(0, len(examples) - 1), max_size=6))
    found = Table.stack(examples).collate(np.array(rows, np.int64))
    assert as_lists(found) == reference([examples[row] for row in rows])


@given(EXAMPLES)
def test_a_table_comes_back_from_its_files(examples: list[dict[str, Any]]) -> None:
    rows = np.arange(len(examples))
    made = Table.stack(examples)
    found = table.unpack_table(table.pack_table(made))
    assert found.rows == made.rows
    for name, value in made.collate(rows).items():
        assert torch.equal(found.collate(rows)[name], value)
        assert found.collate(rows)[name].dtype == value.dtype


@pytest.mark.parametrize("kind", ["bool", "uint8", "int16", "int32", "int64", "float32", "float64"])
def test_values_keep_their_type_and_lengths_are_long(kind: str) -> None:
    batch = collate([{"a": np.ones(2, kind), "one": np.array(1, kind)}, {**EMPTY_OF[kind]}])
    assert batch["a"].dtype == batch["one"].dtype == getattr(torch, kind)
    assert batch["a.lengths"].dtype == torch.int64


EMPTY_OF = {
    kind: {"a": np.zeros(0, kind), "one": np.array(0, kind)}
    for kind in ("bool", "uint8", "int16", "int32", "int64", "float32", "float64")
}


def test_examples_that_are_all_empty_make_a_batch_of_no_steps() -> None:
    nothing = example((0, 0, 0), [], 1)
    batch = collate([nothing, nothing])
    assert batch["words"].shape == (2, 0)
    assert batch["frames"].shape == (2, 0, 3)
    assert batch["chars"].shape == (2, 0, 0)
    assert batch["chars.lengths"].shape == (2, 0)
    assert batch["words.lengths"].tolist() == [0, 0]


def test_steps_that_are_all_empty_keep_their_place() -> None:
    batch = collate([example((1, 1, 1), [[], []], 1), example((1, 1, 1), [[]], 1)])
    assert batch["chars"].shape == (2, 2, 0)
    assert batch["chars.lengths"].tolist() == [[0, 0], [0, 0]]


def test_no_examples_make_no_columns_and_no_rows_make_empty_batches() -> None:
    assert collate([]) == {}
    batch = Table.stack([example((2, 1, 3), [[1]], 1)]).collate(np.zeros(0, np.int64))
    assert batch["words"].shape == (0, 0)
    assert batch["label"].shape == (0,)


def test_a_batch_is_no_view_of_the_table() -> None:
    made = Table.stack([example((2, 1, 3), [[1]], 1)])
    before = made.collate(np.array([0]))["words"].clone()
    made.collate(np.array([0]))["words"].zero_()
    assert torch.equal(made.collate(np.array([0]))["words"], before)


def test_lengths_count_steps_and_one_for_a_scalar() -> None:
    made = Table.stack([example((2, 1, 3), [[1, 2], []], 1), example((0, 0, 0), [], 1)])
    assert made.lengths("words").tolist() == [2, 0]
    assert made.lengths("chars").tolist() == [2, 0]
    assert made.lengths("label").tolist() == [1, 1]


def test_a_split_without_examples_is_told() -> None:
    with pytest.raises(DataError) as caught:
        prepare_all([], dict, "data.train")
    assert str(caught.value) == "data.train: has no examples. Give a split that has some."


def test_every_example_is_prepared_once() -> None:
    seen = []

    def prepare(number: int) -> dict[str, np.ndarray]:
        seen.append(number)
        return {"a": np.arange(number)}

    assert prepare_all(iter([3, 1]), prepare, "x").lengths("a").tolist() == [3, 1]
    assert seen == [3, 1]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of its own."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    monkeypatch.setenv("SEQKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "prepared"


class Maker:
    """Makes a table, and counts how often."""

    def __init__(self, *values: int) -> None:
        self.values, self.made = values, 0

    def __call__(self) -> Table:
        self.made += 1
        return Table.stack([{"a": np.array(self.values)}])


def values(made: Table) -> list[int]:
    """What a maker's table holds."""
    found: list[int] = made.columns["a"].values.tolist()
    return found


def test_a_table_is_made_once_for_a_key(cache: Path) -> None:
    maker = Maker(1, 2)
    assert values(prepared({"k": 1, "l": 2}, maker)) == [1, 2]
    assert values(prepared({"l": 2, "k": 1}, maker)) == [1, 2]
    assert maker.made == 1
    assert len(list(cache.iterdir())) == 1


def test_another_key_is_another_table(cache: Path) -> None:
    first, second = Maker(1), Maker(2)
    assert values(prepared({"k": 1}, first)) == [1]
    assert values(prepared({"k": 2}, second)) == [2]
    assert values(prepared({"k": 1}, first)) == [1]
    assert (first.made, second.made) == (1, 1)


def no_manifest(place: Path) -> None:
    (place / "manifest.json").unlink()


def flipped(place: Path) -> None:
    content = bytearray((place / "learnt.safetensors").read_bytes())
    content[-1] ^= 1
    (place / "learnt.safetensors").write_bytes(content)


def emptied(place: Path) -> None:
    for path in place.iterdir():
        path.unlink()


def other_version(place: Path) -> None:
    storage.write_folder(place, storage.pack({"rows": 1, "columns": {"a": {"values": [1]}}}))
    storage.write_folder(place, storage.pack({"columns": [1]}))


def foreign(place: Path) -> None:
    emptied(place)
    (place / "mine.txt").write_bytes(b"mine")


@pytest.mark.parametrize("damage", [no_manifest, flipped, emptied, other_version])
def test_a_damaged_table_is_made_again_and_kept(damage: Any, cache: Path) -> None:
    maker = Maker(5)
    prepared({}, maker)
    (place,) = cache.iterdir()
    damage(place)
    assert values(prepared({}, maker)) == [5]
    assert values(prepared({}, maker)) == [5]
    assert maker.made == 2


def test_what_is_not_ours_in_the_cache_stays(cache: Path) -> None:
    maker = Maker(5)
    prepared({}, maker)
    (place,) = cache.iterdir()
    foreign(place)
    assert values(prepared({}, maker)) == [5]
    assert [path.name for path in place.iterdir()] == ["mine.txt"]


def test_a_cache_that_cannot_be_written_costs_time_alone(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage, "write_synced", full)
    maker = Maker(3)
    assert [values(prepared({}, maker)) for _ in range(2)] == [[3], [3]]
    assert maker.made == 2


def test_a_cache_that_cannot_be_read_costs_time_alone(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maker = Maker(3)
    prepared({}, maker)

    def closed(path: Path, **_: Any) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_dir", closed)
    assert values(prepared({}, maker)) == [3]
    assert maker.made == 2


def test_a_cache_that_is_a_file_costs_time_alone(cache: Path) -> None:
    cache.parent.write_bytes(b"")
    assert values(prepared({}, Maker(3))) == [3]


def test_a_table_that_cannot_be_saved_is_still_used(cache: Path) -> None:
    made = prepared({}, lambda: Table.stack([{"a": np.array(["x"])}]))
    assert made.columns["a"].values.tolist() == ["x"]


def test_a_failure_to_make_a_table_is_not_hidden(cache: Path) -> None:
    def fails() -> Table:
        raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output error"):
        prepared({}, fails)


def test_the_oldest_tables_go(cache: Path) -> None:
    places = [cache / storage.digest({"k": number})[:40] for number in range(table.KEPT + 3)]
    for number, place in enumerate(places):
        prepared({"k": number}, Maker(number))
        os.utime(place, (1000 + number, 1000 + number))
    assert set(cache.iterdir()) == set(places[3:])


def test_what_kills_left_half_written_goes_too(cache: Path) -> None:
    for number in range(table.KEPT + 5):
        (cache / f".{number}.new").mkdir(parents=True)
    prepared({}, Maker(1))
    assert len(list(cache.iterdir())) <= table.KEPT


def test_many_at_once_all_get_the_table(cache: Path) -> None:
    start = threading.Barrier(4)
    found: list[list[int]] = []

    def work() -> None:
        start.wait()
        found.extend(values(prepared({"n": number}, Maker(number))) for number in range(5))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted([[number] for number in range(5)] * 4)
    assert [values(prepared({"n": number}, Maker(number))) for number in range(5)] == [
        [number] for number in range(5)
    ]


def test_the_cache_is_where_the_user_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SEQKIT_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert table.cache_folder() == tmp_path / "home" / ".cache" / "seqkit"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert table.cache_folder() == tmp_path / "xdg" / "seqkit"
    monkeypatch.setenv("SEQKIT_CACHE", str(tmp_path / "own"))
    assert table.cache_folder() == tmp_path / "own"


def test_a_user_without_a_home_has_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("SEQKIT_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert values(prepared({}, Maker(3))) == [3]
