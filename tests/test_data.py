"""Data: what a field may hold, offsets that stay, missing fields, and fingerprints that notice."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqkit.data import (
    data_digest,
    field,
    gold_of,
    plugin_digests,
    read_rows,
    row_text,
    scrubbed,
    source_digest,
    splits,
    trained,
)
from seqkit.errors import DataError
from seqkit.plugins import Plugin, Register, Registry
from seqkit.recipe import check_stage, read_recipe, recipe_from_plain
from seqkit.sections import DataSettings
from seqkit.stages import Frames, Source, Text

ANY = st.text(st.characters(), max_size=20) | st.text("a\ud800\udfff\ud83d\ude00é\0", max_size=9)
ROWS: list[dict[str, Any]] = []


class Given:
    """Rows that a test gives."""

    def read(self, split: str, place: Any) -> Iterator[dict[str, Any]]:
        yield from ({"split": split, "place": place, **row} for row in ROWS)


def given_rows() -> Source:
    """Rows that a test gives."""
    return Given()


def halves(settings: Mapping[str, Any], place: Path) -> list[Path]:
    """The files a and b of a folder."""
    return [place / "a", place / "b"]


def rows_registry() -> Registry:
    """A registry of two sources: one that reads places that are no files, one that reads files."""
    one = Plugin("toys", "toys", "toys", "1")
    register = Register(one)
    register.source("given", given_rows)
    register.source("file", given_rows, files=True)
    register.source("halves", given_rows, files=halves)
    return Registry([one])


def settings(use: str = "given", gold: Any = None, **places: Any) -> DataSettings:
    """The data of a recipe."""
    source = check_stage("source", use, rows_registry())
    return DataSettings(source, places, {"text": "form"}, gold)


@pytest.fixture(autouse=True)
def no_rows() -> Iterator[None]:
    yield
    ROWS.clear()


def refused(value: Any) -> str:
    """Why a field cannot be an input."""
    with pytest.raises(DataError) as caught:
        row_text(value, "x.conll:3")
    return str(caught.value)


def test_a_text_is_an_input() -> None:
    assert row_text("a b", "x") == Text("a b")


@given(ANY)
def test_lone_surrogates_become_replacement_characters_and_offsets_stay(text: str) -> None:
    found = row_text(text, "x")
    assert isinstance(found, Text)
    assert len(found.text) == len(text)
    found.text.encode()
    for mine, theirs in zip(found.text, text, strict=True):
        assert mine == ("\N{REPLACEMENT CHARACTER}" if "\ud800" <= theirs <= "\udfff" else theirs)
    assert scrubbed(found.text) == found.text


@given(st.lists(ANY, max_size=5))
def test_given_words_are_joined_by_spaces_and_keep_their_spans(words: list[str]) -> None:
    found = row_text(words, "x")
    assert isinstance(found, Text)
    assert found.text == " ".join(map(scrubbed, words))
    assert found.words is not None
    assert [found.text[begin:end] for begin, end in found.words] == list(map(scrubbed, words))


def test_a_tuple_of_words_is_a_list_of_words_and_no_words_are_an_empty_text() -> None:
    assert row_text(("a", "bc"), "x") == Text("a bc", [(0, 1), (2, 4)])
    assert row_text([], "x") == Text("", [])


def test_a_text_with_words_is_scrubbed_too() -> None:
    given = Text("a\ud800 b", [(0, 2), (3, 4)])
    assert row_text(given, "x") == Text("a\ufffd b", [(0, 2), (3, 4)])
    assert row_text(Text("\udc00"), "x") == Text("\ufffd")


@pytest.mark.parametrize("word", [(0, 4), (-1, 2), (2, 1), (7, 9)])
def test_words_outside_their_text_are_told(word: tuple[int, int]) -> None:
    assert refused(Text("abc", [(0, 1), word])) == (
        f"x.conll:3: the word [{word[0]}, {word[1]}] is not inside the text, which has 3 "
        "characters. Give half-open spans of characters."
    )


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ([1, 2.5, True], (3, 1)),
        (np.arange(4), (4, 1)),
        (np.arange(6.0).reshape(3, 2), (3, 2)),
        (np.zeros((0, 3), np.float32), (0, 3)),
        (np.array([True, False]), (2, 1)),
        ([[1, 2.5], [3, 4], (5, 6)], (3, 2)),
    ],
)
def test_numbers_are_frames(value: Any, shape: tuple[int, int]) -> None:
    found = row_text(value, "x")
    assert isinstance(found, Frames)
    assert found.values.dtype == np.float32
    assert found.values.shape == shape
    assert found.values.ravel().tolist() == np.asarray(value, np.float32).ravel().tolist()


def test_frames_go_through() -> None:
    frames = Frames(np.zeros((2, 3), np.float32), rate=50.0)
    assert row_text(frames, "x") is frames


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, "NoneType"),
        (3, "int"),
        ({"a": 1}, "dict"),
        (b"abc", "bytes"),
        (["a", 1, None], "list of NoneType, int, str"),
        ([[1.0], 2.0], "list of float, list"),
        (np.zeros((2, 2, 2)), "an array of float64 [2, 2, 2]"),
        (np.array(3.0), "an array of float64 []"),
        (np.array(["a"]), "an array of <U1 [1]"),
        (np.array([None]), "an array of object [1]"),
    ],
)
def test_what_is_no_input_is_told(value: Any, kind: str) -> None:
    assert refused(value) == (
        f"x.conll:3: an input is a text, a list of words or a list of numbers, not {kind}."
    )


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ([["a"], ["b"]], "step 1 of 2 holds 'a', no number. Give each step a list of numbers."),
        ([[1.0], [None]], "step 2 of 2 holds None, no number. Give each step a list of numbers."),
        (
            [[1.0, 2.0], [3.0]],
            "step 2 of 2 has 1 numbers, but the first has 2. Give each step the same channels.",
        ),
    ],
)
def test_steps_that_are_no_frames_are_told_by_number(value: Any, told: str) -> None:
    assert refused(value) == f"x.conll:3: {told}"


def test_an_array_in_single_precision_is_not_copied() -> None:
    values = np.zeros((3, 2), np.float32)
    found = row_text(values, "x")
    assert isinstance(found, Frames)
    assert np.shares_memory(found.values, values)


def missing(row: dict[str, Any], name: str) -> str:
    """Why a row's field cannot be had."""
    with pytest.raises(DataError) as caught:
        field(row, name, "x.conll:3")
    return str(caught.value)


