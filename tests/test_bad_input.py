"""Input that cannot be used: one clear line, nothing half-written, nothing lost."""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seqkit import storage
from seqkit.stages import Loss

Command = Callable[..., tuple[int, str, str]]
TAB = 'data.delimiter="\\t"'
COLUMNS = "Mend the line, or the names of the columns."


@pytest.fixture
def run(
    toy: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str]]:
    """Runs the toy recipe through the command line: exit code and the lines of the error."""
    monkeypatch.chdir(toy.parent)

    def call(*words: str) -> tuple[int, str]:
        code, out, err = command("run", "toy.yaml", "--data", ".", "--out", "run", *words)
        assert out == ""
        return code, err

    return call


Run = Callable[..., tuple[int, str]]


def left() -> list[str]:
    """What stands in the run directory, without the lock."""
    return sorted(path.name for path in Path("run").glob("[!.]*"))


def error(told: tuple[int, str]) -> str:
    """The only line that is no news of the data, of a mistake with code 2."""
    code, err = told
    assert code == 2
    [line] = [line for line in err.splitlines() if not line.startswith(("data: ", "toy: "))]
    return line


def test_a_missing_file_is_named_with_its_place_in_the_recipe_and_the_nearest(run: Run) -> None:
    Path("dev.conll").rename("dev.conl")
    assert error(run()) == (
        "toy.yaml:7:8: data.dev: no file 'dev.conll' in .. Set --data or SEQKIT_DATA. "
        "Did you mean 'dev.conl'?"
    )
    assert not Path("run").exists()


@pytest.mark.parametrize("content", [b"", b"\n\n", b"-DOCSTART- O\n\n"])
@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_an_empty_file_is_named(run: Run, split: str, content: bytes) -> None:
    Path(f"{split}.conll").write_bytes(content)
    assert error(run()) == f"{split}.conll: has no examples. Check that it is the right file."
    assert "checkpoints" not in left()


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        (
            "data.gold=tags",
            "train: example 1 (--set data.gold): the rows have no field 'tags', only form, tag. "
            "Did you mean 'tag'?",
        ),
        (
            "data.text=word",
            "train: example 1 (--set data.text): the rows have no field 'word', only form, tag.",
        ),
    ],
)
def test_a_wrong_field_in_an_override_is_named_with_the_nearest(
    run: Run, setting: str, line: str
) -> None:
    assert error(run("--set", setting)) == line
    assert left() == ["recipe.yaml", "run.json"]


def test_a_wrong_field_is_named_with_its_place_in_the_recipe(run: Run) -> None:
    text = Path("toy.yaml").read_text()
    Path("toy.yaml").write_text(text.replace("gold: tag", "gold: tags"))
    assert error(run()) == (
        "train: example 1 (toy.yaml:10:9): the rows have no field 'tags', only form, tag. "
        "Did you mean 'tag'?"
    )


def test_a_label_set_that_is_only_o_is_named(run: Run) -> None:
    Path("train.conll").write_text("the O\ncat O\n\nbig O\n")
    assert error(run()) == (
        "crf: the only label is 'O' in 2 training examples, so there is nothing to learn. "
        "Check which field data.gold names."
    )
    assert left() == ["recipe.yaml", "run.json"]


def test_a_label_that_is_empty_is_named(run: Run) -> None:
    Path("train.conll").write_text("the\tD\ncat\tN\n\nbig\t\n")
    assert error(run("--set", TAB)) == (
        "crf: train: example 2: the label of word 1 'big' is empty. Give it one; in a file of "
        "columns, check how they are split."
    )
    assert left() == ["recipe.yaml", "run.json"]


@pytest.mark.parametrize("split", ["dev", "test"])
def test_a_label_that_is_empty_in_a_held_out_split_is_named_before_training(
    run: Run, split: str
) -> None:
    Path(f"{split}.conll").write_text("the\tD\n\nbig\t \ncat\tN\n\nbig\t\n")
    assert error(run("--set", TAB)).endswith(
        f"toy.yaml: {split}, crf: 2 golds cannot be read, the first in example 2: crf: the label "
        "of word 1 'big' is empty. Give it one; in a file of columns, check how they are split. "
        "See `seqkit data run/recipe.yaml --data .`."
    )
    assert "checkpoints" not in left()


