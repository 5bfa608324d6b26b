"""Times as they are written: which are known, how far apart they are, and in which words."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqkit_series.times import Time, aligned, read_time, told, usual_step


def known(text: str) -> Time:
    found = read_time(text)
    assert found is not None
    return found


def times(*texts: str) -> list[Time]:
    return aligned([known(text) for text in texts])


@pytest.mark.parametrize(
    ("text", "kind", "place"),
    [
        ("1949-01", "month", 12 * 1949),
        (" 1949-12 ", "month", 12 * 1949 + 11),
        ("1949Q2", "month", 12 * 1949 + 3),
        ("1949-Q4", "month", 12 * 1949 + 9),
        ("1949", "number", 1949.0),
        ("-0.5", "number", -0.5),
        ("1970-01-02", "second", 86_400.0),
        ("1970-01-01T01:00", "second", 3_600.0),
        ("1970-01-01 00:00:30", "second", 30.0),
        ("1970-01-01T01:00+01:00", "second", 0.0),
    ],
)
def test_a_time_is_read_in_each_of_its_forms(text: str, kind: str, place: float) -> None:
    found = known(text)
    assert (found.kind, found.place) == (kind, place)


@pytest.mark.parametrize("text", ["", "Jan 49", "1949-13", "1949-02-30", "1949Q5", "1e3", "nan"])
def test_what_is_no_time_is_none(text: str) -> None:
    assert read_time(text) is None


@pytest.mark.parametrize(
    "texts",
    [
        ("2024-01-01", "2024-02-01", "2024-03-01"),
        ("2024-01-31", "2024-02-29", "2024-03-31"),
        ("2024-01", "2024-02", "2024-03"),
    ],
)
def test_first_and_last_days_of_months_are_a_month_apart(texts: tuple[str, ...]) -> None:
    found = times(*texts)
    assert usual_step(found) == 1
    assert told(usual_step(found), found[0].kind) == "1 month"


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (("2024-01-01", "2024-01-02"), "1 day"),
        (("2024-01-01", "2024-01-08"), "7 days"),
        (("2024-01-01T00:00", "2024-01-01T00:30", "2024-01-01T01:00"), "30 minutes"),
        (("2024-01-01T00:00", "2024-01-01T06:00"), "6 hours"),
        (("1949Q1", "1949Q2"), "3 months"),
        (("1.5", "2"), "0.5"),
        (("2024-01-05",), "0 months"),
    ],
)
def test_a_step_is_told_in_the_largest_unit_that_fits(texts: tuple[str, ...], words: str) -> None:
    found = times(*texts)
    assert told(usual_step(found), found[0].kind) == words


def test_two_days_of_one_month_are_no_months() -> None:
    assert times("2024-02-29", "2024-02-29")[0].kind == "second"
    assert times("2024-01-05T00:00", "2024-02-05T01:00")[0].kind == "second"


@given(st.lists(st.dates(), min_size=2, max_size=8, unique=True))
def test_aligning_keeps_the_order_of_times(days: list[object]) -> None:
    found = times(*sorted(map(str, days)))
    assert all(one.place < after.place for one, after in pairwise(found))


def test_the_usual_step_is_the_most_frequent_and_of_several_the_shortest() -> None:
    assert usual_step(times("1", "2", "3", "5")) == 1
    assert usual_step(times("1", "3", "4")) == 1
    assert usual_step(times("1")) == 0
