"""The probability of each piece given those before it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import seqkit
from seqkit import windowed
from seqkit.errors import DataError, PluginError, RecipeError
from seqkit.pipeline import Pipeline, build
from seqkit.recipe import recipe_from_plain
from seqkit.stages import Example, Frames, Upstream, Vectors
from seqkit.table import collate
from seqkit_language import bits, language, penalised, perplexity

TEXTS = ["the cat sat\non the mat", "a cat\nthe mat\n", "the the the", "mat"]


def plain(decode: Mapping[str, Any] | None = None, **others: Any) -> dict[str, Any]:
    return {
        "seqkit": 1,
        "name": "read",
        "data": {"use": "text", "train": "train.txt"},
        "tokenise": "lines",
        "embed": {"use": "lookup", "width": 6},
        "encode": {"use": "lstm", "width": 6, "layers": 2},
        "decode": {"use": "language", **(decode or {})},
        **others,
    }


def built(decode: Mapping[str, Any] | None = None, **others: Any) -> Pipeline:
    torch.manual_seed(3)
    recipe = recipe_from_plain(plain(decode, **others), "read.yaml")
    pipeline = build(recipe, [{"text": text} for text in TEXTS])
    for weight in pipeline.network.parameters():
        torch.nn.init.normal_(weight, std=0.5)
    pipeline.network.eval()
    return pipeline


def values(pipeline: Pipeline, texts: Sequence[str]) -> list[list[float]]:
    return [answer["answer"]["value"] for answer in pipeline(texts)]


@torch.no_grad()
def reference(pipeline: Pipeline, text: str) -> list[float]:
    """One step at a time through torch's own cells, in float64."""
    network = pipeline.network
    decoder: Any = network.decoder
    strings = pipeline.input_example(text, "text").inputs["text"].strings  # type: ignore[union-attr]
    embedder: Any = network.embedders["text"]
    (encoders,) = network.steps
    layers = [one[0].kernel for one in encoders["text"].layers]  # type: ignore[index, union-attr]
    hidden = [torch.zeros(6, dtype=torch.float64) for _ in layers]
    cells = [torch.zeros(6, dtype=torch.float64) for _ in layers]
    found = []
    for string, following in itertools.pairwise(strings):
        x = embedder.table.weight[embedder.number(string)].double()
        for depth, kernel in enumerate(layers):
            weights = {name: weight.double() for name, weight in kernel.named_parameters()}
            gates = weights["weight_ih_l0"] @ x + weights["weight_hh_l0"] @ hidden[depth]
            i, f, g, o = (gates + weights["bias_ih_l0"] + weights["bias_hh_l0"]).chunk(4)
            cells[depth] = f.sigmoid() * cells[depth] + i.sigmoid() * g.tanh()
            x = hidden[depth] = o.sigmoid() * cells[depth].tanh()
        layer = decoder.layer
        weight = layer.weight() if hasattr(layer, "weight") else layer.linear.weight
        bias = layer.bias if hasattr(layer, "weight") else layer.linear.bias
        logs = (weight.double() @ x + bias.double()).log_softmax(0)
        found.append(float(logs[decoder.numbers.get(following, 0)]))
    return found


@pytest.mark.parametrize("tie", [False, True])
def test_each_piece_costs_what_the_equations_say(tie: bool) -> None:
    pipeline = built({"tie": tie})
    for text, found in zip(TEXTS, values(pipeline, TEXTS), strict=True):
        assert found == pytest.approx(reference(pipeline, text), abs=2e-5)


def test_the_loss_is_the_sum_of_what_pieces_cost() -> None:
    pipeline = built()
    examples = [pipeline.input_example(text, "text") for text in TEXTS]
    batch = collate([pipeline.prepare(example) for example in examples])
    loss, _, _ = pipeline.network(batch)
    logs = [log for found in values(pipeline, TEXTS) for log in found]
    assert float(loss.total.detach()) == pytest.approx(-sum(logs), abs=1e-4)
    assert int(loss.count) == len(logs)


def test_an_answer_says_what_it_is_counted_by() -> None:
    (answer,) = built()(["a dog\nsat"])
    found = answer["answer"]
    assert found["pieces"] == ["a", "dog", "\n", "sat", "\n"]
    assert (found["words"], found["characters"], found["unknown"]) == (5, 9, 1)


