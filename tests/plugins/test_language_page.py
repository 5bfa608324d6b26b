"""The page on language models is true: its recipe, its snippet and its commands are run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqkit.plugins import registry
from seqkit.signatures import fields

PAGE = (Path(__file__).parent.parent.parent / "docs" / "language.md").read_text()
Command = Callable[..., tuple[int, str, str]]


def fence(language: str) -> str:
    """The one code block of a language."""
    [found] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def test_the_page_can_be_followed(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rhymes.yaml").write_text(fence("yaml"))
    words = [first + second for first in "abcdefgh" for second in "klmn"]
    lines = [f"one two three\n{word} and on" for word in words]
    (tmp_path / "rhymes.txt").write_text("\n\n".join(lines))
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(fence("python"), names)
    assert -1.0 < names["costs"]["two"] < 0.0
    commands = re.findall(r"^    seqkit (generate runs/rhymes .*)$", PAGE, re.MULTILINE)
    assert len(commands) == 3
    for line in commands:
        code, shown, complaints = command(*shlex.split(line))
        assert (code, complaints) == (0, ""), complaints
        assert shown.strip()


def test_the_settings_that_the_page_names_are_there() -> None:
    found = registry()
    for kind, name, settings in [
        ("decoder", "language", {"tie", "adaptive", "cache"}),
        ("encoder", "penalised", {"size", "change"}),
        ("encoder", "lstm", {"locked", "dropout", "weight_drop"}),
        ("embedder", "lookup", {"word_dropout"}),
        ("metric", "bits", {"each"}),
        ("metric", "perplexity", {"each"}),
        ("source", "text", {"unit"}),
    ]:
        known = {one.name for one in fields(found.find(kind, name).factory)}
        assert settings <= known
