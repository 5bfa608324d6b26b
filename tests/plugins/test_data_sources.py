"""The plugin's door, its rules, and the real data sets."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seqkit.plugins import registry
from seqkit.stages import Source
from seqkit_data import reading

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


ONE_FILE = ("conllu", "conll", "jsonl", "csv", "tsv", "text", "labelled")


def test_all_sources_are_registered_and_say_what_a_place_is() -> None:
    found = {stage.name: stage.files for stage in registry().stages("source")}
    assert all(found[name] is True for name in ONE_FILE)
    assert all(callable(found[name]) for name in ("parallel", "folders", "parquet"))
    assert found["hub"] is False


def test_the_entry_module_is_light() -> None:
    heavy = ["torch", "numpy", "pydantic", "pyarrow", "datasets", "huggingface_hub", "tarfile"]
    code = f"import sys, seqkit_data; print([name for name in {heavy} if name in sys.modules])"
    assert run_unchecked(code) == "[]\n"


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
    assert words_of(reading.conllu(), shared(name)) == (sentences, words)


@pytest.mark.slow
def test_the_training_part_of_ewt_has_its_known_counts() -> None:
    path = shared("ud_english_ewt/en_ewt-ud-train.conllu.gz")
    code = (
        "from seqkit_data import reading;"
        f"rows = list(reading.conllu().read('train', {str(path)!r}));"
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
        source = reading.conll(columns=["form", "ner"], delimiter=delimiter)
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
    source = reading.conll(columns=["form", "pos", "-", "ner"])
    assert words_of(source, shared(name)) == (sentences, words)


@pytest.mark.slow
def test_wikiann_loses_the_prefix_of_its_language() -> None:
    source = reading.conll(columns=["form", "ner"], prefix={"form": "de:"})
    rows = list(source.read("dev", shared("ner_wikiann/de/dev.gz")))
    assert (len(rows), sum(len(row["form"]) for row in rows)) == (10000, 97805)
    assert not any(form.startswith("de:") for row in rows for form in row["form"])


@pytest.mark.parametrize(
    ("split", "proteins", "residues"), [("train", 111, 18105), ("test", 17, 3520)]
)
def test_proteins_are_parted_by_lines_of_their_own(
    split: str, proteins: int, residues: int
) -> None:
    source = reading.conll(
        columns=["residue", "structure"], separators=["<>", "end", "<end>"], comment="#"
    )
    path = shared(f"protein_qian_sejnowski/protein-secondary-structure.{split}")
    assert words_of(source, path, "residue") == (proteins, residues)
    found = {mark for row in source.read(split, path) for mark in row["structure"]}
    assert found == {"h", "e", "_"}


@pytest.mark.parametrize(
    ("name", "settings", "rows", "labels"),
    [
        ("cls_sst5/stsa.fine.train.gz", {}, 8544, 5),
        ("cls_sst5/stsa.fine.dev", {}, 1101, 5),
        ("cls_sst5/stsa.fine.test.gz", {}, 2210, 5),
        ("cls_trec/TREC.train.all.gz", {"encoding": "latin-1"}, 5452, 6),
        ("cls_trec/TREC.test.all", {}, 500, 6),
        ("cls_trec/raw/TREC.train.gz", {"encoding": "latin-1"}, 5452, 50),
        ("cls_trec/raw/TREC.test", {}, 500, 42),
    ],
)
def test_labelled_lines_have_their_known_counts(
    name: str, settings: dict[str, Any], rows: int, labels: int
) -> None:
    found = list(reading.labelled(**settings).read("train", shared(name)))
    assert (len(found), len({row["label"] for row in found})) == (rows, labels)


def test_trec_has_six_coarse_labels() -> None:
    source = reading.labelled(encoding="latin-1", coarse=":")
    found = {row["coarse"] for row in source.read("train", shared("cls_trec/raw/TREC.train.gz"))}
    assert found == {"ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM"}


@pytest.mark.parametrize(
    ("source", "name", "field", "rows", "labels"),
    [
        (reading.tsv(columns=["text", "label"]), "cls_sst2/train.tsv.gz", "label", 6920, 2),
        (reading.tsv(columns=["text", "label"]), "cls_sst2/dev.tsv", "label", 872, 2),
        (reading.tsv(columns=["text", "label"]), "cls_sst2/test.tsv.gz", "label", 1821, 2),
        (reading.csv(), "cls_banking77/train.csv.gz", "category", 10003, 77),
        (reading.csv(), "cls_banking77/test.csv.gz", "category", 3080, 77),
    ],
)
def test_tables_have_their_known_counts(
    source: Source, name: str, field: str, rows: int, labels: int
) -> None:
    found = list(source.read("train", shared(name)))
    assert (len(found), len({row[field] for row in found})) == (rows, labels)


@pytest.mark.slow
def test_imdb_is_read_from_its_archive() -> None:
    path = shared("cls_imdb/aclImdb_test_labelled.tar.xz")
    rows = list(reading.folders(replace={"<br />": " "}).read("test", path))
    assert len(rows) == 25000
    assert [row["label"] for row in rows[:4]] == ["neg", "pos", "neg", "pos"]
    assert sum(row["label"] == "pos" for row in rows) == 12500
    assert not any("<br />" in row["text"] for row in rows)


@pytest.mark.parametrize(
    ("name", "tokens"),
    [
        pytest.param("ud_english_ewt/en_ewt-ud-dev.conllu.gz", 24787, marks=pytest.mark.slow),
        ("ud_tamil_ttb/ta_ttb-ud-test.conllu.gz", 1772),
        ("ud_turkish_imst/tr_imst-ud-dev.conllu.gz", 10257),
        ("ud_vietnamese_vtb/vi_vtb-ud-test.conllu.gz", 11692),
    ],
)
def test_the_texts_of_treebanks_are_their_tokens(name: str, tokens: int) -> None:
    rows = list(reading.conllu(segments=True).read("dev", shared(name)))
    assert sum(len(row["segments"]) for row in rows) == tokens
    for row in rows[:50]:
        inside = "".join(row["text"][begin:end] for begin, end, _ in row["segments"])
        assert "".join(inside.split()) == "".join(row["text"].split())


@pytest.mark.parametrize(("split", "count"), [("train", 4478), ("valid", 500), ("test", 893)])
def test_atis_has_its_known_counts(split: str, count: int) -> None:
    files = {"words": "seq.in", "slots": "seq.out", "intent": "label"}
    source = reading.parallel(files=files, split=["words", "slots"])
    rows = list(source.read("train", shared(f"slots_atis/{split}")))
    assert len(rows) == count
    assert all(len(row["words"]) == len(row["slots"]) for row in rows)


def test_multi30k_is_read_by_how_its_names_begin() -> None:
    source = reading.parallel(files={"en": ".en", "de": ".de"})
    rows = list(source.read("dev", shared("multi30k/task1/raw") / "val"))
    assert len(rows) == 1014
    assert rows[0] == {
        "en": "A group of men are loading cotton onto a truck",
        "de": "Eine Gruppe von Männern lädt Baumwolle auf einen Lastwagen",
    }
