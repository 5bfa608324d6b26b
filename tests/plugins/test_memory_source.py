"""The synthetic tasks: what their rows hold, that splits are apart, and what is refused."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seqkit_memory
from seqkit.errors import DataError
from seqkit.plugins import registry
from seqkit.stages import Row
from seqkit.testing import check_stage

TASKS = ["adding", "multiplication", "copy", "order", "reber"]
SPLITS = ["train", "dev", "test"]
SEEDS = st.integers(-(2**40), 2**40)
PLACES = {2: [(0.10, 0.20), (0.50, 0.60)], 3: [(0.10, 0.20), (0.33, 0.43), (0.66, 0.76)]}

few = settings(max_examples=25, deadline=None)


def rows_of(split: str = "train", /, **chosen: Any) -> list[Row]:
    return list(seqkit_memory.synthetic(**{"size": 20, "held_out": 20, **chosen}).read(split, None))


def pairs(row: Row) -> list[tuple[float, float]]:
    return [(number, marker) for number, marker in row["series"].tolist()]


@pytest.mark.parametrize("task", TASKS)
def test_the_source_keeps_the_contract(task: str) -> None:
    check_stage(seqkit_memory.synthetic, settings={"task": task, "size": 30, "held_out": 10})
    assert not registry().find("source", "synthetic").files


@few
@given(
    task=st.sampled_from(["adding", "multiplication"]),
    length=st.integers(11, 130),
    seed=SEEDS,
    split=st.sampled_from(SPLITS),
)
def test_two_numbers_are_marked_where_the_paper_says(
    task: str, length: int, seed: int, split: str
) -> None:
    low, neutral = {"adding": (-1, 0), "multiplication": (0, 1)}[task]
    for row in rows_of(split, task=task, length=length, seed=seed):
        series = pairs(row)
        assert (row["series"].dtype, row["series"].shape) == (np.float32, (len(series), 2))
        assert length <= len(series) <= length + length // 10
        assert all(low <= number <= 1 for number, _ in series)
        marks = [step for step, (_, marker) in enumerate(series) if marker == 1]
        assert len(marks) == 2
        ends = {0, len(series) - 1}
        for step, (number, marker) in enumerate(series):
            if step in marks:
                assert step != len(series) - 1
            else:
                assert marker == (-1 if step in ends else 0)
            if step == 0 and step in marks:
                assert number == neutral
        either = [(marks[0], marks[1]), (marks[1], marks[0])]
        assert any(
            first < 10
            and [s for s in range(len(series)) if s != first].index(second) < length // 2 - 1
            for first, second in either
        )
        one, other = (series[step][0] for step in marks)
        wanted = 0.5 + (one + other) / 4 if task == "adding" else one * other
        assert row["target"] == pytest.approx(wanted, abs=1e-12)
        assert isinstance(row["target"], float)
        assert 0 <= row["target"] <= 1


def test_all_places_and_lengths_are_drawn_and_the_numbers_are_even() -> None:
    rows = rows_of(length=20, size=3000)
    assert {len(row["series"]) for row in rows} == {20, 21, 22}
    marks = Counter(step for row in rows for step in np.flatnonzero(row["series"][:, 1] == 1))
    assert set(marks) == set(range(10))
    begun = [row for row in rows if row["series"][0, 1] == 1]
    assert 0.15 < len(begun) / len(rows) < 0.25  # a tenth of the first marks, a ninth of the second
    numbers = np.concatenate([row["series"][1:, 0] for row in rows])
    assert abs(numbers.mean()) < 0.02
    assert abs(numbers.std() - 3**-0.5) < 0.01


@few
@given(
    length=st.integers(1, 60), symbols=st.integers(2, 12), seed=SEEDS, split=st.sampled_from(SPLITS)
)
def test_ten_symbols_are_copied_after_the_delimiter(
    length: int, symbols: int, seed: int, split: str
) -> None:
    chosen = {"length": length, "symbols": symbols, "size": 5, "held_out": 3}
    for row in rows_of(split, task="copy", seed=seed, **chosen):
        words, tags = row["words"], row["tags"]
        assert len(words) == len(tags) == length + 20
        for step, (word, tag) in enumerate(zip(words, tags, strict=True)):
            if step < 10:
                assert 0 <= int(word) < symbols
            else:
                assert word == ("|" if step == length + 9 else "_")
            assert tag == ("_" if step < length + 10 else words[step - length - 10])


@few
@given(
    length=st.integers(10, 220),
    markers=st.sampled_from([2, 3]),
    seed=SEEDS,
    split=st.sampled_from(SPLITS),
)
def test_the_class_is_the_order_of_the_markers(
    length: int, markers: int, seed: int, split: str
) -> None:
    for row in rows_of(split, task="order", length=length, markers=markers, seed=seed, held_out=3):
        text = "".join(row["words"])
        assert length <= len(text) <= length + length // 10
        assert re.fullmatch("E[abcdXY]+B", text)
        assert re.sub("[^XY]", "", text) == row["class"]
        places = [match.start() for match in re.finditer("[XY]", text)]
        assert len(places) == markers
        for place, (begin, end) in zip(places, PLACES[markers], strict=True):
            assert int(begin * length + 1e-9) <= place <= int(end * length + 1e-9)


def test_the_places_of_the_paper_are_those_of_length_100() -> None:
    for markers, places in ((2, [(10, 20), (50, 60)]), (3, [(10, 20), (33, 43), (66, 76)])):
        rows = rows_of(task="order", length=100, markers=markers, size=400)
        drawn = [[n for n, w in enumerate(row["words"]) if w in "XY"] for row in rows]
        for place, (begin, end) in enumerate(places):
            assert {each[place] for each in drawn} == set(range(begin, end + 1))
        assert len({row["class"] for row in rows}) == 2**markers
        assert {len(row["words"]) for row in rows} == set(range(100, 111))


# The Reber grammar as a regular expression. With P as the first choice: T*V, then either V, or P
# and what may follow X; with T: S*X, then S, or X and the same again.
LOWER = "T*V(?:PXT*V)*(?:V|PS)"
REBER = re.compile(f"B(?:P{LOWER}|TS*X(?:S|X{LOWER}))E")
EMBEDDED = re.compile(f"BT{REBER.pattern}TE|BP{REBER.pattern}PE")
CLOSING = ["BTXSE", "TXSE", "XSE", "SE", "VVE", "VE", "E", ""]
ENDINGS = ["TBTXSETE", "E", "", *(inner + outer for inner in CLOSING for outer in ("TE", "PE"))]
"""Of every prefix of the grammar's strings, one of these makes a string."""


