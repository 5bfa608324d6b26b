"""The source squad: rows of SQuAD's JSON, several files, and what is refused."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from seqkit.errors import DataError
from seqkit.stages import Row
from seqkit.testing import check_stage
from seqkit_data import reading
from seqkit_data.questions import question_files

ROOT = Path(__file__).resolve().parents[2]
JAQUAD = Path(os.environ.get("SEQKIT_DATA") or ROOT.parent / "shared/data") / "qa_jaquad_ja"
PASSAGE = "Mr Bo was born in Ulm. He died in Rome."
BORN = {"id": "q1", "question": "Where?", "answers": [{"text": "Ulm", "answer_start": 18}]}
WHY = {"id": "q2", "question": "Why?", "answers": [], "is_impossible": True}


def written(path: Path, *asked: Any, passage: str = PASSAGE, title: str = "Bo") -> Path:
    """A file of one article with one paragraph."""
    paragraphs = [{"context": passage, "qas": list(asked)}]
    path.write_text(json.dumps({"data": [{"title": title, "paragraphs": paragraphs}]}))
    return path


def rows(place: Path, split: str = "train") -> list[Row]:
    return list(reading.squad().read(split, place))


def test_a_row_is_a_question_with_its_passage_and_answers(tmp_path: Path) -> None:
    twice = {**BORN, "answers": [*BORN["answers"], {"text": "in Ulm", "answer_start": 15}]}
    path = written(tmp_path / "a.json", twice, WHY)
    check_stage(reading.squad, examples=[("train", path), ("test", path)])
    assert rows(path) == [
        {
            "id": "q1",
            "title": "Bo",
            "passage": PASSAGE,
            "question": "Where?",
            "answers": [[18, 21, "Ulm"], [15, 21, "in Ulm"]],
        },
        {"id": "q2", "title": "Bo", "passage": PASSAGE, "question": "Why?", "answers": []},
    ]


def test_a_place_is_a_file_a_folder_or_a_pattern_in_the_order_of_names(tmp_path: Path) -> None:
    for name in ("b_2.json", "a_1.json", ".hidden.json", "c.txt"):
        written(tmp_path / name, {**BORN, "id": name})
    packed = gzip.compress(written(tmp_path / "b_1.json", {**BORN, "id": "zip"}).read_bytes())
    (tmp_path / "b_1.json").rename(tmp_path / "x.txt")
    (tmp_path / "b_1.json.gz").write_bytes(packed)
    for place, names in (
        (tmp_path, ["a_1.json", "zip", "b_2.json"]),
        (tmp_path / "b_*", ["zip", "b_2.json"]),
        (tmp_path / "?_[2-9].json", ["b_2.json"]),
        (tmp_path / "c.txt", ["c.txt"]),
    ):
        assert [row["id"] for row in rows(place)] == names


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        ("empty", "holds no .json file"),
        ("gone.json", "is not there"),
        ("gone/*.json", "is not there"),
        ("x_*.json", "is not there"),
    ],
)
def test_a_place_without_files_is_told(tmp_path: Path, place: str, wrong: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=wrong) as caught:
        question_files(tmp_path / place)
    assert str(caught.value).startswith(f"{tmp_path / place}: ")
    assert "a pattern of their names, such as train_*.json" in str(caught.value)


def test_only_the_test_split_may_lack_answers(tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", {"id": "q1", "question": "Where?"})
    assert [*rows(path, "test")[0]] == ["id", "title", "passage", "question"]
    with pytest.raises(DataError, match=r"question 'q1': lacks 'answers', and has id, question\."):
        rows(path, "dev")


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (
            {"answers": [{"text": "Ulm", "answer_start": 17}]},
            "the answer 'Ulm' is not at character 17 of its passage, where ' Ul' stands. It begins "
            "at 18. Mend answer_start or the text.",
        ),
        (
            {"answers": [{"text": "Bonn", "answer_start": 0}]},
            "the answer 'Bonn' is not at character 0 of its passage, where 'Mr B' stands. Mend",
        ),
        ({"answers": [{"text": "", "answer_start": 0}]}, "the answer '' is not at character 0"),
        ({"answers": [{"text": "Mr", "answer_start": -2}]}, "the answer 'Mr' is not at character"),
        (
            {"answers": [{"text": "Ulm", "answer_start": "18"}]},
            "answers[0]: 'answer_start' is a text, but SQuAD's format has a whole number.",
        ),
        (
            {"answers": [{"answer_start": 18}]},
            "answers[0]: lacks 'text', and has answer_start. Give the keys of SQuAD's format.",
        ),
        ({"answers": {}}, "'answers' is an object, but SQuAD's format has a list."),
        ({"answers": [3]}, "answers[0]: is a number, but SQuAD's format has an object there."),
        (
            {"answers": []},
            "has no answers. Give an answer, or an empty list and is_impossible: true.",
        ),
        ({"is_impossible": True}, "has answers, but is_impossible is true. Give an answer, or"),
        ({"question": " "}, "the question is empty. Mend it, or leave it out."),
        ({"question": None}, "'question' is null, but SQuAD's format has a text."),
    ],
)
def test_what_is_wrong_names_the_file_and_the_question(
    tmp_path: Path, change: dict[str, Any], wrong: str
) -> None:
    path = written(tmp_path / "a.json", WHY, {**BORN, **change})
    with pytest.raises(DataError) as caught:
        rows(path)
    assert str(caught.value).startswith(f"{path}: question 'q1': {wrong}")


def test_an_empty_passage_is_told(tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", WHY, passage="\n")
    with pytest.raises(DataError, match=r"a\.json: question 'q2': the passage is empty\. Mend it"):
        rows(path)


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ('{\n"data": [', ":2:10: not JSON: Expecting value. Fetch the file again, or mend it."),
        ("[" * 100_000, ": nested too deeply for SQuAD's format."),
        ('{"data": [], "data": []}', ": two keys are called 'data'. Rename one of them."),
        ("[]", ": is an array, but SQuAD's format has an object there."),
        ('{"version": "1"}', ": lacks 'data', and has version. Give the keys of SQuAD's format."),
        ("{}", ": lacks 'data', and has nothing."),
        ('{"data": [{}]}', ": data[0]: lacks 'paragraphs', and has nothing."),
        (
            '{"data": [{"paragraphs": [{"qas": []}]}]}',
            ": data[0]: paragraphs[0]: lacks 'context', and has qas.",
        ),
        (
            '{"data": [{"paragraphs": [{"context": "a", "qas": [{}]}]}]}',
            ": data[0]: paragraphs[0]: qas[0]: lacks 'id', and has nothing.",
        ),
        ('{"data": []}', ": has no examples. Check that it is the right file."),
    ],
)
def test_a_file_of_another_form_is_told(tmp_path: Path, content: str, wrong: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(DataError) as caught:
        rows(path)
    assert str(caught.value).startswith(f"{path}{wrong}")


@pytest.mark.slow
@pytest.mark.skipif(not JAQUAD.exists(), reason="the set qa_jaquad_ja is not on this machine")
def test_articles_of_jaquad_do_not_spread_over_files() -> None:
    titles = [{row["title"] for row in rows(path)} for path in question_files(JAQUAD / "train")]
    assert len(titles) == 30
    assert sum(map(len, titles)) == len(set().union(*titles)) == 691
