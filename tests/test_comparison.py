"""Comparisons: all is checked first, each alternative runs apart, and one table is written."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import seqkit
from seqkit import seeds
from seqkit.comparison import Comparison, Plan, carried_out
from seqkit.errors import Interrupted, RecipeError, RunError
from seqkit.recipe import read_recipe
from seqkit.seeds import Say
from seqkit.swaps import Swap

Command = Callable[..., tuple[int, str, str]]
OFF = 0.05


class Runs:
    """Stands for the processes: keeps their command lines and writes what they would."""

    def __init__(self) -> None:
        self.words: list[Sequence[str]] = []
        self.failing: dict[str, str] = {}
        self.more: dict[str, Any] = {}

    def run_apart(self, words: Sequence[str], say: Say) -> str:
        """Writes the scores of a run, or fails."""
        self.words.append(words)
        out = Path(words[words.index("--out") + 1])
        say("trains")
        for name, error in self.failing.items():
            if name in out.parts:
                return error
        dev = {"accuracy": 50.0}
        record = {"epoch": 1, "step": 4, "examples": 12, "loss": 1.0, "dev": dev} | self.more
        train = {
            "seconds": 1.0, "steps": 4, "tokens_per_second": 51.0, "parameters": 800,
            "peak_memory_mb": 300.0, "history": [record, record | {"step": 8, "examples": 24}],
            "best": {"number": 4, "name": "accuracy", "value": 50.0},
        }  # fmt: skip
        out.mkdir(parents=True, exist_ok=True)
        score = {"value": 75.0, "low": 0.0, "high": 0.0, "signature": ""}
        metrics = {"dev": {}, "test": {"accuracy": score}, "train": train}
        (out / "metrics.json").write_text(json.dumps(metrics))
        return ""


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    """No process is started."""
    fake = Runs()
    monkeypatch.setattr(seeds, "run_apart", fake.run_apart)
    return fake


def compare(toy: Path, *given: Any, **options: Any) -> Comparison:
    """Compares encoders of the toy recipe, in `out` beside it."""
    plan = Plan(Swap(toy, {}, "encode", toy.parent), given, out=str(toy.parent / "out"), **options)
    return carried_out(plan, lambda _: None)


def test_each_alternative_runs_by_a_command_line_that_makes_its_recipe(
    toy: Path, runs: Runs
) -> None:
    found = seqkit.compare(
        toy,
        {"encode": ["gru", {"use": "lstm", "peephole": True}]},
        set={"train.epochs": 1, "encode.dropout": 0.5},
        data=toy.parent,
        out=toy.parent / "out",
        device="cpu",
        sample=10,
        fresh=True,
        match=False,
    )
    for words, outcome, name in zip(
        runs.words, found.outcomes, ("gru", "lstm-peephole-true"), strict=True
    ):
        settings = [words[place + 1] for place, word in enumerate(words) if word == "--set"]
        others = [word for word in words if word not in ("--set", *settings)]
        assert others == [
            "run", "--out", str(toy.parent / "out" / name), "--device", "cpu",
            "--data", str(toy.parent), "--sample", "10", "--fresh", "--", str(toy),
        ]  # fmt: skip
        recipe = read_recipe(toy, dict(text.split("=", 1) for text in settings))
        assert recipe == outcome.alternative.recipe
        assert recipe.train.epochs == 1
        assert recipe.plain()["encode"]["dropout"] == 0.5


def test_what_was_not_given_is_not_passed_on(toy: Path, runs: Runs) -> None:
    compare(toy, "gru", "rnn")
    for words in runs.words:
        assert not {"--data", "--sample", "--seed", "--fresh"} & set(words)


def test_widths_are_matched_unless_asked_not_to(toy: Path, runs: Runs) -> None:
    matched = compare(toy, "gru", "lstm")
    assert matched.target == 818
    assert matched.outcomes[1].alternative.width != 8
    assert all(abs((each.parameters or 0) - 818) <= OFF * 818 for each in matched.outcomes)
    assert matched.notes == ["widths are chosen for 818 parameters, as the recipe has"]
    kept = compare(toy, "gru", "lstm", match=False)
    assert kept.target is None
    assert [each.alternative.width for each in kept.outcomes] == [8, 8]
    assert kept.notes == []


def test_what_is_off_the_target_or_left_out_is_told_before_anything_runs(
    toy: Path, runs: Runs
) -> None:
    said: list[str] = []
    text = toy.read_text().replace("width: 8", "width: 8, layers: 2, alternating: true")
    toy.write_text(text)
    given = ["gru", {"use": "bilstm", "width": 40}]
    plan = Plan(
        Swap(toy, {}, "encode", toy.parent), given, out=str(toy.parent / "out"), parameters=150
    )
    found = carried_out(plan, said.append)
    small, large = (outcome.parameters or 0 for outcome in found.outcomes)
    assert said[:4] == [
        "widths are chosen for 150 parameters, as asked for",
        "gru: leaves out the recipe's 'alternating', which it does not have",
        f"gru: has {small} parameters, +{100 * (small - 150) / 150:.1f}% off 150: "
        "no width comes nearer",
        f"bilstm width=40: has {large:,} parameters, +{100 * (large - 150) / 150:.1f}% off 150: "
        "its width was not to be chosen",
    ]
    assert said[4:] == ["gru: trains", "bilstm width=40: trains"]
    assert found.outcomes[0].alternative.width == 1
    assert list(found.notes) == said[:4]


def test_every_file_says_the_same(toy: Path, runs: Runs) -> None:
    found = compare(toy, "gru", "rnn")
    folder = toy.parent / "out"
    written = {path.name for path in folder.iterdir() if path.is_file()}
    assert written == {"table.md", "comparison.json", "curves.csv", "curves.svg"}
    assert json.loads((folder / "comparison.json").read_bytes()) == found.plain()
    page = (folder / "table.md").read_text()
    assert page.startswith("# toy: encode\n\n| alternative | test accuracy | parameters |")
    assert page.endswith("\n\n- widths are chosen for 818 parameters, as the recipe has\n")
    for row in found.table()[1]:
        assert "| " + " | ".join(row) + " |\n" in page
    assert len((folder / "curves.csv").read_text().splitlines()) == 5
    assert b">gru</text>" in (folder / "curves.svg").read_bytes()


def test_gradients_are_drawn_where_they_were_watched(toy: Path, runs: Runs) -> None:
    runs.more = {"gradients": {"layer 1": [1e-4, 1e-2, 1.0]}}
    compare(toy, "gru", "rnn")
    chart = (toy.parent / "out" / "gradients.svg").read_bytes()
    assert b"steps before the last" in chart
    assert chart.count(b"stroke-dasharray: 6") == 2


def test_without_matplotlib_all_else_is_written(
    toy: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    found = compare(toy, "gru", "rnn")
    message = "no charts: matplotlib is not installed. Run: pip install 'seqkit[plots]'"
    assert found.notes[-1] == message
    folder = toy.parent / "out"
    assert not (folder / "curves.svg").exists()
    assert message in (folder / "table.md").read_text()
    assert (folder / "curves.csv").exists()
    assert not found.failed


def test_a_failure_is_told_and_the_others_go_on(toy: Path, runs: Runs) -> None:
    runs.failing = {"gru": "train: the loss is nan."}
    found = compare(toy, "gru", "rnn")
    assert found.failed
    assert found.notes[-1] == "gru: failed: train: the loss is nan."
    assert [row[0] for row in found.table()[1]] == ["gru (failed)", "rnn"]
    assert len(runs.words) == 2


def test_seeds_are_runs_of_their_own(toy: Path, runs: Runs) -> None:
    runs.failing = {"seed-2": "no."}
    found = compare(toy, "gru", "rnn", seeds=2)
    places = [Path(words[words.index("--out") + 1]) for words in runs.words]
    assert [str(place.relative_to(toy.parent / "out")) for place in places] == [
        "gru/seed-1", "gru/seed-2", "rnn/seed-1", "rnn/seed-2",
    ]  # fmt: skip
    assert [words[words.index("--seed") + 1] for words in runs.words] == ["1", "2", "1", "2"]
    assert [trial.seed for trial in found.outcomes[0].trials] == [1, 2]
    assert found.notes[-2:] == ["gru, seed 2: failed: no.", "rnn, seed 2: failed: no."]


def test_any_setting_can_be_swapped(toy: Path, runs: Runs) -> None:
    found = seqkit.compare(toy, {"train.optimiser": ["adam", "sgd"]}, out=toy.parent / "out")
    assert found.notes == []
    assert "width" not in found.table()[0]
    swapped = [
        outcome.alternative.recipe.plain()["train"]["optimiser"] for outcome in found.outcomes
    ]
    assert [(each["use"], each["rate"]) for each in swapped] == [("adam", 0.01), ("sgd", 0.01)]
    seeds = seqkit.compare(toy, {"train.seed": [4, 5]}, out=toy.parent / "other")
    assert [outcome.trials[0].seed for outcome in seeds.outcomes] == [4, 5]


def test_nothing_runs_where_an_alternative_is_wrong(toy: Path, runs: Runs) -> None:
    with pytest.raises(RecipeError, match="encode=lsmt"):
        compare(toy, "gru", "lsmt")
    with pytest.raises(RecipeError, match=r"^set train\.epochs: train\.epochs: "):
        seqkit.compare(toy, {"encode": ["gru", "rnn"]}, set={"train.epochs": 0})
    with pytest.raises(RunError, match="Compare one at a time"):
        seqkit.compare(toy, {"encode": ["gru", "rnn"], "decode": ["crf", "tagger"]})
    with pytest.raises(RunError, match=r"^--swap encode: 'gru,rnn' is one text\. Give a list of "):
        seqkit.compare(toy, {"encode": "gru,rnn"})
    with pytest.raises(RunError, match=r"^--seeds: should be 1 or more, not 0\.$"):
        compare(toy, "gru", "rnn", seeds=0)
    assert runs.words == []


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "--swap: is missing. Say what to compare, such as --swap encode=rnn,lstm."),
        (
            ["--swap", "encode=gru,rnn", "--swap", "decode=crf,tagger"],
            "--swap: is given 2 times (encode, decode). Compare one at a time.",
        ),
        (["--swap", "encode"], "--swap encode: has no '='. Write --swap encode=rnn,lstm."),
        (
            ["--swap", "encode=gru,rnn", "--no-match", "--parameters", "9"],
            "--parameters: excludes --no-match. Keep one of them.",
        ),
        (
            ["--swap", "train.clip=1,2", "--parameters", "9"],
            "--parameters: no alternative of train.clip has a width to choose. Remove it.",
        ),
        (
            ["--swap", "train.seed=1,2", "--seeds", "2"],
            "--seeds: excludes --swap train.seed. Keep one of them.",
        ),
        (
            ["--swap", "encode=gru,rnn", "--device", "tpu"],
            "--device tpu: is none of auto, cpu, cuda, cuda:N, mps.",
        ),
        (["--swap", "encode=gru,rnn", "--set", "a"], "--set a: has no '='. Write --set a.b=value."),
        (
            ["--swap", "encode=gru,lsmt"],
            "--swap encode=lsmt: encode: no encoder called 'lsmt'. Did you mean 'lstm'?",
        ),
    ],
)
def test_a_wrong_option_is_one_line_and_code_2(
    command: Command,
    toy: Path,
    runs: Runs,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    line: str,
) -> None:
    monkeypatch.chdir(toy.parent)
    assert command("compare", "toy.yaml", *words) == (2, "", line + "\n")
    assert runs.words == []
    assert not Path("runs").exists()


def test_the_command_shows_the_table_and_tells_of_failures_by_its_code(
    command: Command, toy: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(toy.parent)
    words = ["--swap", "encode=gru,{use: rnn, layers: 2}", "--precision", "bf16"]
    code, out, err = command("compare", "toy.yaml", *words)
    assert code == 0
    lines = out.splitlines()
    assert lines[0].split()[:3] == ["alternative", "test", "accuracy"]
    assert lines[1].split()[:2] == ["gru", "75.00"]
    assert lines[2].split()[:3] == ["rnn", "layers=2", "75.00"]
    assert lines[-1] == "written to runs/compare-toy"
    assert "gru: trains\n" in err
    assert "train.precision=bf16" in runs.words[0]
    runs.failing = {"gru": "no."}
    runs.more = {}
    code, out, _ = command("compare", "toy.yaml", *words, "--out", "other")
    assert code == 1
    assert "gru: failed: no.\n" in out


def test_an_interruption_ends_with_its_own_code(
    command: Command, toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> str:
        raise Interrupted("stopped. Run the same command again to go on.")

    monkeypatch.setattr(seeds, "run_apart", stop)
    monkeypatch.chdir(toy.parent)
    code, _, err = command("compare", toy, "--swap", "encode=gru,rnn", "--no-match")
    assert code == 130
    assert err == "stopped. Run the same command again to go on.\n"


@pytest.mark.slow
def test_two_encoders_are_trained_and_a_second_call_finds_them_finished(
    command: Command, toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(toy.parent)
    words = ["compare", "toy.yaml", "--swap", "encode=gru,lstm", "--set", "train.epochs=1"]
    code, out, err = command(*words)
    assert (code, err.count("dev accuracy")) == (0, 2)
    folder = Path("runs/compare-toy")
    places = [folder / name / "metrics.json" for name in ("gru", "lstm")]
    content = [place.read_bytes() for place in places]
    found = json.loads((folder / "comparison.json").read_bytes())
    for metrics, alternative in zip(map(json.loads, content), found["alternatives"], strict=True):
        assert alternative["parameters"] == metrics["train"]["parameters"]
        assert alternative["width"] == alternative["value"]["width"]
        assert alternative["best_examples"] == 12
        assert abs(alternative["parameters"] - found["target"]) <= OFF * found["target"]
    code, again, err = command(*words)
    assert (code, err.count("dev accuracy")) == (0, 0)
    assert again == out
    assert [place.read_bytes() for place in places] == content
