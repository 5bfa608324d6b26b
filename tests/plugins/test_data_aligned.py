"""Files read in step: fields and lists, folders and prefixes, and lines that do not fit."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from seqkit.errors import DataError
from seqkit.testing import check_stage
from seqkit_data import reading
from seqkit_data.placing import parallel_files

FILES = {"words": "seq.in", "slots": "seq.out", "intent": "label"}


def write(folder: Path, **texts: str) -> Path:
    """A folder of files: `seq_in="..."` is seq.in."""
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name.replace("_", ".")).write_text(text, "utf-8")
    return folder


def rows(place: Path, files: dict[str, str] = FILES, **settings: Any) -> list[Any]:
    return list(reading.parallel(files=files, **settings).read("train", place))


def refused(place: Path, files: dict[str, str] = FILES, **settings: Any) -> str:
    with pytest.raises(DataError) as caught:
        rows(place, files, **settings)
    return str(caught.value)


def test_each_file_is_a_field_and_each_line_a_row(tmp_path: Path) -> None:
    place = write(tmp_path / "a", seq_in="to  Rome\t\n\n", seq_out="O B-city\n\n", label=" fly\n\n")
    assert rows(place) == [
        {"words": "to  Rome\t", "slots": "O B-city", "intent": " fly"},
        {"words": "", "slots": "", "intent": ""},
    ]
    assert rows(place, split=["words", "slots"]) == [
        {"words": ["to", "Rome"], "slots": ["O", "B-city"], "intent": " fly"},
        {"words": [], "slots": [], "intent": ""},
    ]


def test_a_word_is_not_cut_at_a_no_break_space(tmp_path: Path) -> None:
    place = write(tmp_path / "a", x="10\u00a0km away\n")
    assert rows(place, {"x": "x"}, split=["x"]) == [{"x": ["10\u00a0km", "away"]}]


def test_a_place_that_is_no_folder_is_how_the_names_begin(tmp_path: Path) -> None:
    write(tmp_path, train_en="a\nb\n", train_de="c\nd\n")
    source = reading.parallel(files={"en": ".en", "de": ".de"})
    assert list(source.read("train", tmp_path / "train")) == [
        {"en": "a", "de": "c"},
        {"en": "b", "de": "d"},
    ]


def test_files_with_gz_are_found_and_a_plain_one_goes_first(tmp_path: Path) -> None:
    place = write(tmp_path / "a", seq_in="a\n", seq_out="b\n")
    (place / "label.gz").write_bytes(gzip.compress(b"c\n"))
    (place / "seq.in.gz").write_bytes(gzip.compress(b"other\n"))
    names = ["seq.in", "seq.out", "label.gz"]
    assert parallel_files({"files": FILES}, place) == [place / name for name in names]
    assert rows(place) == [{"words": "a", "slots": "b", "intent": "c"}]


def test_a_missing_file_is_told_with_the_nearest_one(tmp_path: Path) -> None:
    place = write(tmp_path / "a", seq_in="a\n", seq_outs="b\n", label="c\n")
    path = place / "seq.out"
    (place / "seq.outs").rename(place / "seq.outs.gz")
    assert refused(place) == (
        f"{path}: there is no such file, nor one with .gz. Did you mean 'seq.outs'?"
    )
    assert refused(tmp_path / "b" / "c") == (
        f"{tmp_path}/b/cseq.in: there is no such file, nor one with .gz, and '{tmp_path}/b/c' is "
        "no folder. Check the place and `files`."
    )
    write(tmp_path, train_en="a\n")
    assert refused(tmp_path / "trian", {"en": ".en"}) == (
        f"{tmp_path}/trian.en: there is no such file, nor one with .gz, and '{tmp_path}/trian' is "
        "no folder. Did you mean 'train.en'?"
    )


@pytest.mark.parametrize(("short", "lines"), [("seq.in", 1), ("label", 0)])
def test_files_of_different_length_are_told_with_both_counts(
    tmp_path: Path, short: str, lines: int
) -> None:
    place = write(tmp_path / "a", seq_in="a\nb\nc\n", seq_out="a\nb\nc\n", label="a\nb\nc")
    (place / short).write_text("x\n" * lines)
    first, other = (lines, "seq.out has 3") if short == "seq.in" else (3, f"label has {lines}")
    assert refused(place) == (
        f"{place / 'seq.in'}: {first} lines, but {other}. Line by line, all files must say the "
        "same examples."
    )


def test_lists_of_different_length_are_told_with_the_line_and_both_counts(tmp_path: Path) -> None:
    place = write(tmp_path / "a", seq_in="a\na b c\n", seq_out="O\nO O\n", label="x\nx\n")
    assert refused(place, split=["words", "slots"]) == (
        f"{place / 'seq.out'}:2: 2 items between white space, but seq.in has 3 in this line. Mend "
        "one of the two, or take 'slots' out of split."
    )


def test_files_without_a_line_have_no_examples(tmp_path: Path) -> None:
    place = write(tmp_path / "a", seq_in="", seq_out="", label="")
    assert refused(place) == f"{place}: has no examples. Check that it is the right file."


def test_all_files_are_read_in_the_encoding_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"caf\xe9\n")
    assert rows(tmp_path, {"x": "x"}, encoding="latin-1") == [{"x": "café"}]
    assert refused(tmp_path, {"x": "x"}) == (
        f"{tmp_path / 'x'}:1: byte 4 (0xe9) is not UTF-8. Convert the file to UTF-8."
    )


def test_it_keeps_the_contract_of_sources(tmp_path: Path) -> None:
    place = write(tmp_path / "a", seq_in="a b\n", seq_out="O O\n", label="x\n")
    settings = {"files": FILES, "split": ["words"]}
    check_stage(reading.parallel, settings=settings, examples=[("train", place)])
