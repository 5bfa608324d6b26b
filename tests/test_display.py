"""What a person sees of what is trained: scores, tables, seeds, and what to try next."""

from __future__ import annotations

import io
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from seqkit.abilities import Tabulation
from seqkit.display import (
    next_commands,
    print_scores,
    show_run,
    show_scores,
    show_seeds,
    show_table,
)
from seqkit.evaluation import Score, measured
from seqkit.outcomes import Trial
from seqkit.recipe import read_recipe
from seqkit.runs import Run
from seqkit.seeds import Seeds


class Screen:
    """A terminal of 120 columns, and what is on it."""

    def __init__(self) -> None:
        self.file = io.StringIO()
        self.console = Console(force_terminal=True, file=self.file, width=120)

    @property
    def text(self) -> str:
        """All that was written, without colours and movements."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.file.getvalue())


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


def test_baselines_stand_below_their_score() -> None:
    screen = Screen()
    metrics = {"test": {"f1": {**score(93.456), "baselines": {"naive": score(48.04)}}}}
    show_scores(metrics, screen.console)
    assert [line.split() for line in screen.text.splitlines()[1:]] == [
        ["test", "f1", "93.46", "93.46", "to", "93.46", "f1", "[strict]", "boot:9"],
        ["naive", "48.04", "48.04", "to", "48.04"],
    ]


def test_no_scores_are_no_table() -> None:
    screen = Screen()
    show_scores({"dev": {}, "test": {}}, screen.console)
    assert screen.text == ""


def test_an_evaluation_is_printed_as_a_table_or_as_json(
    capsys: pytest.CaptureFixture[str],
) -> None:
    scores = {"accuracy": Score(50.0, 40.0, 60.0, "accuracy examples:2 boot:9")}
    print_scores(scores, {}, [], as_json=False)
    assert capsys.readouterr().out.splitlines()[1].split() == [
        "test", "accuracy", "50.00", "40.00", "to", "60.00", "accuracy", "examples:2", "boot:9"
    ]  # fmt: skip
    print_scores(scores, {}, [], as_json=True)
    assert json.loads(capsys.readouterr().out) == {"accuracy": scores["accuracy"].plain()}


def test_remarks_stand_under_the_scores_or_apart_from_json(
    capsys: pytest.CaptureFixture[str],
) -> None:
    scores = {"accuracy": Score(50.0, 40.0, 60.0, "accuracy examples:2 boot:9")}
    remark = "1 word in 1 example has a label that training has not seen: [X] (1)"
    print_scores(scores, {}, [remark], as_json=False)
    assert capsys.readouterr().out.splitlines()[2:] == [f"test: {remark}"]
    print_scores(scores, {}, [remark], as_json=True)
    told = capsys.readouterr()
    assert list(json.loads(told.out)) == ["accuracy"]
    assert told.err == f"{remark}\n"


BY_LABEL = Tabulation("by [label]", ("label", "F1", "words"), (("D", 50.0, 1234), ("[/b]", 2.0, 5)))


def test_the_tables_of_an_evaluation_are_printed_below_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    scores = {"accuracy": Score(50.0, 40.0, 60.0, "accuracy of:words")}
    print_scores(scores, {"accuracy": [BY_LABEL]}, [], as_json=False)
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()][2:] == [
        "",
        "accuracy: by [label]",
        "label     F1  words",
        "D      50.00   1234",
        "[/b]    2.00      5",
    ]
    print_scores(scores, {"accuracy": [BY_LABEL]}, [], as_json=True)
    (table,) = json.loads(capsys.readouterr().out)["accuracy"]["tables"]
    assert table["rows"] == [["D", 50.0, 1234], ["[/b]", 2.0, 5]]
    assert (table["title"], table["figure"]) == ("by [label]", None)


def test_of_a_large_table_a_screen_has_the_beginning() -> None:
    names = [f"label {n}" for n in range(60)]
    table = Tabulation("t", ("gold", *names), tuple((name, *range(60)) for name in names))
    screen = Screen()
    show_table(table, "accuracy", screen.console)
    lines = screen.text.splitlines()
    assert all(len(line.rstrip()) <= 120 for line in lines)
    assert len(lines) == 2 + 1 + 40 + 2
    assert lines[-2:] == ["and 20 more rows: see --json", "and 48 more columns: see --json"]


def test_an_empty_table_is_not_shown() -> None:
    screen = Screen()
    show_table(Tabulation("t", ("label",), ()), "accuracy", screen.console)
    assert screen.text == ""


def seeds_of(*values: float | None) -> Seeds:
    """Runs that scored so on test; None stands for one that failed."""
    trials = []
    for seed, value in enumerate(values, 1):
        scores = {"test": {"f1": {"value": value, "signature": "f1 [strict]"}}}
        failed = value is None
        trials.append(
            Trial(seed, f"out/seed-{seed}", None if failed else scores, "no." if failed else "")
        )
    return Seeds(Path("out"), "toy", trials)


def test_seeds_are_shown_beside_each_other_with_mean_and_deviation() -> None:
    screen = Screen()
    show_seeds(seeds_of(1.0, 2.0, 6.0), screen.console)
    assert [line.rstrip() for line in screen.text.splitlines()] == [
        "split  metric  seed 1  seed 2  seed 3  mean ± deviation",
        "test   f1        1.00    2.00    6.00       3.00 ± 2.65",
        "test f1 [strict] seeds:3",
        "written to out",
    ]


def test_baselines_stand_below_the_mean_of_seeds() -> None:
    screen, simple = Screen(), {"naive": score(48.04)}
    scores = {"test": {"f1": {"value": 1.0, "signature": "f1", "baselines": simple}}}
    trials = [Trial(seed, f"out/seed-{seed}", scores, "") for seed in (1, 2)]
    show_seeds(Seeds(Path("out"), "toy", trials), screen.console)
    assert [line.split() for line in screen.text.splitlines()[1:3]] == [
        ["test", "f1", "1.00", "1.00", "1.00", "±", "0.00"],
        ["naive", "48.04"],
    ]


def test_a_seed_that_failed_is_told() -> None:
    screen = Screen()
    show_seeds(seeds_of(1.0, None), screen.console)
    assert [line.rstrip() for line in screen.text.splitlines()] == [
        "split  metric  seed 1  seed 2  mean ± deviation",
        "test   f1        1.00       ?          1.00 ± ?",
        "test f1 [strict] seeds:1",
        "seed 2: failed: no.",
        "written to out",
    ]
    screen = Screen()
    show_seeds(seeds_of(None), screen.console)
    assert screen.text == "seed 1: failed: no.\nwritten to out\n"


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
