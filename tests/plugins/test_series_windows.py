"""Windows over series: what each split reads and forecasts, and what is said of a wrong table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.errors import DataError, RecipeError
from seqkit.plugins import Use, registry
from seqkit.recipe import check_stage
from seqkit.stages import Row
from seqkit.testing import check_stage as keeps_the_contract
from seqkit_series import series
from seqkit_series.observations import Observed
from seqkit_series.windows import Shape, Windows

MONTHS = [f"{1949 + n // 12}-{n % 12 + 1:02}" for n in range(30)]
TABLE = "\n".join(["month,y", *(f"{month},{n}" for n, month in enumerate(MONTHS))])
BASIC: Mapping[str, Any] = {"target": "y", "history": 3, "time": "month"}


def read(folder: Path, content: str, split: str = "train", **said: Any) -> list[Row]:
    path = folder / "a.csv"
    path.write_text(content)
    return list(series(**{**BASIC, **said}).read(split, path))


def refused(folder: Path, content: str, split: str = "train", **said: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(folder, content, split, **said)
    return str(caught.value).replace(f"{folder}/", "")


def checked(**said: Any) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        check_stage("source", {"use": "series", **BASIC, **said}, registry())
    return [problem.message for problem in caught.value.problems]


def test_it_keeps_the_contract(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(TABLE)
    keeps_the_contract(series, settings=BASIC, examples=[("train", path), ("test", path)])


def test_a_window_holds_what_was_observed_and_what_came_after_it(tmp_path: Path) -> None:
    rows = read(tmp_path, TABLE, ahead=2)
    assert len(rows) == 30 - 3 - 2 + 1
    assert rows[0]["history"].tolist() == [[0.0], [1.0], [2.0]]
    assert rows[0]["history"].dtype == np.float32
    assert {name: rows[0][name] for name in ("future", "time", "step", "series")} == {
        "future": [3.0, 4.0],
        "time": "1949-04",
        "step": 4,
        "series": "",
    }
    assert rows[-1]["future"] == [28.0, 29.0]


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(6, 40),
    shape=st.builds(
        Shape,
        history=st.integers(1, 5),
        ahead=st.integers(1, 4),
        stride=st.integers(1, 3),
        expanding=st.booleans(),
    ),
    data=st.data(),
)
def test_no_split_forecasts_what_another_one_does(
    tmp_path_factory: pytest.TempPathFactory, rows: int, shape: Shape, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("t") / "a.csv"
    path.write_text("y\n" + "\n".join(map(str, range(rows))) + "\n")
    held = {name: data.draw(st.integers(1, 8)) for name in ("dev", "test")}
    said = {name: getattr(shape, name) for name in ("history", "ahead", "stride", "expanding")}
    source = series(target="y", held_out=held, **said)  # type: ignore[arg-type]
    bounds = [0, rows - held["dev"] - held["test"], rows - held["test"], rows]
    for number, split in enumerate(("train", "dev", "test")):
        low, high = bounds[number : number + 2]
        first = max(low, shape.history)
        expected = list(range(first, high - shape.ahead + 1, shape.stride))
        if not expected:
            with pytest.raises(DataError):
                list(source.read(split, path))
            continue
        found = list(source.read(split, path))
        assert [row["step"] - 1 for row in found] == expected
        for row in found:
            origin = row["step"] - 1
            assert row["future"] == [float(n) for n in range(origin, origin + shape.ahead)]
            begin = 0 if shape.expanding else origin - shape.history
            assert row["history"][:, 0].tolist() == [float(n) for n in range(begin, origin)]


def test_dates_part_a_file_too(tmp_path: Path) -> None:
    until = {"train": "1949-12", "dev": "1950-06"}
    found = {
        split: [row["time"] for row in read(tmp_path, TABLE, split, until=until)]
        for split in ("train", "dev", "test")
    }
    assert found == {"train": MONTHS[3:12], "dev": MONTHS[12:18], "test": MONTHS[18:]}
    two = read(tmp_path, TABLE, "test", until={"train": "1949-12"})
    assert two[0]["time"] == "1950-01"


def test_days_part_a_file_of_months(tmp_path: Path) -> None:
    table = TABLE.replace("-01,", "-01-01,").replace("\n1949-0", "\n1949-0")
    dated = "\n".join(
        line if number == 0 else line.replace(",", "-01,", 1)
        for number, line in enumerate(TABLE.splitlines())
    )
    assert table != dated
    rows = read(tmp_path, dated, until={"train": "1949-12-31"})
    assert rows[-1]["time"] == "1949-12-01"


def test_several_columns_are_read_and_those_that_are_known_ahead_are_moved(tmp_path: Path) -> None:
    lines = ["a,b,rain,price", *(f"{n},{10 + n},{20 + n},{30 + n}" for n in range(6))]
    [row, _] = read(
        tmp_path,
        "\n".join(lines),
        target=["a", "b"],
        time=None,
        exogenous=["rain"],
        known=["price"],
        ahead=2,
    )
    assert row["history"].tolist() == [[0, 10, 20, 32], [1, 11, 21, 33], [2, 12, 22, 34]]
    assert row["future"] == [[3.0, 13.0], [4.0, 14.0]]
    assert "time" not in row


def test_several_series_of_a_file_are_told_apart_by_a_column(tmp_path: Path) -> None:
    lines = [
        "id,y",
        *(f"{name},{base + n}" for n in range(5) for name, base in (("u", 0), ("v", 9))),
    ]
    rows = read(tmp_path, "\n".join(lines), by="id", time=None)
    assert [(row["series"], row["future"]) for row in rows] == [
        ("u", [3.0]),
        ("u", [4.0]),
        ("v", [12.0]),
        ("v", [13.0]),
    ]
    last = [
        row
        for split in ("dev", "test")
        for row in read(
            tmp_path, "\n".join(lines), split, by="id", time=None, held_out={"dev": 1, "test": 1}
        )
    ]
    assert [(row["series"], row["future"][0]) for row in last] == [
        ("u", 3.0), ("v", 12.0), ("u", 4.0), ("v", 13.0)
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["tsv", "jsonl"])
def test_another_source_may_read_the_table(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    line = "{}\t{}" if name == "tsv" else '{{"month": "{}", "y": {}}}'
    head = ["month\ty"] if name == "tsv" else []
    path.write_text("\n".join([*head, *(line.format(m, n) for n, m in enumerate(MONTHS))]))
    source = series(**BASIC, table=Use("source", name))
    assert next(iter(source.read("train", path)))["future"] == [3.0]
    if name == "jsonl":
        path.write_text('{"month": "1949-01", "y": null}')
        with pytest.raises(DataError, match=r"a.txt: row 1: column 'y': the cell is empty\."):
            list(source.read("train", path))


def test_predicting_reads_all_windows_and_the_one_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(TABLE)
    source = series(**BASIC, ahead=2, stride=5, held_out={"test": 4})
    assert isinstance(source, Windows)
    rows = list(source.prospects(path))
    assert [row["step"] for row in rows] == [*range(4, 30), 31]
    assert "future" not in rows[-1]
    assert "time" not in rows[-1]
    assert rows[-1]["history"][:, 0].tolist() == [27.0, 28.0, 29.0]
    path.write_text("\n".join(TABLE.splitlines()[:4]))
    assert [row["step"] for row in source.prospects(path)] == [4]
    path.write_text("\n".join(TABLE.splitlines()[:3]))
    with pytest.raises(DataError, match="has 2 rows, but a history of 3 and 0 ahead need 3"):
        list(source.prospects(path))


def test_what_is_known_ahead_ends_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("y,price\n" + "\n".join(f"{n},{n}" for n in range(5)))
    source = series(target="y", history=3, known=["price"])
    assert isinstance(source, Windows)
    assert [row["step"] for row in source.prospects(path)] == [4, 5]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("", "the cell is empty. Fill the gap, or begin after it."),
        ("  ", "the cell is empty. Fill the gap, or begin after it."),
        ("n/a", "'n/a' is no number. Mend the cell, or name another column."),
        ("1_0", "'1_0' is no number. Mend the cell, or name another column."),
        ("nan", "nan is no finite number. Fill the gap, or begin after it."),
        ("-inf", "-inf is no finite number. Fill the gap, or begin after it."),
    ],
)
def test_a_cell_without_a_number_is_named_with_line_and_column(
    cell: str, said: str, tmp_path: Path
) -> None:
    content = f"month,y\n\n1949-01,1\n1949-02,{cell}\n"
    assert refused(tmp_path, content) == f"a.csv:4: column 'y': {said}"


def test_a_column_that_is_not_there_is_told_with_the_nearest(tmp_path: Path) -> None:
    assert refused(tmp_path, TABLE, target="sales") == (
        "a.csv:2: has no column 'sales'. Known: month, y."
    )
    assert refused(tmp_path, TABLE, time="mont") == (
        "a.csv:2: has no column 'mont'. Did you mean 'month'?"
    )


def test_a_month_that_is_missing_is_told(tmp_path: Path) -> None:
    content = TABLE.replace("1949-07,6\n", "")
    assert refused(tmp_path, content) == (
        "a.csv:8: column 'month': 1949-08 comes after 1949-06, but steps are of 1 month. Fill the "
        "gap, or set `gaps: true` where times may be left out."
    )
    assert len(read(tmp_path, content, gaps=True)) == 26


@pytest.mark.parametrize("again", ["1949-06", "1948-01"])
def test_times_that_do_not_rise_are_told(again: str, tmp_path: Path) -> None:
    content = TABLE.replace("1949-07,", f"{again},")
    assert refused(tmp_path, content, gaps=True) == (
        f"a.csv:8: column 'month': {again} comes after 1949-06. Sort the rows by time, and give "
        "each time once."
    )


def test_what_is_no_time_or_of_another_kind_is_told(tmp_path: Path) -> None:
    assert refused(tmp_path, TABLE.replace("1949-07,", "July,")) == (
        "a.csv:8: column 'month': 'July' is no time. Write 1949-01, 1949Q1, 1949-01-31, "
        "1949-01-31T12:00 or a number."
    )
    assert refused(tmp_path, TABLE.replace("1949-07,", "7,")) == (
        "a.csv:8: column 'month': 7 comes after 1949-06, which is written otherwise. "
        "Write all times alike."
    )


def test_too_few_rows_are_told(tmp_path: Path) -> None:
    lines = TABLE.splitlines()
    assert refused(tmp_path, "\n".join(lines[:2])) == (
        "a.csv: has one observation, which is no series yet. Give more rows."
    )
    assert refused(tmp_path, "\n".join(lines[:5]), ahead=4) == (
        "a.csv: has 4 rows, but a history of 3 and 4 ahead need 7. "
        "Give more rows, or a shorter history."
    )
    assert refused(tmp_path, TABLE, "test", held_out={"test": 3}, ahead=4) == (
        "a.csv: test has 3 of its 30 steps, but 4 are forecast at once. "
        "Change `held_out`, or give more rows."
    )
    assert refused(tmp_path, TABLE, held_out={"test": 28}) == (
        "a.csv: has 2 rows until its part of the file ends, but a history of 3 and 1 ahead need 4. "
        "Give more rows, or a shorter history."
    )
    named = "id,y\n" + "\n".join(f"u,{n}" for n in range(5)) + "\nv,1\nv,2\n"
    assert refused(tmp_path, named, by="id", time=None) == (
        "a.csv: series 'v': has 2 rows, but a history of 3 and 1 ahead need 4. "
        "Give more rows, or a shorter history."
    )


def test_a_split_without_a_part_is_told(tmp_path: Path) -> None:
    assert refused(tmp_path, TABLE, "dev", held_out={"test": 4}) == (
        "a.csv: dev has 0 of its 30 steps, but 1 are forecast at once. "
        "Change `held_out`, or give more rows."
    )
    assert refused(tmp_path, TABLE, "test", until={"train": "1960-01"}) == (
        "a.csv: test has 0 of its 30 steps, but 1 are forecast at once. "
        "Change `until`, or give more rows."
    )


def test_a_part_that_ends_at_no_time_of_the_file_is_told(tmp_path: Path) -> None:
    forms = "1949-01, 1949Q1, 1949-01-31, 1949-01-31T12:00 or a number"
    assert refused(tmp_path, TABLE, until={"train": "May"}) == (
        f"a.csv: until: 'May' is no time. Write {forms}."
    )
    assert refused(tmp_path, TABLE, until={"train": 12}) == (
        "a.csv: until: '12' is not written as the times are, such as 1949-01. Write it alike."
    )


def test_settings_that_exclude_each_other_or_do_nothing_are_told_by_the_check() -> None:
    assert checked(until={"train": 1}, held_out={"dev": 2}) == [
        "series: 'until' parts the file, and so does 'held_out'. Keep one of them."
    ]
    assert checked(until={"dev": 1}) == ["series: 'until' does not say where 'train' ends. Say it."]
    without = "has no effect without 'time'. Name the column that says when."
    assert checked(time=None, until={"train": 1}, gaps=True) == [
        f"series: 'until' {without}",
        f"series: 'gaps' {without}",
    ]
    assert checked(target=[]) == ["series: 'target' names no column. Name one or more."]
    assert checked(exogenous=["y"]) == [
        "series: 'target' or another setting names 'y' twice. Name each column once."
    ]
    assert checked(known=["z"], ahead=4) == [
        "series: 'known' needs a history of at least 'ahead' steps, each of which holds a value."
    ]
    assert checked(table="dates") == [
        "series: 'table' names dates, which reads no files. Use csv or tsv."
    ]
    assert "Did you mean 'held_out'?" in checked(heldout={"test": 1})[0]


def test_windows_of_one_series_share_no_memory_that_a_stage_could_change() -> None:
    one = Observed("", np.arange(6.0)[:, None], (), ["a:1"] * 6)
    windows = series(target="y", history=3)
    assert isinstance(windows, Windows)
    first, second = windows.window(one, 3), windows.window(one, 4)
    first["history"][:] = -1
    assert second["history"][:, 0].tolist() == [1.0, 2.0, 3.0]
