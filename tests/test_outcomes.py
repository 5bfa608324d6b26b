"""What alternatives came to: means over seeds, one table, curves, profiles of gradients."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from seqkit.alternatives import Alternative, checked
from seqkit.outcomes import Outcome, Trial, curves, curves_csv, markdown, profiles, table
from seqkit.swaps import Swap


@pytest.fixture
def found(toy: Path) -> list[Alternative]:
    """Two alternatives, gru of width 8 and lstm of width 6."""
    given = ["gru", {"use": "lstm", "width": 6}]
    return checked(Swap(toy, {}, "encode"), given, match=True)[1]


def record(step: int, value: float | None, examples: int = 10, **more: Any) -> dict[str, Any]:
    """One evaluation on dev."""
    dev = {"accuracy": value}
    return {
        "epoch": step,
        "step": step,
        "examples": examples * step,
        "loss": 1 / step,
        "dev": dev,
    } | more


def trial(
    value: float = 90.0,
    seed: int = 1,
    on: str = "accuracy",
    history: list[dict[str, Any]] | None = None,
    **more: Any,
) -> Trial:
    """A finished run with a score on test."""
    history = [record(1, 40.0), record(2, value)] if history is None else history
    best = {"number": history[-1]["step"], "name": on, "value": 0.25} if history else None
    train = {
        "seconds": 2.0, "steps": 8, "tokens_per_second": 1500.4, "parameters": 12345,
        "peak_memory_mb": 300.6, "best": best, "history": history,
    }  # fmt: skip
    score = {"value": value, "low": 0, "high": 0, "signature": ""}
    metrics = {"dev": {"accuracy": score}, "test": {"accuracy": score}, "train": train} | more
    return Trial(seed, f"runs/{seed}", metrics)


def failed(seed: int = 1, error: str = "train: no.") -> Trial:
    """A run that failed."""
    return Trial(seed, f"runs/{seed}", None, error)


def test_the_table_tells_quality_size_speed_and_memory(found: list[Alternative]) -> None:
    headings, rows = table([Outcome(found[0], [trial()]), Outcome(found[1], [trial(91.25)])])
    assert headings == [
        "alternative", "test accuracy", "parameters", "width", "tokens/s", "peak MB", "updates",
        "seconds", "best at update", "best at example",
    ]  # fmt: skip
    assert rows == [
        ["gru", "90.00", "12,345", "8", "1,500", "301", "8", "2.0", "2", "20"],
        ["lstm width=6", "91.25", "12,345", "6", "1,500", "301", "8", "2.0", "2", "20"],
    ]


def test_scores_of_several_seeds_are_a_mean_and_a_deviation(found: list[Alternative]) -> None:
    trials = [trial(value, seed) for seed, value in enumerate((1.0, 2.0, 6.0), 1)]
    outcome = Outcome(found[0], trials)
    assert table([outcome])[1][0][:2] == ["gru", "3.00 ± 2.65"]
    assert outcome.summary()["scores"]["test accuracy"]["deviation"] == pytest.approx(7**0.5)


def test_the_loss_is_shown_where_it_was_selected_on(found: list[Alternative]) -> None:
    headings, rows = table([Outcome(found[0], [trial(on="loss")])])
    assert headings[1:3] == ["test accuracy", "dev loss"]
    assert rows[0][1:3] == ["90.00", "0.2500"]


def test_dev_stands_in_where_there_is_no_test(found: list[Alternative]) -> None:
    headings, rows = table([Outcome(found[0], [trial(test={})])])
    assert (headings[1], rows[0][1]) == ("dev accuracy", "90.00")


def test_a_failure_has_a_line_and_what_was_reckoned_before_it(found: list[Alternative]) -> None:
    outcomes = [Outcome(found[0], [trial()]), Outcome(found[1], [failed()], 999)]
    assert table(outcomes)[1][1] == ["lstm width=6 (failed)", "-", "999", "6", *["-"] * 6]
    half = Outcome(found[0], [trial(), failed(2)])
    assert table([half])[1][0][:2] == ["gru (1 of 2 seeds)", "90.00"]
    assert half.plain()["runs"][1]["error"] == "train: no."


def test_what_is_no_number_is_no_mean(found: list[Alternative]) -> None:
    unknown = {"accuracy": {"value": None}}
    _, rows = table([Outcome(found[0], [trial(), trial(test=unknown)])])
    assert rows[0][1] == "-"


def test_without_a_dev_split_there_is_no_best_and_no_curve(found: list[Alternative]) -> None:
    outcomes = [Outcome(found[0], [trial(history=[])])]
    assert "best at update" not in table(outcomes)[0]
    assert curves(outcomes)[2] == []
    assert curves_csv(outcomes).count("\n") == 1


def test_markdown_keeps_its_columns() -> None:
    text = markdown(["a", "b"], [["x|y", "1"]])
    assert text == "| a | b |\n| --- | ---: |\n| x\\|y | 1 |\n"


def test_all_evaluations_are_in_the_csv(found: list[Alternative]) -> None:
    outcomes = [Outcome(found[0], [trial(), trial(80.0, 2)]), Outcome(found[1], [failed()])]
    rows = list(csv.DictReader(io.StringIO(curves_csv(outcomes))))
    assert [(row["seed"], row["step"], row["examples"], row["dev accuracy"]) for row in rows] == [
        ("1", "1", "10", "40.0"),
        ("1", "2", "20", "90.0"),
        ("2", "1", "10", "40.0"),
        ("2", "2", "20", "80.0"),
    ]
    assert {row["alternative"] for row in rows} == {"gru"}
    assert [row["loss"] for row in rows[:2]] == ["1.0", "0.5"]


def test_a_curve_is_the_mean_over_seeds_where_all_of_them_are(found: list[Alternative]) -> None:
    short = trial(seed=2, history=[record(1, 60.0)])
    across, up, (line,) = curves([Outcome(found[0], [trial(), short, failed(3)])])
    assert (across, up) == ("training examples", "dev accuracy")
    assert (line.name, line.points) == ("gru", ((10.0, 50.0),))


def test_where_examples_are_not_known_curves_go_by_updates(found: list[Alternative]) -> None:
    history = [record(1, 40.0, examples=0), record(2, 50.0, examples=0)]
    across, _, (line,) = curves([Outcome(found[0], [trial(history=history)])])
    assert (across, line.points) == ("updates", ((1.0, 40.0), (2.0, 50.0)))


def test_a_value_that_is_none_is_no_point(found: list[Alternative]) -> None:
    history = [record(1, None), record(2, 50.0)]
    assert curves([Outcome(found[0], [trial(history=history)])])[2][0].points == ((20.0, 50.0),)


def test_profiles_are_of_the_first_part_at_the_first_and_the_last_evaluation(
    found: list[Alternative],
) -> None:
    history = [
        record(1, 1.0, gradients={"layer 1": [0.1, 0.2, 0.4], "layer 2": [9.0, 9.0, 9.0]}),
        record(2, 1.0, gradients={"layer 1": [5.0, 5.0, 5.0]}),
        record(3, 1.0, gradients={"layer 1": [0.3, None, 0.5]}),
    ]
    outcomes = [
        Outcome(found[0], [failed(), trial(seed=2, history=history)]),
        Outcome(found[1], [trial()]),
    ]
    first, last = profiles(outcomes)
    assert (first.name, first.points, first.dashed) == (
        "gru", ((0, 0.4), (1, 0.2), (2, 0.1)), False
    )  # fmt: skip
    assert (last.name, last.points, last.dashed) == ("gru", ((0, 0.5), (2, 0.3)), True)


def test_a_thinned_profile_keeps_its_distances(found: list[Alternative]) -> None:
    history = [record(1, 1.0, gradients={"layer 1": [0.1, 0.2, 0.4]}, gradients_every=3)]
    (line,) = profiles([Outcome(found[0], [trial(history=history)])])
    assert line.points == ((0, 0.4), (3, 0.2), (6, 0.1))


def test_one_evaluation_gives_one_profile(found: list[Alternative]) -> None:
    history = [record(1, 1.0, gradients={"layer 1": [0.1, 0.2]})]
    (line,) = profiles([Outcome(found[0], [trial(history=history)])])
    assert not line.dashed
    assert profiles([Outcome(found[0], [trial()])]) == []


def test_all_of_it_is_json(found: list[Alternative]) -> None:
    plain = json.loads(json.dumps(Outcome(found[1], [trial(), failed(2)]).plain()))
    assert plain["value"] == {"use": "lstm", "width": 6, "dropout": 0.3}
    assert plain["dropped"] == []
    assert [run["history"] for run in plain["runs"]] == [list(trial().history), []]