def test_a_column_of_labels_with_spaces_is_told(
    toy: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(toy.parent)
    Path("train.conll").write_text("the\tD x\ncat\tN\n\nbig\tA \n")
    _, _, err = command("run", "toy.yaml", "--set", TAB)
    assert (
        "data: warning: train, crf: 2 labels with white space inside, such as 'D x' (1). Check "
        "that the columns are split where they should be\n"
    ) in err


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_a_line_with_another_number_of_columns_is_named(run: Run, split: str) -> None:
    Path(f"{split}.conll").write_text("the D\ncat N\n\nbig\n")
    assert error(run()) == f"{split}.conll:4: 1 column, expected 2 (form, tag). {COLUMNS}"
    assert "checkpoints" not in left()


def test_bytes_that_are_no_utf8_are_named_with_their_line(run: Run) -> None:
    Path("train.conll").write_bytes(b"the D\nna\xefve A\n")
    assert error(run()) == ("train.conll:2: byte 3 (0xef) is not UTF-8. Convert the file to UTF-8.")


def test_a_file_that_was_cut_off_is_named(run: Run) -> None:
    import gzip

    content = gzip.compress(Path("train.conll").read_bytes())
    Path("train.conll").write_bytes(content[:-9])
    line = error(run())
    assert line.startswith("train.conll:")
    assert line.endswith(
        ": from here on the packed data is damaged or cut off. Fetch the file again."
    )


JSONL = """\
seqkit: 1
name: toy
data: {use: jsonl, train: train.jsonl, test: test.jsonl, text: words, gold: tags}
tokenise: words
embed: {use: lookup, width: 4}
encode: {use: bilstm, width: 4}
decode: DECODE
train: {epochs: 1}
evaluate: {metrics: [accuracy], bootstrap: 0}
"""
TWO = [{"words": ["a", "b"], "tags": ["X", "Y"]}, {"words": ["c"], "tags": ["X"]}]


def objects(decode: str, train: list[Any], test: list[Any]) -> None:
    """Writes the recipe for JSON lines, and its data."""
    Path("toy.yaml").write_text(JSONL.replace("DECODE", decode))
    for name, rows in (("train", train), ("test", test)):
        Path(f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.mark.parametrize(
    ("decode", "empty"),
    [
        ("crf", {"words": [], "tags": []}),
        ("tagger", {"words": "", "tags": []}),
        ("{use: classifier, pool: last}", {"words": [], "tags": "X"}),
        ("{use: classifier, pool: attention}", {"words": " ", "tags": "X"}),
    ],
)
def test_an_empty_document_among_others_is_no_mistake(
    command: Command, toy: Path, monkeypatch: pytest.MonkeyPatch, decode: str, empty: Any
) -> None:
    monkeypatch.chdir(toy.parent)
    rows = TWO if "class" not in decode else [{**row, "tags": row["words"][0]} for row in TWO]
    objects(decode, [empty, *rows, empty], [empty])
    code, _, err = command("run", "toy.yaml", "--out", "run")
    assert code == 0, err
    assert json.loads(Path("run/metrics.json").read_bytes())["train"]["steps"] == 1


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (
            {"words": ["a", "b"], "tags": ["X"]},
            "crf: train: example 3: 1 label for 2 words ('a', 'b'). Give one label a word, with a "
            "tokeniser that keeps the words as they are given.",
        ),
        (
            {"words": ["a", "b"], "tags": "X"},
            "crf: train: example 3: the gold is one string, 'X', but each word takes a label. "
            "Give a list of labels, or decode with `classifier`.",
        ),
        (
            {"words": ["a", "b"]},
            "train: example 3 (toy.yaml:3:77): the rows have no field 'tags', only words.",
        ),
        (
            {"words": 5, "tags": ["X"]},
            "train: example 3 (toy.yaml:3:64): an input is a text, a list of words or a list of "
            "numbers, not int.",
        ),
    ],
)
def test_a_row_that_cannot_be_used_is_named(run: Run, row: Any, line: str) -> None:
    objects("crf", [*TWO, row], TWO)
    assert error(run()) == line
    assert left() == ["recipe.yaml", "run.json"]


def test_examples_that_are_all_empty_are_nothing_to_learn_from(run: Run) -> None:
    objects("crf", [{"words": [], "tags": []}] * 2, TWO)
    assert "lookup" in error(run())


def test_a_full_disk_is_one_line_and_what_was_written_is_whole(
    toy: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(toy.parent)
    real, calls = os.fsync, iter(range(10**6))

    def fsync(handle: int) -> None:
        if next(calls) >= 30:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(handle)

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", fsync)
        code, out, err = command("run", "toy.yaml", "--out", "run")
    assert (code, out) == (1, "")
    line = err.splitlines()[-1]
    assert line.startswith("run")
    assert line.endswith(": No space left on device. Nothing half-written is left.")
    assert not list(Path("run").rglob("*.new"))
    kept = sorted(Path("run/checkpoints").glob("step-*"))
    assert kept
    assert all(storage.read_folder(place) for place in kept)
    assert command("run", "toy.yaml", "--out", "run")[0] == 0


def test_a_folder_that_may_not_be_written_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: Any) -> Any:  # nothing is closed to a superuser, who may run the tests
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr("seqkit.guards.open", closed, raising=False)
    assert error(run()) == "run: cannot be written (Permission denied). Give another --out."


