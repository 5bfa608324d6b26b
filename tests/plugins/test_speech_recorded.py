"""Recordings as rows: archives, folders, tables, single files, splits and rates."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqkit.errors import DataError, RecipeError
from seqkit.recipe import check_stage
from seqkit.testing import check_stage as keeps_the_contract
from seqkit_speech.reading import recordings, recordings_files

Wav = Callable[..., bytes]
PATTERN = "{digit}_{speaker}_{index}.wav"
NAMES = [f"{d}_{who}_{n}.wav" for d in (0, 1) for who in ("ann", "bob") for n in (0, 4, 5, 12)]
TONE = [0.5, -0.5, 0.25]


def folder(place: Path, content: bytes, names: list[str] = NAMES) -> Path:
    for name in names:
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return place


def archive(place: Path, content: bytes, names: list[str] = NAMES, mode: Any = "w:gz") -> Path:
    with tarfile.open(place, mode) as packed:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
    return place


def rows(place: Path, split: str = "train", **settings: Any) -> list[Any]:
    return list(recordings(**settings).read(split, place))


def names(found: list[Any]) -> list[str]:
    return [row["name"] for row in found]


def refused(place: Path, **settings: Any) -> str:
    with pytest.raises(DataError) as caught:
        rows(place, **settings)
    return str(caught.value)


def test_a_folder_and_an_archive_give_the_same_rows(tmp_path: Path, wav: Wav) -> None:
    content = wav(TONE)
    there = folder(tmp_path / "a", content, [*NAMES, "sub/0_cy_0.wav", "sub/README", ".hid/1.wav"])
    packed = archive(tmp_path / "a.tar.gz", content, [*NAMES, "sub/0_cy_0.wav", "sub/README"])
    found = rows(there, pattern=PATTERN)
    assert (
        names(found) == names(rows(packed, pattern=PATTERN)) == [*sorted(NAMES), "sub/0_cy_0.wav"]
    )
    first = found[0]
    assert first["audio"].values.tolist() == [[0.5], [-0.5], [0.25]]
    assert first["audio"].rate == 8000.0
    assert {key: first[key] for key in ("digit", "speaker", "index")} == {
        "digit": "0",
        "speaker": "ann",
        "index": "0",
    }
    keeps_the_contract(recordings, examples=[("train", there), ("test", packed)])


def test_the_values_of_fields_say_which_split_a_recording_is_of(tmp_path: Path, wav: Wav) -> None:
    place = folder(tmp_path / "a", wav(TONE))
    official = {"pattern": PATTERN, "splits": {"test": {"index": "0-4"}, "dev": {"index": 5}}}
    found = {split: names(rows(place, split, **official)) for split in ("train", "dev", "test")}
    assert found == {
        "train": [name for name in sorted(NAMES) if name.endswith("_12.wav")],
        "dev": [name for name in sorted(NAMES) if name.endswith("_5.wav")],
        "test": [name for name in sorted(NAMES) if name.endswith(("_0.wav", "_4.wav"))],
    }
    unheard = {"pattern": PATTERN, "splits": {"test": {"speaker": ["bob", "cy"]}}}
    assert {row["speaker"] for row in rows(place, "test", **unheard)} == {"bob"}
    assert {row["speaker"] for row in rows(place, "train", **unheard)} == {"ann"}
    both = {"pattern": PATTERN, "splits": {"dev": {"index": 0}, "test": {"speaker": "bob"}}}
    assert {row["speaker"] for row in rows(place, "dev", **both)} == {"ann"}
    assert refused(place, pattern=PATTERN, splits={"test": {"speakr": "bob"}}) == (
        f"{place}/0_ann_0.wav: 'splits' names 'speakr', which is not known of it. "
        "Did you mean 'speaker'?"
    )


def test_a_name_of_another_form_is_told_but_for_a_recording_named_itself(
    tmp_path: Path, wav: Wav
) -> None:
    place = folder(tmp_path / "a", wav(TONE), ["0_ann_0.wav", "mine.wav"])
    assert refused(place, pattern=PATTERN) == (
        f"{place}/mine.wav: its name is not of the form '{PATTERN}'. Rename it, or mend 'pattern'."
    )
    own = {"pattern": PATTERN, "splits": {"test": {"index": 3}}}
    (row,) = rows(place / "mine.wav", "test", **own)
    assert sorted(row) == ["audio", "name"]
    (row,) = rows(place / "0_ann_0.wav", "test", **own)
    assert row["digit"] == "0"


def test_a_table_names_recordings_and_what_is_said_in_them(tmp_path: Path, wav: Wav) -> None:
    folder(tmp_path, wav(TONE), ["clips/1.wav", "clips/2.wav"])
    table = tmp_path / "train.tsv"
    table.write_text('path\ttext\nclips/2.wav\tyes, "no"\n\nclips/1.wav\tno\n')
    found = rows(table)
    assert [(row["name"], row["text"]) for row in found] == [
        ("clips/2.wav", 'yes, "no"'),
        ("clips/1.wav", "no"),
    ]
    quoted = tmp_path / "train.csv"
    quoted.write_text('"yes, no",x,clips/1.wav\n')
    (row,) = rows(quoted, columns=["text", "-", "path"])
    assert (row["text"], "-" in row) == ("yes, no", False)
    assert recordings_files({"columns": None}, table) == [
        table,
        tmp_path / "clips/2.wav",
        tmp_path / "clips/1.wav",
    ]


def test_what_is_wrong_with_a_table_is_told_with_its_line(tmp_path: Path) -> None:
    table = tmp_path / "train.tsv"
    table.write_text("file\ttext\n")
    assert refused(table) == (
        f"{table}: has no column 'path', only file, text. Name the recordings in one, or say which "
        "it is under `columns`."
    )
    table.write_text("path\ttext\n1.wav\n")
    assert refused(table) == f"{table}:2: has 1 columns, but 2 are named. Mend the line."
    table.write_text("path\ttext\nno.wav\tyes\n")
    assert refused(table) == (
        f"{tmp_path}/no.wav: cannot be read (No such file or directory). Check the path and the "
        "data folder."
    )
    table.write_bytes(b"path\ttext\n\xff\tyes\n")
    assert refused(table).startswith(f"{table}: is no table (")
    assert refused(tmp_path / "no.tsv") == (
        f"{tmp_path}/no.tsv: cannot be read (No such file or directory). Check the path and the "
        "data folder."
    )


def test_rates_are_the_same_or_are_made_so(tmp_path: Path, wav: Wav) -> None:
    folder(tmp_path / "a", wav(TONE * 40), ["1.wav"])
    folder(tmp_path / "a", wav(TONE * 40, rate=16000), ["2.wav"])
    assert refused(tmp_path / "a") == (
        f"{tmp_path}/a/2.wav: has 16,000 samples a second, but 1.wav has 8,000. Set 'rate' to "
        "resample them."
    )
    found = rows(tmp_path / "a", rate=8000)
    assert [len(row["audio"]) for row in found] == [120, 60]
    assert {row["audio"].rate for row in found} == {8000.0}


def test_a_channel_is_chosen(tmp_path: Path, wav: Wav) -> None:
    place = folder(tmp_path / "a", wav([[0.5, 0.25], [0.0, -0.5]]), ["1.wav"])
    (row,) = rows(place, channel=2)
    assert row["audio"].values[:, 0].tolist() == [0.25, -0.5]
    assert refused(place, channel=3).startswith(f"{place}/1.wav: has no channel 3, only 2.")


def test_places_without_a_recording_are_told(tmp_path: Path, wav: Wav) -> None:
    (tmp_path / "a").mkdir()
    for place in (tmp_path / "a", archive(tmp_path / "b.tar", wav(TONE), ["x/y.txt"])):
        assert refused(place).startswith(f"{place}: holds no recording, no file that ends in .wav")
    with pytest.raises(DataError, match=r"^data.dev: no recording is named\. "):
        list(recordings().read("dev", None))
    packed = archive(tmp_path / "c.tar", b"", ["x/1.wav"])
    assert refused(packed) == f"{packed}/x/1.wav: is empty. Record it again, or leave it out."


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pattern": "x.wav"}, "has no field. Write it as {speaker}_{index}.wav"),
        ({"columns": ["text"]}, "has no 'path', the column that names the recordings. Name it"),
        ({"splits": {"test": {}}}, "gives test no recording. Name a field and its values"),
        ({"splits": {"test": {"index": []}}}, "gives test no recording."),
        ({"splits": {"train": {"index": 1}}}, "train"),
        ({"channel": 0}, "channel"),
    ],
)
def test_settings_without_sense_are_told(settings: Any, message: str) -> None:
    with pytest.raises(RecipeError) as told:
        check_stage("source", {"use": "recordings", **settings})
    assert message in str(told.value)


def test_splits_are_read_from_a_recipe() -> None:
    wanted = {"test": {"index": "0-4", "speaker": ["theo", 3]}}
    chosen = check_stage("source", {"use": "recordings", "pattern": PATTERN, "splits": wanted})
    assert chosen.settings["splits"] == wanted
    assert chosen.plain()["splits"] == wanted
