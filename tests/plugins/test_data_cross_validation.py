"""Folds: which rows are held out, what stays together, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqkit.errors import DataError, RecipeError
from seqkit.plugins import registry
from seqkit.recipe import check_stage
from seqkit.stages import Row
from seqkit_data.cross_validation import Folds

few = settings(max_examples=25, deadline=None)
Rows = list[dict[str, Any]]


class Given:
    """A source of the rows given."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def read(self, split: str, place: Path | str | None) -> Any:
        return iter(self.rows)


def split(rows: Rows, split: str, fold: int, of: int, by: str | None = None) -> list[Row]:
    return list(Folds(Given(rows), fold, of, by, seed=1).read(split, "x"))


@few
@given(st.lists(st.integers(0, 9), min_size=10, max_size=60), st.integers(2, 5), st.booleans())
def test_each_row_is_in_one_fold_and_the_others_train_on_it(
    values: list[int], of: int, grouped: bool
) -> None:
    values += range(5)
    rows = [{"number": n, "who": [str(value)]} for n, value in enumerate(values)]
    by = "who" if grouped else None
    held = [split(rows, "test", fold, of, by) for fold in range(1, of + 1)]
    assert sorted(row["number"] for fold in held for row in fold) == list(range(len(rows)))
    for fold, mine in enumerate(held, 1):
        kept = split(rows, "train", fold, of, by)
        assert [row for row in rows if row not in mine] == kept
        if grouped:
            assert not {row["who"][0] for row in mine} & {row["who"][0] for row in kept}
    sizes = [len({row["who"][0] for row in fold}) if grouped else len(fold) for fold in held]
    assert max(sizes) - min(sizes) <= 1


def test_another_seed_makes_other_folds() -> None:
    rows = [{"n": n} for n in range(40)]
    one, other = (list(Folds(Given(rows), 1, 4, None, seed).read("test", "x")) for seed in (1, 2))
    assert one != other


@pytest.mark.parametrize(
    ("name", "by", "told"),
    [
        ("dev", None, "data.dev: folds gives no dev split of its own. Carve it out of train"),
        ("test", None, "x: 3 rows make no 4 folds. Set 'of' lower."),
        ("test", "a", "x: 2 groups make no 4 folds."),
        ("train", "whom", "folds: the source gives no field 'whom'. Did you mean 'who'?"),
        ("train", "who", "folds: 'who' holds dict, by which rows cannot be told apart."),
    ],
)
def test_what_cannot_be_folded_is_told(name: str, by: str | None, told: str) -> None:
    rows: Rows = [{"who": {}, "a": min(n, 1)} for n in range(3)]
    with pytest.raises(DataError) as caught:
        split(rows, name, 1, 4, by)
    assert str(caught.value).startswith(told)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"fold": 4, "of": 3}, "'fold' is 4, but there are 3. Choose one of them"),
        ({"source": "numbers"}, "'source' names numbers, which reads no files"),
    ],
)
def test_settings_without_sense_are_told_at_check(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(RecipeError) as caught:
        check_stage("source", {"use": "folds", "source": "jsonl", **settings})
    assert told in str(caught.value)


def test_the_files_are_those_of_the_nested_source(tmp_path: Path) -> None:
    nested = {"use": "parallel", "files": {"en": ".en", "de": ".de"}}
    chosen = check_stage("source", {"use": "folds", "source": nested})
    for side in ("en", "de"):
        (tmp_path / f"x.{side}").write_text("a\nb\nc\n")
    files: Any = registry().find("source", "folds").files
    assert [path.name for path in files(chosen.settings, tmp_path / "x")] == ["x.en", "x.de"]
