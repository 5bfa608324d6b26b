"""Dates from locale data: exact spans, splits by date, the same rows anywhere."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
import unicodedata
from datetime import date
from typing import Any

import pytest
from babel import Locale
from babel.dates import format_date
from babel.localedata import locale_identifiers
from hypothesis import given
from hypothesis import strategies as st

import seqkit_dates
from seqkit.errors import DataError
from seqkit.plugins import registry
from seqkit.stages import Row
from seqkit_dates.carriers import HOLE, ZEROS, native_digits, write_carrier, write_item
from seqkit_dates.patterns import FORMATS, write_date
from seqkit_dates.source import split_of

SAMPLE = [date(1950 + month * 7, month, day) for month in range(1, 13) for day in (1, 10, 28)]


def rows_of(split: str, **settings: Any) -> list[Row]:
    return list(seqkit_dates.dates(**settings).read(split, None))


@pytest.mark.parametrize("name", seqkit_dates.LOCALES)
def test_a_date_is_written_as_babel_writes_it(name: str) -> None:
    locale = Locale.parse(name)
    for form in FORMATS:
        for day in SAMPLE:
            assert write_date(day, form, locale)[0] == format_date(day, form, locale)


@pytest.mark.slow
def test_a_date_of_every_locale_is_written_as_babel_writes_it() -> None:
    for name in locale_identifiers():
        locale = Locale.parse(name)
        for form in FORMATS:
            for day in SAMPLE[::5]:
                assert write_date(day, form, locale)[0] == format_date(day, form, locale)


@pytest.mark.parametrize(
    ("name", "form", "spans"),
    [
        ("de", "full", ["Freitag/WEEKDAY", "3/DAY", "Mai/MONTH", "2024/YEAR"]),
        ("fi", "full", ["perjantai/WEEKDAY", "3/DAY", "toukokuuta/MONTH", "2024/YEAR"]),
        ("ja", "full", ["2024/YEAR", "5/MONTH", "3/DAY", "金曜日/WEEKDAY"]),
        ("th", "long", ["3/DAY", "พฤษภาคม/MONTH", "2024/YEAR"]),
        ("he", "medium", ["3/DAY", "מאי/MONTH", "2024/YEAR"]),
        ("vi", "medium", ["3/DAY", "thg 5/MONTH", "2024/YEAR"]),
    ],
)
def test_a_span_is_where_the_formatter_put_its_field(
    name: str, form: str, spans: list[str]
) -> None:
    text, found = write_date(date(2024, 5, 3), form, Locale.parse(name))
    assert [f"{text[start:end]}/{label}" for start, end, label in found] == spans


def test_every_row_has_its_date_in_its_spans() -> None:
    for row in rows_of("train", size=600):
        day = date.fromisoformat(row["date"])
        found = {label: row["text"][start:end] for start, end, label in row["spans"]}
        assert row["spans"] == sorted(row["spans"])
        assert set(found) == {"DAY", "MONTH", "YEAR"} | (
            {"WEEKDAY"} if row["format"] == "full" else set()
        )
        assert (int(found["DAY"]), int(found["YEAR"])) == (day.day, day.year)
        written = format_date(day, row["format"], row["locale"])
        assert written.translate(native_digits(Locale.parse(row["locale"]))) in row["text"]


def test_locales_take_turns() -> None:
    assert [row["locale"] for row in rows_of("train", size=56)] == seqkit_dates.LOCALES * 2


@pytest.mark.parametrize(
    ("name", "digits"),
    [
        ("mr", "DEVANAGARI DIGIT"),
        ("ar_EG", "ARABIC-INDIC DIGIT"),
        ("fa", "EXTENDED ARABIC-INDIC DIGIT"),
        ("bn", "BENGALI DIGIT"),
        ("hi", "DIGIT"),
    ],
)
def test_a_locale_writes_its_own_digits(name: str, digits: str) -> None:
    texts = "".join(row["text"] for row in rows_of("train", locales=[name], size=30))
    kinds = {unicodedata.name(letter).rpartition(" ")[0] for letter in texts if letter.isdigit()}
    assert kinds == {digits}


def test_the_digits_of_every_default_numbering_system_are_known() -> None:
    systems = {Locale.parse(name).default_numbering_system for name in locale_identifiers()}
    assert systems == set(ZEROS) | {"latn"}
    for zero in ZEROS.values():
        assert [unicodedata.digit(chr(zero + digit)) for digit in range(10)] == list(range(10))


def test_default_locales_write_fifteen_scripts() -> None:
    letters = "".join(row["text"] for row in rows_of("train", size=400))
    scripts = {unicodedata.name(letter).split()[0] for letter in letters if letter.isalpha()}
    assert len(scripts) >= 15
    assert {"LATIN", "CYRILLIC", "GREEK", "ARABIC", "HEBREW", "DEVANAGARI", "THAI"} <= scripts
    assert {"CJK", "HANGUL", "GEORGIAN", "ARMENIAN", "TAMIL", "BENGALI", "ETHIOPIC"} <= scripts


def test_most_rows_hold_digits_that_belong_to_no_date() -> None:
    def other_digits(row: Row) -> bool:
        inside = {at for start, end, _ in row["spans"] for at in range(start, end)}
        return any(c.isdigit() for at, c in enumerate(row["text"]) if at not in inside)

    rows = rows_of("train", size=600)
    assert 0.5 < sum(map(other_digits, rows)) / len(rows) < 0.95


def test_no_date_of_dev_or_test_is_in_train() -> None:
    days = {
        split: {row["date"] for row in rows_of(split, first_year=2000, last_year=2004)}
        for split in ("train", "dev", "test")
    }
    assert not days["train"] & days["dev"]
    assert not days["train"] & days["test"]
    assert not days["dev"] & days["test"]
    assert all(split_of(date.fromisoformat(day)) == split for split in days for day in days[split])


def test_a_date_keeps_its_split_whatever_the_seed() -> None:
    first = {row["date"] for row in rows_of("train", seed=1)}
    assert not first & {row["date"] for row in rows_of("test", seed=2)}


def test_sizes_years_and_locales_are_as_set() -> None:
    settings: dict[str, Any] = {"size": 20, "held_out": 7, "first_year": 1999, "last_year": 1999}
    counts = [len(rows_of(split, **settings)) for split in ("train", "dev", "test")]
    assert counts == [20, 7, 7]
    rows = rows_of("test", locales=["pt_BR"], **settings)
    assert {(row["locale"], row["date"][:4]) for row in rows} == {("pt_BR", "1999")}


def test_rows_depend_on_seed_and_split_alone() -> None:
    assert rows_of("dev", seed=3) == rows_of("dev", seed=3)
    assert rows_of("dev", seed=3) != rows_of("dev", seed=4)
    assert [row["date"] for row in rows_of("dev")] != [row["date"] for row in rows_of("test")]


def test_rows_are_the_same_under_any_hash_seed() -> None:
    code = (
        "import seqkit_dates, hashlib; rows = list(seqkit_dates.dates().read('dev', None)); "
        "print(hashlib.sha256(repr(rows).encode()).hexdigest())"
    )
    environment = {key: value for key, value in os.environ.items() if key != "SEQKIT_CHECK_SHAPES"}
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=environment | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_four_thousand_rows_take_under_two_seconds() -> None:
    started = time.process_time()
    assert sum(len(rows_of(split)) for split in ("train", "dev", "test")) == 4000
    assert time.process_time() - started < 2


@given(seed=st.integers(), name=st.sampled_from(seqkit_dates.LOCALES))
def test_a_carrier_has_one_place_for_the_date(seed: int, name: str) -> None:
    rng = random.Random(seed)
    assert write_carrier(rng, Locale.parse(name)).count(HOLE) == 1
    assert HOLE not in write_item(rng, Locale.parse(name))


@pytest.mark.slow
def test_every_locale_of_the_data_can_be_drawn() -> None:
    names = locale_identifiers()
    assert len(rows_of("train", locales=names, size=4 * len(names))) == 4 * len(names)


def test_the_source_is_registered_and_reads_no_files() -> None:
    assert not registry().find("source", "dates").files


def test_the_entry_module_is_light() -> None:
    heavy = ["torch", "numpy", "pydantic", "babel"]
    code = f"import sys, seqkit_dates; print([name for name in {heavy} if name in sys.modules])"
    environment = {key: value for key, value in os.environ.items() if key != "SEQKIT_CHECK_SHAPES"}
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout == "[]\n"


def test_a_place_is_refused() -> None:
    with pytest.raises(DataError) as caught:
        list(seqkit_dates.dates().read("train", "a.txt"))
    assert str(caught.value) == (
        "data.train: dates reads no files, got 'a.txt'. "
        "Remove it; size and held_out say how many rows to draw."
    )


def test_a_split_that_is_not_there_is_named_with_the_nearest() -> None:
    with pytest.raises(DataError) as caught:
        list(seqkit_dates.dates().read("trian", None))
    assert str(caught.value) == "dates: no split 'trian'. Did you mean 'train'?"


@pytest.mark.parametrize(
    ("settings", "problems"),
    [
        ({}, []),
        ({"locales": []}, [("locales", "is empty. Name at least one, or leave it out.")]),
        (
            {"locales": ["ar-EG"]},
            [("locales", "CLDR has no locale 'ar-EG'. Did you mean 'ar_EG'?")],
        ),
        (
            {"first_year": 2001, "last_year": 2000},
            [("last_year", "is 2000, before first_year, 2001. Swap them.")],
        ),
    ],
)
def test_settings_that_cannot_be_met_are_refused(
    settings: dict[str, Any], problems: list[tuple[str, str]]
) -> None:
    defaults = {"locales": seqkit_dates.LOCALES, "first_year": 1950, "last_year": 2049}
    assert list(seqkit_dates.date_rules(defaults | settings)) == problems


@pytest.mark.parametrize("name", ["", "xx", "de/../en", "de_DE_x_y", "\x00", "d" * 1000])
def test_a_name_that_is_no_locale_is_refused(name: str) -> None:
    settings = {"locales": [name], "first_year": 1950, "last_year": 2049}
    [(setting, message)] = seqkit_dates.date_rules(settings)
    assert setting == "locales"
    assert message.startswith(f"CLDR has no locale '{name}'. ")