def test_a_folder_that_cannot_be_made_is_named(
    toy: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(toy.parent)
    Path("file").write_text("mine")
    assert command("run", "toy.yaml", "--out", "file/run") == (
        2,
        "",
        "file/run: cannot be written (Not a directory). Give another --out.\n",
    )
    assert Path("file").read_text() == "mine"


def test_a_loss_that_is_no_number_is_one_line_and_code_1(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seqkit_labels.word_crf import CRF

    real, calls = CRF.loss, iter(range(1, 100))

    def loss(self: Any, inputs: Any, batch: Any) -> Loss:
        found = real(self, inputs, batch)
        return Loss(found.total * math.nan, found.count) if next(calls) == 3 else found

    monkeypatch.setattr(CRF, "loss", loss)
    code, err = run()
    assert code == 1
    line = err.splitlines()[-1]
    assert line.startswith("train: epoch 1, update 3 (training examples ")
    assert line.endswith(
        "): the loss is nan. Lower train.optimiser.rate or train.clip. "
        "Kept: run/checkpoints/step-000000002."
    )
    assert storage.read_folder(Path("run/checkpoints/step-000000002"))


@pytest.fixture
def model(trained: Path, tmp_path: Path) -> Path:
    """A copy of a finished run, to be damaged."""
    return Path(shutil.copytree(trained, tmp_path / "model"))


FILES = ["learnt.json", "learnt.safetensors", "pipeline.json", "weights.safetensors"]


def flip(path: Path) -> str:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 8
    path.write_bytes(content)
    return "its sha256 differs from manifest.json: it is damaged."


def truncate(path: Path) -> str:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return f"has {len(content) // 2} bytes, but manifest.json says {len(content)}."


def remove(path: Path) -> str:
    path.unlink()
    return "is missing."


@pytest.mark.parametrize("damage", [flip, truncate, remove])
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("word", ["predict", "evaluate"])
def test_a_damaged_model_is_one_line(
    command: Command, model: Path, name: str, damage: Callable[[Path], str], word: str
) -> None:
    path = model / "pipeline" / name
    wrong = damage(path)
    rest = [] if word == "predict" else ["--on", model.parent / "test.conll"]
    line = f"{path}: {wrong} Copy the folder again, or train again.\n"
    assert command(word, model, *rest) == (2, "", line)


def test_a_manifest_that_is_missing_or_cut_is_named(command: Command, model: Path) -> None:
    path = model / "pipeline/manifest.json"
    path.write_bytes(path.read_bytes()[:9])
    again = "Copy the folder again, or train again."
    assert command("predict", model) == (2, "", f"{path}: is damaged. {again}\n")
    path.unlink()
    line = f"{path.parent}: manifest.json is missing. Name a folder that seqkit has saved.\n"
    assert command("predict", model) == (2, "", line)


def test_a_model_whose_plugin_is_not_installed_prints_the_line_that_installs_it(
    command: Command, model: Path
) -> None:
    place = model / "pipeline"
    files = storage.read_folder(place)
    content = json.loads(files["pipeline.json"])
    content["plugins"].append({"name": "ghost", "distribution": "seqkit-ghost", "version": "1.2"})
    storage.write_folder(place, {**files, "pipeline.json": storage.as_json(content)})
    assert command("predict", model) == (
        2,
        "",
        f"{place}/pipeline.json: needs the plugin 'ghost'. "
        'Run: pip install "seqkit-ghost==1.2"\n',
    )


@pytest.mark.parametrize(
    "text",
    ["", "\0", "a\0b", "\ufffd", "e\u0301" * 500, "!" * 5000, "x" * 100_000, "\u202eabc"],
    ids=["empty", "nul", "nul inside", "replacement", "marks", "stops", "long", "right to left"],
)
def test_any_text_has_an_answer(command: Command, trained: Path, tmp_path: Path, text: str) -> None:
    path = tmp_path / "texts.txt"
    path.write_text(f"{text}\nthe cat\n", newline="\n")
    code, out, err = command("predict", trained, path)
    assert (code, err) == (0, "")
    one, two = map(json.loads, out.splitlines())
    assert (one["text"], two["text"]) == (text, "the cat")


def test_a_mistake_is_one_line_in_a_process_of_its_own(trained: Path, toy: Path) -> None:
    Path(toy.parent / "train.conll").write_text("the D\ncat\n")
    ended = subprocess.run(
        [sys.executable, "-m", "seqkit", "run", toy, "--out", toy.parent / "run"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    line = f"{toy.parent}/train.conll:2: 1 column, expected 2 (form, tag). {COLUMNS}\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", line)
