"""A saved pipeline with other settings, and what its answers are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import nn

import seqkit
from seqkit.abilities import Form
from seqkit.errors import SeqkitError
from seqkit.loading import load, load_changed

Command = Callable[..., tuple[int, str, str]]


def test_a_setting_of_a_stage_can_be_changed_when_a_pipeline_is_loaded(trained: Path) -> None:
    quick = load(trained, set={"decode.confidence": False})
    [sure], [plain] = load(trained)(["the cat"]), quick(["the cat"])
    assert "confidence" in sure["tag"]
    assert plain["tag"] == {"value": sure["tag"]["value"]}
    assert quick.recipe.decode.settings["confidence"] is False


def test_settings_may_be_given_as_the_command_line_says_them(trained: Path) -> None:
    quick = load_changed(trained, texts={"decode.confidence": "false"})
    assert "confidence" not in quick(["the cat"])[0]["tag"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train.epochs": 3}, "set train.epochs: does nothing to what is trained. Change a "),
        ({"encode.width": 6}, "set encode.width: what was trained no longer fits ("),
        ({"decode.confidenc": True}, "Did you mean 'confidence'?"),
    ],
)
def test_a_change_that_cannot_be_is_told(
    trained: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(SeqkitError) as refused:
        load(trained, set=changes)
    assert message in str(refused.value)


def test_predict_and_evaluate_take_changed_settings(
    trained: Path, tmp_path: Path, command: Command
) -> None:
    (tmp_path / "texts.txt").write_text("the cat\n")
    code, out, _ = command("predict", trained, tmp_path / "texts.txt", "--set", "decode.over=text")
    assert (code, '"index": 0' in out) == (0, True)
    code, _, err = command("predict", trained, tmp_path / "texts.txt", "--set", "train.seed=1")
    assert code == 2
    assert err.startswith("--set train.seed: does nothing to what is trained.")
    place = trained.parent / "test.tsv"
    for path in trained.parent.iterdir():
        place = path if path.name.startswith("test") else place
    code, _, err = command("evaluate", trained, "--on", place, "--set", "decode.over=no")
    assert code != 0
    assert "there is no input 'no'" in err


def test_a_pipeline_says_what_its_answers_are(trained: Path) -> None:
    forms = seqkit.load(trained).forms()
    assert list(forms) == ["tag"]
    assert forms["tag"].value == "words"
    assert set(forms["tag"].labels) >= {"D", "N"}


def test_a_decoder_that_does_not_say_is_left_out(trained: Path) -> None:
    pipeline: Any = load(trained)
    pipeline.network.decoder = nn.Identity()
    assert pipeline.forms() == {}


def test_forms_of_several_golds_come_by_their_names(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = load(trained)
    forms = {"a": Form("words", ("X",)), "b": Form("text")}
    monkeypatch.setattr(type(pipeline.network.decoder), "form", lambda _: forms)
    assert pipeline.forms() == forms
