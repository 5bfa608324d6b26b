"""A run that is killed anywhere and run again ends with the weights of one that was not."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import random
import runpy
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pytest

import seqkit
from seqkit.errors import Interrupted
from seqkit.experiment import Silent
from seqkit.training import Step

SCRIPT = """\
import importlib, os, signal, sys

def arm(place, number):
    module, _, path = place.partition(":")
    owner = importlib.import_module(module)
    *around, name = path.split(".")
    for part in around:
        owner = getattr(owner, part)
    real, calls = getattr(owner, name), 0

    def deadly(*given, **named):
        nonlocal calls
        calls += 1
        if calls == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*given, **named)

    setattr(owner, name, deadly)

if place:
    arm(place, number)
sys.argv = words
sys.stdout = sys.stderr = open(log, "a", buffering=1)
from seqkit.cli import main
main()
"""
LOADED = ["pytest", "seqkit.cli", "seqkit.display", "seqkit_data.columns", "seqkit_labels.word_crf"]
LOADED += ["seqkit_recurrent.building", "seqkit_text.concat", "seqkit_text.lookup"]
LOADED += ["seqkit_text.words", "seqkit_text.spelling", "seqkit_labels.metrics"]
LOADED += ["torch._dynamo", "safetensors.torch", "safetensors.numpy"]
"""What a run imports; optimisers import torch._dynamo when first called."""
Place = tuple[str, int]
"""A function, and which of its calls is not survived."""
EPOCH = 4
"""Updates of one epoch of the toy recipe."""


class Killed(BaseException):
    """What ends a run in this process, as no handler expects it."""


class Until(Silent):
    """Watches a run, keeps what is said, and kills it at an update."""

    def __init__(self, number: int = 0) -> None:
        self.number = number
        self.lines: list[str] = []
        self.updates: list[int] = []

    def stepped(self, step: Step) -> None:
        """Kills the run at the update, before its checkpoint."""
        if step.number == self.number:
            raise Killed
        self.updates.append(step.number)

    def said(self, line: str) -> None:
        """Keeps a line, but for that of the temperature, which comes after training."""
        if not line.startswith("temperature"):
            self.lines.append(line)


def weights(folder: Path) -> str:
    """The sha256 of a finished run's weights."""
    return hashlib.sha256((folder / "pipeline/weights.safetensors").read_bytes()).hexdigest()


def scores(folder: Path) -> Any:
    """What a run has measured, without what the clock says."""
    metrics = json.loads((folder / "metrics.json").read_bytes())
    train = {key: metrics["train"][key] for key in ("steps", "best", "history", "parameters")}
    return metrics["dev"], metrics["test"], train


@pytest.fixture(scope="module")
def server() -> Any:
    """Starts processes in milliseconds, with everything imported and nothing run."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    return context


Start = Callable[..., ForkServerProcess]


@pytest.fixture
def start(server: Any, toy: Path, tmp_path: Path) -> Start:
    """Starts `seqkit run` in a process of its own, which may kill itself at a place."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)

    def begin(out: Path, *settings: str, place: str = "", number: int = 0) -> ForkServerProcess:
        pairs = [word for setting in settings for word in ("--set", setting)]
        given = {
            "place": place,
            "number": number,
            "words": ["seqkit", "run", str(toy), "--out", str(out), *pairs],
            "log": str(out) + ".log",
        }
        process: ForkServerProcess = server.Process(
            target=runpy.run_path, args=(str(script),), kwargs={"init_globals": given}
        )
        process.start()
        return process

    return begin


def ended(process: ForkServerProcess) -> int | None:
    """The exit code of a process, or the signal that killed it, below zero."""
    process.join(120)
    code = process.exitcode
    process.close()
    return code


def kill_and_resume(start: Start, folder: Path, places: Sequence[Place]) -> None:
    """Runs the toy recipe to its end, through kills at each of the places."""
    log = Path(f"{folder}.log")
    for place, number in places:
        assert ended(start(folder, place=place, number=number)) == -signal.SIGKILL, log.read_text()
        assert not (folder / "metrics.json").exists()
    assert ended(start(folder)) == 0, log.read_text()


