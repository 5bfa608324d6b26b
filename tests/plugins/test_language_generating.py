"""Texts that go on from a prompt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import seqkit
from seqkit.pipeline import Pipeline
from seqkit_language.continuing import Continuing
from seqkit_language.generating import chosen_search, continued, prompt_pieces

Command = Callable[..., tuple[int, str, str]]
RECIPE = """\
seqkit: 1
name: rhyme
data: {use: text, unit: paragraph, train: t.txt}
tokenise: {use: lines, tokenise: TOKENISER}
embed: {use: lookup, width: 12}
encode: {use: lstm, width: 24}
decode: {use: language}
train: {epochs: 60, batch: {rows: 2}, optimiser: {use: adam, rate: 2.0e-2}, save: 0}
"""
RHYME = "one two three\nfour five six\n\nseven eight\nnine ten\n"


@pytest.fixture(scope="module", params=["words", "characters"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "t.txt").write_text(RHYME)
    (folder / "r.yaml").write_text(RECIPE.replace("TOKENISER", request.param))
    seqkit.run(folder / "r.yaml", out=folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def pipeline(model: Path) -> Pipeline:
    return seqkit.load(model)


def written(
    pipeline: Pipeline, prompt: str, length: int = 40, line: bool = True, **said: Any
) -> str:
    options = {"greedy": False, **said}
    greedy = bool(options.pop("greedy"))
    search = chosen_search(length, greedy, {"beam": None, **options})
    pieces = prompt_pieces(pipeline, prompt, "model")
    strings, *_ = continued(pipeline, pieces, search, line)
    return pipeline.tokenisers["text"].text(strings)


def test_what_was_learnt_by_heart_is_said(pipeline: Pipeline) -> None:
    assert written(pipeline, "one two", greedy=True).split() == ["three"]
    assert written(pipeline, "seven eight\n", greedy=True).split() == ["nine", "ten"]


def test_a_text_goes_on_over_lines_where_it_is_not_to_stop(pipeline: Pipeline) -> None:
    found = written(pipeline, "one two three\nfour", line=False, greedy=True)
    assert found.startswith((" five six\n", "five six\n"))


def test_a_beam_of_one_is_greedy(pipeline: Pipeline) -> None:
    assert written(pipeline, "one", beam=1) == written(pipeline, "one", greedy=True)


def test_the_likeliest_text_of_a_beam_is_at_least_as_likely_as_the_greedy_one(
    pipeline: Pipeline,
) -> None:
    def cost(text: str) -> float:
        answer = pipeline([text])[0]["answer"]
        return -sum(answer["value"])

    found = ["seven" + written(pipeline, "seven", beam=size) for size in (1, 5)]
    if pipeline.tokenisers["text"].text(["a", "b"]) == "a b":
        found = [text.replace("seven", "seven ", 1) for text in found]
    assert cost(found[1]) <= cost(found[0]) + 1e-4


def test_each_step_costs_what_the_whole_text_costs(pipeline: Pipeline) -> None:
    text = "one two three"
    pieces = prompt_pieces(pipeline, "one", "model")
    writer = Continuing(pipeline, pieces, 0, None)
    example = pipeline.input_example(text, "text").inputs["text"]
    follow = [writer.decoder.numbers[string] for string in example.strings[len(pieces) :]]  # type: ignore[union-attr]  # pieces
    with torch.inference_mode():
        _, state = writer.start(writer.inputs(), {})
        last, found = torch.zeros(1, dtype=torch.long), []
        for piece in follow:
            logs, state = writer.step(None, state, last)
            found.append(float(logs[0, piece]))
            last = torch.tensor([piece])
    whole = pipeline([text])[0]["answer"]["value"]
    assert found == pytest.approx(whole[len(pieces) - 1 :], abs=1e-4)


def test_a_model_goes_on_from_nothing(pipeline: Pipeline) -> None:
    assert written(pipeline, "", greedy=True).split()[0] in {"one", "seven"}


def test_the_same_seed_writes_the_same(pipeline: Pipeline) -> None:
    first, again, other = (
        written(pipeline, "", line=False, seed=seed, temperature=2.0) for seed in (3, 3, 4)
    )
    assert first == again != other


def test_the_command_shows_the_prompt_and_what_follows(command: Command, model: Path) -> None:
    words = ("generate", str(model), "--prompt", "one two", "--line", "--greedy")
    code, shown, complaints = command(*words)
    assert (code, shown, complaints) == (0, "one two three\n", "")


def test_the_command_shows_several_samples(command: Command, model: Path) -> None:
    words = ("generate", str(model), "--samples", "2", "--line", "--temperature", "0.5")
    code, shown, _ = command(*words)
    assert code == 0
    assert shown.count("-" * 20) == 1
    assert len(shown.split("-" * 20)) == 2


def test_a_space_behind_a_prompts_last_word_is_shown_once(command: Command, model: Path) -> None:
    words = ("generate", model, "--greedy", "--length", "4", "--prompt")
    code, shown, _ = command(*words, "one two ")
    assert code == 0
    assert shown.startswith("one two t")
    assert command(*words, "")[0] == 0


def test_an_unknown_piece_of_a_prompt_is_told(command: Command, model: Path) -> None:
    code, shown, complaints = command("generate", str(model), "--prompt", "ÖÖ", "--length", "2")
    assert code == 0
    assert shown.startswith("ÖÖ")
    assert "is not known to the model, and read as the unknown piece." in complaints


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--greedy", "--beam", "3"], "generate: --greedy excludes --beam. Keep one of them."),
        (["--beam", "3", "--top-k", "3"], "generate: --beam excludes --top-k. Keep one of them."),
        (["--beam", "0"], "Invalid value for '--beam': 0 is not in the range x>=1."),
        (["--top-p", "3"], "Invalid value for '--top-p': 3.0 is not in the range 0<x<=1."),
        (["--temperature", "0"], "Invalid value for '--temperature': 0.0 is not in the range x>0."),
    ],
)
def test_options_that_do_not_go_together_are_told(
    command: Command, tmp_path: Path, options: list[str], message: str
) -> None:
    code, _, complaints = command("generate", str(tmp_path), *options)
    assert code == 2
    assert message in complaints


def test_a_model_of_another_task_is_told(command: Command, trained: Path) -> None:
    code, _, complaints = command("generate", trained)
    assert code == 2
    assert "is no language model: its decoder is 'crf'" in complaints


def test_a_model_that_reads_no_lines_needs_a_prompt(command: Command, tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("a b\nb a\n")
    recipe = RECIPE.replace("{use: lines, tokenise: TOKENISER}", "words").replace("60", "1")
    (tmp_path / "r.yaml").write_text(recipe)
    seqkit.run(tmp_path / "r.yaml", out=tmp_path / "run")
    code, _, complaints = command("generate", str(tmp_path / "run"))
    assert code == 2
    assert complaints.strip() == (
        "--prompt: the model needs a text to go on with. Give one that is not empty."
    )


def test_the_options_are_settings_of_the_registered_search() -> None:
    given = {"beam": None, "top_k": 4, "top_p": 0.5, "seed": 2, "temperature": None}
    search: Any = chosen_search(7, False, given)
    assert (search.top, search.mass, search.seed, search.temperature) == (4, 0.5, 2, 1.0)
    assert (search.limits.longest, search.limits.ratio) == (7, 0.0)
