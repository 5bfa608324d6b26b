"""Question answering from a file to answers: trained, saved, loaded and asked."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import seqkit
from seqkit.errors import DataError

NAMES = ["Ada", "Bo", "Cy", "Di", "Eve", "Flo"]
TOWNS = ["Ulm", "Rome", "Bonn", "Graz", "Lyon", "Oslo"]
RECIPE = """\
seqkit: 1
name: born
data:
  use: squad
  train: born_train*.json
  dev: born_dev.json
  test: born_dev.json
  text: {passage: passage, question: question}
  gold: answers
tokenise: words
embed: {use: concat, parts: [{use: lookup, width: 16}, {use: exact_match}]}
encode:
  - {use: aligned, to: passage}
  - passage: {use: bilstm, width: 24}
    question: {use: bilstm, width: 24}
decode: {use: span, longest: 3, best: 2}
train: {epochs: 8, batch: {rows: 8}, optimiser: {use: adam, rate: 0.02}, save: 0}
evaluate: {metrics: [answer_exact, answer_f1], bootstrap: 20}
"""


def write(path: Path, draw: random.Random, count: int) -> None:
    """Passages about three people each; every fourth question is about somebody else."""
    paragraphs = []
    for number in range(count):
        who, where = draw.sample(NAMES, 4), draw.sample(TOWNS, 3)
        parts = [f"{one} was born in {town} ." for one, town in zip(who, where, strict=False)]
        passage, asked = " ".join(parts), number % 4
        question: dict[str, Any] = {"id": f"q{number}", "question": f"where was {who[asked]} born"}
        if asked < 3:
            found = {"text": where[asked], "answer_start": passage.index(where[asked])}
            question["answers"] = [found]
        else:
            question |= {"answers": [], "is_impossible": True}
        paragraphs.append({"context": passage, "qas": [question]})
    path.write_text(json.dumps({"data": [{"title": "born", "paragraphs": paragraphs}]}))


def prepared(folder: Path, count: int) -> Path:
    """The recipe, beside files of so many questions to train on."""
    draw = random.Random(1)
    for name in ("train_1", "train_2"):
        write(folder / f"born_{name}.json", draw, count // 2)
    write(folder / "born_dev.json", draw, 24)
    (folder / "born.yaml").write_text(RECIPE)
    return folder / "born.yaml"


@pytest.fixture(scope="module")
def born(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, which has hardly learnt anything."""
    path = prepared(tmp_path_factory.mktemp("born"), 16)
    seqkit.run(path, out=path.parent / "run", set={"train.epochs": 1})
    return path.parent / "run"


PASSAGE = "Bo was born in Rome . Flo was born in Graz . Ada was born in Ulm ."


@pytest.mark.slow
def test_it_learns_to_answer_and_to_refuse(tmp_path: Path) -> None:
    run = seqkit.run(prepared(tmp_path, 128), out=tmp_path / "run")
    assert run.metrics["dev"]["answer_exact"]["value"] >= 75
    assert run.metrics["dev"]["answer_f1"]["value"] >= 75
    asked = [
        {"passage": PASSAGE, "question": "where was Flo born"},
        {"passage": PASSAGE, "question": "where was Cy born"},
    ]
    found, refused = (answers["answers"] for answers in run.load()(asked))
    assert (found["value"], found["span"]) == ("Graz", [38, 42])
    assert (refused["value"], refused["span"]) == ("", None)


def test_the_same_question_has_the_same_answer_alone_and_beside_others(born: Path) -> None:
    pipeline = seqkit.load(born)
    asked = [
        {"passage": PASSAGE, "question": "where was Flo born"},
        {"passage": "", "question": "where was Cy born"},
        {"passage": f"{PASSAGE} {PASSAGE}", "question": "where was Ada born, Ada of all of them"},
        {"passage": "Ulm", "question": ""},
    ]
    together = [answers["answers"] for answers in pipeline(asked)]
    assert [one.get("remark") for one in together] == [
        None,
        "the passage is empty",
        None,
        "the question is empty",
    ]
    for one, found in zip(asked, together, strict=True):
        assert pipeline([one])[0]["answers"] == found
        begin, end = found["span"] or (0, 0)
        assert found["value"] == one["passage"][begin:end]


def test_a_missing_input_is_told(born: Path) -> None:
    pipeline = seqkit.load(born)
    with pytest.raises(DataError) as caught:
        pipeline([{"passage": PASSAGE}])
    assert str(caught.value) == "text 0: lacks the input 'question'. Give passage, question."
    with pytest.raises(DataError, match="text 0: needs a mapping with passage, question"):
        pipeline([PASSAGE])


def test_questions_are_asked_on_the_command_line(
    born: Path, tmp_path: Path, command: Callable[..., tuple[int, str, str]]
) -> None:
    asked = {"passage": PASSAGE, "question": "where was Ada born"}
    (tmp_path / "asked.jsonl").write_text(json.dumps(asked) + "\n")
    code, out, _ = command("predict", born, tmp_path / "asked.jsonl")
    assert code == 0
    assert json.loads(out)["text"] == asked
    found = json.loads(out)["answers"]["answers"]
    assert found["value"] == PASSAGE[slice(*found["span"] or (0, 0))]
    (tmp_path / "asked.jsonl").write_text('{"question": "where was Ada born"}\n')
    code, _, said = command("predict", born, tmp_path / "asked.jsonl")
    assert code
    assert "asked.jsonl:1: lacks the input 'passage'. Give passage, question." in said


def test_a_file_without_answers_is_answered(
    born: Path, tmp_path: Path, command: Callable[..., tuple[int, str, str]]
) -> None:
    question = {"id": "q", "question": "where was Bo born"}
    paragraphs = [{"context": PASSAGE, "qas": [question]}]
    (tmp_path / "a.json").write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}))
    code, out, _ = command("predict", born, tmp_path / "a.json", "--as", "squad")
    assert code == 0
    assert json.loads(out)["text"] == {"passage": PASSAGE, "question": "where was Bo born"}


def test_the_data_are_described(born: Path, command: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = command("data", born.parent / "born.yaml")
    assert code == 0
    assert "16 questions, 12 answers, 4 of the questions without one" in out
    assert "example: 'where was " in out