def may_follow(prefix: str) -> str:
    """The symbols that the grammar lets follow a prefix, in alphabetical order."""
    return "".join(
        symbol
        for symbol in "BEPSTVX"
        if any(EMBEDDED.fullmatch(prefix + symbol + ending) for ending in ENDINGS)
    )


@few
@given(seed=SEEDS, split=st.sampled_from(SPLITS))
def test_a_string_is_of_the_embedded_reber_grammar_and_next_is_what_may_follow(
    seed: int, split: str
) -> None:
    for row in rows_of(split, task="reber", seed=seed):
        text = "".join(row["words"])
        assert EMBEDDED.fullmatch(text + "E")
        assert row["next"] == [may_follow(text[: step + 1]) for step in range(len(text))]


def test_reber_strings_branch_evenly_and_reach_every_arc() -> None:
    rows = rows_of(task="reber", size=2000)
    after: dict[str, Counter[str]] = {}
    for row in rows:
        for label, word in zip(row["next"], row["words"][1:], strict=False):
            after.setdefault(label, Counter())[word] += 1
    assert set(after) == {"PT", "B", "SX", "TV", "PV", "E", "T", "P"}
    for label, counts in after.items():
        assert set(counts) == set(label)
    assert 0.4 < after["TV"]["T"] / after["TV"].total() < 0.6


@pytest.mark.parametrize(
    "chosen",
    [
        {"task": "copy", "length": 3, "symbols": 2},
        {"task": "order", "length": 10},
        {"task": "reber"},
    ],
)
def test_words_of_one_split_stand_in_no_other_whatever_the_seed(chosen: dict[str, Any]) -> None:
    found = {
        (split, seed): {
            tuple(row["words"]) for row in rows_of(split, size=200, seed=seed, **chosen)
        }
        for split in SPLITS
        for seed in (1, 2)
    }
    for (one, _), words in found.items():
        for (other, _), others in found.items():
            assert one == other or not words & others


def test_series_of_one_split_stand_in_no_other() -> None:
    every = [row["series"].tobytes() for split in SPLITS for row in rows_of(split, length=11)]
    assert len(set(every)) == len(every) == 60


