"""The plugin's door, its rules, and the real data sets."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import seqkit_data
from seqkit.plugins import registry
from seqkit.stages import Source

SHARED = Path(
    os.environ.get("SEQKIT_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")
)


def shared(name: str) -> Path:
    """A file of the shared data sets; the test is skipped where its set is absent."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"needs the data set {name.partition('/')[0]} in {SHARED}")
    return path


def words_of(source: Source, path: Path, column: str = "form") -> tuple[int, int]:
    lengths = [len(row[column]) for row in source.read("train", path)]
    return len(lengths), sum(lengths)


def run_unchecked(code: str) -> str:
    """What a fresh Python prints in which no shapes and types are checked, as a user's is."""
    environment = {key: value for key, value in os.environ.items() if key != "SEQKIT_CHECK_SHAPES"}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    ).stdout


def test_all_sources_are_registered_and_all_but_the_hub_read_files() -> None:
    found = {stage.name: stage.files for stage in registry().stages("source")}
    for name in ("conllu", "conll", "jsonl", "csv", "tsv", "text"):
        assert found[name], name
    assert not found["hub"]


def test_the_entry_module_is_light() -> None:
    heavy = ["torch", "numpy", "pydantic", "datasets", "huggingface_hub", "babel"]
    code = f"import sys, seqkit_data; print([name for name in {heavy} if name in sys.modules])"
    assert run_unchecked(code) == "[]\n"


@pytest.mark.parametrize(
    ("settings", "problems"),
    [
        ({"columns": ["a", "-", "-"]}, []),
        ({"columns": []}, [("columns", "names no column. Name at least one.")]),
        ({"columns": ["-"]}, [("columns", "names no column. Name at least one.")]),
        (
            {"columns": ["a", "b", "a"]},
            [("columns", "names 'a' twice. Give each column its own name, or '-'.")],
        ),
        (
            {"columns": ["a"], "delimiter": ""},
            [("delimiter", 'is empty. Leave it out for spaces and tabs, or write "\\t".')],
        ),
        (
            {"columns": ["a"], "delimiter": r"\t"},
            [("delimiter", 'is a backslash and a t. Write "\\t", with double quotes, for a tab.')],
        ),
        (
            {"columns": ["a"], "comment": ""},
            [("comment", "is empty, so that it would drop every line. Leave it out.")],
        ),
    ],
)
def test_conll_refuses_settings_that_cannot_be_meant(
    settings: dict[str, Any], problems: list[tuple[str, str]]
) -> None:
    assert (
        list(seqkit_data.conll_rules({"delimiter": None, "comment": None} | settings)) == problems
    )


def test_a_table_with_a_header_names_no_columns() -> None:
    assert list(seqkit_data.table_rules({"columns": None})) == []


@pytest.mark.parametrize(
    ("name", "sentences", "words"),
    [
        ("ud_english_ewt/en_ewt-ud-dev.conllu.gz", 2001, 25147),
        ("ud_english_ewt/en_ewt-ud-test.conllu.gz", 2077, 25094),
        ("ud_tamil_ttb/ta_ttb-ud-test.conllu.gz", 120, 1989),
        ("ud_turkish_imst/tr_imst-ud-dev.conllu.gz", 1100, 10542),
        ("ud_vietnamese_vtb/vi_vtb-ud-test.conllu.gz", 800, 11692),
    ],
)
def test_treebanks_have_their_known_counts(name: str, sentences: int, words: int) -> None:
    assert words_of(seqkit_data.conllu(), shared(name)) == (sentences, words)


@pytest.mark.slow
def test_the_training_part_of_ewt_has_its_known_counts() -> None:
    path = shared("ud_english_ewt/en_ewt-ud-train.conllu.gz")
    code = (
        f"import seqkit_data; rows = list(seqkit_data.conllu().read('train', {str(path)!r}));"
        "print(len(rows), sum(len(row['form']) for row in rows))"
    )
    assert run_unchecked(code).split() == ["12544", "204577"]


@pytest.mark.parametrize(
    ("name", "sentences", "words"),
    [
        pytest.param("ner_wnut17/wnut17train.conll.gz", 3394, 62730, marks=pytest.mark.slow),
        ("ner_wnut17/emerging.dev.conll", 1009, 15733),
        ("ner_wnut17/emerging.test.annotated.gz", 1287, 23394),
    ],
)
def test_wnut_has_its_known_counts(name: str, sentences: int, words: int) -> None:
    for delimiter in (None, "\t"):
        source = seqkit_data.conll(columns=["form", "ner"], delimiter=delimiter)
        assert words_of(source, shared(name)) == (sentences, words)


@pytest.mark.parametrize(
    ("name", "sentences", "words"),
    [
        pytest.param("ner_conll2003_en/eng.train.gz", 14041, 203621, marks=pytest.mark.slow),
        ("ner_conll2003_en/eng.testa.gz", 3250, 51362),
        ("ner_conll2003_en/eng.testb.gz", 3453, 46435),
    ],
)
def test_conll_2003_has_its_known_counts(name: str, sentences: int, words: int) -> None:
    source = seqkit_data.conll(columns=["form", "pos", "-", "ner"])
    assert words_of(source, shared(name)) == (sentences, words)
