"""Strings spliced from recordings: what they hold, and of which split."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqkit.errors import DataError, RecipeError
from seqkit.recipe import check_stage
from seqkit.stages import Frames, Row
from seqkit_speech.splicing import Spliced

RATE = 100.0


@dataclass
class Known:
    """A source of recordings that are told apart by their samples."""

    rows: dict[str, list[Row]]

    def read(self, split: str, place: Path | str | None) -> Iterator[Row]:
        yield from self.rows[split]


def recording(number: int, digit: str, speaker: str, rate: float = RATE) -> Row:
    values = np.full((number % 7 + 1, 1), number / 64, np.float32)
    return {
        "audio": Frames(values, rate),
        "name": f"{number}.wav",
        "digit": digit,
        "speaker": speaker,
    }


ROWS = {
    split: [recording(n, str(n % 10), "ab"[n % 2]) for n in range(first, first + 10)]
    for split, first in (("train", 1), ("dev", 20), ("test", 40))
}


def built(rows: Any = ROWS, **settings: Any) -> Spliced:
    given: dict[str, Any] = {
        "of": "digit",
        "same": "speaker",
        "count": (2, 4),
        "silence": (0.02, 0.05),
        "gain": 0.0,
        "sizes": {"train": 30, "dev": 10, "test": 10},
        "seed": 1,
    }
    return Spliced(Known(rows), **{**given, **settings})


def refused(rows: Any, **settings: Any) -> str:
    with pytest.raises(DataError) as caught:
        list(built(rows, **settings).read("train", "x"))
    return str(caught.value)


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_strings_are_of_recordings_of_their_own_split(split: str) -> None:
    own = {row["name"]: row for row in ROWS[split]}
    found = list(built().read(split, "x"))
    assert len(found) == (30 if split == "train" else 10)
    sizes, pauses = set(), set()
    for number, row in enumerate(found):
        parts = [own[name] for name in row["parts"]]
        sizes.add(len(parts))
        assert row["name"] == f"{split} {number}"
        assert row["text"] == " ".join(part["digit"] for part in parts)
        assert {part["speaker"] for part in parts} == {row["speaker"]}
        assert row["audio"].rate == RATE
        values = row["audio"].values[:, 0]
        spoken = values[values != 0]
        assert np.array_equal(spoken, np.concatenate([p["audio"].values[:, 0] for p in parts]))
        silent = len(values) - len(spoken)
        assert 2 * (len(parts) + 1) <= silent <= 5 * (len(parts) + 1)
        pauses.add(silent)
    assert sizes == {2, 3, 4}
    assert len(pauses) > 3


def test_the_same_seed_draws_the_same_strings() -> None:
    texts = [[row["text"] for row in built(seed=seed).read("train", "x")] for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]


def test_gain_makes_recordings_louder_or_softer() -> None:
    found = list(built(gain=6.0, silence=(0.0, 0.0)).read("train", "x"))
    ratios = []
    for row in found:
        first = int(row["parts"][0].removesuffix(".wav")) / 64
        ratios.append(20 * np.log10(row["audio"].values[0, 0] / first))
    assert -6 <= min(ratios) < -2 < 2 < max(ratios) <= 6


def test_without_a_field_that_they_share_all_may_stand_together() -> None:
    found = list(built(same=None, count=(4, 4)).read("train", "x"))
    assert any(len({int(name.split(".")[0]) % 2 for name in row["parts"]}) == 2 for row in found)
    assert "speaker" not in found[0]


def test_no_recordings_make_no_strings() -> None:
    assert list(built({"train": []}).read("train", "x")) == []


def test_recordings_that_cannot_be_spliced_are_told() -> None:
    assert refused(ROWS, of="digi") == (
        "spliced: the source gives no field 'digi'. Did you mean 'digit'?"
    )
    assert refused(ROWS, of="audio") == "spliced: 'audio' holds no text. Name another field."
    mixed = {"train": [*ROWS["train"], recording(3, "3", "a", 200.0)]}
    assert refused(mixed) == (
        "spliced: 3.wav has 200 samples a second, but 1.wav 100. Set the source's 'rate'."
    )
    with pytest.raises(DataError) as caught:
        list(built().read("trian", "x"))
    assert str(caught.value) == "spliced: no split 'trian'. Did you mean 'train'?"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"count": {"least": 3, "most": 2}}, "has 'most' 2 below 'least'. Raise it"),
        ({"silence": {"least": 0.3, "most": 0.2}}, "has 'most' 0.2 below 'least'. Raise it"),
        ({"source": "numbers"}, "names numbers, which reads no files. Use recordings"),
        ({"count": {"least": 0, "most": 2}}, "least"),
    ],
)
def test_settings_without_sense_are_told(settings: Any, message: str) -> None:
    with pytest.raises(RecipeError) as told:
        check_stage("source", {"use": "spliced", "source": "recordings", "of": "x", **settings})
    assert message in str(told.value)


def test_a_folder_of_recordings_is_spliced_from_a_recipe(tmp_path: Path, wav: Any) -> None:
    for digit in "12":
        (tmp_path / f"{digit}_a.wav").write_bytes(wav([0.5, 0.25]))
    source = {"use": "recordings", "pattern": "{digit}_{who}.wav"}
    chosen = check_stage(
        "source", {"use": "spliced", "source": source, "of": "digit", "size": 4, "same": "who"}
    )
    assert set(chosen.build().read("train", tmp_path).__next__()["text"].split()) <= {"1", "2"}
    files: Any = chosen.stage.files
    assert files(chosen.settings, tmp_path) == [tmp_path / "1_a.wav", tmp_path / "2_a.wav"]