def test_training_may_draw_shorter_lengths_with_each_octave_as_likely() -> None:
    chosen: dict[str, Any] = {"task": "copy", "length": 80, "shortest": 10}
    lengths = [len(row["words"]) - 20 for row in rows_of(size=1500, **chosen)]
    assert {10, 80} <= set(lengths) <= set(range(10, 81))
    for low in (10, 20, 40):
        assert 400 < sum(low <= length < 2 * low for length in lengths) < 600
    for split in ("dev", "test"):
        assert rows_of(split, **chosen) == rows_of(split, task="copy", length=80)


@pytest.mark.parametrize("task", TASKS)
def test_rows_depend_on_settings_and_split_alone(task: str) -> None:
    def digest(*given: Any, **chosen: Any) -> str:
        found = [
            {name: getattr(value, "tolist", lambda v=value: v)() for name, value in row.items()}
            for row in rows_of(*given, task=task, **chosen)
        ]
        return hashlib.sha256(repr(found).encode()).hexdigest()

    assert digest("dev", seed=3) == digest("dev", seed=3)
    assert len({digest("dev", seed=3), digest("dev", seed=4), digest("test", seed=3)}) == 3


@pytest.mark.parametrize(
    ("task", "digest"),
    [
        ("adding", "d92bee2b92bf5473"),
        ("multiplication", "a09aec1479659d60"),
        ("copy", "504ca55bde09be05"),
        ("order", "ac02070fa7cc3a20"),
        ("reber", "123a75b8aef51430"),
    ],
)
def test_rows_stay_what_they_were_in_earlier_versions(task: str, digest: str) -> None:
    found = hashlib.sha256()
    for row in rows_of("test", task=task, held_out=50):
        for name, value in row.items():
            kept = value.astype("<f4").tobytes() if name == "series" else repr(value).encode()
            found.update(name.encode() + kept)
    assert found.hexdigest()[:16] == digest


def test_sizes_are_as_set_and_more_rows_begin_with_the_same() -> None:
    assert [len(rows_of(split, size=7, held_out=3)) for split in SPLITS] == [7, 3, 3]
    short, long = (rows_of(task="copy", size=size) for size in (5, 9))
    assert long[:5] == short


def test_defaults_are_those_that_the_docstring_says() -> None:
    assert rows_of(task="copy") == rows_of(task="copy", length=100, symbols=8)
    assert rows_of(task="order") == rows_of(task="order", length=100, markers=2)


@pytest.mark.parametrize(
    ("chosen", "problems"),
    [
        ({"task": "adding"}, []),
        ({"task": "copy", "length": 1, "symbols": 2}, []),
        ({"task": "order", "length": 10, "markers": 3}, []),
        ({"task": "reber"}, []),
        (
            {"task": "reber", "length": 100},
            [
                (
                    "length",
                    "has no effect on the task reber, only on adding, multiplication, copy, order. "
                    "Remove it",
                )
            ],
        ),
        (
            {"task": "adding", "symbols": 8, "markers": 2},
            [
                ("symbols", "has no effect on the task adding, only on copy. Remove it"),
                ("markers", "has no effect on the task adding, only on order. Remove it"),
            ],
        ),
        (
            {"task": "multiplication", "length": 10},
            [("length", "is 10, too short for the task multiplication. Use 11 or more")],
        ),
        (
            {"task": "order", "length": 9},
            [("length", "is 9, too short for the task order. Use 10 or more")],
        ),
        ({"task": "copy", "length": 5, "shortest": 5}, []),
        (
            {"task": "adding", "shortest": 10},
            [("shortest", "is 10, too short for the task adding. Use 11 or more")],
        ),
        (
            {"task": "order", "shortest": 101},
            [("shortest", "is 101, above 'length', 100. Lower it")],
        ),
    ],
)
def test_settings_that_cannot_be_met_are_refused(
    chosen: dict[str, Any], problems: list[tuple[str, str]]
) -> None:
    unset = {"length": None, "shortest": None, "symbols": None, "markers": None}
    assert list(seqkit_memory.synthetic_rules(unset | chosen)) == problems


def test_a_place_is_refused() -> None:
    with pytest.raises(DataError) as caught:
        list(seqkit_memory.synthetic().read("train", "a.txt"))
    assert str(caught.value) == (
        "data.train: synthetic reads no files, got 'a.txt'. "
        "Remove it; size and held_out say how many rows to draw."
    )


def test_a_split_that_is_not_there_is_named_with_the_nearest() -> None:
    with pytest.raises(DataError) as caught:
        list(seqkit_memory.synthetic().read("trian", None))
    assert str(caught.value) == "synthetic: no split 'trian'. Did you mean 'train'?"