@pytest.mark.parametrize(
    "places",
    [
        [("seqkit_text.lookup:Lookup.fit", 1)],
        pytest.param([("seqkit.pipeline:Pipeline.prepare", 5)], marks=pytest.mark.slow),
        pytest.param([("seqkit.checkpoints:Checkpoints.save", EPOCH)], marks=pytest.mark.slow),
        pytest.param(
            [("seqkit.selection:evaluate", 1), ("seqkit.training:update", 3)],
            marks=pytest.mark.slow,
        ),
        pytest.param(
            [("seqkit.training:update", 2), ("seqkit.training:update", 2)], marks=pytest.mark.slow
        ),
        [("os:rename", 5), ("seqkit.storage:write_synced", 8), ("os:rename", 4)],
    ],
    ids=["fit", "prepare", "end of an epoch", "evaluation", "twice in an epoch", "saves"],
)
def test_a_process_killed_at_any_place_goes_on_to_the_same_weights(
    start: Start, trained: Path, tmp_path: Path, places: Sequence[Place]
) -> None:
    kill_and_resume(start, tmp_path / "run", places)
    assert weights(tmp_path / "run") == weights(trained)
    assert scores(tmp_path / "run") == scores(trained)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "numbers"),
    [
        ("seqkit_text.spelling:Spelling.fit", [1]),
        ("seqkit_labels.word_crf:CRF.fit", [1]),
        ("seqkit_text.words:Words.prepare", [1, 30]),
        ("seqkit.experiment:prepare_all", [1]),
        ("seqkit.table:Table.stack", [1]),
        ("seqkit.training:update", [1, 2, EPOCH, EPOCH + 1, 2 * EPOCH]),
        ("seqkit.network:Network.forward", [1, EPOCH]),
        ("seqkit.checkpoints:Checkpoints.save", [1, EPOCH + 1, 2 * EPOCH]),
        ("seqkit.checkpoints:Checkpoints.save_best", [1]),
        ("seqkit.checkpoints:Checkpoints.prune", [1, 2, EPOCH, 2 * EPOCH]),
        ("seqkit.checkpoints:Checkpoints.restore_best", [1]),
        ("seqkit.selection:evaluate", [1, 2]),
        ("seqkit.runs:answered", [1, 2]),
        ("seqkit.pipeline:Pipeline.save", [1]),
        ("seqkit.runs:enter", [1]),
        ("seqkit.runs:look", [1]),
        ("os:replace", [1, 2, 3, 4]),
        ("os:rename", list(range(1, 12, 2))),
        ("shutil:rmtree", [1, 2, 3, 4]),
        ("seqkit.storage:write_synced", list(range(1, 60, 4))),
        ("seqkit.storage:sync_folder", list(range(1, 24, 3))),
    ],
)
def test_no_call_of_a_run_is_a_bad_moment_for_a_kill(
    start: Start, trained: Path, tmp_path: Path, place: str, numbers: Sequence[int]
) -> None:
    for number in numbers:
        shutil.rmtree(os.environ["SEQKIT_CACHE"], ignore_errors=True)
        folder = tmp_path / f"run-{number}"
        kill_and_resume(start, folder, [(place, number)])
        assert weights(folder) == weights(trained)
        assert scores(folder) == scores(trained)


def kill_at_random(start: Start, out: Path, draw: random.Random, *settings: str) -> None:
    """Kills a run at a random moment after a random one of its next few updates."""
    process = start(out, *settings)
    before = newest(out)
    wanted = before + draw.randint(1, 4)
    while newest(out) < wanted and process.is_alive():
        time.sleep(0.001)
    time.sleep(draw.uniform(0, 0.02))
    process.kill()
    assert ended(process) == -signal.SIGKILL, Path(f"{out}.log").read_text()


def newest(out: Path) -> int:
    """The number of a run's newest checkpoint."""
    return max((int(path.name[5:]) for path in (out / "checkpoints").glob("step-*")), default=0)


