"""Several seeds: a run each in a process of its own, and mean and deviation of the scores."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import seqkit
from seqkit import seeds
from seqkit.errors import Interrupted, RecipeError, RunError
from seqkit.outcomes import Trial
from seqkit.seeds import Say, Seeds, run_seeds, spread

Command = Callable[..., tuple[int, str, str]]


class Runs:
    """Stands for the processes: keeps their command lines and writes what they would."""

    def __init__(self) -> None:
        self.words: list[Sequence[str]] = []
        self.failing = ""

    def run_apart(self, words: Sequence[str], say: Say) -> str:
        """Writes the scores of a run, or fails."""
        self.words.append(words)
        out = Path(words[words.index("--out") + 1])
        say("trains")
        if self.failing and out.name == self.failing:
            return "train: no."
        value = float(words[words.index("--seed") + 1]) ** 2
        scores = {"accuracy": {"value": value, "signature": "accuracy of:words examples:5"}}
        out.mkdir(parents=True, exist_ok=True)
        (out / "metrics.json").write_text(json.dumps({"dev": scores, "test": scores}))
        return ""


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    """No process is started."""
    fake = Runs()
    monkeypatch.setattr(seeds, "run_apart", fake.run_apart)
    return fake


def test_each_seed_runs_in_its_folder_by_a_command_line_of_its_own(toy: Path, runs: Runs) -> None:
    out, said = toy.parent / "out", list[str]()
    found = run_seeds(
        toy,
        2,
        set={"train.epochs": 1, "name": "mine"},
        data=toy.parent,
        out=out,
        device="cpu",
        sample=10,
        fresh=True,
        say=said.append,
    )
    assert runs.words == [
        [
            "run", "--out", str(out / f"seed-{seed}"), "--device", "cpu",
            "--set", "train.epochs=1", "--set", 'name="mine"',
            "--data", str(toy.parent), "--sample", "10", "--seed", str(seed), "--fresh",
            "--", str(toy),
        ]
        for seed in (1, 2)
    ]  # fmt: skip
    assert said == ["seed 1: trains", "seed 2: trains"]
    assert (found.folder, found.recipe, found.failed) == (out, "mine", False)


def test_scores_have_a_mean_a_deviation_and_a_signature(toy: Path, runs: Runs) -> None:
    found = run_seeds(toy, 3, out=toy.parent / "out")
    accuracy = found.scores("test")["accuracy"]
    assert accuracy.values == [1.0, 4.0, 9.0]
    assert accuracy.mean == pytest.approx(14 / 3)
    assert accuracy.deviation == pytest.approx((49 / 3) ** 0.5)
    assert accuracy.signature == "accuracy of:words examples:5 seeds:3"
    assert found.scores("train") == {}
    plain = json.loads((toy.parent / "out/seeds.json").read_bytes())
    assert plain == json.loads(json.dumps(found.plain()))
    assert list(plain) == ["format", "recipe", "runs", "dev", "test"]
    assert plain["test"]["accuracy"] == {
        "values": [1.0, 4.0, 9.0],
        "mean": accuracy.mean,
        "deviation": accuracy.deviation,
        "signature": accuracy.signature,
        "baselines": {},
    }


def test_a_seed_that_failed_is_told_and_the_others_count(toy: Path, runs: Runs) -> None:
    runs.failing = "seed-2"
    found = run_seeds(toy, 3, out=toy.parent / "out")
    assert found.failed
    accuracy = found.scores("test")["accuracy"]
    assert accuracy.values == [1.0, None, 9.0]
    assert (accuracy.mean, accuracy.signature.split()[-1]) == (5.0, "seeds:2")
    plain = json.loads((toy.parent / "out/seeds.json").read_bytes())
    assert [run["error"] for run in plain["runs"]] == ["", "train: no.", ""]


def test_runs_that_were_measured_otherwise_say_so() -> None:
    found = spread([{"value": 1.0, "signature": "a x:1"}, {"value": 2.0, "signature": "a x:2"}])
    assert found.signature == "a x:1 a x:2 seeds:2"


def test_baselines_are_told_beside_the_mean() -> None:
    simple = [{"naive": {"value": value}} for value in (2.0, 4.0)]
    scores = [{"value": 1.0, "signature": "x", "baselines": one} for one in simple]
    assert seeds.spread([*scores, {"value": 1.0, "signature": "x"}]).baselines == {"naive": 3.0}


def test_one_seed_has_no_deviation() -> None:
    trial = Trial(1, "out/seed-1", {"test": {"f1": {"value": 3.0, "signature": "f1"}}})
    only = Seeds(Path("out"), "toy", [trial]).scores("test")["f1"]
    assert (only.mean, only.deviation, only.signature) == (3.0, None, "f1 seeds:1")


def test_a_value_that_is_no_number_gives_no_mean() -> None:
    scores: list[dict[str, Any]] = [{"value": value, "signature": "f1"} for value in (None, 3.0)]
    assert (spread(scores).mean, spread(scores).deviation) == (None, None)


def test_the_default_folder_is_named_after_the_recipe(
    toy: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert seqkit.run_seeds(toy, 1).folder == Path("runs/toy-seeds")
    assert (tmp_path / "runs/toy-seeds/seeds.json").exists()


@pytest.mark.parametrize(
    ("count", "options", "message"),
    [
        (0, {}, "--seeds: should be 1 or more, not 0."),
        (
            2,
            {"set": {"train.seed": 3}},
            "--seeds: excludes another way to set train.seed. Keep one of them.",
        ),
        (2, {"device": "tpu"}, "--device tpu: is none of auto, cpu, cuda, cuda:N, mps."),
    ],
)
def test_odd_options_are_refused(
    toy: Path, runs: Runs, count: int, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(RunError) as refused:
        run_seeds(toy, count, **options)
    assert str(refused.value) == message
    assert runs.words == []


def test_mistakes_of_the_recipe_are_told_before_anything_runs(toy: Path, runs: Runs) -> None:
    with pytest.raises(RecipeError, match="bilstm has no setting 'widht'"):
        run_seeds(toy, set={"encode.widht": 3})
    assert runs.words == []


def test_a_run_holds_no_seeds(trained: Path, runs: Runs) -> None:
    with pytest.raises(RunError) as refused:
        run_seeds(trained.parent / "toy.yaml", out=trained)
    assert str(refused.value) == (
        f"{trained}: is a run itself. Give another --out for several seeds."
    )


def test_an_interruption_writes_no_scores(
    toy: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def stop(words: Sequence[str], say: Say) -> str:
        raise Interrupted("stopped.")

    monkeypatch.setattr(seeds, "run_apart", stop)
    with pytest.raises(Interrupted):
        run_seeds(toy, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command_shows_what_the_seeds_came_to(command: Command, toy: Path, runs: Runs) -> None:
    out = toy.parent / "out"
    code, printed, err = command("run", toy, "--seeds", 2, "--out", out, "--precision", "fp32")
    assert (code, err) == (0, "seed 1: trains\nseed 2: trains\n")
    assert printed.splitlines()[0].split()[:6] == ["split", "metric", "seed", "1", "seed", "2"]
    assert printed.splitlines()[-1] == f"written to {out}"
    assert "train.precision=fp32" in runs.words[0]
    runs.failing = "seed-1"
    code, printed, _ = command("run", toy, "--seeds", 2, "--out", out)
    assert code == 1
    assert "seed 1: failed: train: no.\n" in printed
    line = "--seeds: excludes another way to set train.seed. Keep one of them.\n"
    assert command("run", toy, "--seeds", 2, "--seed", 3) == (2, "", line)


@pytest.mark.slow
def test_seeds_are_runs_that_are_not_done_twice(
    toy: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "SEQKIT_CHECK_SHAPES", "")
    found = run_seeds(toy, 2, out=tmp_path / "out")
    assert not found.failed
    assert found.scores("test")["accuracy"].values[0] is not None
    first, second = (tmp_path / f"out/seed-{seed}" for seed in (1, 2))
    weights = "pipeline/weights.safetensors"
    assert (first / weights).read_bytes() == (trained / weights).read_bytes()
    assert (second / weights).read_bytes() != (trained / weights).read_bytes()
    written = (first / "metrics.json").stat().st_mtime_ns
    shutil.rmtree(second)
    again = run_seeds(toy, 2, out=tmp_path / "out")
    assert (first / "metrics.json").stat().st_mtime_ns == written
    assert again.scores("test") == found.scores("test")
