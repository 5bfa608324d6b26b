"""Parquet: nested columns, class names, folders of parts, and what is said of a broken file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seqkit.errors import DataError
from seqkit.testing import check_stage
from seqkit_data import reading
from seqkit_data.placing import parquet_files


def write(path: Path, columns: dict[str, Any], features: Any = None) -> Path:
    """A Parquet file, with what `datasets` writes of its features where given."""
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table(columns)
    if features is not None:
        written = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({"huggingface": written})
    path.parent.mkdir(exist_ok=True)
    parquet.write_table(table, path)
    return path


def rows(place: Path) -> list[Any]:
    return list(reading.parquet().read("train", place))


def refused(place: Path) -> str:
    with pytest.raises(DataError) as caught:
        rows(place)
    return str(caught.value)


def test_columns_are_fields_nested_or_null(tmp_path: Path) -> None:
    columns = {
        "words": [["a", "b"], [], None],
        "n": [1, None, 3],
        "answer": [{"start": 1, "texts": ["x"]}, None, {"start": None, "texts": []}],
    }
    assert rows(write(tmp_path / "a.parquet", columns)) == [
        {"words": ["a", "b"], "n": 1, "answer": {"start": 1, "texts": ["x"]}},
        {"words": [], "n": None, "answer": None},
        {"words": None, "n": 3, "answer": {"start": None, "texts": []}},
    ]


def test_class_names_are_those_that_the_datasets_library_wrote(tmp_path: Path) -> None:
    import datasets

    path = tmp_path / "a.parquet"
    label = datasets.ClassLabel(names=["neg", "pos"])
    features = datasets.Features(
        {
            "label": label,
            "tags": datasets.List(label),
            "record": {"label": label, "n": datasets.Value("int64")},
        }
    )
    records = {
        "label": [1, -1, None],
        "tags": [[0, 1], [], None],
        "record": [{"label": 0, "n": 1}, {"label": 1, "n": 0}, None],
    }
    datasets.disable_progress_bars()
    table = datasets.Dataset.from_dict(records, features=features)
    table.to_parquet(path)
    assert rows(path) == [
        {"label": "pos", "tags": ["neg", "pos"], "record": {"label": "neg", "n": 1}},
        {"label": None, "tags": [], "record": {"label": "pos", "n": 0}},
        {"label": None, "tags": None, "record": None},
    ]


def test_a_dictionary_column_gives_its_texts(tmp_path: Path) -> None:
    import pyarrow

    column = pyarrow.array(["a", "b", "a"]).dictionary_encode()
    assert [row["x"] for row in rows(write(tmp_path / "a", {"x": column}))] == ["a", "b", "a"]


@pytest.mark.parametrize("features", [[], "x", {"n": "x"}, {"other": {"_type": "ClassLabel"}}])
def test_features_that_say_nothing_change_nothing(tmp_path: Path, features: Any) -> None:
    assert rows(write(tmp_path / "a", {"n": [1]}, features)) == [{"n": 1}]


def test_a_class_without_a_name_is_told(tmp_path: Path) -> None:
    features = {"n": {"_type": "ClassLabel", "names": ["a", "b"]}}
    path = write(tmp_path / "a", {"n": [0, 2]}, features)
    assert refused(path) == (
        f"{path}: class 2 has no name: there are 2, from 0. Write the file again."
    )


def test_the_parquet_files_of_a_folder_are_read_in_the_order_of_their_names(
    tmp_path: Path,
) -> None:
    place = tmp_path / "parts"
    names = ["train-00001.parquet", "train-00000.parquet"]
    paths = [write(place / name, {"n": [number]}) for number, name in enumerate(names)]
    (place / "README.md").write_text("not read")
    assert rows(place) == [{"n": 1}, {"n": 0}]
    assert parquet_files({}, place) == paths[::-1]
    assert parquet_files({}, paths[0]) == paths[:1]


def test_a_folder_without_parquet_files_is_refused(tmp_path: Path) -> None:
    message = f"{tmp_path}: holds no .parquet file. Name another folder, or a file."
    assert refused(tmp_path) == message


def test_a_file_without_records_has_no_examples(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"n": []})
    assert refused(path) == f"{path}: has no examples. Check that it is the right file."


def test_two_columns_may_not_share_a_name(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    path = tmp_path / "a.parquet"
    table = pyarrow.table([[1], [2]], names=["n", "n"])
    parquet.write_table(table, path)
    assert refused(path) == f"{path}: two columns are called 'n'. Rename one of them."


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "none.parquet"
    assert refused(path) == (
        f"{path}: cannot be read (No such file or directory). Check the path and the data folder."
    )


@pytest.mark.parametrize("keep", [0, 3, 60, -9])
def test_a_file_that_is_cut_off_is_told_in_one_line(tmp_path: Path, keep: int) -> None:
    path = write(tmp_path / "a.parquet", {"n": [1, 2], "t": ["a", "b"]})
    path.write_bytes(path.read_bytes()[:keep])
    message = refused(path)
    assert message.startswith(f"{path}: no whole Parquet file (")
    assert message.endswith("). Fetch it again.")
    assert "\n" not in message


def test_it_keeps_the_contract_of_sources(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"words": [["a"]], "label": ["x"]})
    check_stage(reading.parquet, examples=[("train", path)])
