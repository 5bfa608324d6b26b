"""The command line: codes, one line for an error, and what each command prints."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import seqkit
from seqkit.cli import cli, foreign
from seqkit.errors import TrainingError

Command = Callable[..., tuple[int, str, str]]
WORDS = [
    "run",
    "compare",
    "check",
    "data",
    "predict",
    "evaluate",
    "diff",
    "report",
    "inspect",
    "plugins",
    "explain",
    "schema",
]
PLUGINS = ["adapt", "compose", "generate", "spacy"]
"""Commands that plugins bring."""


def records(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_help_lists_the_commands(command: Command) -> None:
    for word in ("--help", "-h"):
        code, out, err = command(word)
        assert (code, err) == (0, "")
        assert [
            line.split()[0]
            for line in out.partition("Commands:")[2].splitlines()
            if line[2:3].strip()
        ] == [*WORDS, *PLUGINS]


@pytest.mark.parametrize("word", [*WORDS, *PLUGINS])
def test_each_command_has_help_of_its_own(command: Command, word: str) -> None:
    code, out, err = command(word, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: seqkit {word} ")


def test_without_a_command_the_help_is_shown_as_an_error(command: Command) -> None:
    code, out, err = command()
    assert (code, out) == (2, "")
    assert err.startswith("Usage: seqkit [OPTIONS] COMMAND [ARGS]...\n")


def test_the_version_is_told(command: Command) -> None:
    assert command("--version") == (0, f"seqkit, version {seqkit.__version__}\n", "")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["frob"], "seqkit: No such command 'frob'."),
        (["--frob"], "seqkit: No such option '--frob'."),
        (["run"], "seqkit run: Missing argument 'RECIPE'."),
        (
            ["run", "x.yaml", "--frish"],
            "seqkit run: No such option '--frish'. Did you mean '--fresh'?",
        ),
        (["run", "x.yaml", "y.yaml"], "seqkit run: Got unexpected extra argument (y.yaml)"),
        (
            ["run", "x.yaml", "--sample", "0"],
            "seqkit run: Invalid value for '--sample': 0 is not in the range x>=1.",
        ),
        (
            ["run", "x.yaml", "--sample", "x"],
            "seqkit run: Invalid value for '--sample': 'x' is not a valid integer range.",
        ),
        (["run", "no.yaml"], "no.yaml: no such recipe. Check the path."),
        (["check", "no.yaml"], "no.yaml: no such recipe. Check the path."),
        (["run", "no.yaml", "--set", "a"], "--set a: has no '='. Write --set a.b=value."),
        (["evaluate", "x"], "seqkit evaluate: Missing option '--on'."),
        (["predict", "no"], "no: no such folder. Name a run or a pipeline folder."),
        (
            ["explain", "encode.bilst"],
            "nothing called 'encode.bilst' to explain. Did you mean 'encode.bilstm'?",
        ),
    ],
)
def test_a_mistake_is_one_line_and_code_2(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command(*words) == (2, "", line + "\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--seed", "x"], "--set train.seed: train.seed: input should be an integer, not 'x'."),
        (
            ["--seed", "-1"],
            "--set train.seed: train.seed: input should be greater than or equal to 0, not -1.",
        ),
        (
            ["--precision", "fp16"],
            "--set train.precision: train.precision: input should be 'auto', 'fp32' or 'bf16', "
            "not 'fp16'.",
        ),
        (
            ["--set", "encode.hiden=3"],
            "--set encode.hiden: encode: bilstm has no setting 'hiden'. Known: alternating, "
            "cell_zoneout, cells, chrono, coupled, dropout, forget_bias, forget_gate, highway, "
            "input_dropout, layer_norm, layers, learned_state, locked, output_dropout, peephole, "
            "recurrent_dropout, residual, weight_drop, width, window, zoneout.",
        ),
        (
            ["--set", "encode.width=7"],
            "--set encode.width: encode: bilstm: 'width' is 7, but each of the two directions "
            "takes half of it. Use an even number, such as 8.",
        ),
        (["--device", "tpu"], "--device tpu: is none of auto, cpu, cuda, cuda:N, mps."),
        (["--device", "cpu:7"], "--device cpu:7: this machine has 1 of them. Use --device auto."),
        (["--out", "toy.yaml"], "toy.yaml: cannot be written (File exists). Give another --out."),
        (
            ["--out", "/proc/seqkit"],
            "/proc/seqkit: cannot be written (No such file or directory). Give another --out.",
        ),
    ],
)
def test_a_wrong_option_of_run_is_one_line_and_code_2(
    command: Command, toy: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], line: str
) -> None:
    monkeypatch.chdir(toy.parent)
    assert command("run", "toy.yaml", *words) == (2, "", line + "\n")
    assert not Path("runs").exists()


def test_all_mistakes_of_a_recipe_are_told_a_line_each(command: Command, toy: Path) -> None:
    text = toy.read_text().replace("width: 8", "widht: 8").replace("decode: crf", "decode: cfr")
    toy.write_text(text)
    code, out, err = command("run", toy, "--set", "train.epochs=0")
    assert (code, out) == (2, "")
    assert [line.split(": ", 1)[1] for line in err.splitlines()] == [
        "encode: bilstm has no setting 'widht'. Did you mean 'width'?",
        "decode: no decoder called 'cfr'. Did you mean 'crf'?",
        "train.epochs: input should be greater than 0, not 0.",
    ]


def raising(error: BaseException) -> Callable[..., Any]:
    def act(*_: Any, **__: Any) -> Any:
        raise error

    return act


class PanicException(BaseException):
    """What a library in another language raises: it is no Exception."""


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (TrainingError("train: no."), 1, "train: no."),
        (
            OSError(errno.ENOSPC, "No space left on device", "runs/toy"),
            1,
            "runs/toy: No space left on device. Nothing half-written is left.",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "No space left on device."),
        (
            PanicException("index\nout of range"),
            1,
            "PanicException: index out of range. See it whole with `seqkit --debug`.",
        ),
        (MemoryError(), 1, "MemoryError: . See it whole with `seqkit --debug`."),
        (ValueError("x"), 1, "ValueError: x. See it whole with `seqkit --debug`."),
    ],
)
def test_a_failure_is_one_line_and_code_1(
    command: Command,
    toy: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
    line: str,
) -> None:
    monkeypatch.setattr("seqkit.runs.provenance", raising(error))
    assert command("run", toy, "--out", tmp_path / "run") == (code, "", line + "\n")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), EOFError()])
def test_an_interruption_ends_with_130(
    command: Command, toy: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    monkeypatch.setattr("seqkit.runs.provenance", raising(error))
    assert command("run", toy)[:2] == (130, "")


def test_debug_shows_the_traceback_before_the_line(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQKIT_DEBUG", "")  # put back after the test
    code, out, err = command("--debug", "predict", tmp_path / "no")
    assert (code, out) == (2, "")
    assert err.startswith("Traceback (most recent call last):\n")
    assert err.splitlines()[-1].endswith("no: no such folder. Name a run or a pipeline folder.")


def test_check_says_that_a_recipe_is_in_order(command: Command, toy: Path) -> None:
    assert command("check", toy) == (0, f"{toy}: toy is in order\n", "")
    assert command("check", toy, "--set", "name=other") == (0, f"{toy}: other is in order\n", "")


def test_check_looks_for_the_data_unless_told_not_to(
    command: Command, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "none").mkdir()
    monkeypatch.chdir(tmp_path)
    code, out, err = command("check", "toy.yaml", "--data", "none")
    assert (code, out) == (2, "")
    assert err.splitlines()[0] == (
        "toy.yaml:6:10: data.train: no file 'train.conll' in none. Set --data or SEQKIT_DATA."
    )
    assert len(err.splitlines()) == 3
    assert command("check", "toy.yaml", "--data", "none", "--no-data")[0] == 0
    monkeypatch.setenv("SEQKIT_DATA", "none")
    assert command("check", "toy.yaml")[0] == 2
    assert command("check", "toy.yaml", "--data", ".")[0] == 0


def test_run_logs_plain_lines_and_prints_scores_answers_and_what_to_try(
    command: Command, toy: Path, tmp_path: Path
) -> None:
    code, out, err = command("run", toy, "--out", tmp_path / "run")
    assert code == 0
    assert "\x1b" not in out + err
    lines = [line.partition("  loss")[0] for line in err.splitlines()]
    assert lines[3:-1] == ["toy: 818 weights on cpu, seed 1", "epoch   1", "epoch   2"]
    assert lines[-1].startswith("temperature ")
    assert [line.split()[:2] for line in out.splitlines()[1:3]] == [
        ["dev", "accuracy"],
        ["test", "accuracy"],
    ]
    assert out.splitlines()[3].startswith("trained in ")
    assert out.count("\n  ") == 3 + 3
    code, out, err = command("run", toy, "--out", tmp_path / "run")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == (f"{tmp_path}/run: was finished before; --fresh trains again.")


def test_the_options_of_run_do_what_they_say(command: Command, toy: Path, tmp_path: Path) -> None:
    out, words = tmp_path / "run", ["--sample", "3", "--seed", "7", "--precision", "bf16"]
    words += ["--set", "train.steps=2", "--set", "train.epochs=9", "--device", "cpu"]
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for path in tmp_path.glob("*.conll"):
        path.rename(moved / path.name)
    assert command("run", toy, "--out", out, *words)[0] == 2
    assert command("run", toy, "--data", moved, "--out", out, *words)[0] == 0
    origin = json.loads((out / "run.json").read_bytes())
    assert (origin["sample"], origin["seed"]) == (3, 7)
    assert origin["recipe"]["train"]["precision"] == "bf16"
    assert json.loads((out / "metrics.json").read_bytes())["train"]["steps"] == 2
    code, _, err = command("run", toy, "--data", moved, "--out", out)
    assert code == 2
    assert err.startswith(f"{out}: holds another run: sample was 3 and is not there; recipe.train.")
    assert command("run", toy, "--data", moved, "--out", out, "--fresh", "--sample", "4")[0] == 0
    assert json.loads((out / "run.json").read_bytes())["sample"] == 4


@pytest.mark.parametrize("form", ["file", "-", "jsonl", "as"])
def test_predict_reads_each_form_and_writes_a_line_an_answer(
    command: Command, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    texts = ["the cat", "", "a big dog"]
    plain = "".join(f"{text}\n" for text in texts).encode()
    (tmp_path / "texts.txt").write_bytes(plain)
    words = [{"text": text if text else []} for text in texts]
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps(one) + "\n" for one in words))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(plain)))
    given: dict[str, list[Any]] = {
        "file": [tmp_path / "texts.txt"],
        "-": [],
        "jsonl": [tmp_path / "texts.jsonl"],
        "as": [trained.parent / "test.conll", "--as", "conll"],
    }
    code, out, err = command("predict", trained, *given[form])
    assert (code, err) == (0, "")
    found = records(out)
    if form == "as":
        texts = [record["text"] for record in found]
        assert len(texts) == 5
    answers = seqkit.load(trained)(texts)
    assert found == [
        {"index": index, "text": text, "answers": answer}
        for index, (text, answer) in enumerate(zip(texts, answers, strict=True))
    ]
    assert all(set(answer["tag"]) == {"value", "confidence"} for answer in answers)


def test_predict_leaves_it_to_a_source_to_open_its_place(
    command: Command, trained: Path, tmp_path: Path
) -> None:
    code, out, err = command("predict", trained, tmp_path, "--as", "folders")
    assert (code, out) == (2, "")
    assert err == f"{tmp_path}: has no sub-folders. Put each label's texts into one.\n"


def test_predict_takes_a_pipeline_folder_too(
    command: Command, trained: Path, tmp_path: Path
) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("the cat\n")
    first, second = (command("predict", place, path) for place in (trained, trained / "pipeline"))
    assert first == second
    assert first[0] == 0


@pytest.mark.parametrize(
    ("name", "why"), [("no.txt", "No such file or directory"), (".", "Is a directory")]
)
def test_a_file_that_cannot_be_predicted_is_named(
    command: Command,
    trained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    why: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    line = f"{name}: cannot be read ({why}). Name a file.\n"
    assert command("predict", trained, name) == (2, "", line)


def test_answers_before_a_mistake_are_printed(
    command: Command, trained: Path, tmp_path: Path
) -> None:
    path = tmp_path / "texts.txt"
    path.write_bytes(b"the cat\n\xff\n")
    code, out, err = command("predict", trained, path)
    assert code == 2
    assert [record["text"] for record in records(out)] == ["the cat"]
    assert err == f"{path}:2: byte 1 is not UTF-8. Convert the file to UTF-8.\n"


def test_evaluate_prints_a_table_or_json(command: Command, trained: Path) -> None:
    path = trained.parent / "test.conll"
    wanted = json.loads((trained / "metrics.json").read_bytes())["test"]
    code, out, err = command("evaluate", trained, "--on", path, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == wanted
    code, out, err = command("evaluate", trained, "--on", path)
    assert (code, err) == (0, "")
    value = f"{wanted['accuracy']['value']:.2f}"
    assert out.splitlines()[1].split()[:3] == ["test", "accuracy", value]


def test_evaluate_shows_the_tables_of_its_metrics(command: Command, trained: Path) -> None:
    path = trained.parent / "test.conll"
    code, out, err = command("evaluate", trained, "--on", path, "--tables")
    assert (code, err) == (0, "")
    assert "\naccuracy: scores by label\nlabel  precision" in out
    assert "\naccuracy: confusion: gold in rows, answers in columns\ngold  " in out
    code, out, _ = command("evaluate", trained, "--on", path, "--tables", "--json")
    titles = [table["title"] for table in json.loads(out)["accuracy"]["tables"]]
    assert (code, titles[0]) == (0, "scores by label")


def test_diff_shows_what_changed_between_two_runs(
    command: Command, toy: Path, trained: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    assert command("run", toy, "--out", other, "--set", "train.epochs=9")[0] == 0
    code, out, err = command("diff", trained, other, "--limit", 1)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[:3] == [f"before  {trained}", f"after   {other}", "split   test, 5 examples"]
    assert any(line.startswith("accuracy  ") for line in lines)
    code, out, _ = command("diff", trained, other, "--split", "dev", "--json")
    found = json.loads(out)
    assert (code, found["split"], found["examples"]) == (0, "dev", 5)
    (gold,) = found["golds"]
    changed = len(gold["fixed"]) + len(gold["broken"])
    assert changed + gold["both_right"] + gold["both_wrong"] == 5
    line = f"{tmp_path}: is no run: it has no run.json. Name a run directory.\n"
    assert command("diff", trained, tmp_path) == (2, "", line)


def test_evaluate_on_a_file_that_is_wrong_names_the_line(
    command: Command, trained: Path, tmp_path: Path
) -> None:
    path = tmp_path / "wrong.conll"
    path.write_text("the D x\n")
    line = f"{path}:1: 3 columns, expected 2 (form, tag). Mend the line, or the names of the "
    assert command("evaluate", trained, "--on", path) == (2, "", line + "columns.\n")


def test_plugins_are_listed_as_a_table_and_as_json(command: Command) -> None:
    code, out, _ = command("plugins")
    assert code == 0
    assert out.splitlines()[0].split()[:4] == ["plugin", "distribution", "version", "state"]
    names = {line.split()[0] for line in out.splitlines()[1:]}
    assert {"data", "dates", "labels", "recurrent", "text"} <= names
    code, out, _ = command("plugins", "--json")
    assert code == 0
    found = {plugin["name"]: plugin for plugin in json.loads(out)}
    assert {"kind": "encoder", "name": "bilstm"} in found["recurrent"]["stages"]
    assert all(plugin["state"] == "loaded" for plugin in found.values())


def test_explain_and_schema_print(command: Command) -> None:
    code, out, _ = command("explain", "encode.bilstm")
    assert code == 0
    assert "Graves & Schmidhuber 2005" in out
    code, out, _ = command("schema")
    assert code == 0
    assert json.loads(out)["title"] == "seqkit recipe"


MODULE = """\
import click

