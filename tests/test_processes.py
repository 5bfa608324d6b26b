"""A run in a process of its own: its lines are told, its failure has words, a signal reaches it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqkit.errors import Interrupted
from seqkit.processes import run_apart, run_words

Script = Callable[[str], None]


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Script:
    """Puts a shell script in the place of Python, which would take long to start."""

    def write(text: str) -> None:
        path = tmp_path / "python"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(path))

    return write


def test_the_words_are_those_of_the_command_line(script: Script) -> None:
    script('for word in "$@"; do echo "<$word>" >&2; done')
    said: list[str] = []
    assert run_apart(["run", "a recipe.yaml", "--set", "a={b: 1}"], said.append) == ""
    words = ["-P", "-m", "seqkit", "run", "a recipe.yaml", "--set", "a={b: 1}"]
    assert said == [f"<{word}>" for word in words]


def test_the_command_line_of_a_run_has_what_was_asked_for_alone() -> None:
    asked: dict[str, Any] = {
        "data": None,
        "device": "cpu",
        "sample": None,
        "seed": None,
        "fresh": False,
    }
    words = run_words(Path("-r.yaml"), {}, Path("out"), **asked)
    assert words == ["run", "--out", "out", "--device", "cpu", "--", "-r.yaml"]
    asked |= {"data": "d", "sample": 3, "seed": 2, "fresh": True}
    words = run_words(Path("r.yaml"), {"a.b": "1", "c": "{d: e}"}, Path("out"), **asked)
    assert words == [
        "run", "--out", "out", "--device", "cpu", "--set", "a.b=1", "--set", "c={d: e}",
        "--data", "d", "--sample", "3", "--seed", "2", "--fresh", "--", "r.yaml",
    ]  # fmt: skip


def test_lines_are_told_as_they_come_and_scores_are_not_shown(
    script: Script, capfd: pytest.CaptureFixture[str]
) -> None:
    script('echo scores; echo "  one" >&2; read nothing; echo "tw\\377o" >&2')
    said: list[str] = []
    assert run_apart([], said.append) == ""
    assert said == ["  one", "tw\\xffo"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("echo so >&2; echo and so >&2; echo >&2; exit 2", "and so"),
        ("exit 3", "ended with code 3"),
        ("echo so >&2; kill -9 $$", "was ended by SIGKILL. Run the same command again to go on."),
    ],
)
def test_a_failure_is_told_in_its_last_words(script: Script, text: str, message: str) -> None:
    script(text)
    assert run_apart([], lambda _: None) == message


WAITING = """\
trap 'echo stopped after update 3. >&2; exit 130' INT TERM
echo $$ >&2
while :; do sleep 0.02; done"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_passed_on_once_and_waited_for(script: Script, number: int) -> None:
    script(WAITING)
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if len(said) == 1:
            assert os.getpgid(int(line)) != os.getpgid(0)  # the terminal's Ctrl-C passes it by
            os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    with pytest.raises(Interrupted, match=r"^stopped\. Run the same command again to go on\.$"):
        run_apart([], say)
    assert said[1:] == ["stopped after update 3."]
    assert signal.getsignal(number) is before
    with pytest.raises(ProcessLookupError):
        os.kill(int(said[0]), 0)


def test_a_signal_at_the_very_end_still_stops(script: Script) -> None:
    script("echo done >&2")
    with pytest.raises(Interrupted):
        run_apart([], lambda _: os.kill(os.getpid(), signal.SIGINT))


def test_no_process_is_left_where_its_lines_cannot_be_told(script: Script) -> None:
    script(WAITING)
    said: list[str] = []

    def fail(line: str) -> None:
        said.append(line)
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        run_apart([], fail)
    with pytest.raises(ProcessLookupError):
        os.kill(int(said[0]), 0)


def test_a_thread_that_can_take_no_signals_runs_it_all_the_same(script: Script) -> None:
    script("echo so >&2; exit 1")
    told: list[str] = []
    thread = threading.Thread(target=lambda: told.append(run_apart([], lambda _: None)))
    thread.start()
    thread.join()
    assert told == ["so"]
