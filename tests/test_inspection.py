"""What an inspection holds, what its gradients are of, and what it refuses."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import seqkit
from seqkit.abilities import Observed
from seqkit.errors import DataError, ModelError, PluginError
from seqkit.inputs import step_names
from seqkit.inspection import Inspection, Part, encoder_names, read_given
from seqkit.recipe import read_recipe
from seqkit.stages import Example, Frames, Loss, Pieces
from seqkit.table import collate
from seqkit.testing import example
from seqkit.training import mean_loss

TEXT = "the big dog sees a cat"
GOLD = ["D", "A", "N", "V", "D", "N"]


@pytest.fixture(scope="module")
def model(trained: Path) -> seqkit.Pipeline:
    return seqkit.load(trained)


def test_each_part_has_a_number_for_each_piece(model: seqkit.Pipeline) -> None:
    found = model.inspect(TEXT)
    assert [(part.encoder, part.step, part.input, part.name) for part in found.parts] == [
        ("bilstm", 1, "text", "layer 1 forward"),
        ("bilstm", 1, "text", "layer 1 backward"),
    ]
    for part in found.parts:
        assert part.pieces == tuple(TEXT.split())
        assert list(part.series)[-1] == "gradient"
        assert len(part.series) > 3
        assert {len(series) for series in part.series.values()} == {6}
        assert min(part.series["gradient"]) > 0


@pytest.mark.parametrize("given", [TEXT, TEXT.split(), {"text": TEXT}, seqkit.Text(TEXT)])
def test_what_a_pipeline_takes_can_be_inspected(model: seqkit.Pipeline, given: Any) -> None:
    assert model.inspect(given) == model.inspect(TEXT)


def test_the_answers_are_the_pipelines(model: seqkit.Pipeline) -> None:
    assert [model.inspect(TEXT).answers] == model([TEXT])


def loss_against(model: seqkit.Pipeline, gold: Any) -> float:
    """The mean loss of the example with this gold."""
    whole = model.input_example(TEXT, "")
    prepared = model.prepare(Example(whole.fields, whole.inputs, gold))
    return mean_loss(model, [collate([prepared])])


def test_the_loss_is_against_the_models_own_answer(model: seqkit.Pipeline) -> None:
    found = model.inspect(TEXT)
    wanted = loss_against(model, found.answers["tag"]["value"])
    assert found.loss == pytest.approx(wanted, rel=1e-5)
    assert found.against == "the model's own answer"


def test_the_loss_is_against_the_gold_where_it_is_given(model: seqkit.Pipeline) -> None:
    found = model.inspect(TEXT, gold=GOLD)
    assert found.loss == pytest.approx(loss_against(model, GOLD), rel=1e-5)
    assert found.against == "the given gold"
    own = model.inspect(TEXT)
    assert found.parts[0].series["gradient"] != own.parts[0].series["gradient"]
    kept = [name for name in own.parts[0].series if name != "gradient"]
    assert all(found.parts[0].series[name] == own.parts[0].series[name] for name in kept)


@pytest.mark.parametrize(
    ("gold", "message"),
    [
        (["D"], "inspect: the gold does not fit: crf: 1 label for 6 words"),
        (7, "inspect: the gold does not fit: crf: the gold is 7,"),
    ],
)
def test_gold_that_does_not_fit_is_refused(model: seqkit.Pipeline, gold: Any, message: str) -> None:
    with pytest.raises(DataError) as refused:
        model.inspect(TEXT, gold=gold)
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("error", "told"),
    [(DataError("crf: no."), "crf: no."), (KeyError("value"), "KeyError: 'value'")],
)
def test_where_an_answer_is_no_gold_the_gradient_is_left_out_and_it_says_why(
    model: seqkit.Pipeline, monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    decoder: Any = model.network.decoder
    prepare = decoder.prepare

    def refuse(one: Example, rng: Any = None) -> Any:
        if one.gold is not None:
            raise error
        return prepare(one, rng)

    monkeypatch.setattr(decoder, "prepare", refuse)
    found = model.inspect(TEXT)
    assert found.loss is None
    assert found.against == f"no gradients: the model's answer is no gold for it: {told}"
    assert all("gradient" not in part.series for part in found.parts)
    with pytest.raises(DataError, match=f"^inspect: the gold does not fit: {told}$"):
        model.inspect(TEXT, gold=GOLD)


def test_a_loss_that_is_no_number_has_no_gradients(
    model: seqkit.Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder: Any = model.network.decoder
    loss = decoder.loss

    def spoilt(*given: Any) -> Loss:
        found = loss(*given)
        return Loss(found.total * math.nan, found.count)

    monkeypatch.setattr(decoder, "loss", spoilt)
    found = model.inspect(TEXT)
    assert (found.loss, found.against) == (None, "no gradients: the loss is nan")


def test_a_text_without_pieces_has_no_parts(model: seqkit.Pipeline) -> None:
    found = model.inspect("")
    assert found.answers["tag"]["value"] == []
    assert found.parts == ()


def test_a_model_stays_as_it_is(model: seqkit.Pipeline) -> None:
    weights = list(model.network.parameters())
    before = [weight.detach().clone() for weight in weights]
    answers = model([TEXT])
    with torch.no_grad():
        found = model.inspect(TEXT)
    assert min(found.parts[0].series["gradient"]) > 0
    assert all(torch.equal(*pair) for pair in zip(before, weights, strict=True))
    assert all(weight.grad is None and weight.requires_grad for weight in weights)
    assert model([TEXT]) == answers


def without_encoder(toy: Path, encode: str) -> seqkit.Pipeline:
    """The toy pipeline with other encoders, untrained."""
    from seqkit.data import read_rows, trained
    from seqkit.pipeline import build

    text = toy.read_text().replace("encode: {use: bilstm, width: 8, dropout: 0.3}", encode)
    toy.write_text(text)
    recipe = read_recipe(toy)
    return build(recipe, list(read_rows(trained(recipe), "train", toy.parent)))


def test_a_model_that_cannot_be_looked_into_says_so(toy: Path) -> None:
    with pytest.raises(ModelError) as refused:
        without_encoder(toy, "").inspect(TEXT)
    assert str(refused.value) == (
        "inspect: no encoder of 'toy' (it has none) can be looked into. Inspect a model whose "
        "encoder has the method 'observe'."
    )


def test_each_encoder_of_a_chain_is_told_by_its_step(toy: Path) -> None:
    chain = without_encoder(toy, "encode: [{use: bilstm, width: 4}, {use: lstm, width: 3}]")
    found = chain.inspect(TEXT)
    assert [(part.encoder, part.step, part.name) for part in found.parts] == [
        ("bilstm", 1, "layer 1 forward"),
        ("bilstm", 1, "layer 1 backward"),
        ("lstm", 2, "layer 1 forward"),
    ]
    assert encoder_names(chain.recipe, ["a", "b"]) == {
        "0/a": "bilstm", "0/b": "bilstm", "1/a": "lstm", "1/b": "lstm"
    }  # fmt: skip


def test_an_encoder_that_shows_another_pass_than_its_own_is_named(
    model: seqkit.Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder: Any = next(iter(model.network.encoding))
    observe = encoder.observe

    def shifted(*given: Any) -> Observed:
        found: Observed = observe(*given)
        found.vectors.values.data += 0.5
        return found

    monkeypatch.setattr(encoder, "observe", shifted)
    with pytest.raises(PluginError, match=r"^bilstm: what its observe computes differs by 0\.5 fr"):
        model.inspect(TEXT)


def test_what_json_does_not_know_is_null() -> None:
    series = {"half-life": (1.0, math.inf, math.nan)}
    part = Part("lstm", 1, "text", "layer", ("a", "b", "c"), series)
    found = Inspection({"tag": {"value": math.nan}}, None, "no gradients", (part,))
    plain = json.loads(json.dumps(found.plain(), allow_nan=False))
    assert plain == {
        "answers": {"tag": {"value": None}},
        "loss": None,
        "against": "no gradients",
        "parts": [
            {
                "encoder": "lstm", "step": 1, "input": "text", "part": "layer",
                "pieces": ["a", "b", "c"], "series": {"half-life": [1.0, None, None]},
            }
        ],
    }  # fmt: skip


def text_of(given: Any) -> Pieces | Frames:
    return example(given).inputs["text"]


@pytest.mark.parametrize(
    ("given", "steps", "wanted"),
    [
        ("a b c d e", 5, ["a", "b", "c", "d", "e"]),
        ("a b c d e", 3, ["a b", "c d", "e"]),
        ("a b c d e", 2, ["a b c", "d e"]),
        ("", 0, []),
        ([0.5, 12345.0], 2, ["0.5", "1.234e+04"]),
        (np.ones((3, 2)), 3, ["frame 1", "frame 2", "frame 3"]),
        (np.ones((3, 2)), 2, ["frame 1 frame 2", "frame 3"]),
        (np.ones((99, 1)), 3, ["step 1", "step 2", "step 3"]),
    ],
)
def test_a_step_is_labelled_by_what_was_read(given: Any, steps: int, wanted: list[str]) -> None:
    assert list(step_names(text_of(given), steps)) == wanted


def test_a_command_line_gives_a_text_as_it_stands(model: seqkit.Pipeline) -> None:
    assert read_given(model, '["a", "text"]') == '["a", "text"]'


def test_a_command_line_gives_json_where_the_model_takes_no_single_text(
    model: seqkit.Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "tokenisers", {})
    assert read_given(model, "[0.5, 2]") == [0.5, 2]
    monkeypatch.setattr(model, "names", ("left", "right"))
    assert read_given(model, '{"left": "a"}') == {"left": "a"}
    with pytest.raises(DataError) as refused:
        read_given(model, "a text")
    assert str(refused.value) == (
        "inspect: the model takes left and right: not JSON (Expecting value: line 1 column 1 "
        "(char 0)). Give JSON: a text stands in double quotes."
    )