@click.command()
@click.argument("name")
def hello(name):
    click.echo(f"hello {name}")
    if name == "five":
        return 5

thing = 3
"""
ENTRIES = """\
[seqkit.commands]
hello = toy_commands:hello
thing = toy_commands:thing
lost = toy_commands:nothing
broken = toy_broken:hello
run = toy_commands:hello
"""


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed distribution with commands, some of them broken."""
    site = tmp_path / "site"
    info = site / "toy_commands-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-commands\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRIES)
    (site / "toy_commands.py").write_text(MODULE)
    (site / "toy_broken.py").write_text("raise RuntimeError('no\\nluck')\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "toy_commands", raising=False)


@pytest.mark.usefixtures("commands")
def test_a_plugins_command_is_listed_without_import_and_then_run(command: Command) -> None:
    code, out, _ = command("--help")
    assert code == 0
    listed = {line.split()[0]: line for line in out.splitlines() if "from toy-commands" in line}
    assert set(listed) == {"hello", "thing", "lost", "broken"}
    assert "toy_commands" not in sys.modules
    assert command("hello", "world") == (0, "hello world\n", "")
    assert command("hello", "five") == (5, "hello five\n", "")
    assert command("hello") == (2, "", "seqkit hello: Missing argument 'NAME'.\n")
    sys.modules.pop("toy_commands")


@pytest.mark.usefixtures("commands")
@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("broken", "command 'broken' of toy-commands: RuntimeError: no luck"),
        ("thing", "command 'thing' of toy-commands: is no click command."),
        ("lost", "command 'lost' of toy-commands: AttributeError: module 'toy_commands' has no "
                 "attribute 'nothing'"),
    ],
)  # fmt: skip
def test_a_command_that_is_broken_is_named_with_its_distribution(
    command: Command, word: str, line: str
) -> None:
    assert command(word) == (2, "", line + "\n")
    sys.modules.pop("toy_commands", None)