def test_a_missing_field_is_told_with_the_known_ones_and_the_nearest() -> None:
    row = {"form": 1, "upos": 2, "lemma": 3}
    assert field(row, "upos", "x") == 2
    assert missing(row, "uposs") == (
        "x.conll:3: the rows have no field 'uposs', only form, lemma, upos. Did you mean 'upos'?"
    )
    assert missing(row, "zzz") == (
        "x.conll:3: the rows have no field 'zzz', only form, lemma, upos."
    )
    assert missing({}, "form") == "x.conll:3: the rows have no field 'form', only empty rows."


def test_gold_is_one_field_or_several_by_name_or_none() -> None:
    row = {"form": 1, "upos": 2}
    assert gold_of(settings(gold="upos"), row, "x") == 2
    assert gold_of(settings(gold={"tag": "upos", "f": "form"}), row, "x") == {"tag": 2, "f": 1}
    assert gold_of(settings(), row, "x") is None
    with pytest.raises(DataError, match=r"no field 'xpos', only form, upos\. Did you mean 'upos'"):
        gold_of(settings(gold={"tag": "xpos"}), row, "x")


def test_the_splits_are_those_that_are_named_or_all() -> None:
    assert splits(settings()) == ("train", "dev", "test")
    assert splits(settings(test="b", train="a")) == ("train", "test")
    assert splits(settings("file", train="a")) == ("train",)


def test_a_sample_is_the_first_rows(tmp_path: Path) -> None:
    ROWS.extend({"n": number} for number in range(5))
    assert [row["n"] for row in read_rows(settings(), "dev", tmp_path, 2)] == [0, 1]
    assert [row["n"] for row in read_rows(settings(), "dev", tmp_path)] == [0, 1, 2, 3, 4]


def test_places_of_files_are_in_the_data_folder_and_others_are_the_recipes_words(
    tmp_path: Path,
) -> None:
    ROWS.append({})
    for use, place in (("file", tmp_path / "a"), ("given", "a")):
        (row,) = read_rows(settings(use, train="a"), "train", tmp_path)
        assert (row["split"], row["place"]) == ("train", place)
    (row,) = read_rows(settings(), "test", tmp_path)
    assert row["place"] is None


def test_the_fingerprint_of_a_file_is_of_its_bytes_and_of_the_sample(tmp_path: Path) -> None:
    data = settings("file", train="a", dev="b")
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "b").write_bytes(b"one")
    found = data_digest(data, "train", tmp_path, None)
    assert data_digest(data, "dev", tmp_path, None) == found
    assert data_digest(data, "train", tmp_path, 5) != found
    assert data_digest(data, "train", tmp_path, 5) != data_digest(data, "train", tmp_path, 6)
    (tmp_path / "a").write_bytes(b"One")
    assert data_digest(data, "train", tmp_path, None) != found


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        data_digest(settings("file", train="a"), "train", tmp_path, None)
    assert str(caught.value) == (
        f"{tmp_path / 'a'}: cannot be read (No such file or directory). Mend data.train or --data."
    )
    with pytest.raises(DataError, match="Is a directory"):
        data_digest(settings("file", dev="."), "dev", tmp_path, None)