def test_neighbours_do_not_change_what_a_text_costs() -> None:
    pipeline = built()
    together = values(pipeline, TEXTS)
    for text, found in zip(TEXTS, together, strict=True):
        assert found == pytest.approx(values(pipeline, [text])[0], abs=1e-5)


@pytest.mark.parametrize("decode", [{}, {"cache": 5}])
def test_a_long_text_is_read_in_windows_and_costs_the_same(
    decode: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = built(decode)
    text = "\n".join(TEXTS * 3)
    whole = values(pipeline, [text, "the"])
    monkeypatch.setattr(windowed, "LONG", 10)
    monkeypatch.setattr(windowed, "WINDOW", 7)
    read: list[int] = []
    decoder: Any = pipeline.network.decoder
    once = decoder.read

    def counted(memory: Any, inputs: Any, batch: Any) -> Any:
        read.append(1)
        return once(memory, inputs, batch)

    monkeypatch.setattr(decoder, "read", counted)
    found = values(pipeline, [text, "the"])
    assert len(read) > 3
    assert found[0] == pytest.approx(whole[0], abs=1e-5)
    assert found[1] == pytest.approx(whole[1], abs=1e-5)


def test_words_cost_the_same_while_they_come() -> None:
    pipeline = built()
    words = ["the", "cat", "sat", "on", "a", "mat"]
    whole = pipeline([words])[0]["answer"]["value"]
    live = pipeline.live()
    found = [one["answer"]["value"] for word in words for one in live.push(word)]
    assert live.finish() == []
    assert found == pytest.approx(whole, abs=1e-5)


def test_a_cache_is_what_its_equation_says() -> None:
    pipeline = built({"cache": 3, "cache_share": 0.4, "cache_sharpness": 0.7})
    text = "the cat the cat the the mat cat"
    without = built()
    example = pipeline.input_example(text, "text")
    batch = collate([pipeline.prepare(example)])
    with torch.no_grad():
        vectors, _ = pipeline.network.encode(batch)
    hidden = vectors["text"].values[0].double()
    strings = list(example.inputs["text"].strings)  # type: ignore[union-attr]
    model = values(without, [text])[0]
    wanted = []
    for step, log in enumerate(model, 1):
        past = range(max(step - 3, 1), step)
        scores = [math.exp(0.7 * float(hidden[step - 1] @ hidden[one - 1])) for one in past]
        same = sum(s for s, one in zip(scores, past, strict=True) if strings[one] == strings[step])
        cached = same / sum(scores) if scores else 0.0
        share = 0.4 if scores else 0.0
        wanted.append(math.log((1 - share) * math.exp(log) + share * cached))
    assert values(pipeline, [text])[0] == pytest.approx(wanted, abs=2e-5)


def test_adaptive_parts_give_probabilities_that_sum_to_one() -> None:
    pipeline = built({"adaptive": [3]})
    decoder: Any = pipeline.network.decoder
    with torch.no_grad():
        logs = decoder.layer.log_probabilities(torch.randn(4, 6))
    assert torch.allclose(logs.exp().sum(1), torch.ones(4), atol=1e-5)
    rows, wanted = torch.randn(4, 6), torch.tensor([0, 1, 4, 6])
    with torch.no_grad():
        loss = decoder.layer.loss(rows, wanted, 0.0)
        logs = decoder.layer.log_probabilities(rows)
    assert float(loss) == pytest.approx(float(F.nll_loss(logs, wanted, reduction="sum")), abs=1e-4)


def test_windows_of_streams_guess_every_piece_of_a_text_but_the_first(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("\n".join(TEXTS * 4))
    (tmp_path / "recipe.yaml").write_text(
        """\
seqkit: 1
name: streams
data: {use: text, unit: file, train: train.txt, dev: train.txt}
tokenise: lines
embed: {use: lookup, width: 16}
encode:
  - {use: lstm, width: 16}
  - {use: penalised, size: 0.01, change: 0.01}
decode: {use: language, tie: true}
train:
  {epochs: 60, batch: {streams: 2, window: 8}, optimiser: {use: adam, rate: 2.0e-2}, save: 0}
evaluate: {metrics: [perplexity, {use: bits, each: word}]}
"""
    )
    run = seqkit.run(tmp_path / "recipe.yaml", out=tmp_path / "run")
    score = run.metrics["dev"]["perplexity"]["value"]
    assert score < 2.0  # of a text that it knows by heart
    assert run.metrics["dev"]["bits"]["value"] == pytest.approx(math.log2(score))


def test_a_penalty_is_the_mean_square_of_values_and_of_their_change() -> None:
    values = torch.randn(2, 4, 3, dtype=torch.float64)
    lengths = torch.tensor([4, 2])
    values[1, 2:] = 0.0
    found = penalised(Upstream(3), size=2.0, change=0.5)
    module: Any = found
    before = torch.tensor(1.0)
    given = Vectors(values, lengths, penalty=before)
    rows = [values[0], values[1, :2]]
    size = torch.cat(rows).square().mean()
    change = torch.cat([row[1:] - row[:-1] for row in rows]).square().mean()
    wanted = 1.0 + 2.0 * float(size) + 0.5 * float(change)
    assert float(module.train()(given).penalty) == pytest.approx(wanted, abs=1e-5)
    assert module.eval()(given).penalty is before


@pytest.mark.parametrize(
    ("decode", "others", "message"),
    [
        ({}, {"encode": {"use": "bilstm", "width": 6}}, "sees what is to be guessed"),
        ({"tie": True}, {"embed": {"use": "hashed", "width": 6}}, "one vector a piece"),
        ({"tie": True}, {"embed": {"use": "lookup", "width": 5}}, "equal widths, but the encoder"),
        ({"tie": True}, {"embed": {"use": "lookup", "width": 6, "minimum": 3}}, "for 4 of the 7"),
        ({"adaptive": [40]}, {}, "ends with 40, but there are 8 pieces"),
        ({"adaptive": [2, 4]}, {}, "2 tails, each 4 times narrower"),
    ],
)
def test_stages_that_do_not_fit_are_named(
    decode: Mapping[str, Any], others: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(PluginError, match=message):
        built(decode, **others)


@pytest.mark.parametrize(
    ("decode", "message"),
    [
        ({"adaptive": [2], "tie": True}, "'adaptive' has layers of its own"),
        ({"adaptive": [4, 2]}, "does not rise"),
        ({"adaptive": [2], "smoothing": 0.1}, "'smoothing' is not known to 'adaptive'"),
        ({"cache_share": 0.3}, "'cache_share' has no effect without a cache"),
    ],
)
def test_settings_that_do_not_go_together_are_told_before_anything_loads(
    decode: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        recipe_from_plain(plain(decode), "read.yaml")


def test_a_penalty_of_nothing_is_told() -> None:
    with pytest.raises(RecipeError, match="nothing is penalised"):
        recipe_from_plain(plain(encode=[{"use": "lstm"}, {"use": "penalised"}]), "read.yaml")


def test_frames_cannot_be_guessed() -> None:
    decoder = language(Upstream(3))
    example = Example({}, {"text": Frames(np.zeros((2, 1), np.float32))})
    with pytest.raises(DataError, match="the input is frames"):
        decoder.fit([example])


def test_a_split_without_pieces_is_told() -> None:
    pipeline = built()
    example = pipeline.input_example([], "text")
    with pytest.raises(DataError, match="no piece occurs 1 times"):
        language(Upstream(3)).fit([example])


def test_unknown_pieces_are_told() -> None:
    pipeline = built()
    decoder: Any = pipeline.network.decoder
    example = pipeline.input_example("a dog", "text")
    (finding,) = decoder.describe([example], "dev")
    assert finding.text == "25.00% of the pieces (1 of 4) are guessed as one, the unknown piece"
    assert decoder.describe([pipeline.input_example("the", "text")], "dev") == []


def test_a_joined_step_is_refused() -> None:
    with pytest.raises(PluginError, match="joins steps"):
        language(Upstream(3, stride=2))


def test_costs_are_counted_by_pieces_words_or_characters() -> None:
    answer = {"value": [-math.log(2), -math.log(8)], "pieces": ["a", "b"], "words": 1}
    answer = {**answer, "characters": 4}
    for metric, wanted in [
        (perplexity(), 4.0),
        (perplexity(each="word"), 16.0),
        (bits(), 1.0),
        (bits(each="piece"), 2.0),
    ]:
        assert metric.value(metric.counts(answer, {})) == pytest.approx(wanted)
    for metric in (perplexity(), bits()):
        with pytest.raises(DataError, match="Use the decoder 'language'"):
            metric.counts({"value": "a"}, {})


def test_a_hopeless_model_has_an_endless_perplexity() -> None:
    answer = {"value": [-5000.0], "pieces": ["a"], "words": 1, "characters": 1}
    metric = perplexity()
    assert metric.value(metric.counts(answer, {})) == math.inf
