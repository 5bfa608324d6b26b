"""Features in .npy files beside a table: what rows hold, and what is wrong by row and file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqkit.errors import DataError, RecipeError
from seqkit.recipe import check_stage
from seqkit.stages import Row
from seqkit.testing import check_stage as keeps_the_contract
from seqkit_frames.tables import npy

Command = Callable[..., tuple[int, str, str]]
OWN = {"file": "clip"}


def table(folder: Path, *rows: dict[str, Any], name: str = "train.jsonl") -> Path:
    """Writes a table of JSON lines."""
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def clips(folder: Path, *arrays: Any) -> Path:
    """Writes a table whose rows each name a file with an array."""
    for number, array in enumerate(arrays):
        np.save(folder / f"{number}.npy", array)
    return table(folder, *({"clip": f"{n}.npy", "caption": f"c{n}"} for n in range(len(arrays))))


def rows_of(path: Path, split: str = "train", **settings: Any) -> list[Row]:
    source: Any = check_stage("source", {"use": "npy", "source": "jsonl", **settings})
    return list(source.build().read(split, path))


def refused(path: Path, **settings: Any) -> str:
    with pytest.raises(DataError) as told:
        rows_of(path, **settings)
    return str(told.value)


def test_a_row_has_the_frames_of_the_file_that_it_names(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    values = np.arange(6, dtype=np.float32).reshape(3, 2)
    np.save(tmp_path / "clips/a.npy", values)
    (row,) = rows_of(table(tmp_path, {"clip": "clips/a.npy", "caption": "x"}), **OWN)
    assert {name: row[name] for name in ("clip", "caption")} == {
        "clip": "clips/a.npy",
        "caption": "x",
    }
    assert row["frames"].dtype == np.float32
    assert row["frames"].tolist() == values.tolist()


def test_files_of_rows_are_closed_and_that_of_all_rows_is_mapped(tmp_path: Path) -> None:
    (row,) = rows_of(clips(tmp_path, np.ones((2, 2), np.float32)), **OWN)
    assert not isinstance(row["frames"], np.memmap)
    path = table(tmp_path, {"caption": "a"}, {"caption": "b"})
    np.save(tmp_path / "train.npy", np.arange(12, dtype=np.float32).reshape(2, 3, 2))
    rows = rows_of(path)
    assert all(isinstance(row["frames"], np.memmap) for row in rows)
    assert rows[1]["frames"].tolist() == [[6.0, 7.0], [8.0, 9.0], [10.0, 11.0]]


@pytest.mark.parametrize("dtype", ["float16", "float64", ">f4", "uint8", "int32", "bool"])
def test_any_numbers_become_single_precision(tmp_path: Path, dtype: str) -> None:
    (row,) = rows_of(clips(tmp_path, np.array([[0, 1], [1, 1]], dtype)), **OWN)
    assert (row["frames"].dtype, row["frames"].tolist()) == (np.float32, [[0.0, 1.0], [1.0, 1.0]])


def test_the_places_of_an_image_are_steps_in_order(tmp_path: Path) -> None:
    (row,) = rows_of(clips(tmp_path, np.arange(12.0).reshape(2, 3, 2)), **OWN)
    assert row["frames"].tolist() == np.arange(12.0).reshape(6, 2).tolist()


def test_lengths_leave_out_what_fills_a_row_up(tmp_path: Path) -> None:
    np.save(tmp_path / "dev.npy", np.arange(12.0).reshape(2, 3, 2))
    path = table(tmp_path, {"n": 1}, {"n": "3"}, name="dev.jsonl")
    assert [len(row["frames"]) for row in rows_of(path, "dev", lengths="n")] == [1, 3]


def test_the_one_file_is_called_like_a_packed_table_too(tmp_path: Path) -> None:
    np.save(tmp_path / "train.npy", np.ones((1, 1, 1)))
    path = tmp_path / "train.csv.gz"
    path.write_text("caption\na dog\n")
    (row,) = rows_of(path, source={"use": "csv"})
    assert row["caption"] == "a dog"


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (
            np.ones(4),
            " has the shape [4] for a row, but frames are [time, channel]. Save one frame",
        ),
        (np.ones(()), " has the shape [] for a row, but frames are [time, channel]."),
        (np.ones((0, 3)), " has the shape [0, 3], no frames. Leave the row out, or give it some."),
        (np.ones((3, 0)), " has the shape [3, 0], no frames."),
        (np.ones((2, 5)), " has 5 channels, but the first row has 3. Give every row the same"),
        (np.array([["a", "b"]]), ": holds <U1, no numbers. Save it as float32."),
        (np.ones((2, 3), complex), ": holds complex128, no numbers."),
        (
            np.array([[1, 2, 3], [4, np.nan, 6]]),
            ": nan at step 2 of 2, channel 2 of 3, is no finite number in single precision. Mend",
        ),
        (np.array([[1, 2, 1e300]]), ": inf at step 1 of 1, channel 3 of 3, is no finite number"),
    ],
)
def test_wrong_frames_are_told_with_row_and_file(tmp_path: Path, array: Any, told: str) -> None:
    path = clips(tmp_path, np.ones((2, 3)), array)
    assert refused(path, **OWN).startswith(f"{path}: row 2: {tmp_path / '1.npy'}{told}")


def test_what_only_pickle_reads_is_refused(tmp_path: Path) -> None:
    path = clips(tmp_path, np.ones((2, 3)))
    np.save(tmp_path / "0.npy", np.array([{}], object), allow_pickle=True)
    assert refused(path, **OWN) == (
        f"{path}: row 1: {tmp_path / '0.npy'}: holds Python objects, which only pickle reads, and "
        "that runs what it reads. Save an array of numbers."
    )


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no whole .npy file (EOF: reading magic string"),
        (b"PK\x03\x04 and more", "no whole .npy file (the magic string is not correct"),
        (b"\x93NUMPY\x01\x00\xff\xffabc", "no whole .npy file (EOF: reading array header"),
    ],
)
def test_what_is_no_npy_file_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    path = clips(tmp_path, np.ones((2, 3)))
    (tmp_path / "0.npy").write_bytes(content)
    found = refused(path, **OWN)
    assert found.startswith(f"{path}: row 1: {tmp_path / '0.npy'}: {told}")
    assert found.endswith("). Write it by numpy.save.")


def test_a_file_that_is_cut_off_is_told(tmp_path: Path) -> None:
    path = clips(tmp_path, np.ones((2, 3)))
    content = (tmp_path / "0.npy").read_bytes()
    (tmp_path / "0.npy").write_bytes(content[:-5])
    assert "0.npy: no whole .npy file (mmap length is greater than file size)" in refused(
        path, **OWN
    )


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    path = table(tmp_path, {"clip": "gone.npy"})
    assert refused(path, **OWN) == (
        f"{path}: row 1: {tmp_path / 'gone.npy'}: cannot be read (No such file or directory). "
        "Check the path in the table."
    )


@pytest.mark.parametrize(
    ("row", "settings", "told"),
    [
        ({"clp": "0.npy"}, OWN, "row 1: the table gives no field 'clip'. Did you mean 'clp'?"),
        ({"clip": 7}, OWN, "row 1: 'clip' is 7, no name of a file. Give it one."),
        ({"clip": ""}, OWN, "row 1: 'clip' is '', no name of a file."),
        ({"n": 4}, {"lengths": "n"}, "'n' is 4, but a row has 3 frames. Give the number"),
        ({"n": "a"}, {"lengths": "n"}, "'n' is 'a', but a row has 3 frames."),
        ({"m": 4}, {"lengths": "n"}, "the table gives no field 'n'."),
        ({"frames": 4}, {}, "the table has a field 'frames' of its own. Rename it."),
    ],
)
def test_wrong_fields_of_a_table_are_told(
    tmp_path: Path, row: dict[str, Any], settings: dict[str, Any], told: str
) -> None:
    np.save(tmp_path / "train.npy", np.ones((1, 3, 2)))
    path = table(tmp_path, row)
    found = refused(path, **settings)
    assert found.startswith(f"{path}: row 1: ")
    assert told in found


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (3, "train.jsonl: row 3: {npy} has 2 rows. Give each row of the table one."),
        (1, "{npy}: has 2 rows, but {table} has 1. Give each row its own."),
    ],
)
def test_rows_without_frames_and_frames_without_a_row_are_told(
    tmp_path: Path, rows: int, told: str
) -> None:
    np.save(tmp_path / "train.npy", np.ones((2, 3, 2)))
    path = table(tmp_path, *[{"caption": "a"}] * rows)
    assert refused(path).endswith(told.format(npy=tmp_path / "train.npy", table=path))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"source": "numbers"}, "'source' names numbers, which reads no table. Name one that does"),
        ({"file": "a", "lengths": "b"}, "'lengths' has no effect with 'file'"),
    ],
)
def test_settings_without_sense_are_told_at_check(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(RecipeError) as caught:
        check_stage("source", {"use": "npy", "source": "jsonl", **settings})
    assert told in str(caught.value)


RECIPE = """\
seqkit: 1
name: clips
data: {use: npy, source: jsonl, file: clip, train: train.jsonl, text: frames, gold: caption}
embed: frames
encode: {use: bilstm, width: 8}
decode: {use: attention, encode: {use: lstm, width: 8}, width: 8}
evaluate: {metrics: [wrong]}
"""


def test_check_names_the_row_of_a_missing_file(tmp_path: Path, command: Command) -> None:
    clips(tmp_path, np.ones((2, 3)), np.ones((1, 3)))
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE)
    assert command("check", recipe, "--data", tmp_path)[0] == 0
    (tmp_path / "1.npy").unlink()
    code, _, error = command("check", recipe, "--data", tmp_path)
    assert code == 2
    assert (
        f"{tmp_path / 'train.jsonl'}: row 2: {tmp_path / '1.npy'}: there is no such file" in error
    )


def test_a_file_that_changed_is_another_split(tmp_path: Path) -> None:
    path = clips(tmp_path, np.ones((2, 3)))
    source: Any = check_stage("source", {"use": "npy", "source": "jsonl", "file": "clip"})
    files = source.stage.files(source.settings, path)
    assert files == [path, tmp_path / "0.npy"]
    np.save(tmp_path / "train.npy", np.ones((1, 3, 2)))
    source = check_stage("source", {"use": "npy", "source": "jsonl"})
    assert source.stage.files(source.settings, path) == [path, tmp_path / "train.npy"]


def test_the_source_keeps_the_contract(tmp_path: Path) -> None:
    path = clips(tmp_path, np.ones((2, 3)), np.ones((1, 3)))
    keeps_the_contract(
        npy, settings={"source": "jsonl", "file": "clip"}, examples=[("train", path)]
    )
