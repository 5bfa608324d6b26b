"""The report of a run: from its directory alone, all in one page, texts as they are."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import yaml

from seqkit.answers import Answered, keep
from seqkit.errors import ModelError
from seqkit.report import confidence_of_mistake, write_report
from seqkit.runs import read_run

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def done(trained: Path, tmp_path: Path) -> Path:
    """A finished run, alone: neither its recipe nor its data are beside it."""
    return shutil.copytree(trained, tmp_path / "run")


def written(folder: Path) -> str:
    """The page of a run."""
    return write_report(read_run(folder)).read_text("utf-8")


def test_the_page_has_scores_curves_tables_recipe_and_provenance(done: Path) -> None:
    text = written(done)
    metrics = json.loads((done / "metrics.json").read_bytes())
    for split in ("dev", "test"):
        score = metrics[split]["accuracy"]
        assert f"{score['value']:.2f}" in text
        assert f"{score['low']:.2f} to {score['high']:.2f}" in text
        assert score["signature"] in text
    assert text.count("<svg") == 2
    assert f"The weights of update {metrics['train']['best']['number']} were kept" in text
    for heading in (
        "<h1>toy</h1>", "<h2>Scores</h2>", "<h2>Learning</h2>", "<h2>test: accuracy</h2>",
        "<h3>scores by label</h3>", "<h2>Recipe</h2>", "<h2>Provenance</h2>",
    ):  # fmt: skip
        assert heading in text
    assert (done / "recipe.yaml").read_text() in unescape(text)
    origin = json.loads((done / "run.json").read_bytes())
    assert origin["data"]["test"] in text
    assert "seed 1, 818 weights, 8 updates" in text


def test_the_page_needs_nothing_from_elsewhere(done: Path) -> None:
    text = written(done).replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "http" not in text
    assert "<script" not in text
    assert "src=" not in text


def test_no_model_is_loaded(done: Path) -> None:
    for path in (done / "pipeline").iterdir():
        path.unlink()
    shutil.rmtree(done / "checkpoints")
    shutil.rmtree(done / "fitted")
    assert "<h2>test: accuracy</h2>" in written(done)


def answer(done: Path, test: list[Answered], metrics: Any) -> str:
    """The page of a run with other answers, and other metrics."""
    shutil.rmtree(done / "answers")
    keep(done, {"test": test})
    recipe = yaml.safe_load((done / "recipe.yaml").read_text())
    recipe["evaluate"] = {"metrics": metrics, "bootstrap": 0}
    (done / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    return written(done)


def labelled(text: str, gold: str, given: str, sure: float) -> Answered:
    return Answered(
        0, text, {"tag": {"value": gold}}, {"tag": {"value": given, "confidence": sure}}
    )


def test_reliability_is_drawn_and_tabled(done: Path) -> None:
    every = [labelled("t", "a", "a", 0.95), labelled("t", "a", "b", 0.65)]
    text = answer(done, every, ["calibration"])
    assert "<title>1 answers: 95.0% sure, 100.0% right</title>" in text
    assert "<h3>reliability of labels</h3>" in text
    assert text.count("<svg") == 3


def test_the_most_confident_mistakes_are_shown_as_they_are(done: Path) -> None:
    evil = "<script>x</script> & y"
    every = [labelled("fine", "a", "a", 0.99), labelled("less", "a", "b", 0.3)]
    every += [labelled(evil, "a", "<b>", 0.9)]
    text = answer(done, every, ["accuracy"])
    _, _, mistakes = text.partition("most confident mistakes")
    assert "<script" not in text
    assert unescape(mistakes).index(evil) < mistakes.index("less")
    assert "90.0% sure" in mistakes
    assert "gold a, answer <b>" in unescape(mistakes)
    assert "fine" not in mistakes


def test_wrong_spans_are_marked_in_the_text(done: Path) -> None:
    gold = {"value": ["B-X", "O"], "spans": [[0, 3, "X"]], "scheme": "BIO"}
    given = {"value": ["O", "B-Y"], "spans": [[4, 7, "Y"]], "scheme": "BIO"}
    given |= {"span_confidence": [0.75], "confidence": [0.5, 0.75]}
    text = answer(done, [Answered(0, "one two", {"tag": gold}, {"tag": given})], ["span_f1"])
    assert "<mark>one <small>X</small></mark> two" in text
    assert "one <mark>two <small>Y</small></mark>" in text
    assert "<h3>kinds of errors</h3>" in text


def test_wrong_words_are_named(done: Path) -> None:
    gold, given = {"value": ["D", "N"]}, {"value": ["D", "V"], "confidence": [0.9, 0.6]}
    text = answer(done, [Answered(0, "the cat", {"tag": gold}, {"tag": given})], ["accuracy"])
    assert "60.0% sure" in text
    assert "<div>cat: gold N, answer V</div>" in text


@pytest.mark.parametrize(
    ("text", "gold", "given", "sure"),
    [
        ("t", {"value": "a"}, {"value": "a", "confidence": 0.9}, None),
        ("t", {"value": "a"}, {"value": "b", "confidence": 0.9}, 0.9),
        ("t", {"value": "a"}, {"value": "b"}, None),
        (
            "x y",
            {"value": ["a", "b"]},
            {"value": ["b", "b"], "confidence": [0.4, 0.9]},
            0.4,
        ),
        (
            "a long text",
            {"value": ["b", "c"]},
            {"value": ["a", "b"], "confidence": [0.7, 0.9]},
            0.7,
        ),
        ("a long text", {"value": ["b"]}, {"value": [], "confidence": []}, None),
        (
            "t",
            {"value": 0, "spans": [[0, 1, "X"]]},
            {"value": 0, "spans": [[0, 1, "X"]], "span_confidence": [0.9]},
            None,
        ),
        (
            "t",
            {"value": 0, "spans": [[0, 1, "X"]]},
            {"value": 1, "spans": [], "span_confidence": []},
            None,
        ),
    ],
)
def test_a_mistake_is_as_confident_as_what_is_wrong_in_it(
    text: str, gold: Any, given: Any, sure: float | None
) -> None:
    one = Answered(0, text, {"tag": gold}, {"tag": given})
    assert confidence_of_mistake(one, "tag") == sure


def test_without_scores_or_a_curve_the_rest_is_there(done: Path) -> None:
    place = done / "metrics.json"
    metrics = json.loads(place.read_bytes())
    metrics |= {"dev": {}, "test": {}}
    metrics["train"] |= {"history": [], "best": None}
    place.write_text(json.dumps(metrics))
    text = written(done)
    assert "<svg" not in text
    assert "<h2>Scores</h2>" not in text
    assert "<h2>Recipe</h2>" in text


def test_remarks_stand_below_the_scores(done: Path) -> None:
    place = done / "metrics.json"
    metrics = json.loads(place.read_bytes())
    place.write_text(json.dumps(metrics | {"remarks": {"dev": [], "test": ["2 labels < unseen"]}}))
    assert "<p>test: 2 labels &lt; unseen</p>" in written(done)


def test_baselines_stand_below_the_score_that_they_are_beside(done: Path) -> None:
    place = done / "metrics.json"
    metrics = json.loads(place.read_bytes())
    simple = {"value": 12.5, "low": 11.0, "high": 13.0, "signature": "of naive"}
    metrics["test"]["accuracy"]["baselines"] = {"most frequent": simple}
    place.write_text(json.dumps(metrics))
    text = written(done)
    assert "<td>accuracy: most frequent</td>" in text
    assert "11.00 to 13.00" in text


def test_a_score_that_is_no_number_is_a_question_mark(done: Path) -> None:
    place = done / "metrics.json"
    metrics = json.loads(place.read_bytes())
    metrics["test"]["accuracy"] |= {"value": None, "low": None}
    metrics["train"]["history"][0]["dev"]["accuracy"] = None
    place.write_text(json.dumps(metrics))
    assert '<td class="number">?</td><td>? to' in written(done)


def test_damaged_answers_are_not_reported(done: Path) -> None:
    (done / "answers/test.jsonl").write_text("{}\n")
    with pytest.raises(ModelError, match=r"test\.jsonl: has 3 bytes"):
        written(done)


def test_the_command_says_where_the_page_is(command: Command, done: Path) -> None:
    assert command("report", done) == (0, f"{done}/report.html\n", "")
    assert (done / "report.html").exists()
    other = done.parent / "deep/r.html"
    assert command("report", done, "--out", other) == (0, f"{other}\n", "")
    assert other.read_bytes() == (done / "report.html").read_bytes()
    line = f"{done.parent}: is no run: it has no run.json. Name a run directory.\n"
    assert command("report", done.parent) == (2, "", line)
