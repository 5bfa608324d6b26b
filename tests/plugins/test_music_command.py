"""`seqkit compose`: a model and a prompt in, a MIDI file out."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqkit.pipeline import build
from seqkit.recipe import read_recipe, recipe_from_plain
from seqkit_music.keyboard import roll_of
from seqkit_music.midi_reading import midi_roll
from seqkit_music.midi_writing import midi_bytes

Command = Callable[..., tuple[int, str, str]]
THEME = roll_of([[60, 64], [], [62], [60, 64, 67]])


def save(folder: Path, data: dict[str, Any]) -> Path:
    """A saved model that has learnt from the theme how often notes sound, and nothing else."""
    said = {
        "seqkit": 1,
        "name": "toy",
        "data": {"train": "no.json", "text": "notes", **data},
        "embed": "frames",
        "encode": {"use": "gru", "width": 4},
        "decode": "notes",
    }
    build(recipe_from_plain(said, "test"), [{"notes": THEME}]).save(folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("music") / "model"
    return save(folder, {"use": "piano_rolls", "step": 0.5})


@pytest.fixture
def prompt(tmp_path: Path) -> Path:
    path = tmp_path / "theme.mid"
    path.write_bytes(midi_bytes(THEME, 0.5, tempo=100.0))
    return path


def test_the_file_has_the_prompt_and_what_is_made_up(
    model: Path, prompt: Path, tmp_path: Path, command: Command
) -> None:
    out, alone = tmp_path / "out.mid", tmp_path / "alone.mid"
    words = ("compose", model, out, "--prompt", prompt, "--steps", 12, "--seed", 2)
    code, said, err = command(*words)
    assert (code, err) == (0, "")
    assert said.startswith(f"{out}: 12 steps (0.5 beats each) after 4 of the prompt, ")
    roll = midi_roll(out, 0.5)
    np.testing.assert_array_equal(roll[:4], THEME)
    assert 4 < len(roll) <= 16
    assert command("compose", model, alone, *words[3:], "--without-prompt")[0] == 0
    made = midi_roll(alone, 0.5)
    np.testing.assert_array_equal(made[-3:], roll[-3:])
    assert len(made) <= 12


def test_one_seed_writes_one_file(model: Path, tmp_path: Path, command: Command) -> None:
    files = []
    for name, seed in (("a", 1), ("b", 1), ("c", 5)):
        words = ("compose", model, tmp_path / name, "--steps", 9, "--seed", seed, "--struck")
        assert command(*words)[0] == 0
        files.append((tmp_path / name).read_bytes())
    assert files[0] == files[1] != files[2]


def test_a_step_is_as_long_as_the_data_or_the_option_say(
    model: Path, prompt: Path, tmp_path: Path, command: Command
) -> None:
    out = tmp_path / "out.mid"
    assert "(0.5 beats each)" in command("compose", model, out, "--steps", 3)[1]
    words = ("--prompt", prompt, "--step", 0.25, "--together", 1, "--steps", 9)
    said = command("compose", model, out, *words)[1]
    assert "9 steps (0.25 beats each) after 8 of the prompt" in said
    unsaid = save(tmp_path / "model", {"use": "jsonl"})
    assert command("compose", unsaid, out) == (
        2,
        "",
        "toy: its data do not say how many beats a step has. Give --step.\n",
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty. Give a MIDI file."),
        (b"no music", "is no MIDI file, which begins with MThd. Give a .mid file."),
        (b"MThd\0\0", "is no whole MIDI file. Write it again."),
        (
            midi_bytes(THEME[1:2], 1.0, tempo=90.0),
            "has no note from 21 to 108 but drums. Leave the file out.",
        ),
    ],
)
def test_a_prompt_that_is_no_music_is_told(
    model: Path, tmp_path: Path, command: Command, content: bytes, said: str
) -> None:
    prompt, out = tmp_path / "x.mid", tmp_path / "out.mid"
    prompt.write_bytes(content)
    assert command("compose", model, out, "--prompt", prompt) == (2, "", f"{prompt}: {said}\n")
    assert not out.exists()


def test_a_model_of_another_task_is_told(
    saved: Callable[[str], Path], tmp_path: Path, command: Command
) -> None:
    words = ("compose", saved("words"), tmp_path / "out.mid", "--step", 1)
    code, _, err = command(*words)
    assert code == 2
    assert err.startswith("words: decodes with `crf`, but music is made up by `notes`.")


def test_without_mido_the_extra_is_named(
    model: Path, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mido", None)
    code, _, err = command("compose", model, tmp_path / "out.mid")
    assert code == 2
    assert err.endswith("which is not installed. Run `pip install 'seqkit[music]'`.\n")


def test_the_page_on_music_is_true(
    model: Path, prompt: Path, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "music.md").read_text()
    recipe, snippet = (
        re.search(rf"```{language}\n(.*?)```", page, re.DOTALL) for language in ("yaml", "python")
    )
    assert recipe is not None
    assert snippet is not None
    (tmp_path / "tunes.yaml").write_text(recipe[1])
    assert read_recipe(tmp_path / "tunes.yaml").name == "tunes"
    listed = set(re.findall(r"^\| `(--[\w-]+)", page, re.MULTILINE))
    assert listed == set(
        re.findall(r"^  (--[\w-]+)", command("compose", "--help")[1], re.MULTILINE)
    )
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "music-jsb").symlink_to(model)
    monkeypatch.chdir(tmp_path)
    exec(snippet[1], {})
    assert len(midi_roll(tmp_path / "made.mid", 1.0)) <= 64
