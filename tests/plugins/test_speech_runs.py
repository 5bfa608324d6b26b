"""Recordings from files to answers: tones are named and spelt out."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import seqkit
from seqkit.errors import SeqkitError
from seqkit.stages import Frames

TONES = {"a": 300.0, "b": 900.0, "c": 2000.0}
RATE = 8000


def tone(label: str, seed: int) -> np.ndarray:
    draw = np.random.default_rng(seed)
    at = np.arange(600 + int(draw.integers(200))) / RATE
    values = 0.4 * np.sin(2 * math.pi * TONES[label] * at) + draw.normal(0, 0.01, len(at))
    return np.asarray(values)


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory, wav: Callable[..., bytes]) -> Path:
    """A folder of tones, six of each: the first two are test, the next one dev."""
    folder = tmp_path_factory.mktemp("tones")
    for label in TONES:
        for index in range(6):
            content = wav(tone(label, 100 * ord(label) + index))
            (folder / f"{label}_{index}.wav").write_bytes(content)
    return folder


def recipe(folder: Path, name: str, **changes: Any) -> Path:
    source: dict[str, Any] = {
        "use": "recordings",
        "pattern": "{label}_{index}.wav",
        "splits": {"test": {"index": "0-1"}, "dev": {"index": 2}},
    }
    content: dict[str, Any] = {
        "seqkit": 1,
        "name": name,
        "data": {**source, **dict.fromkeys(("train", "dev", "test"), "."), "text": "audio"},
        "embed": {
            "use": "log_mel",
            "filters": 12,
            "normalise": "training",
            "time_masks": {"count": 1, "longest": 2},
        },
        "encode": {"use": "bilstm", "width": 12},
        "train": {"epochs": 5, "batch": {"rows": 3}, "optimiser": {"use": "adam", "rate": 0.03}},
    }
    content["data"] |= changes.pop("data", {})
    if content["data"]["use"] == "spliced":
        content["data"]["source"] = source
        content["data"].pop("pattern")
        content["data"].pop("splits")
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({**content, **changes}))
    return path


def test_tones_are_named_and_a_file_of_ones_own_is_heard(
    tones: Path, tmp_path: Path, command: Callable[..., tuple[int, str, str]]
) -> None:
    path = recipe(
        tmp_path,
        "tones",
        data={"gold": "label"},
        decode={"use": "classifier", "pool": "mean"},
        evaluate={"metrics": ["accuracy"], "bootstrap": 0},
    )
    run = seqkit.run(path, data=tones, out=tmp_path / "run")
    assert run.metrics["test"]["accuracy"]["value"] == 100
    mine = tmp_path / "mine.wav"
    mine.write_bytes((tones / "b_0.wav").read_bytes())
    code, printed, _ = command("predict", tmp_path / "run", mine, "--as", "recordings")
    assert (code, json.loads(printed)["answers"]["label"]["value"]) == (0, "b")
    pipeline = run.load()
    frames = [Frames(tone(label, 7)[:, None].astype(np.float32), float(RATE)) for label in "cab"]
    together = [one["label"] for one in pipeline(frames)]
    assert [one["value"] for one in together] == ["c", "a", "b"]
    assert together == [pipeline([one])[0]["label"] for one in frames]
    code, _, told = command(
        "predict", tmp_path / "run", tmp_path / "run.yaml", "--as", "recordings"
    )
    assert code == 2
    assert str(tmp_path / "run.yaml") in told


def test_strings_of_tones_are_spelt_out_with_their_times(tones: Path, tmp_path: Path) -> None:
    path = recipe(
        tmp_path,
        "strings",
        data={
            "use": "spliced",
            "of": "label",
            "count": {"least": 1, "most": 3},
            "silence": {"least": 0.02, "most": 0.05},
            "size": 48,
            "held_out": 6,
            "gold": "text",
        },
        decode={"use": "ctc", "tokenise": "words", "beam": 4, "language": {"order": 2}},
        evaluate={"metrics": ["error_rate"], "bootstrap": 0},
    )
    run = seqkit.run(path, data=tones, out=tmp_path / "run", set={"train.epochs": 6})
    assert run.metrics["test"]["error_rate"]["value"] < 10
    still = np.zeros(300)
    whole = np.concatenate([still, tone("c", 5), still, tone("a", 6), still])
    frames = Frames(whole[:, None].astype(np.float32), float(RATE))
    [answers] = run.load()([frames])
    answer = answers["text"]
    assert (answer["value"], answer["pieces"]) == ("c a", ["c", "a"])
    middle = (300 + len(tone("c", 5)) + 150) / RATE
    (first, second) = answer["times"]
    assert 0 <= first[0] < middle < second[1] <= len(whole) / RATE + 0.02


def test_what_hears_windows_is_not_live(tones: Path, tmp_path: Path) -> None:
    path = recipe(
        tmp_path,
        "live",
        data={"gold": "label"},
        encode={"use": "lstm", "width": 8},
        decode="classifier",
        evaluate={"metrics": ["accuracy"], "bootstrap": 0},
    )
    run = seqkit.run(path, data=tones, out=tmp_path / "run", set={"train.steps": 1})
    with pytest.raises(SeqkitError) as caught:
        run.load().live()
    assert str(caught.value) == (
        "embed: log_mel makes one step of several frames, which may come in two pushes. Use an "
        "embedder of single frames, such as frames."
    )