def test_the_fingerprint_of_a_folder_is_of_the_names_and_bytes_that_the_source_reads(
    tmp_path: Path,
) -> None:
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a").write_bytes(b"one")
        (tmp_path / folder / "b").write_bytes(b"two")
    data = settings("halves", train="x", dev="y")
    found = data_digest(data, "train", tmp_path, None)
    assert data_digest(data, "dev", tmp_path, None) == found
    assert data_digest(data, "train", tmp_path, 5) != found
    (tmp_path / "x" / "c").write_bytes(b"nobody reads it")
    assert data_digest(data, "train", tmp_path, None) == found
    (tmp_path / "x" / "a").write_bytes(b"two")
    (tmp_path / "x" / "b").write_bytes(b"one")
    assert data_digest(data, "train", tmp_path, None) != found
    (tmp_path / "x" / "b").unlink()
    with pytest.raises(DataError) as caught:
        data_digest(data, "train", tmp_path, None)
    assert str(caught.value) == (
        f"{tmp_path / 'x' / 'b'}: cannot be read (No such file or directory). Mend data.train or "
        "--data."
    )


BIG = np.zeros(5000)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([{"a": "x"}], [{"a": "y"}]),
        ([{"a": "x"}], [{"a": "x"}, {"a": "x"}]),
        ([{"a": 1}], [{"a": "1"}]),
        ([{"a": BIG}], [{"a": np.where(np.arange(5000) == 2500, 1, BIG)}]),
        ([{"a": BIG}], [{"a": BIG.astype(np.int64)}]),
        ([{"a": BIG}], [{"a": BIG.reshape(50, 100)}]),
        (
            [{"a": Frames(np.zeros((3000, 1), np.float32))}],
            [{"a": Frames(np.eye(3000, 1, -1500, np.float32))}],
        ),
        ([{"a": Text("ab", [(0, 1)])}], [{"a": Text("ab", [(0, 2)])}]),
        ([{"a": np.array([None, "x"])}], [{"a": np.array([None, "y"])}]),
        ([{"a": {1, 2}}], [{"a": {1, 3}}]),
    ],
)
def test_the_fingerprint_of_rows_notices_every_change(
    before: list[Any], after: list[Any], tmp_path: Path
) -> None:
    def digest(rows: list[Any]) -> str:
        ROWS[:] = rows
        return data_digest(settings(), "train", tmp_path, None)

    assert digest(before) != digest(after)
    assert digest(before) == digest(before)


def test_the_fingerprint_of_rows_is_the_same_for_equal_arrays_of_texts(tmp_path: Path) -> None:
    found = set()
    for _ in range(2):
        ROWS[:] = [{"a": np.array([None, "".join(["x", "y"])])}]
        found.add(data_digest(settings(), "train", tmp_path, None))
    assert len(found) == 1


def test_the_fingerprint_of_rows_does_not_ask_for_the_order_of_fields(tmp_path: Path) -> None:
    ROWS[:] = [{"a": np.int64(1), "b": "\ud800"}]
    found = data_digest(settings(), "train", tmp_path, None)
    ROWS[:] = [{"b": "\ud800", "a": 1}]
    assert data_digest(settings(), "train", tmp_path, None) == found
    assert data_digest(settings(), "dev", tmp_path, None) != found


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A plugin package with two modules."""
    folder = tmp_path / "acme_plugin"
    (folder / "deep").mkdir(parents=True)
    (folder / "__init__.py").write_text("x = 1\n")
    (folder / "deep" / "__init__.py").write_text("")
    (folder / "deep" / "layers.py").write_text("y = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "acme_plugin"]:
        del sys.modules[name]


def fresh_digest(package: str) -> str:
    """The digest that another process would find."""
    source_digest.cache_clear()
    importlib.invalidate_caches()
    return source_digest(package)


def test_an_edited_plugin_has_another_fingerprint(package: Path) -> None:
    found = fresh_digest("acme_plugin")
    assert fresh_digest("acme_plugin") == found
    (package / "notes.txt").write_text("no source")
    assert fresh_digest("acme_plugin") == found
    (package / "deep" / "layers.py").write_text("y = 2\n")
    assert fresh_digest("acme_plugin") != found
    (package / "deep" / "layers.py").write_text("y = 1\n")
    assert fresh_digest("acme_plugin") == found
    (package / "deep" / "layers.py").rename(package / "layers.py")
    assert fresh_digest("acme_plugin") != found
    assert "acme_plugin" not in sys.modules


def test_the_fingerprint_of_a_plugin_of_one_file_is_that_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "acme_single.py").write_text("x = 1\n")
    found = fresh_digest("acme_single")
    (tmp_path / "acme_single.py").write_text("x = 2\n")
    assert fresh_digest("acme_single") != found != fresh_digest("acme_missing")


def test_every_plugin_that_a_recipe_needs_has_its_fingerprint(toy: Path) -> None:
    found = plugin_digests(read_recipe(toy))
    assert list(found) == [
        "seqkit",
        "seqkit_data",
        "seqkit_labels",
        "seqkit_recurrent",
        "seqkit_text",
    ]
    assert len(set(found.values())) == 5


def test_a_recipe_without_data_cannot_be_trained(toy: Path) -> None:
    recipe = read_recipe(toy)
    assert trained(recipe) is recipe.data
    plain = {key: value for key, value in recipe.plain().items() if key != "data"}
    with pytest.raises(DataError) as caught:
        trained(recipe_from_plain(plain, "x"))
    assert str(caught.value) == "toy: the recipe has no data. Add `data:`."
