"""What a person sees of training: a bar on a terminal, plain lines elsewhere, as they are."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest
from rich.console import Console

import seqkit
from seqkit.training import Step
from seqkit.watching import Bar, Lines, Pulse, counted, watcher

ESCAPE = "\x1b"


def step(number: int, loss: float = 0.5) -> Step:
    return Step(number, 0, loss, 1.0, 0.1, 100, False, False)


@pytest.fixture(scope="module")
def model(trained: Path) -> seqkit.Pipeline:
    return seqkit.load(trained)


class Screen:
    """A terminal of 120 columns, and what is on it."""

    def __init__(self) -> None:
        self.file = io.StringIO()
        self.console = Console(force_terminal=True, file=self.file, width=120)

    @property
    def text(self) -> str:
        """All that was written, without colours and movements."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.file.getvalue())


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (512, "512"), (999.6, "1000"), (7800, "7.8k"), (1e6, "1.0M"), (3_140_000, "3.1M")],
)
def test_counts_are_short(number: float, text: str) -> None:
    assert counted(number) == text


def test_the_pulse_smooths_loss_and_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 1.0, 2.0])
    monkeypatch.setattr("seqkit.watching.time.monotonic", lambda: next(times))
    pulse = Pulse()
    assert str(pulse) == "loss ?  0 tokens/s"
    pulse.hear(step(1, loss=1.0))
    assert str(pulse) == "loss 1.0000  100 tokens/s"
    pulse.hear(step(2, loss=0.0))
    assert str(pulse) == "loss 0.9500  100 tokens/s"


def test_a_terminal_gets_a_bar_and_anything_else_gets_lines(tmp_path: Path) -> None:
    ends = os.openpty()
    with open(ends[0], "rb"), open(ends[1], "w") as terminal, open(tmp_path / "log", "w") as log:
        assert isinstance(watcher(terminal), Bar)
        assert isinstance(watcher(log), Lines)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[TextIO]:
    with open(tmp_path / "log", "w+") as stream:
        yield stream


def written(log: TextIO) -> list[str]:
    """The lines of a log, which are there as soon as they are written."""
    return Path(log.name).read_text().splitlines()


def test_lines_are_plain(
    model: seqkit.Pipeline, log: TextIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("seqkit.watching.time.monotonic", lambda: now[0])
    watch = Lines(log)
    watch.said("a [bold]line[/bold] as it is")
    watch.began(model, 40, 0)
    for number in range(1, 13):
        now[0] += 1.0
        watch.stepped(step(number))
    watch.scored(1, {"accuracy": 50.0, "loss": 0.125}, True)
    watch.scored(2, {"accuracy": 40.0, "loss": 0.25}, False)
    watch.ended()
    assert written(log) == [
        "a [bold]line[/bold] as it is",
        "toy: 818 weights on cpu, seed 1",
        "update 10/40  loss 0.5000  100 tokens/s  30 s left",
        "epoch   1  loss 0.5000  100 tokens/s  dev accuracy 50.00  loss 0.12  best so far",
        "epoch   2  loss 0.5000  100 tokens/s  dev accuracy 40.00  loss 0.25",
    ]


def test_lines_say_where_a_run_goes_on(
    model: seqkit.Pipeline, log: TextIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("seqkit.watching.time.monotonic", lambda: now[0])
    watch = Lines(log)
    watch.began(model, 40, 20)
    now[0] = 10.0
    watch.stepped(step(30))
    assert written(log) == [
        "toy: 818 weights on cpu, seed 1, going on after update 20",
        "update 30/40  loss 0.5000  10 tokens/s  10 s left",
    ]


def test_a_bar_shows_updates_loss_speed_score_and_time_left(model: seqkit.Pipeline) -> None:
    screen = Screen()
    bar = Bar(screen.console)
    bar.began(model, 40, 0)
    bar.stepped(step(1))
    bar.scored(1, {"accuracy": 50.0}, True)
    bar.stepped(step(2))
    bar.bar.refresh()
    shown = screen.text
    bar.ended()
    assert "toy: 818 weights on cpu, seed 1\n" in shown
    assert re.search(
        r"epoch +1 +loss 0\.5000 +\S+ tokens/s +dev accuracy 50\.00 +best so far", shown
    )
    assert re.search(r"train ━+.*2/40 loss 0\.5000 +\S+ tokens/s dev accuracy 50\.00 [-0-9]", shown)
    assert ESCAPE in screen.file.getvalue()


def test_a_run_with_a_bar_leaves_a_line_an_epoch(toy: Path, tmp_path: Path) -> None:
    screen = Screen()
    seqkit.run(toy, out=tmp_path / "run", watch=Bar(screen.console))
    left = [line for line in screen.text.splitlines() if line.startswith("epoch ")]
    assert len(left) == 2
    assert "dev accuracy" in left[0]


def test_a_bar_shows_lines_as_they_are(model: seqkit.Pipeline) -> None:
    screen = Screen()
    bar = Bar(screen.console)
    bar.said("checkpoint skipped: runs/[/x]/step [bold]1")
    bar.began(model, 2, 1)
    bar.scored(1, {"f1[micro]": 1.0}, False)
    bar.bar.refresh()
    bar.ended()
    bar.ended()
    assert "checkpoint skipped: runs/[/x]/step [bold]1\n" in screen.text
    assert "dev f1[micro] 1.00" in screen.text
