"""Storage: what is read is what was written, whole; what was learnt comes back; digests."""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqkit import storage
from seqkit.errors import ModelError

OLD = {"weights.safetensors": b"old weights" * 9, "notes.json": b"{}"}
NEW = {"weights.safetensors": b"new weights" * 7, "more.json": b"[1]", "empty.json": b""}


@pytest.fixture(autouse=True)
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Does without the wait for the disk."""
    monkeypatch.setattr(os, "fsync", lambda handle: None)


def test_reading_changes_nothing_even_where_a_replacement_was_cut_off(tmp_path: Path) -> None:
    storage.write_folder(tmp_path / ".model.old", OLD)
    assert storage.read_folder(tmp_path / "model") == OLD
    assert [path.name for path in tmp_path.iterdir()] == [".model.old"]


@pytest.mark.parametrize(
    "hold", [{"thesis.txt": b"years of work"}, {**OLD, "thesis.txt": b"years of work"}]
)
def test_a_folder_that_holds_anything_else_is_never_replaced(
    hold: Mapping[str, bytes], tmp_path: Path
) -> None:
    for name, content in hold.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError) as caught:
        storage.write_folder(tmp_path, OLD)
    assert str(caught.value) == (
        f"{tmp_path}: holds 'thesis.txt', which would be lost. Name another folder."
    )
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == hold


def test_a_file_is_never_replaced_by_a_folder(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"mine")
    with pytest.raises(ModelError) as caught:
        storage.write_folder(tmp_path / "model", NEW)
    assert str(caught.value) == f"{tmp_path / 'model'}: is a file. Name a folder."
    assert (tmp_path / "model").read_bytes() == b"mine"


@pytest.mark.parametrize("damage", ["manifest.json", "notes.json"])
def test_a_damaged_folder_can_be_replaced(damage: str, tmp_path: Path) -> None:
    storage.write_folder(tmp_path / "model", OLD)
    (tmp_path / "model" / damage).unlink()
    storage.write_folder(tmp_path / "model", OLD)
    assert storage.read_folder(tmp_path / "model") == OLD


def test_a_link_stays_a_link_to_what_was_written(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    storage.write_folder(tmp_path / "far" / "model", OLD)
    for name in ("model", "notes.json"):
        (tmp_path / name).symlink_to(tmp_path / "far" / name)
    storage.write_folder(tmp_path / "model", NEW)
    storage.write_file(tmp_path / "notes.json", b"new")
    assert storage.read_folder(tmp_path / "far" / "model") == NEW
    assert (tmp_path / "far" / "notes.json").read_bytes() == b"new"
    assert all((tmp_path / name).is_symlink() for name in ("model", "notes.json"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["far", "model", "notes.json"]


def test_the_working_folder_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model").mkdir()
    monkeypatch.chdir(tmp_path / "model")
    storage.write_folder(Path(), NEW)
    assert storage.read_folder(tmp_path / "model") == NEW


@pytest.mark.parametrize("way", ["copied", "moved", "zipped"])
def test_a_folder_that_was_copied_moved_or_zipped_is_still_whole(way: str, tmp_path: Path) -> None:
    model, other = tmp_path / "model", tmp_path / "other"
    storage.write_folder(model, NEW)
    if way == "copied":
        shutil.copytree(model, other)
    elif way == "moved":
        model.rename(other)
    else:
        shutil.make_archive(str(model), "zip", model)
        with zipfile.ZipFile(tmp_path / "model.zip") as archive:
            archive.extractall(other)
    assert storage.read_folder(other) == NEW


def refused(folder: Path) -> str:
    """The one line with which a folder is refused."""
    with pytest.raises(ModelError) as caught:
        storage.read_folder(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", OLD)
def test_a_byte_that_flipped_anywhere_in_a_file_is_told(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    storage.write_folder(folder, OLD)
    whole = (folder / name).read_bytes()
    for place in range(min(64, len(whole))):
        for bit in (1, 128):
            flipped = bytearray(whole)
            flipped[place] ^= bit
            (folder / name).write_bytes(flipped)
            assert refused(folder) == (
                f"{folder / name}: its sha256 differs from manifest.json: it is damaged. "
                "Copy the folder again, or train again."
            )


@pytest.mark.parametrize("name", OLD)
def test_a_file_that_was_cut_is_told(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    storage.write_folder(folder, OLD)
    whole = (folder / name).read_bytes()
    for size in {*range(min(64, len(whole))), len(whole) - 1}:
        (folder / name).write_bytes(whole[:size])
        assert refused(folder) == (
            f"{folder / name}: has {size} bytes, but manifest.json says {len(whole)}. "
            "Copy the folder again, or train again."
        )


def test_a_manifest_in_which_a_byte_flipped_is_told_or_says_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    storage.write_folder(folder, OLD)
    manifest = folder / "manifest.json"
    whole = manifest.read_bytes()
    told = 0
    for place, bit in itertools.product(range(len(whole)), (1, 128)):
        flipped = bytearray(whole)
        flipped[place] ^= bit
        manifest.write_bytes(flipped)
        if json_or_none(bytes(flipped)) == json.loads(whole):
            assert storage.read_folder(folder) == OLD
            continue
        assert refused(folder).startswith(str(folder))
        told += 1
    assert told > len(whole)


def json_or_none(content: bytes) -> Any:
    """A JSON value, or None where there is none."""
    try:
        return json.loads(content)
    except ValueError:
        return None


def test_a_manifest_that_was_cut_is_told(tmp_path: Path) -> None:
    storage.write_folder(tmp_path / "model", OLD)
    manifest = tmp_path / "model" / "manifest.json"
    whole = manifest.read_bytes()
    for size in range(len(whole.rstrip())):
        manifest.write_bytes(whole[:size])
        assert refused(tmp_path / "model") == (
            f"{manifest}: is damaged. Copy the folder again, or train again."
        )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"3",
        b"{",
        b"\xff\xfe{",
        b'{"a": 3}',
        b'{"a": [1]}',
        b'{"a": [1, "x", 2]}',
        b'{"a": null}',
        b'{"a": "ab"}',
        b'{"a": ["1", "x"]}',
        b'{"a": [1e999, "x"]}',
        b'{"a": [true, "x"]}',
        b'{"a": [1, null]}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"1" * 5000,
    ],
)
def test_a_manifest_that_is_none_is_told(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    assert refused(tmp_path) == (
        f"{tmp_path / 'manifest.json'}: is damaged. Copy the folder again, or train again."
    )


@pytest.mark.parametrize(
    "name",
    [
        *("../secret", "/etc/hostname", "a/b", "a\\b", "..", ".", "", ".hidden", "a\0b", "a\nb"),
        *("C:x", "x" * 65, "é", "\ud800"),
    ],
)
def test_a_manifest_cannot_name_what_is_no_file_of_its_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    manifest = tmp_path / "model" / "manifest.json"
    manifest.parent.mkdir()
    manifest.write_bytes(storage.as_json({name: storage.stamp(b"secret")}))
    assert refused(manifest.parent) == (
        f"{manifest}: names {name!r}, which is no file name. Copy the folder again, or train again."
    )


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    model = tmp_path / "model"
    assert refused(model) == f"{model}: no such folder. Name a run or a pipeline folder."
    model.mkdir()
    assert refused(model) == (
        f"{model}: manifest.json is missing. Name a folder that seqkit has saved."
    )
    storage.write_folder(model, OLD)
    (model / "notes.json").unlink()
    missing = f"{model / 'notes.json'}: is missing. Copy the folder again, or train again."
    assert refused(model) == missing
    (model / "notes.json").mkdir()
    assert refused(model) == missing
    (tmp_path / "file").write_bytes(b"")
    assert refused(tmp_path / "file").endswith("no such folder. Name a run or a pipeline folder.")


@pytest.mark.parametrize("name", ["manifest.json", "notes.json"])
def test_a_file_that_cannot_be_read_is_a_damaged_one(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.write_folder(tmp_path / "model", OLD)
    real = Path.read_bytes

    def failing(path: Path) -> bytes:
        if path.name == name:
            raise OSError(errno.EIO, "Input/output error")
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", failing)
    assert refused(tmp_path / "model").startswith(str(tmp_path / "model"))
    assert "cannot be read (Input/output error). Copy" in refused(tmp_path / "model")


def test_files_that_the_manifest_does_not_name_are_never_read(tmp_path: Path) -> None:
    storage.write_folder(tmp_path / "model", OLD)
    (tmp_path / "model" / "weights.pt").write_bytes(b"a pickle")
    assert storage.read_folder(tmp_path / "model") == OLD


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
KEYS = TEXTS | st.sampled_from(["$array", "$bytes", "$mapping", "a.b", "a", "b", "__metadata__"])
DTYPES = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
DTYPES += ["float16", "float32", "float64", "complex64"]
SHAPES = st.sampled_from([(), (0,), (3,), (2, 0), (0, 3), (2, 3), (1, 2, 2)])
ARRAYS = st.builds(
    lambda kind, shape, seed: np.random.default_rng(seed).integers(0, 2, shape).astype(kind),
    st.sampled_from(DTYPES),
    SHAPES,
    st.integers(0, 99),
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
    | st.binary(max_size=8)
    | ARRAYS
)
LEARNT = st.recursive(
    LEAVES, lambda inside: st.lists(inside, max_size=3) | st.dictionaries(KEYS, inside, max_size=3)
)


def same(one: Any, other: Any) -> bool:
    """Whether two learnt values are equal, types included."""
    if isinstance(one, np.ndarray | np.generic):
        return (
            isinstance(other, np.ndarray)
            and (one.dtype, one.shape) == (other.dtype, other.shape)
            and bool((one == other).all())
        )
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


@given(LEARNT)
def test_whatever_was_learnt_comes_back(learnt: Any) -> None:
    packed = storage.pack(learnt)
    assert sorted(packed) == ["learnt.json", "learnt.safetensors"]
    assert same(storage.unpack(packed), learnt)
    assert storage.pack(learnt) == packed


@pytest.mark.parametrize("mark", storage.MARKS)
def test_a_mapping_with_a_key_that_is_a_mark_comes_back(mark: str) -> None:
    inside: list[Any] = [3, {mark: b"x"}, "0", [], {"a": 1, mark: 2}, b""]
    for learnt in ({mark: value} for value in inside):
        assert storage.unpack(storage.pack(learnt)) == learnt


def test_strided_and_foreign_arrays_come_back_by_value() -> None:
    learnt: dict[str, Any] = {
        "turned": np.arange(6).reshape(2, 3).T,
        "stepped": np.arange(9)[::2],
        "swapped": np.arange(3, dtype=">i4"),
        "one": np.float32(0.5),
        "text": np.str_("é"),
        "pair": (1, 2),
        "lone": "a\ud800",
    }
    found = storage.unpack(storage.pack(learnt))
    for name in ("turned", "stepped", "swapped"):
        assert found[name].tolist() == learnt[name].tolist()
    assert [found[name] for name in ("one", "text", "pair", "lone")] == [
        0.5,
        "é",
        [1, 2],
        "a\ud800",
    ]


def test_learnt_arrays_can_be_changed_and_handed_on() -> None:
    found = storage.unpack(storage.pack({"a": np.arange(3)}))["a"]
    found += 1
    assert found.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({1: "a"}, "learnt.x: the key 1 is no text. Learn mappings from texts."),
        ({"a": {1, 2}}, "learnt.x.a: set cannot be saved."),
        ([0, object()], "learnt.x.1: object cannot be saved."),
        (float("nan"), "learnt.x: nan cannot be saved."),
        (float("-inf"), "learnt.x: -inf cannot be saved."),
        (np.array(["a"]), "learnt.x: an array of <U1 cannot be saved."),
        (np.array([None]), "learnt.x: an array of object cannot be saved."),
        (np.zeros(2, "M8[s]"), "learnt.x: an array of datetime64[s] cannot be saved."),
        (np.zeros(2, np.longdouble), "learnt.x: an array of float128 cannot be saved."),
        (bytearray(b"a"), "learnt.x: bytearray cannot be saved."),
    ],
)
def test_what_cannot_be_saved_is_named(value: Any, said: str) -> None:
    with pytest.raises(ModelError) as caught:
        storage.pack({"x": value})
    rest = "" if "Learn" in said else " Learn JSON values, bytes or numeric arrays."
    assert str(caught.value) == said + rest


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("learnt.json", b"{"),
        ("learnt.json", b'{"$array": "7"}'),
        ("learnt.json", b'{"$array": []}'),
        ("learnt.json", b'{"$mapping": 3}'),
        ("learnt.json", b"[" * 100_000),
        ("learnt.safetensors", b""),
        ("learnt.safetensors", b"\xff" * 40),
        ("learnt.safetensors", (10**9).to_bytes(8, "little") + b"{}"),
    ],
)
def test_crafted_files_are_one_error(name: str, content: bytes) -> None:
    packed = storage.pack({"a": np.arange(3)})
    with pytest.raises(ModelError) as caught:
        storage.unpack({**packed, name: content})
    assert str(caught.value) == (
        "learnt.json, learnt.safetensors: are damaged. Copy the folder again, or train again."
    )
    with pytest.raises(ModelError):
        storage.unpack({other: packed[other] for other in packed if other != name})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(TEXTS, inside, max_size=4),
)


def turned(value: Any) -> Any:
    """The same JSON value with the keys the other way round."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    return [turned(item) for item in value] if isinstance(value, list) else value


@given(JSON, JSON)
def test_a_digest_depends_on_the_value_and_not_on_the_order_of_keys(one: Any, other: Any) -> None:
    assert storage.digest(one) == storage.digest(turned(one))
    assert (storage.digest(one) == storage.digest(other)) == same(turned(turned(one)), other) or (
        one == other
    )


def test_a_digest_is_the_sha256_of_compact_json() -> None:
    wanted = hashlib.sha256(b'{"a":[1,null],"b":"\\u00e9"}').hexdigest()
    assert storage.digest({"b": "é", "a": [1, None]}) == wanted


def test_json_is_for_a_person_to_read() -> None:
    assert storage.as_json({"b": "é", "a": 1}) == '{\n "b": "é",\n "a": 1\n}\n'.encode()
    assert json.loads(storage.as_json("a\ud800")) == "a\ud800"


def test_what_is_no_number_is_null_in_json() -> None:
    value = {"a": float("nan"), "b": [1.0, float("-inf"), {"c": float("inf")}], "d": "nan", "e": 1}
    assert storage.finite(value) == {"a": None, "b": [1.0, None, {"c": None}], "d": "nan", "e": 1}
