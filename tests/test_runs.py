"""The run directory: begun once, finished once, refused by name where it is another's."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

import seqkit
from seqkit.errors import DataError, ModelError, RunError, SeqkitError
from seqkit.experiment import Silent
from seqkit.guards import signalled
from seqkit.pipeline import Pipeline
from seqkit.recipe import read_recipe
from seqkit.runs import clear, read_run
from seqkit.training import Step

WRITTEN = [
    ".lock", "answers", "checkpoints", "fitted", "metrics.json", "pipeline", "recipe.yaml",
    "run.json", "samples.json",
]  # fmt: skip


class Watch(Silent):
    """Keeps what is said, and counts the updates."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.updates = 0

    def stepped(self, step: Step) -> None:
        self.updates += 1

    def said(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture
def done(trained: Path, tmp_path: Path) -> Path:
    """A copy of a finished run; its recipe and data are copied beside it."""
    shutil.copytree(trained.parent, tmp_path / "copy")
    return tmp_path / "copy/run"


def again(done: Path, **options: Any) -> tuple[seqkit.runs.Run, Watch]:
    """Runs the recipe of a finished run once more, in the same folder."""
    watch = Watch()
    return seqkit.run(done.parent / "toy.yaml", out=done, watch=watch, **options), watch


def test_a_run_writes_these_names_and_no_others(done: Path) -> None:
    assert sorted(path.name for path in done.iterdir()) == WRITTEN
    assert sorted(path.name for path in (done / "pipeline").iterdir()) == [
        "learnt.json", "learnt.safetensors", "manifest.json", "pipeline.json", "weights.safetensors"
    ]  # fmt: skip


def test_the_metrics_have_the_documented_shape(trained: Path) -> None:
    metrics = json.loads((trained / "metrics.json").read_bytes())
    assert list(metrics) == ["format", "dev", "test", "train"]
    assert metrics["format"] == 1
    for split, examples in (("dev", 5), ("test", 5)):
        assert list(metrics[split]) == ["accuracy"]
        score = metrics[split]["accuracy"]
        assert list(score) == ["value", "low", "high", "signature"]
        assert 0 <= score["low"] <= score["value"] <= score["high"] <= 100
        assert score["signature"] == f"accuracy of:words examples:{examples} boot:20"
    train = metrics["train"]
    assert list(train) == [
        "seconds", "steps", "tokens_per_second", "parameters", "peak_memory_mb", "precision",
        "best", "history",
    ]  # fmt: skip
    assert 0 < train["seconds"] < 600
    assert train["steps"] == 8
    assert train["tokens_per_second"] == pytest.approx(2 * 51 / train["seconds"], rel=0.01)
    assert train["parameters"] == seqkit.load(trained).parameters
    assert 50 < train["peak_memory_mb"] < 1e6
    assert train["precision"] == "fp32"
    assert list(train["best"]) == ["number", "name", "value"]
    keys = ["epoch", "step", "examples", "loss", "dev"]
    assert [list(record) for record in train["history"]] == [keys] * 2
    assert [record["examples"] for record in train["history"]] == [12, 24]


def test_the_resolved_recipe_is_a_recipe_that_reads_to_an_equal_one(trained: Path) -> None:
    resolved = read_recipe(trained / "recipe.yaml")
    assert resolved == read_recipe(trained.parent / "toy.yaml")
    assert yaml.safe_load((trained / "recipe.yaml").read_text()) == resolved.plain()


def test_the_samples_are_answers_to_the_first_test_texts(trained: Path) -> None:
    samples = json.loads((trained / "samples.json").read_bytes())
    assert [sample["index"] for sample in samples] == [0, 1, 2]
    answers = seqkit.load(trained)([sample["text"].split() for sample in samples])
    assert [sample["answers"] for sample in samples] == answers


def test_a_finished_run_answers_at_once_and_trains_nothing(
    done: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.read_bytes() for path in done.rglob("*") if path.is_file()}
    monkeypatch.setattr("seqkit.experiment.Experiment.learn", None)
    run, watch = again(done)
    assert run.done_before
    assert run.metrics == json.loads((done / "metrics.json").read_bytes())
    assert watch.lines == []
    assert before == {path: path.read_bytes() for path in done.rglob("*") if path.is_file()}


def test_a_run_says_whether_it_was_finished_before(toy: Path, tmp_path: Path) -> None:
    first = seqkit.run(toy, out=tmp_path / "run")
    second = seqkit.run(toy, out=str(tmp_path / "run"))
    assert (first.done_before, second.done_before) == (False, True)
    assert first.metrics == second.metrics
    assert first.samples == second.samples
    assert isinstance(second.load(), Pipeline)
    assert second.data == tmp_path


def test_the_default_folder_is_named_after_the_recipe(
    toy: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    run = seqkit.run(toy, set={"train.steps": 1, "name": "mine"})
    assert run.folder == Path("runs/mine")
    assert (tmp_path / "elsewhere/runs/mine/metrics.json").exists()


REFUSED = "{}: holds another run: {}. Give another --out, or start over with --fresh."


def test_a_changed_recipe_is_refused_naming_what_changed(done: Path) -> None:
    with pytest.raises(RunError) as refused:
        again(done, set={"encode.width": 10, "train.seed": 2})
    what = "recipe.encode.width was 8 and is 10; recipe.train.seed was 1 and is 2"
    assert str(refused.value) == REFUSED.format(done, what)


def test_a_run_that_has_trained_nothing_yet_gives_way(toy: Path, tmp_path: Path) -> None:
    path = tmp_path / "test.conll"
    right = path.read_text()
    path.write_text(right + "\nthe\n")  # found after the stages are fitted
    with pytest.raises(DataError, match="1 column, expected 2"):
        seqkit.run(toy, out=tmp_path / "run")
    assert (tmp_path / "run/fitted").exists()
    path.write_text(right)
    watch = Watch()
    settings = {"train.seed": 2, "train.steps": 2}
    seqkit.run(toy, out=tmp_path / "run", set=settings, watch=watch)
    assert watch.updates == 2
    assert json.loads((tmp_path / "run/run.json").read_bytes())["seed"] == 2
    assert read_recipe(tmp_path / "run/recipe.yaml").train.seed == 2


def test_of_many_changes_three_are_named(done: Path) -> None:
    settings = {f"train.{name}": 9 for name in ("epochs", "seed", "clip", "save", "every")}
    with pytest.raises(RunError) as refused:
        again(done, set=settings)
    what = (
        "recipe.train.clip was 5.0 and is 9.0; recipe.train.epochs was 2 and is 9; "
        "recipe.train.every was not there and is 9; and 2 more"
    )
    assert str(refused.value) == REFUSED.format(done, what)


def test_changed_data_are_refused(done: Path) -> None:
    path = done.parent / "test.conll"
    path.write_text(path.read_text().replace("cat", "dog"))
    with pytest.raises(
        RunError, match=r"another run: data\.test was [0-9a-f]{12}… and is [0-9a-f]"
    ):
        again(done)


def test_another_sample_is_refused(done: Path) -> None:
    with pytest.raises(RunError, match=r"another run: sample was not there and is 3; data\."):
        again(done, sample=3)


def test_an_edited_plugin_is_refused(done: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from seqkit.data import plugin_digests

    monkeypatch.setattr(
        "seqkit.provenance.plugin_digests",
        lambda recipe: {**plugin_digests(recipe), "seqkit_text": "f" * 64},
    )
    with pytest.raises(RunError, match=r"plugins\.seqkit_text was \w{12}… and is ffffffffffff…\."):
        again(done)


def test_other_versions_and_another_machine_are_said_and_not_refused(
    done: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = done / "run.json"
    before = json.loads(place.read_bytes())
    before["versions"]["torch"], before["hardware"]["cores"] = "0.0", 1000
    place.write_text(json.dumps(before))
    _, watch = again(done)
    assert watch.lines == [
        f"the {name} differ from those the run began with: results may differ slightly"
        for name in ("versions", "hardware")
    ]


@pytest.mark.parametrize("content", ["{", "[]", "7", ""])
def test_a_damaged_run_file_is_named(done: Path, content: str) -> None:
    (done / "run.json").write_text(content)
    with pytest.raises(RunError) as refused:
        again(done)
    wanted = f"{done}/run.json: is damaged. Start over with --fresh."
    if content == "[]":  # an empty provenance: everything differs
        wanted = f"{done}: holds another run: "
    assert str(refused.value).startswith(wanted)
    assert again(done, fresh=True, set={"train.steps": 1})[1].updates == 1


def test_fresh_starts_over_and_removes_only_what_seqkit_wrote(done: Path) -> None:
    mine = [done / "notes.txt", done / "plots/loss.svg", done / "checkpoints/keep.txt"]
    for path in mine:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    (done / "report.html").write_text("of the run before")
    for name in (".pipeline.old", ".fitted.new", ".answers.new"):  # left by a kill
        (done / name).mkdir()
    run, watch = again(done, fresh=True, set={"train.seed": 2})
    assert (run.done_before, watch.updates) == (False, 8)
    assert [path.read_text() for path in mine] == ["mine"] * 3
    names = {path.name for path in done.iterdir()}
    assert names == {*WRITTEN, "notes.txt", "plots"}
    assert json.loads((done / "run.json").read_bytes())["seed"] == 2


def test_a_run_that_was_being_cleared_never_looks_finished(
    done: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[str] = []
    unlink = Path.unlink

    def noted(path: Path, missing_ok: bool = False) -> None:
        removed.append(path.name)
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", noted)
    clear(done)
    assert removed[0] == "metrics.json"
    assert sorted(path.name for path in done.iterdir()) == [".lock", "run.json"]


@pytest.mark.parametrize("name", [name for name in WRITTEN if name not in (".lock", "run.json")])
@pytest.mark.parametrize("fresh", [False, True])
def test_a_folder_that_is_no_run_is_never_touched(
    toy: Path, tmp_path: Path, name: str, fresh: bool
) -> None:
    folder = tmp_path / "project"
    (folder / name).mkdir(parents=True)
    (folder / name / "work.txt").write_text("mine")
    with pytest.raises(RunError) as refused:
        seqkit.run(toy, out=folder, fresh=fresh)
    assert str(refused.value) == (
        f"{folder}: has '{name}', but no run.json: it is no run. Give another --out."
    )
    assert (folder / name / "work.txt").read_text() == "mine"


def test_an_own_recipe_in_the_folder_is_not_overwritten(toy: Path, tmp_path: Path) -> None:
    own = tmp_path / "recipe.yaml"
    own.write_text(toy.read_text())
    with pytest.raises(RunError, match=r"has 'recipe\.yaml', but no run\.json"):
        seqkit.run(own, out=tmp_path)
    assert own.read_text() == toy.read_text()


def test_a_kill_between_the_first_two_files_does_not_matter(done: Path) -> None:
    (done / "recipe.yaml").unlink()
    run, _ = again(done)
    assert run.done_before
    assert (done / "recipe.yaml").exists()


@pytest.mark.parametrize("name", ["metrics.json", "samples.json", "pipeline", "answers"])
def test_a_finished_run_that_lost_a_part_is_finished_again_without_training(
    done: Path, name: str
) -> None:
    before = json.loads((done / "metrics.json").read_bytes())
    weights = (done / "pipeline/weights.safetensors").read_bytes()
    place = done / name
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    run, watch = again(done)
    assert (run.done_before, watch.updates) == (False, 0)
    assert (done / "pipeline/weights.safetensors").read_bytes() == weights
    assert {**run.metrics, "train": 0} == {**before, "train": 0}
    assert run.metrics["train"]["seconds"] == before["train"]["seconds"]


def test_damaged_metrics_are_measured_again(done: Path) -> None:
    before = json.loads((done / "metrics.json").read_bytes())
    (done / "metrics.json").write_text('{"format": 1, "dev": ')
    run, _ = again(done)
    assert run.metrics["test"] == before["test"]


def test_seconds_and_tokens_are_summed_over_resumes(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = iter(range(10**6))
    monkeypatch.setattr("seqkit.experiment.time.monotonic", lambda: float(next(ticks)))

    class Ends(Watch):
        def stepped(self, step: Step) -> None:
            if step.number == 6:
                raise KeyboardInterrupt

    whole = seqkit.run(toy, out=tmp_path / "whole").metrics["train"]
    with pytest.raises(KeyboardInterrupt):
        seqkit.run(toy, out=tmp_path / "broken", watch=Ends())
    broken = seqkit.run(toy, out=tmp_path / "broken").metrics["train"]
    assert whole["seconds"] == broken["seconds"] > 8
    assert whole["tokens_per_second"] == broken["tokens_per_second"]


def test_a_second_run_in_the_same_folder_is_refused(done: Path) -> None:
    with open(done / ".lock", "wb") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(RunError) as refused:
            again(done)
    assert str(refused.value) == (
        f"{done}: another process is running in it. Wait for it, or give another --out."
    )
    assert again(done)[0].done_before


def test_a_file_in_the_place_of_the_folder_is_an_error(toy: Path, tmp_path: Path) -> None:
    out = tmp_path / "file"
    out.write_text("mine")
    with pytest.raises(RunError) as refused:
        seqkit.run(toy, out=out)
    assert str(refused.value) == f"{out}: cannot be written (File exists). Give another --out."
    assert out.read_text() == "mine"


@pytest.mark.parametrize("number", [12, 40])
def test_a_full_disk_leaves_nothing_half_written_and_nothing_lost(
    toy: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    calls = iter(range(1, 10**6))
    fsync = os.fsync

    def full(handle: int) -> None:
        if next(calls) >= number:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(handle)

    with monkeypatch.context() as patch:
        patch.setenv("SEQKIT_CACHE", str(tmp_path / "cache"))
        patch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space left on device"):
            seqkit.run(toy, out=tmp_path / "run")
    halves = [path for path in (tmp_path / "run").rglob("*") if path.name.endswith(".new")]
    assert halves == []
    seqkit.run(toy, out=tmp_path / "run")
    same = [folder / "pipeline/weights.safetensors" for folder in (trained, tmp_path / "run")]
    assert same[0].read_bytes() == same[1].read_bytes()


def test_a_cache_that_cannot_be_written_does_not_matter(
    toy: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SEQKIT_CACHE", str(tmp_path / "file"))
    run = seqkit.run(toy, out=tmp_path / "run")
    assert run.metrics["test"] == json.loads((trained / "metrics.json").read_bytes())["test"]


def test_a_sample_takes_the_first_rows_of_each_split(toy: Path, tmp_path: Path) -> None:
    run = seqkit.run(toy, out=tmp_path / "run", sample=2, set={"train.batch": {"rows": 1}})
    assert run.metrics["train"]["steps"] == 2 * 2
    assert run.metrics["dev"]["accuracy"]["signature"] == "accuracy of:words examples:2 boot:20"
    assert len(run.samples) == 2
    assert json.loads((tmp_path / "run/run.json").read_bytes())["sample"] == 2


def test_a_wrong_device_makes_no_folder(toy: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="--device tpu"):
        seqkit.run(toy, out=tmp_path / "run", device="tpu")
    assert not (tmp_path / "run").exists()


def test_a_run_in_another_thread_takes_no_signals(toy: Path, tmp_path: Path) -> None:
    found: list[Any] = []

    def work() -> None:
        with signalled() as asked:
            found.append(asked())
        found.append(seqkit.run(toy, out=tmp_path / "run", set={"train.steps": 1}).metrics)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert found[0] is False
    assert found[1]["train"]["steps"] == 1


def test_a_finished_run_is_read_from_its_directory_alone(trained: Path, tmp_path: Path) -> None:
    alone = shutil.copytree(trained, tmp_path / "elsewhere")
    run = read_run(alone)
    assert run.metrics == json.loads((trained / "metrics.json").read_bytes())
    assert run.recipe == read_recipe(trained.parent / "toy.yaml")
    assert run.origin["seed"] == 1
    assert [len(run.answers(split)) for split in ("dev", "test")] == [5, 5]
    first = run.samples[0]
    assert run.answers("test")[0].answers == first["answers"]
    assert run.answers("test")[0].text == first["text"]


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        ("run.json", "is no run: it has no run.json. Name a run directory."),
        ("pipeline", "is not finished: it has no 'pipeline'. Run its recipe again to go on."),
        ("answers", "is not finished: it has no 'answers'. Run its recipe again to go on."),
        (
            "metrics.json",
            "is not finished: it lacks scores or samples. Run its recipe again to go on.",
        ),
    ],
)
def test_a_folder_that_is_no_finished_run_is_not_read(done: Path, lost: str, message: str) -> None:
    place = done / lost
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    with pytest.raises(RunError) as refused:
        read_run(done)
    assert str(refused.value) == f"{done}: {message}"


def test_without_metrics_a_run_keeps_no_answers(toy: Path, tmp_path: Path) -> None:
    seqkit.run(toy, out=tmp_path / "run", set={"evaluate.metrics": [], "train.steps": 1})
    with pytest.raises(RunError) as refused:
        read_run(tmp_path / "run").answers("test")
    assert str(refused.value) == f"{tmp_path}/run: has no answers to 'test'. There are: none."


def test_a_run_that_is_not_finished_cannot_be_loaded(done: Path) -> None:
    shutil.rmtree(done / "pipeline")
    with pytest.raises(ModelError) as refused:
        seqkit.load(done)
    assert str(refused.value) == (
        f"{done}: the run is not finished. Run its recipe again to go on."
    )


def test_a_metric_that_is_no_number_does_not_end_a_run(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqkit_labels.metrics.Accuracy.value", lambda *_: float("nan"))
    run = seqkit.run(toy, out=tmp_path / "run")
    assert run.metrics["test"]["accuracy"]["value"] is None
    assert run.metrics["train"]["best"] is None
    assert json.loads((tmp_path / "run/metrics.json").read_bytes()) == run.metrics


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"encode.hiden": 3}, "bilstm has no setting 'hiden'."),
        ({"train.seed": "x"}, "train.seed: input should be an integer, not 'x'."),
        ({"train.precision": "fp16"}, "train.precision: input should be 'auto', 'fp32' or 'bf16'"),
    ],
)
def test_a_wrong_setting_is_refused_before_a_folder_is_made(
    toy: Path, tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(SeqkitError) as refused:
        seqkit.run(toy, out=tmp_path / "run", set=settings)
    assert message in str(refused.value)
    assert not (tmp_path / "run").exists()
