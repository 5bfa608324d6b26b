"""The source of MATLAB files: variables as rows, folds, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from seqkit.errors import DataError, RecipeError
from seqkit.recipe import check_stage as checked
from seqkit.stages import Frames
from seqkit.testing import check_stage
from seqkit_frames.reading import matlab

SERIES = [np.arange(3.0 * size).reshape(3, size) for size in (2, 5, 4, 1, 3)]
FIELDS = {"strokes": "x", "letter": "y"}


def cells(*items: Any) -> np.ndarray:
    found = np.empty((1, len(items)), object)
    for number, item in enumerate(items):
        found[0, number] = item
    return found


def written(folder: Path, **variables: Any) -> Path:
    given = {"x": cells(*SERIES), "y": np.array([[2, 1, 2, 2, 1]]), "key": cells("a", "b")}
    path = folder / "a.mat"
    savemat(path, {**given, **variables}, do_compression=True)
    return path


def rows(path: Path, split: str = "train", **settings: Any) -> list[Any]:
    return list(matlab(**{"fields": FIELDS, **settings}).read(split, path))


def refused(path: Path, split: str = "train", **settings: Any) -> str:
    with pytest.raises(DataError) as caught:
        rows(path, split, **settings)
    return str(caught.value)


def test_cells_are_series_and_numbers_stand_for_names(tmp_path: Path) -> None:
    path = written(tmp_path)
    found = rows(path, names={"letter": "key"})
    assert [row["letter"] for row in found] == ["b", "a", "b", "b", "a"]
    assert [row["item"] for row in found] == list(range(5))
    for row, series in zip(found, SERIES, strict=True):
        assert isinstance(row["strokes"], Frames)
        assert row["strokes"].values.dtype == np.float32
        assert np.array_equal(row["strokes"].values, series.T)
    assert [row["letter"] for row in rows(path)] == [2, 1, 2, 2, 1]
    lines = rows(written(tmp_path, y=np.array(["one", "two", "three", "", "five"])))
    assert [row["letter"] for row in lines] == ["one", "two", "three", "", "five"]
    turned = rows(written(tmp_path, x=cells(*(one.T for one in SERIES))), time="rows")
    assert np.array_equal(turned[1]["strokes"].values, SERIES[1].T)
    check_stage(matlab, settings={"fields": FIELDS}, examples=[("train", path)])


def test_folds_make_train_and_test_of_one_file(tmp_path: Path) -> None:
    path = written(tmp_path)
    tested = []
    for fold in range(3):
        parts = [
            [row["item"] for row in rows(path, split, folds=3, fold=fold)]
            for split in ("train", "test")
        ]
        assert sorted(parts[0] + parts[1]) == list(range(5))
        tested += parts[1]
    assert sorted(tested) == list(range(5))
    assert [row["item"] for row in rows(path, "test", folds=3, fold=1)] == [1, 4]
    assert refused(path, "dev", folds=3) == (
        "data.dev: 'folds' makes train and test of one file. Take dev out of train, such as "
        "`dev: 10%`."
    )


def test_what_a_file_lacks_is_told(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert refused(path, fields={"strokes": "xx"}) == (
        f"{path}: has no variable 'xx'. Did you mean 'x'?"
    )
    assert refused(written(tmp_path, y=np.array([[1, 2]]))) == (
        f"{path}: 'y' has 2 items, but 'x' 5. Name variables that belong together."
    )
    assert refused(written(tmp_path, y=np.array([[1, 2, 3, 1, 1]])), names={"letter": "key"}) == (
        f"{path}: item 3 of 'y' is 3, but the names are numbered 1 to 2. Name the variable that "
        "lists them."
    )
    shut = written(tmp_path, x={"field": 1.0})
    assert refused(shut) == (
        f"{path}: 'x' is a MATLAB structure. Name a cell or a matrix, or save one."
    )
    shut = written(tmp_path, x=cells(*[{"field": 1.0}] * 5))
    assert refused(shut) == (
        f"{path}: item 1 of 'x' is a MATLAB structure, no series. Name another variable."
    )
    cube = written(tmp_path, x=cells(*[np.zeros((2, 2, 2))] * 5))
    assert refused(cube) == (
        f"{path}: item 1 of 'x' is an array of float64 [2, 2, 2], no series: a matrix of numbers. "
        "Name another variable."
    )


def test_a_file_that_is_not_named_is_told() -> None:
    with pytest.raises(DataError, match=r"^data.test: no file is named\. "):
        list(matlab(fields=FIELDS).read("test", None))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fields": {}}, "names no variable. Say {field: variable}"),
        ({"names": {"lettre": "key"}}, "which is no field. Did you mean 'letter'?"),
        ({"fold": 1}, "has no effect without 'folds'. Set both, or remove it"),
        ({"folds": 10, "fold": 10}, "is 10, but 10 folds are numbered 0 to 9. Lower it"),
        ({"folds": 1}, "folds"),
    ],
)
def test_settings_without_sense_are_told(settings: Any, message: str) -> None:
    with pytest.raises(RecipeError) as told:
        checked("source", {"use": "matlab", "fields": FIELDS, **settings})
    assert message in str(told.value)
