"""A chain of pipelines: trained, saved as one folder, loaded as one, and answering text by text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

import seqkit
from seqkit.errors import DataError, ModelError, RunError, SeqkitError

Command = Callable[..., tuple[int, str, str]]
WRITER = """\
seqkit: 1
name: writer
data: {use: parallel, files: {en: .en, de: .de}, train: t, text: en, gold: de}
tokenise: words
embed: {use: lookup, width: 6}
encode: {use: bilstm, width: 8}
decode: {use: attention, embed: {use: lookup, width: 6}, encode: {use: lstm, width: 8}}
train: {epochs: 1, batch: {rows: 2}, save: 0, precision: fp32}
"""
TAGGER = """\
seqkit: 1
name: tagger
data: {use: conll, columns: [form, tag], train: t.conll, text: form, gold: tag}
tokenise: words
embed: {use: lookup, width: 4}
decode: tagger
train: {epochs: 1, batch: {rows: 2}, save: 0, precision: fp32}
"""
CHAIN = """\
seqkit: 1
name: both
steps:
  - recipe: writer.yaml
  - {recipe: tagger.yaml, read: {text: de}}
"""
TEXTS = ["the cat", "a dog sees", "the dog"]


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    (tmp_path / "t.en").write_text("the cat\na dog\nthe dog sees\n")
    (tmp_path / "t.de").write_text("die Katze\nein Hund\nder Hund sieht\n")
    (tmp_path / "t.conll").write_text("die D\nKatze N\n\nein D\nHund N\n\nsieht V\n")
    for name, content in (("writer", WRITER), ("tagger", TAGGER), ("chain", CHAIN)):
        (tmp_path / f"{name}.yaml").write_text(content)
    return tmp_path / "chain.yaml"


@pytest.fixture
def trained(chain: Path) -> Path:
    return seqkit.run_chain(chain, out=chain.parent / "run").folder


def test_each_step_reads_what_was_answered_before(trained: Path) -> None:
    found = seqkit.load_chain(trained)(TEXTS)
    writer = seqkit.load(trained / "steps" / "writer")
    tagger = seqkit.load(trained / "steps" / "tagger")
    for text, answers in zip(TEXTS, found, strict=True):
        [written] = writer([text])
        [tagged] = tagger([written["de"]["value"]])
        assert set(answers) == {"de", "tag"}
        assert answers["de"]["value"] == written["de"]["value"]
        assert answers["tag"]["value"] == tagged["tag"]["value"]


def values(found: Iterable[Any]) -> list[dict[str, Any]]:
    return [{name: answer["value"] for name, answer in answers.items()} for answers in found]


def test_answers_stream_in_order_and_are_the_same_alone(trained: Path) -> None:
    model = seqkit.load_chain(trained)
    together = values(model(TEXTS * 3))
    assert values(model.stream(iter(TEXTS * 3))) == together
    assert values(model([text])[0] for text in TEXTS) == together[:3]


def test_what_comes_first_is_answered_before_the_rest_is_read(trained: Path) -> None:
    read: list[str] = []

    def slow() -> Any:
        for text in TEXTS:
            read.append(text)
            yield text

    answers = seqkit.load_chain(trained).stream(slow())
    next(answers)
    assert read == TEXTS[:1]


def test_a_chain_is_saved_and_loaded_as_one_folder(trained: Path, tmp_path: Path) -> None:
    model = seqkit.load_chain(trained)
    model.save(tmp_path / "copy")
    again = seqkit.load_chain(tmp_path / "copy")
    assert again(TEXTS) == model(TEXTS)
    assert again.name == "both"
    assert again.inputs == ("en",)
    assert {path.name for path in (tmp_path / "copy").iterdir()} >= {
        "chain.json",
        "1.pipeline.json",
        "2.weights.safetensors",
        "manifest.json",
    }


def test_a_flipped_byte_is_found(trained: Path) -> None:
    path = trained / "pipeline" / "2.weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ModelError, match=r"2\.weights\.safetensors"):
        seqkit.load_chain(trained)


def test_what_is_trained_is_not_trained_again(chain: Path, trained: Path) -> None:
    before = (trained / "pipeline" / "manifest.json").stat().st_mtime_ns
    said: list[str] = []
    again = seqkit.run_chain(chain, out=trained, say=said.append)
    assert [run.done_before for run in again.runs] == [True, True]
    assert (trained / "pipeline" / "manifest.json").stat().st_mtime_ns == before
    assert said == ["step writer", "step tagger"]


def test_a_changed_step_is_refused(chain: Path, trained: Path) -> None:
    chain.write_text(CHAIN.replace("writer.yaml", "writer.yaml\n    set: {embed.width: 8}"))
    with pytest.raises(RunError, match="holds another run"):
        seqkit.run_chain(chain, out=trained)


def test_a_trained_run_can_be_a_step(chain: Path, trained: Path, tmp_path: Path) -> None:
    chain.write_text(CHAIN.replace("recipe: writer.yaml", "run: run/steps/writer"))
    again = seqkit.run_chain(chain, out=tmp_path / "other")
    assert [run.folder.name for run in again.runs] == ["tagger"]
    before = values(seqkit.load_chain(trained)(TEXTS))
    assert [one["de"] for one in values(again.load()(TEXTS))] == [one["de"] for one in before]
    chain.write_text(CHAIN.replace("recipe: writer.yaml", "run: run/steps/writer/pipeline"))
    saved = seqkit.run_chain(chain, out=tmp_path / "third")
    assert saved.load()(TEXTS) == again.load()(TEXTS)


def test_a_chain_follows_a_model_that_was_trained_anew(
    chain: Path, trained: Path, tmp_path: Path
) -> None:
    chain.write_text(CHAIN.replace("recipe: writer.yaml", "run: run/steps/writer"))
    first = seqkit.run_chain(chain, out=tmp_path / "other").load()
    (tmp_path / "writer.yaml").write_text(WRITER.replace("width: 8", "width: 10"))
    seqkit.run(tmp_path / "writer.yaml", out=trained / "steps" / "writer", fresh=True)
    second = seqkit.run_chain(chain, out=tmp_path / "other").load()
    sizes = [len(model.files()["1.weights.safetensors"]) for model in (first, second)]
    assert sizes[0] < sizes[1]


def test_a_damaged_chain_is_written_again(chain: Path, trained: Path) -> None:
    (trained / "pipeline" / "2.weights.safetensors").write_bytes(b"")
    assert seqkit.run_chain(chain, out=trained).load()(TEXTS)


def test_a_folder_of_another_run_is_left_alone(chain: Path, trained: Path) -> None:
    single = trained / "steps" / "writer"
    with pytest.raises(RunError, match=r"holds the run of a single recipe\. Give the chain"):
        seqkit.run_chain(chain, out=single)
    (single / "run.json").unlink()
    with pytest.raises(RunError, match=r"is not the model of a chain\. Give the chain"):
        seqkit.run_chain(chain, out=single)
    assert seqkit.load(single)(TEXTS)


def test_the_command_line_runs_and_answers(chain: Path, tmp_path: Path, command: Command) -> None:
    code, out, told = command("check", chain)
    assert (code, out) == (0, f"{chain}: both is in order: writer, tagger\n"), told
    code, out, told = command("run", chain, "--out", tmp_path / "run")
    assert code == 0, told
    assert f"echo 'a text of yours' | seqkit predict {tmp_path / 'run'} -" in out
    (tmp_path / "texts.txt").write_text("the cat\n\na dog\n")
    code, out, told = command("predict", tmp_path / "run", tmp_path / "texts.txt")
    assert code == 0, told
    records = [json.loads(line) for line in out.splitlines()]
    assert [record["text"] for record in records] == ["the cat", "", "a dog"]
    assert all(set(record["answers"]) == {"de", "tag"} for record in records)
    (tmp_path / "texts.jsonl").write_text('{"en": "the cat"}\n')
    code, out, _ = command("predict", tmp_path / "run", tmp_path / "texts.jsonl")
    assert json.loads(out)["answers"] == records[0]["answers"]


def test_what_a_chain_cannot_do_is_told(trained: Path, chain: Path, command: Command) -> None:
    assert (
        "a chain has no settings. Write `set:` in one of its steps"
        in command("run", chain, "--set", "train.epochs=2")[2]
    )
    assert (
        "--as conll: a chain reads texts, a line each"
        in command("predict", trained, "x", "--as", "conll")[2]
    )
    assert (
        "is a chain of pipelines. Load it with seqkit.load_chain"
        in command("inspect", trained, "x")[2]
    )
    with pytest.raises(
        ModelError, match=r"is no chain, but one pipeline. Load it with seqkit\.load"
    ):
        seqkit.load_chain(trained / "steps" / "writer")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([{"de": "x"}], "text 0: lacks the field 'en'. Give en."),
        ([{"en": ["the", 3]}], "an input is a text, a list of words or a list of numbers"),
    ],
)
def test_texts_that_do_not_fit_are_told(trained: Path, given: Any, message: str) -> None:
    with pytest.raises(DataError) as told:
        seqkit.load_chain(trained)(given)
    assert message in str(told.value)


def test_a_single_text_is_no_list(trained: Path) -> None:
    with pytest.raises(SeqkitError, match=r"takes several texts\. Put a single one in a list"):
        seqkit.load_chain(trained)("the cat")