@pytest.mark.usefixtures("commands")
def test_a_plugin_cannot_take_the_place_of_an_own_command(command: Command) -> None:
    assert "run" not in foreign()
    assert command("run", "--help")[1].startswith("Usage: seqkit run [OPTIONS] RECIPE")
    assert sorted(cli.commands) == sorted(WORDS)


def python(*words: object, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """Runs a new interpreter."""
    environment = {**os.environ, "SEQKIT_CHECK_SHAPES": ""}
    return subprocess.run(
        [sys.executable, *map(str, words)],
        input=given,
        capture_output=True,
        env=environment,
        timeout=120,
        check=False,
    )


def test_the_package_runs_as_a_module() -> None:
    ended = python("-m", "seqkit", "--version")
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout.endswith(f"version {seqkit.__version__}\n".encode())


LIGHT = """\
import sys
sys.argv = ["seqkit", *sys.argv[1:]]
from seqkit.cli import main
try:
    main()
except SystemExit as ended:
    heavy = {"torch", "spacy", "numpy", "datasets", "pyarrow", "rich.progress"}
    if sys.argv[1] == "--help":
        heavy |= {"pydantic", "yaml", "pluggy"}
    sys.exit(f"{heavy & set(sys.modules)} {ended.code}" if heavy & set(sys.modules) else ended.code)
"""


@pytest.mark.parametrize("words", [["--help"], ["check", "{}"], ["plugins"]], ids=str)
def test_light_commands_import_nothing_heavy(toy: Path, words: list[str]) -> None:
    ended = python("-c", LIGHT, *[word.format(toy) for word in words])
    assert (ended.returncode, ended.stderr.decode()) == (0, "")


def test_a_reader_that_leaves_ends_predict_without_a_word(trained: Path, tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("the cat sees a dog\n" * 2_000)
    words = [sys.executable, "-m", "seqkit", "predict", str(trained), str(path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["index"] == 0
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 1
