"""The data doctor: what is counted, what each stage adds, and what stops a run."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import seqkit
from seqkit.abilities import Finding
from seqkit.doctor import empty, examine, missing
from seqkit.errors import DataError
from seqkit.experiment import Silent
from seqkit.findings import Report
from seqkit.recipe import read_recipe
from seqkit.testing import example

Command = Callable[..., tuple[int, str, str]]
JSONL = """\
seqkit: 1
name: made
data: {use: jsonl, train: train.jsonl, test: test.jsonl, text: TEXT, gold: gold}
tokenise: words
embed: {use: lookup, width: 4}
encode: {use: bilstm, width: 4}
decode: DECODE
train: {epochs: 1}
evaluate: {metrics: [accuracy], bootstrap: 0}
"""


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes a recipe for JSON lines, and its data, into the working folder."""
    monkeypatch.chdir(tmp_path)

    def write(
        train: list[Any], test: list[Any], decode: str = "classifier", text: str = "text"
    ) -> Path:
        for name, rows in (("train", train), ("test", test)):
            Path(f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        Path("made.yaml").write_text(JSONL.replace("DECODE", decode).replace("TEXT", text))
        return Path("made.yaml")

    return write


def texts(count: int, labels: str = "xy", begin: int = 0) -> list[dict[str, str]]:
    """Rows with a text each, of two words and a number."""
    return [
        {"text": f"text number {number}", "gold": labels[number % len(labels)]}
        for number in range(begin, begin + count)
    ]


def examined(path: Path, **options: Any) -> Report:
    return examine(read_recipe(path), path.parent, **options)


def said(report: Report, level: str) -> list[str]:
    return [str(told) for told in report.of(level)]


def test_inputs_without_a_step_are_counted_and_an_error_where_there_are_no_others() -> None:
    none, one = example("").inputs["text"], example("a").inputs["text"]
    assert list(empty("text", [one, one])) == []
    assert list(empty("text", [one, none, none, one])) == [
        Finding("2 of 4 examples (50.0%) are empty, the first is 2", "warning")
    ]
    assert list(empty("question", [none] * 99)) == [
        Finding("99 of 99 examples (100.0%) are empty in question, the first is 1", "error")
    ]


def test_golds_that_are_missing_are_counted_by_name() -> None:
    assert list(missing([example("a", "x"), example("b"), example("c")])) == [
        Finding("2 of 3 examples (66.7%) have no gold, the first is 2", "warning")
    ]
    golds: list[Any] = [{"slots": ["O"], "intent": None}, {"slots": ["O"], "intent": "x"}]
    assert list(missing([example("a", gold) for gold in golds])) == [
        Finding("1 of 2 examples (50.0%) have no gold intent, the first is 1", "warning")
    ]


def test_a_report_has_sizes_what_the_engine_counts_and_what_each_stage_says(toy: Path) -> None:
    report = examined(toy)
    assert [(one.split, one.examples, one.total) for one in report.sizes] == [
        ("train", 12, 51),
        ("dev", 5, 20),
        ("test", 5, 27),
    ]
    stages = {told.stage for told in report.findings}
    assert {"words", "crf"} <= stages
    assert said(report, "warning") == ["train, crf: 1 of 4 labels on fewer than 5 words: A (3)"]
    assert not report.failed
    assert report.plain()["findings"][0] == {
        "level": "warning",
        "split": "train",
        "stage": "crf",
        "text": "1 of 4 labels on fewer than 5 words: A (3)",
    }


def test_a_sample_is_of_every_split(toy: Path) -> None:
    assert [one.examples for one in examined(toy, sample=3).sizes] == [3, 3, 3]


def test_a_stage_that_several_inputs_share_speaks_once_and_others_by_their_inputs(
    made: Callable[..., Path],
) -> None:
    rows = [{"p": f"a passage {n}", "q": f"why {n}", "gold": "xy"[n % 2]} for n in range(12)]
    path = made(rows, rows[:2], "{use: classifier, over: question}", "{passage: p, question: q}")
    report = examined(path)
    assert [(one.split, one.input) for one in report.sizes] == [
        *(("train", "passage"), ("train", "question")),
        *(("test", "passage"), ("test", "question")),
    ]
    assert [told.stage for told in report.of("note")].count("words") == 1
    apart = path.read_text().replace(
        "tokenise: words", "tokenise: {passage: words, question: words}"
    )
    path.write_text(apart)
    stages = [told.stage for told in examined(path).findings]
    assert [stages.count(f"words ({name})") for name in ("passage", "question")] == [1, 1]


def test_a_split_that_cannot_be_read_is_an_error_beside_what_the_others_say(
    made: Callable[..., Path],
) -> None:
    path = made(texts(12), [])
    report = examined(path)
    assert [one.split for one in report.sizes] == ["train"]
    assert said(report, "error") == [
        "test: test.jsonl: has no examples. Check that it is the right file."
    ]
    Path("test.jsonl").write_text('{"text": "a"}\n')
    assert said(examined(path), "error") == [
        "test: example 1 (made.yaml:3:76): the rows have no field 'gold', only text."
    ]


def test_where_the_decoder_finds_nothing_to_learn_the_engine_still_counts(
    made: Callable[..., Path],
) -> None:
    report = examined(made(texts(12, "x"), texts(12, "x")))
    assert [(one.split, one.examples, one.repeated) for one in report.sizes] == [
        ("train", 12, 0),
        ("test", 12, 12),
    ]
    assert said(report, "error") == [
        "train: classifier: the only label is 'x' in 12 training examples, so there is nothing to "
        "learn. Check which field data.gold names."
    ]
    assert {told.stage for told in report.findings} == {""}


def test_where_train_cannot_be_read_nothing_is_counted(made: Callable[..., Path]) -> None:
    path = made([{"txt": "a", "gold": "x"}], texts(1))
    report = examined(path)
    assert report.sizes == []
    assert said(report, "error") == [
        "train: example 1 (made.yaml:3:64): the rows have no field 'text', only gold, txt. "
        "Did you mean 'txt'?"
    ]
    Path("train.jsonl").write_text("")
    assert said(examined(path), "error")[0].startswith("train: train.jsonl: has no examples.")


def test_golds_that_the_decoder_cannot_read_are_counted_and_the_first_is_told(
    made: Callable[..., Path],
) -> None:
    path = made(texts(12), [*texts(2, begin=50), {"text": "a", "gold": ["x"]}] * 2)
    report = examined(path)
    [line] = said(report, "error")
    assert line.startswith(
        "test, classifier: 2 golds cannot be read, the first in example 3: classifier: the gold is "
    )
    spoken = [told.split for told in report.findings if told.stage == "classifier"]
    assert set(spoken) == {"train", "test"}
    assert spoken.count("test") == 1


class Notes(Silent):
    """Keeps what a run says."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def said(self, line: str) -> None:
        self.lines.append(line)


def test_a_run_is_refused_with_every_error_and_again_when_it_is_called_again(
    made: Callable[..., Path],
) -> None:
    path = made(texts(60), texts(60))
    rows = [*texts(60), {"text": "a", "gold": ["x"]}]
    path.write_text(path.read_text().replace("test: test", "dev: dev.jsonl, test: test"))
    Path("dev.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for _ in range(2):
        watch = Notes()
        with pytest.raises(DataError) as caught:
            seqkit.run(path, out="run", watch=watch)
        dev, test = str(caught.value).splitlines()
        assert dev.startswith(
            "made.yaml: dev, classifier: example 61: classifier: the gold is ['x']"
        )
        assert test.startswith("made.yaml: test: all 60 examples stand in train too, so a score on")
        assert test.endswith(". See `seqkit data run/recipe.yaml --data .`.")
        assert watch.lines[0] == (
            "data: examples: train 60, dev 61 (98.4% also in train), test 60 (100.0% also in train)"
        )
    assert sorted(path.name for path in Path("run").glob("[!.]*")) == [
        "fitted",
        "recipe.yaml",
        "run.json",
    ]


def test_the_command_that_shows_more_shows_what_was_refused(
    made: Callable[..., Path], command: Command
) -> None:
    path = made(texts(70), texts(9, begin=70))
    (path.parent / "my runs").mkdir()
    with pytest.raises(DataError) as caught:
        seqkit.run(path, set={"data.test": "train.jsonl"}, sample=60, out="my runs/one")
    _, _, told = str(caught.value).partition("See `")
    words = shlex.split(told.removesuffix("`."))
    assert words[1:] == ["data", "my runs/one/recipe.yaml", "--data", ".", "--sample", "60"]
    code, out, _ = command(*words[1:])
    assert code == 1
    assert "all 60 examples stand in train too" in out


def test_what_the_data_are_is_said_before_the_first_update_alone(toy: Path) -> None:
    watch = Notes()
    seqkit.run(toy, out=toy.parent / "run", set={"train.epochs": 1}, watch=watch)
    assert watch.lines[0] == "data: examples: train 12, dev 5, test 5"
    (toy.parent / "run/metrics.json").unlink()
    watch = Notes()
    seqkit.run(toy, out=toy.parent / "run", set={"train.epochs": 1}, watch=watch)
    assert [line for line in watch.lines if line.startswith("data: ")] == []


def test_the_command_shows_the_report_and_ends_with_1_where_there_is_an_error(
    made: Callable[..., Path], command: Command
) -> None:
    path = made(texts(60), texts(20, begin=60))
    code, out, err = command("data", path)
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "made: nothing wrong"
    code, out, err = command("data", path, "--set", "data.test=train.jsonl", "--sample", 55)
    assert (code, err) == (1, "")
    assert out.splitlines()[0] == "made: 1 error"
    code, out, err = command("data", path, "--json")
    assert (code, err) == (0, "")
    assert [one["split"] for one in json.loads(out)["sizes"]] == ["train", "test"]
    code, out, err = command("data", path, "--set", "data.test=nothing.jsonl")
    assert (code, out) == (2, "")
    assert err.startswith("--set data.test: data.test: no file 'nothing.jsonl'")


def test_labels_that_training_has_not_seen_are_told_under_the_scores(
    made: Callable[..., Path], command: Command
) -> None:
    path = made(texts(12), texts(6, "xyz", begin=20))
    line = "2 texts have labels that training has not seen: z (2). They count as wrong"
    code, out, _ = command("run", path, "--out", "run")
    assert code == 0
    assert out.splitlines()[2] == f"test: {line}"
    assert json.loads(Path("run/metrics.json").read_bytes())["remarks"] == {
        "dev": [],
        "test": [line],
    }
    code, out, err = command("evaluate", "run", "--on", "test.jsonl")
    assert (code, err) == (0, "")
    assert out.splitlines()[2:] == [f"test: {line}"]


def test_tags_that_break_the_scheme_are_told_under_the_scores(
    made: Callable[..., Path], command: Command
) -> None:
    rows = [{"text": f"on day {n}", "gold": ["O", "B-X", "I-X"]} for n in range(6)]
    path = made(rows, [{"text": "a b c", "gold": ["O", "I-X", "O"]}], "crf")
    code, out, _ = command("run", path, "--out", "run")
    assert code == 0
    assert out.splitlines()[2] == (
        "test: 1 tag breaks BIO, the first in example 1, word 2 'b': I-X after O. Read as "
        "conlleval does: a span begins where none goes on"
    )
