"""Series from end to end: trained, scored beside simple methods, predicted, and told apart."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqkit
from seqkit.errors import DataError
from seqkit.pipeline import Pipeline

Command = Callable[..., tuple[int, str, str]]
MONTHS = 48
METHODS = [
    "naive",
    "seasonal naive",
    "transform alone",
    "Holt-Winters additive",
    "Holt-Winters multiplicative",
]
Y = (90 + np.arange(MONTHS)) * np.resize([1.2, 0.8, 1.1, 0.9], MONTHS)
Y *= np.random.default_rng(4).uniform(0.97, 1.03, MONTHS)


def recipe(folder: Path, **data: Any) -> Path:
    lines = [f"{2000 + n // 12}-{n % 12 + 1:02},{y:.3f},{n % 4}" for n, y in enumerate(Y)]
    (folder / "a.csv").write_text("\n".join(["month,y,quarter", *lines]))
    transform = {"log": True, "differences": [1, 4]}
    content = {
        "seqkit": 1,
        "name": "small",
        "data": {
            "use": "series",
            **dict.fromkeys(("train", "dev", "test"), "a.csv"),
            "target": "y",
            "exogenous": ["quarter"],
            "time": "month",
            "history": 12,
            "ahead": 2,
            "held_out": {"dev": 12, "test": 10},
            "text": "history",
            "gold": "future",
            **data,
        },
        "embed": {"use": "frames", **transform, "first": 1, "scale": True},
        "encode": {"use": "lstm", "width": 4},
        "decode": {"use": "forecast", **transform, "quantiles": [0.1, 0.9], "keep": ["time"]},
        "train": {"epochs": 2, "batch": {"rows": 8}},
        "evaluate": {
            "metrics": ["rmse", "mae", "smape", "mase", "pinball", "coverage"],
            "bootstrap": 20,
        },
    }
    path = folder / "small.yaml"
    path.write_text(json.dumps(content))
    return path


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> seqkit.Run:
    folder = tmp_path_factory.mktemp("series")
    return seqkit.run(recipe(folder), out=folder / "run")


@pytest.fixture(scope="module")
def pipeline(done: seqkit.Run) -> Pipeline:
    loaded: Pipeline = done.load()
    return loaded


def test_every_score_stands_beside_those_of_simple_methods(done: seqkit.Run) -> None:
    for split in ("dev", "test"):
        for name, score in done.metrics[split].items():
            assert list(score["baselines"]) == METHODS, name
    rmse = done.metrics["test"]["rmse"]["baselines"]
    assert "examples:9 boot:20" in rmse["naive"]["signature"]
    golds = np.array([[Y[t], Y[t + 1]] for t in range(38, 47)])
    last = np.array([[Y[t - 1]] * 2 for t in range(38, 47)])
    assert rmse["naive"]["value"] == pytest.approx(np.sqrt(np.square(golds - last).mean()), 1e-5)
    assert json.loads((done.folder / "metrics.json").read_bytes()) == done.metrics


def test_answers_are_kept_with_time_and_anomaly(done: seqkit.Run) -> None:
    every = done.answers("test")
    assert [one.answers["future"]["time"] for one in every][:2] == ["2003-03", "2003-04"]
    for one in every:
        answer = one.answers["future"]
        assert len(answer["value"]) == len(answer["anomaly"]) == 2
        assert set(answer["quantiles"]) == {"0.1", "0.9"}


def test_the_terminal_and_the_report_show_them(done: seqkit.Run, command: Command) -> None:
    data = done.folder.parent
    code, said, _ = command("run", data / "small.yaml", "--out", done.folder)
    assert code == 0
    assert said.count("Holt-Winters multiplicative") == 12
    code, said, _ = command("evaluate", done.folder, "--on", data / "a.csv", "--tables")
    assert code == 0
    assert "seasonal naive" in said
    assert "rmse: by step ahead" in said
    code, said, _ = command("evaluate", done.folder, "--on", data / "a.csv", "--json")
    assert list(json.loads(said)["mase"]["baselines"]) == METHODS
    command("report", done.folder)
    assert "rmse: seasonal naive" in (done.folder / "report.html").read_text()


def test_a_file_is_predicted_up_to_the_step_after_its_end(
    done: seqkit.Run, command: Command
) -> None:
    code, said, _ = command("predict", done.folder, done.folder.parent / "a.csv", "--as", "series")
    assert code == 0
    answers = [json.loads(line)["answers"]["future"] for line in said.splitlines()]
    assert len(answers) == MONTHS - 12 - 2 + 1 + 1
    assert [answer.get("time") for answer in answers][:2] == ["2001-01", "2001-02"]
    assert all("anomaly" in answer for answer in answers[:-1])
    assert "anomaly" not in answers[-1]
    assert "time" not in answers[-1]


def test_an_odd_month_has_the_highest_anomaly(done: seqkit.Run, tmp_path: Path) -> None:
    from seqkit.prediction import examples_in, lines

    table = (done.folder.parent / "a.csv").read_text().splitlines()
    month, _, quarter = table[41].split(",")
    table[41] = f"{month},400,{quarter}"
    path = tmp_path / "odd.csv"
    path.write_text("\n".join(table[:43]))
    pipeline = done.load()
    found = [
        json.loads(one) for one in lines(pipeline, examples_in(pipeline, [], str(path), "series"))
    ]
    first = {a["answers"]["future"].get("time"): a["answers"]["future"] for a in found}
    first.pop(None)
    assert max(first, key=lambda time: first[time]["anomaly"][0]) == month


def test_a_forecast_is_the_same_alone_and_beside_others(pipeline: Pipeline) -> None:
    series = np.stack([Y, np.arange(MONTHS) % 4], 1).astype(np.float32)
    every = [series[:end] for end in (12, 40, 6, 25, 48)]
    together = pipeline(every)
    for one, answer in zip(every, together, strict=True):
        [alone] = pipeline([one])
        for key in ("value", "quantiles"):
            left, right = (
                np.array(list(part.values()) if isinstance(part, dict) else part)
                for part in (alone["future"][key], answer["future"][key])
            )
            np.testing.assert_allclose(left, right, rtol=1e-5)


def test_a_history_that_is_too_short_is_told(pipeline: Pipeline) -> None:
    with pytest.raises(DataError) as caught:
        pipeline([np.ones((4, 2))])
    assert str(caught.value) == (
        "forecast: a history of 4 steps is too short for differences at 1, 4, which need 5. "
        "Give a longer one."
    )
    with pytest.raises(DataError, match="inf at step 2 of 6, channel 1 of 2, is no finite number"):
        pipeline([np.array([[1.0, 1.0], [np.inf, 1.0], *[[1.0, 1.0]] * 4])])


def test_a_constant_series_is_not_trained_on(tmp_path: Path, command: Command) -> None:
    path = recipe(tmp_path)
    (tmp_path / "a.csv").write_text(
        "\n".join(
            ["month,y,quarter", *(f"{2000 + n // 12}-{n % 12 + 1:02},5,1" for n in range(48))]
        )
    )
    code, _, said = command("run", path, "--out", tmp_path / "run")
    assert code == 2
    assert "forecast: the transform leaves always the same: nothing is to be learnt" in said


def test_a_missing_month_stops_a_run_with_its_line(tmp_path: Path, command: Command) -> None:
    path = recipe(tmp_path)
    lines = (tmp_path / "a.csv").read_text().splitlines()
    del lines[10]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    code, _, said = command("run", path, "--out", tmp_path / "run")
    assert code == 2
    assert "a.csv:11: column 'month': 2000-11 comes after 2000-09" in said
