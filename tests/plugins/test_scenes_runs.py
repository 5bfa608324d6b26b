"""A captioner of scenes: trained, predicted and looked into as a user would."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import seqkit
import seqkit_scenes

Command = Callable[..., tuple[int, str, str]]
RECIPE = """\
seqkit: 1
name: toy
data:
  use: scenes
  size: 40
  held_out: 6
  channels: 8
  objects: 1
  acts: 1
  text: frames
  gold: caption
embed: frames
encode: {use: bilstm, width: 16}
decode:
  use: attention
  embed: {use: lookup, width: 8}
  encode: {use: lstm, width: 16}
  width: 16
  references: references
train: {epochs: 1, batch: {rows: 8, pool: 1}, save: 0}
evaluate: {metrics: [wrong, bleu], bootstrap: 20}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("scenes")
    (place / "recipe.yaml").write_text(RECIPE)
    seqkit.run(place / "recipe.yaml", out=place / "run")
    return place / "run"


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    source = seqkit_scenes.scenes(held_out=1, channels=8, objects=1, acts=1)
    found: np.ndarray = next(iter(source.read("test", None)))["frames"]
    return found


def test_where_a_captioner_looked_is_told_by_frame(folder: Path, frames: np.ndarray) -> None:
    pipeline = seqkit.load(folder)
    attended = pipeline.inspect(frames).attended
    assert attended is not None
    assert attended.read == tuple(f"frame {number}" for number in range(1, len(frames) + 1))
    [answer] = pipeline([frames])
    assert list(attended.written) == answer["caption"]["pieces"]
    assert np.allclose(np.sum(attended.weights, axis=1), 1, atol=1e-4)


def test_frames_are_inspected_from_standard_input(
    folder: Path,
    frames: np.ndarray,
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    given = json.dumps(frames.tolist()) + "\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
    code, shown, error = command("inspect", folder, "-", "--svg", tmp_path / "looks.svg")
    assert (code, error) == (0, "")
    _, _, table = shown.partition("where the decoder looked\n")
    assert table.split("\n")[0].split() == ["frame"] * len(frames)
    assert "frame 1" in (tmp_path / "looks.svg").read_text()


def test_a_line_of_frames_is_answered(
    folder: Path, frames: np.ndarray, command: Command, tmp_path: Path
) -> None:
    (tmp_path / "scenes.jsonl").write_text(json.dumps({"text": frames.tolist()}) + "\n")
    code, lines, error = command("predict", folder, tmp_path / "scenes.jsonl")
    assert (code, error) == (0, "")
    [answer] = seqkit.load(folder)([frames])
    assert json.loads(lines)["answers"]["caption"]["value"] == answer["caption"]["value"]
