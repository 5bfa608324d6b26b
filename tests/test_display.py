"""What a person sees: a bar on a terminal, plain lines elsewhere, and texts as they are."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import pytest
from rich.console import Console

import seqkit
from seqkit.display import (
    Bar,
    Lines,
    Pulse,
    answer_lines,
    counted,
    next_commands,
    print_scores,
    show_run,
    show_scores,
    watcher,
)
from seqkit.evaluation import Score, measured
from seqkit.recipe import read_recipe
from seqkit.runs import Run
from seqkit.training import Step

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
    monkeypatch.setattr("seqkit.display.time.monotonic", lambda: next(times))
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
    monkeypatch.setattr("seqkit.display.time.monotonic", lambda: now[0])
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
    monkeypatch.setattr("seqkit.display.time.monotonic", lambda: now[0])
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


def shown(sample: Mapping[str, Any]) -> list[str]:
    return [line.plain for line in answer_lines(sample)]


@pytest.mark.parametrize(
    ("text", "answer", "line"),
    [
        ("on 3 May", {"spans": [[3, 4, "day"], [5, 8, "month"]]}, "on [3] day [May] month"),
        ("May 3", {"value": 0, "spans": [[4, 5, "day"], [0, 3, "month"]]}, "[May] month [3] day"),
        ("none", {"value": 0, "spans": []}, "none"),
        ("the cat", {"value": ["D", "N"]}, "the/D cat/N "),
        ("the cat!", {"value": ["D", "N", "P"]}, "the cat!  → D N P"),
        ("good", {"value": "positive"}, "good  → sentiment: positive"),
        ("[/b] x", {"value": 3.5}, "[/b] x  → sentiment: 3.5"),
        ({"left": "a", "right": "b"}, {"value": "same"}, "{'left': 'a', 'right': 'b'}  → sent"),
    ],
)  # fmt: skip
def test_an_answer_is_shown_beside_its_text(text: Any, answer: Any, line: str) -> None:
    [found] = shown({"text": text, "answers": {"sentiment": answer}})
    assert found.startswith("  " + line)


def test_a_long_answer_is_cut() -> None:
    [found] = shown({"text": "a " * 100, "answers": {"tag": {"value": ["D"] * 100}}})
    assert found == "  " + "a/D " * 40


def score(value: float | None) -> dict[str, Any]:
    return {"value": value, "low": value, "high": value, "signature": "f1 [strict] boot:9"}


TRAIN = {
    "seconds": 12.34, "steps": 5, "tokens_per_second": 1234.5, "parameters": 818,
    "peak_memory_mb": 99.6,
}  # fmt: skip


def test_scores_are_a_table_with_intervals_and_signatures() -> None:
    screen = Screen()
    metrics = {"dev": {"f1": score(None)}, "test": {"f1": score(93.456)}, "train": TRAIN}
    show_scores(metrics, screen.console)
    lines = [line.rstrip() for line in screen.text.splitlines()]
    assert lines == [
        "split  metric  value  95% interval    signature",
        "dev    f1          ?  ? to ?          f1 [strict] boot:9",
        "test   f1      93.46  93.46 to 93.46  f1 [strict] boot:9",
        "trained in 12.3 s: 5 updates, 1.2k tokens/s, 818 weights, 100 MB",
    ]


def test_no_scores_are_no_table() -> None:
    screen = Screen()
    show_scores({"dev": {}, "test": {}}, screen.console)
    assert screen.text == ""


def test_an_evaluation_is_printed_as_a_table_or_as_json(
    capsys: pytest.CaptureFixture[str],
) -> None:
    scores = {"accuracy": Score(50.0, 40.0, 60.0, "accuracy examples:2 boot:9")}
    print_scores(scores, as_json=False)
    assert capsys.readouterr().out.splitlines()[1].split() == [
        "test", "accuracy", "50.00", "40.00", "to", "60.00", "accuracy", "examples:2", "boot:9"
    ]  # fmt: skip
    print_scores(scores, as_json=True)
    assert json.loads(capsys.readouterr().out) == {"accuracy": scores["accuracy"].plain()}


def a_run(folder: Path, text: Any = "the cat", data: Path | None = None, **options: Any) -> Run:
    answers = {"tag": {"value": "D"}}
    samples = [{"index": 0, "text": text, "answers": answers}]
    metrics = {"test": {"f1": score(50.0)}, "train": TRAIN}
    return Run(folder, metrics, samples, data, **options)


def test_a_finished_run_shows_scores_answers_and_what_to_try_next(tmp_path: Path) -> None:
    screen = Screen()
    show_run(a_run(Path("runs/toy"), "a [/b] cat's [bold]"), screen.console)
    lines = [line.rstrip() for line in screen.text.splitlines()]
    assert lines == [
        "split  metric  value  95% interval    signature",
        "test   f1      50.00  50.00 to 50.00  f1 [strict] boot:9",
        "trained in 12.3 s: 5 updates, 1.2k tokens/s, 818 weights, 100 MB",
        "",
        "a few answers",
        "  a [/b] cat's [bold]  → tag: D",
        "",
        "try next",
        "  echo 'a [/b] cat'\"'\"'s [bold]' | seqkit predict runs/toy -",
        "  seqkit run runs/toy/recipe.yaml --out runs/toy-2 --set train.seed=2",
        "  seqkit explain train",
    ]


def test_a_run_that_was_finished_before_says_so() -> None:
    screen = Screen()
    show_run(a_run(Path("runs/[/toy]"), done_before=True), screen.console)
    first = "runs/[/toy]: was finished before; --fresh trains again.\n"
    assert screen.text.startswith(first)


@pytest.mark.parametrize("text", ["it's", "a; rm -rf b", "$HOME `x`", '"', "a\\b"])
def test_the_text_to_try_is_quoted_for_a_shell(text: str) -> None:
    command = next_commands(a_run(Path("runs/a b"), text))[0]
    assert shlex.split(command) == ["echo", text, "|", "seqkit", "predict", "runs/a b", "-"]


def test_without_a_single_text_the_user_is_asked_for_one() -> None:
    command = next_commands(a_run(Path("runs/toy"), {"left": "a", "right": "b"}))[0]
    assert command == "echo 'a text of yours' | seqkit predict runs/toy -"


def test_a_model_of_series_is_shown_without_a_text_to_try() -> None:
    run = a_run(Path("runs/toy"), None)
    run.samples[0]["answers"] = {"target": {"value": 0.123456}}
    assert next_commands(run)[0] == "seqkit predict runs/toy series.jsonl"
    assert [line.plain for line in answer_lines(run.samples[0])] == ["  a series  → target: 0.1235"]


def test_a_small_score_is_shown_with_its_digits() -> None:
    assert [measured(value) for value in (95.618, 0.0, 0.00041234, -0.02)] == [
        "95.62",
        "0.00",
        "0.000412",
        "-0.02",
    ]


def test_the_run_to_try_next_finds_its_data(trained: Path) -> None:
    command = shlex.split(next_commands(a_run(trained, data=trained.parent))[1])
    assert command[:2] == ["seqkit", "run"]
    assert command[3:] == [
        "--data", str(trained.parent), "--out", f"{trained}-2", "--set", "train.seed=2"
    ]  # fmt: skip
    recipe = read_recipe(Path(command[2]), {"train.seed": "2"}, data=Path(command[4]))
    assert recipe.train.seed == 2