def random_kills(start: Start, folder: Path, kills: int, *settings: str) -> None:
    """Compares a run that was killed at random moments with one that was not."""
    seed = random.randrange(1000)
    draw = random.Random(seed)
    whole, broken = folder / "whole", folder / "broken"
    assert ended(start(whole, *settings)) == 0
    for _ in range(kills):
        kill_at_random(start, broken, draw, *settings)
    assert ended(start(broken, *settings)) == 0, (folder / "broken.log").read_text()
    assert weights(whole) == weights(broken), f"seed {seed}"
    assert scores(whole) == scores(broken), f"seed {seed}"


@pytest.mark.slow
def test_three_kills_at_random_moments_leave_the_weights_as_they_would_be(
    start: Start, tmp_path: Path
) -> None:
    random_kills(start, tmp_path, 3, "train.epochs=8", "evaluate.bootstrap=0")


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        ["train.accumulate=3", "train.epochs=16"],
        ["train.batch={rows: 2}", "train.epochs=5"],
        ["train.batch={rows: 2}", "train.accumulate=3", "train.schedule=cosine", "train.epochs=14"],
        ["train.precision=bf16", "train.schedule={use: plateau, patience: 0}", "train.epochs=8"],
        ["train.every=3", "train.stop={on: loss, patience: 30}", "train.epochs=9"],
        ["train.optimiser={use: sgd, momentum: 0.9}", "train.steps=35", "train.epochs=9"],
    ],
    ids=["accumulate", "rows", "both", "bf16", "every", "sgd"],
)
def test_random_kills_under_other_settings(
    start: Start, tmp_path: Path, settings: list[str]
) -> None:
    random_kills(start, tmp_path, 4, *settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"train.accumulate": 3, "train.batch": {"rows": 2}, "train.schedule": "cosine"},
        {
            "train.every": 3,
            "train.stop": {"on": "loss", "patience": 9},
            "train.optimiser": {"use": "sgd", "momentum": 0.9},
            "train.schedule": {"use": "plateau", "patience": 0},
        },
        {"train.average": {"decay": 0.9}, "train.every": 2},
    ],
    ids=["rows", "loss", "average"],
)
def test_a_run_resumes_exactly_under_each_setting(
    toy: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    settings = {"train.epochs": 4, "train.steps": 7, "evaluate.bootstrap": 0, **settings}
    seqkit.run(toy, out=tmp_path / "whole", set=settings)
    for number in (3, 6):
        with pytest.raises(Killed):
            seqkit.run(toy, out=tmp_path / "broken", set=settings, watch=Until(number))
    watch = Until()
    seqkit.run(toy, out=tmp_path / "broken", set=settings, watch=watch)
    assert watch.updates[0] == 6
    assert weights(tmp_path / "whole") == weights(tmp_path / "broken")
    assert scores(tmp_path / "whole") == scores(tmp_path / "broken")


def test_a_goal_ends_training_at_the_same_update_after_kills(toy: Path, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"train.every": 1, "evaluate.bootstrap": 0}
    settings["train.stop"] = {"on": "loss", "patience": 9}
    best = seqkit.run(toy, out=tmp_path / "free", set=settings).metrics["train"]["best"]
    settings["train.stop"]["goal"] = best["value"]
    train = seqkit.run(toy, out=tmp_path / "whole", set=settings).metrics["train"]
    assert train["steps"] == best["number"] > 1
    for number in (1, best["number"]):
        with pytest.raises(Killed):
            seqkit.run(toy, out=tmp_path / "broken", set=settings, watch=Until(number))
    seqkit.run(toy, out=tmp_path / "broken", set=settings)
    assert weights(tmp_path / "whole") == weights(tmp_path / "broken")
    assert scores(tmp_path / "whole") == scores(tmp_path / "broken")


@pytest.mark.slow
def test_a_schedule_keeps_its_length_where_a_later_epoch_has_other_batches(
    toy: Path, tmp_path: Path
) -> None:
    settings = {
        "train.schedule": "linear",
        "train.epochs": 5,
        "train.batch": {"tokens": 20, "pool": 1},
    }
    seqkit.run(toy, out=tmp_path / "whole", set=settings)
    lengths = [record["step"] for record in scores(tmp_path / "whole")[2]["history"]]
    apart = {after - before for before, after in zip([0, *lengths], lengths, strict=False)}
    assert len(apart) > 1, "the toy's epochs are all of one length, so that nothing is shown"
    for number in (lengths[0] + 2, lengths[1] + 2, lengths[3] + 2):
        with pytest.raises(Killed):
            seqkit.run(toy, out=tmp_path / "broken", set=settings, watch=Until(number))
    seqkit.run(toy, out=tmp_path / "broken", set=settings)
    assert weights(tmp_path / "whole") == weights(tmp_path / "broken")
    assert lengths[-1] == scores(tmp_path / "broken")[2]["steps"]


@pytest.fixture(scope="module")
def killed(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was killed before the checkpoint of update 7."""
    folder = tmp_path_factory.mktemp("killed") / "run"
    with pytest.raises(Killed):
        seqkit.run(trained.parent / "toy.yaml", out=folder, watch=Until(7))
    names = sorted(path.name for path in (folder / "checkpoints").iterdir())
    assert names == ["best-000000004", "step-000000005", "step-000000006"]
    return folder


@pytest.fixture
def partial(killed: Path, trained: Path, tmp_path: Path) -> tuple[Path, str]:
    """A copy of the killed run, and the weights that it should reach."""
    return Path(shutil.copytree(killed, tmp_path / "broken")), weights(trained)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2])


@pytest.mark.parametrize(
    ("damage", "name", "said"),
    [
        (flip, "weights.safetensors", "{}: its sha256 differs from manifest.json: it is damaged."),
        (flip, "progress.safetensors", "{}: its sha256 differs from manifest.json: it is damaged."),
        (cut, "progress.json", "{}: has {size} bytes, but manifest.json says {more}."),
        (Path.unlink, "position.json", "{}: is missing."),
        (cut, "manifest.json", "{}: is damaged."),
    ],
)
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_counts(
    toy: Path,
    partial: tuple[Path, str],
    damage: Callable[[Path], None],
    name: str,
    said: str,
) -> None:
    folder, wanted = partial
    path = folder / "checkpoints/step-000000006" / name
    damage(path)
    size = path.stat().st_size if path.exists() else 0
    watch = Until()
    seqkit.run(toy, out=folder, watch=watch)
    line = said.format(path, size=size, more=size + 2)
    assert watch.lines == [
        f"checkpoint skipped: {line} Copy the folder again, or train again.",
    ]
    assert watch.updates[0] == 6
    assert weights(folder) == wanted


def test_a_checkpoint_without_a_manifest_is_named_and_skipped(
    toy: Path, partial: tuple[Path, str]
) -> None:
    folder, wanted = partial
    place = folder / "checkpoints/step-000000006"
    (place / "manifest.json").unlink()
    watch = Until()
    seqkit.run(toy, out=folder, watch=watch)
    assert watch.lines == [
        f"checkpoint skipped: {place}: manifest.json is missing. Name a folder that seqkit has "
        "saved."
    ]
    assert weights(folder) == wanted


def test_a_checkpoint_whose_best_weights_are_damaged_does_not_count(
    toy: Path, partial: tuple[Path, str]
) -> None:
    folder, wanted = partial
    best = folder / "checkpoints/best-000000004/weights.safetensors"
    flip(best)
    watch = Until()
    seqkit.run(toy, out=folder, watch=watch)
    line = (
        f"checkpoint skipped: {best}: its sha256 differs from manifest.json: it is damaged. "
        "Copy the folder again, or train again."
    )
    assert watch.lines == [line, line]
    assert watch.updates[0] == 1
    assert weights(folder) == wanted


def copied(folder: Path) -> Path:
    return Path(shutil.copytree(folder, folder.with_name("copied")))


def moved(folder: Path) -> Path:
    return folder.rename(folder.with_name("moved"))


def zipped(folder: Path) -> Path:
    archive = shutil.make_archive(str(folder), "zip", folder)
    shutil.rmtree(folder)
    shutil.unpack_archive(archive, folder.with_name("unpacked"))
    return folder.with_name("unpacked")


@pytest.mark.parametrize("carry", [copied, moved, zipped])
def test_a_run_that_was_carried_elsewhere_goes_on(
    toy: Path, partial: tuple[Path, str], carry: Callable[[Path], Path]
) -> None:
    folder, wanted = partial
    place, watch = carry(folder), Until()
    seqkit.run(toy, out=place, watch=watch)
    assert watch.lines == []
    assert watch.updates[0] == 7
    assert weights(place) == wanted


def test_damaged_learnt_state_is_fitted_again(toy: Path, partial: tuple[Path, str]) -> None:
    folder, wanted = partial
    flip(folder / "fitted/learnt.json")
    seqkit.run(toy, out=folder)
    assert weights(folder) == wanted


def test_a_kill_between_the_last_update_and_the_scores_trains_nothing_again(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("seqkit.runs.look", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            seqkit.run(toy, out=tmp_path / "run")
    before = weights(tmp_path / "run")
    watch = Until()
    seqkit.run(toy, out=tmp_path / "run", watch=watch)
    assert watch.updates == []
    assert weights(tmp_path / "run") == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_a_checkpoint_says_so_in_a_line_and_ends_with_130(
    start: Start, tmp_path: Path, number: int
) -> None:
    out, settings = tmp_path / "run", ("train.epochs=70", "train.save=1000", "train.steps=280")
    process = start(out, *settings)
    while newest(out) < EPOCH:
        time.sleep(0.001)
    os.kill(process.pid or 0, number)
    assert ended(process) == 130
    lines = (tmp_path / "run.log").read_text().splitlines()
    assert lines[-1] == (
        f"{out}: stopped after update {newest(out)}. Run the same command again to go on."
    )
    assert newest(out) < 280


def test_a_run_stopped_by_a_signal_goes_on_to_the_same_weights(
    trained: Path, toy: Path, tmp_path: Path
) -> None:
    class Asks(Until):
        def stepped(self, step: Step) -> None:
            super().stepped(step)
            if step.number in (2, 5):
                os.kill(os.getpid(), signal.SIGTERM)

    settings = {"train.save": 1000}
    for number in (2, 5):
        with pytest.raises(Interrupted) as stopped:
            seqkit.run(toy, out=tmp_path / "broken", set=settings, watch=Asks())
        assert str(stopped.value) == (
            f"{tmp_path}/broken: stopped after update {number}. "
            "Run the same command again to go on."
        )
        assert newest(tmp_path / "broken") == number
    seqkit.run(toy, out=tmp_path / "broken", set=settings)
    assert weights(trained) == weights(tmp_path / "broken")


def test_a_signal_while_the_data_are_prepared_stops_before_training(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seqkit.table import prepare_all

    def asked(*given: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return prepare_all(*given)

    monkeypatch.setattr("seqkit.experiment.prepare_all", asked)
    monkeypatch.setenv("SEQKIT_CACHE", str(tmp_path / "cache"))
    with pytest.raises(Interrupted) as stopped:
        seqkit.run(toy, out=tmp_path / "run")
    assert str(stopped.value) == (
        f"{tmp_path}/run: stopped before training. Run the same command again to go on."
    )
    assert not (tmp_path / "run/checkpoints").exists()


def test_what_a_kill_left_half_written_is_swept_and_nothing_else(
    toy: Path, partial: tuple[Path, str]
) -> None:
    folder, wanted = partial
    own = folder / "checkpoints/.step-000000007.new"
    own.mkdir()
    (own / "weights.safetensors").write_bytes(b"half")
    foreign = [folder / "checkpoints" / name for name in ("step-mine", "best-of.txt", ".step.new")]
    for path in foreign:
        path.write_text("mine")
    (folder / "notes.txt").write_text("mine")
    seqkit.run(toy, out=folder)
    assert weights(folder) == wanted
    assert not own.exists()
    assert [path.read_text() for path in (*foreign, folder / "notes.txt")] == ["mine"] * 4
