"""A model that goes on learning from what it is scored on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import seqkit
from seqkit.answers import answered
from seqkit.pipeline import Pipeline
from seqkit_language.adapting import Adapting, adapted

Command = Callable[..., tuple[int, str, str]]
RECIPE = """\
seqkit: 1
name: rhyme
data: {use: text, unit: file, train: t.txt}
tokenise: lines
embed: {use: lookup, width: 6}
encode: {use: lstm, width: 6}
decode: {use: language, tie: true}
train: {epochs: 1, batch: {streams: 1, window: 4}, save: 0}
evaluate: {metrics: [perplexity]}
"""
TEXT = "one two three\ntwo one two three\n" * 8


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("adapting")
    (folder / "t.txt").write_text(TEXT)
    (folder / "r.yaml").write_text(RECIPE)
    seqkit.run(folder / "r.yaml", out=folder / "run")
    return folder / "run"


def costs(pipeline: Pipeline, settings: Adapting) -> list[float]:
    (found,) = adapted(pipeline, [pipeline.input_example(TEXT, "text")], settings)
    logs: list[float] = found.answers["answer"]["value"]
    return logs


def test_what_learns_next_to_nothing_costs_what_it_always_does(model: Path) -> None:
    pipeline = seqkit.load(model)
    (whole,) = answered(pipeline, [pipeline.input_example(TEXT, "text")])
    found = costs(pipeline, Adapting(1e-12, 5, 1.0, 0.0))
    assert found == pytest.approx(whole.answers["answer"]["value"], abs=1e-5)


def test_a_text_that_repeats_itself_costs_less_and_less(model: Path) -> None:
    found = costs(seqkit.load(model), Adapting(0.5, 4, 1.0, 0.0))
    assert sum(found[-16:]) > sum(found[:16]) + 2.0


def test_a_step_is_gradient_descent_on_a_windows_mean_cost(model: Path) -> None:
    pipeline = seqkit.load(model)
    example = pipeline.input_example("one two\n", "text")
    decoder: Any = pipeline.network.decoder
    (weight,) = (
        one for name, one in pipeline.network.named_parameters() if name == "decoder.layer.bias"
    )
    seen: list[torch.Tensor] = []
    once = decoder.logs

    def logs(values: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        seen.append(weight.detach().clone())
        found: torch.Tensor = once(values, wanted)
        return found

    decoder.logs = logs
    list(adapted(pipeline, [example], Adapting(0.3, 1, 1e9, 0.25)))
    first = decoder.layer
    hidden, _ = pipeline.network.encode(_batch(pipeline, example))
    scores = hidden["text"].values[0, 0] @ first.weight().T + first.bias
    slope = scores.softmax(0)
    slope[decoder.numbers["one"]] -= 1.0
    assert torch.allclose(seen[1], seen[0] - 0.3 * slope, atol=1e-6)
    assert torch.equal(weight, seen[0])


def _batch(pipeline: Pipeline, example: Any) -> Any:
    from seqkit.table import collate

    return collate([pipeline.prepare(example)])


def test_the_weights_are_afterwards_as_they_were(model: Path) -> None:
    pipeline = seqkit.load(model)
    before = {name: one.clone() for name, one in pipeline.network.state_dict().items()}
    costs(pipeline, Adapting(0.5, 4, 1.0, 0.01))
    after = pipeline.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(weight.grad is None for weight in pipeline.network.parameters())


def test_the_command_scores_a_file(command: Command, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "more.txt"
    path.write_text(TEXT)
    code, shown, complaints = command("adapt", model, "--on", path, "--rate", "0.5", "--json")
    assert code == 0
    assert complaints.startswith("learnt while reading: rate 0.5, window 20, clip 1, back 0.001")
    code, plain, _ = command("evaluate", model, "--on", path, "--json")
    assert code == 0
    assert json.loads(shown)["perplexity"]["value"] < json.loads(plain)["perplexity"]["value"]


def test_a_model_of_another_task_cannot_adapt(command: Command, trained: Path) -> None:
    code, _, complaints = command("adapt", trained, "--on", trained.parent / "toy.yaml")
    assert code == 2
    assert "is no language model: its decoder is 'crf'" in complaints
