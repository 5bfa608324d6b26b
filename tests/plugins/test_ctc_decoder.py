"""The decoder ctc: the contract, its loss, its answers with times, and messages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from seqkit.abilities import Finding, Form
from seqkit.errors import DataError, ModelError, RecipeError
from seqkit.recipe import check_stage as checked
from seqkit.stages import Example, Frames, Front, Upstream, Vectors
from seqkit.testing import check_stage, example
from seqkit_ctc import ctc, ctc_rules
from seqkit_ctc.decoder import CTC
from seqkit_ctc.paths import log_probability

WIDTH = 5
TEXTS = ["ab", "abba", "", "cab", "b a"]


def series(steps: int, gold: Any = None, seed: int = 1, rate: float = 1.0) -> Example:
    values = np.random.default_rng(seed).normal(size=(steps, 2)).astype(np.float32)
    return example(Frames(values, rate), gold)


EXAMPLES = [series(9 + number, text, number) for number, text in enumerate(TEXTS)]


def built(upstream: Upstream | None = None, **settings: Any) -> CTC:
    torch.manual_seed(1)
    chosen = checked("decoder", {"use": "ctc", **settings})
    decoder: CTC = chosen.build(upstream or Upstream(WIDTH))
    decoder.ready(decoder.fit(EXAMPLES))
    return decoder.eval()


def vectors(lengths: list[int], seed: int = 2) -> dict[str, Vectors]:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(len(lengths), max(lengths), WIDTH, generator=generator)
    for row, length in enumerate(lengths):
        values[row, length:] = 0
    return {"text": Vectors(values, torch.tensor(lengths))}


def batch(decoder: CTC, *examples: Example) -> dict[str, torch.Tensor]:
    targets = [torch.from_numpy(decoder.prepare(one)["target"]) for one in examples]
    padded = torch.nn.utils.rnn.pad_sequence(targets, batch_first=True)
    return {"target": padded, "target.lengths": torch.tensor([len(one) for one in targets])}


def refused(call: Any) -> str:
    with pytest.raises(DataError) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"beam": 3, "best": 2, "dropout": 0.3},
        {"beam": 4, "language": {"order": 2, "weight": 0.7, "bonus": 0.3}},
        {"tokenise": "words"},
    ],
)
def test_it_keeps_the_contract(settings: dict[str, Any]) -> None:
    check_stage(ctc, settings=settings, examples=EXAMPLES)


def test_it_writes_the_pieces_of_texts_too() -> None:
    check_stage(ctc, examples=[example("to be or not", "2 b"), example("so", "s")])


def test_the_loss_is_the_negative_sum_over_all_ways_by_pieces() -> None:
    decoder, found = built(), vectors([9, 10, 4])
    rows = EXAMPLES[:3]
    loss = decoder.loss(found, batch(decoder, *rows))
    scores = decoder.scores(found["text"]).detach().double().numpy()
    wanted = sum(
        -log_probability(scores[row, :size], decoder.prepare(one)["target"].tolist())
        for row, (size, one) in enumerate(zip([9, 10, 4], rows, strict=True))
    )
    assert loss.total.item() == pytest.approx(wanted, rel=1e-5)
    assert int(loss.count) == 2 + 4 + 1


def test_the_loss_and_its_gradient_are_alike_each_time_and_beside_others() -> None:
    decoder = built()
    whole = vectors([9, 3])

    def gradient(rows: int) -> tuple[float, torch.Tensor]:
        values = whole["text"].values[:rows].clone().requires_grad_()
        inputs = {"text": Vectors(values, whole["text"].lengths[:rows])}
        loss = decoder.loss(inputs, batch(decoder, *EXAMPLES[:1], *[EXAMPLES[2]][: rows - 1]))
        loss.total.backward()  # type: ignore[no-untyped-call]
        assert values.grad is not None
        return loss.total.item(), values.grad

    both, again, alone = gradient(2), gradient(2), gradient(1)
    assert both[0] == again[0]
    assert torch.equal(both[1], again[1])
    torch.testing.assert_close(both[1][0], alone[1][0])
    assert not both[1][1, 3:].any()


def test_the_loss_is_in_single_precision_under_autocast_and_empty_rows_cost_nothing() -> None:
    decoder, found = built(), vectors([9, 10])
    plain = decoder.loss(found, batch(decoder, *EXAMPLES[:2])).total
    with torch.autocast("cpu", torch.bfloat16):
        cast = decoder.loss(found, batch(decoder, *EXAMPLES[:2])).total
    assert torch.equal(cast, plain)
    nothing = {"text": Vectors(torch.zeros(1, 0, WIDTH), torch.tensor([0]))}
    assert decoder.loss(nothing, batch(decoder, series(0, ""))).total.item() == 0
    some = vectors([3, 0])
    assert torch.isfinite(decoder.loss(some, batch(decoder, series(3, ""), series(0, ""))).total)


def spoken_as(decoder: CTC, path: str) -> dict[str, Vectors]:
    """Vectors at which the decoder is sure of a way: '-' is the blank."""
    with torch.no_grad():
        decoder.linear.weight.zero_()
        decoder.linear.bias.zero_()
        decoder.linear.weight[:WIDTH, :WIDTH] = 9 * torch.eye(WIDTH)[: len(decoder.linear.bias)]
    numbers = [0 if label == "-" else decoder.targets.index[label] for label in path]
    return {"text": Vectors(torch.eye(WIDTH)[numbers][None], torch.tensor([len(path)]))}


@pytest.mark.parametrize("settings", [{}, {"beam": 4}, {"beam": 4, "language": {"order": 2}}])
def test_an_answer_has_its_pieces_with_their_times(settings: dict[str, Any]) -> None:
    decoder = built(**settings)
    found = spoken_as(decoder, "--aa-ab-b")
    [answer] = decoder.predict(found, {}, [series(9, rate=4.0)])
    assert answer["value"] == "aabb"
    assert answer["pieces"] == ["a", "a", "b", "b"]
    assert answer["times"] == [[0.5, 1.0], [1.25, 1.5], [1.5, 1.75], [2.0, 2.25]]
    assert answer["score"] < 0
    assert "alternatives" not in answer


def test_times_know_the_stride_of_encoders_and_the_hop_of_windows() -> None:
    class Windows:
        hop = 10
        width = WIDTH

        def steps(self, frames: int) -> int:
            return frames // 10

    front: Any = Front(Windows(), None, WIDTH)  # type: ignore[arg-type]  # all that is asked of it
    upstream = Upstream(WIDTH, stride=2, inputs={"text": front})
    decoder = built(upstream)
    [answer] = decoder.predict(spoken_as(decoder, "-ab"), {}, [series(60, rate=100.0)])
    assert answer["times"] == [[0.2, 0.4], [0.4, 0.6]]
    assert decoder.steps(series(60)) == 3
    assert refused(lambda: decoder.prepare(series(60, "abba"))).startswith(
        "ctc: input 'text': its gold takes 5 steps (4 pieces, a blank between equal ones), but "
        "there are 3."
    )


def test_a_beam_gives_alternatives_and_listens_to_the_language() -> None:
    decoder = built(beam=8, best=3)
    [answer] = decoder.predict(vectors([6]), {}, [series(6)])
    scores = [answer["score"], *(one["score"] for one in answer["alternatives"])]
    assert len(scores) == 3
    assert scores == sorted(scores, reverse=True)
    told = built(beam=50, language={"order": 3, "weight": 30.0})
    [answer] = told.predict(vectors([6]), {}, [series(6)])
    assert answer["value"] in {*TEXTS, "b", "a"}


def test_a_language_model_that_was_not_fitted_is_told() -> None:
    learnt = built().fit(EXAMPLES)
    changed: Any = checked("decoder", {"use": "ctc", "beam": 2, "language": {"order": 2}})
    with pytest.raises(ModelError) as caught:
        changed.build(Upstream(WIDTH)).ready(learnt)
    assert str(caught.value) == (
        "ctc: 'language' has order 2, but training fitted none. Train with it, or leave it as it "
        "was."
    )


def test_a_gold_that_does_not_fit_its_steps_is_told_by_name() -> None:
    decoder = built()
    tight = replace(series(4, "abba"), fields={"name": "7_ann_0.wav"})
    assert refused(lambda: decoder.prepare(tight)) == (
        "ctc: '7_ann_0.wav': its gold takes 5 steps (4 pieces, a blank between equal ones), but "
        "there are 4. Leave it out, or use an embedder or an encoder with more steps."
    )
    assert decoder.prepare(series(5, "abba"))["target"].tolist() == [
        decoder.targets.index[piece] for piece in "abba"
    ]
    assert decoder.prepare(series(5)) == {}


def test_golds_that_cannot_be_learnt_or_written_are_told() -> None:
    decoder = built()
    unknown = replace(series(9, "abx"), fields={"name": "x.wav"})
    assert refused(lambda: decoder.prepare(unknown)) == (
        "ctc: 'x.wav': the gold has 'x', which no gold of train has. Known:  , a, b, c."
    )
    assert refused(lambda: decoder.fit([series(3)])) == (
        "ctc: needs a text as gold, not none. Name its field under data.gold."
    )
    assert refused(lambda: decoder.gold(series(3, 0.5))).startswith("ctc: the gold: an input is")
    assert refused(lambda: decoder.gold(series(3, [0.5, 1.5]))) == (
        "ctc: needs a text as gold, not list. Name its field under data.gold."
    )
    assert refused(lambda: decoder.fit([series(3, "")])) == (
        "ctc: no gold of the training split has a piece. Name the field of the text under "
        "data.gold."
    )
    assert decoder.gold(series(3, "ab")) == {"value": "ab"}
    assert decoder.form() == Form("text")


def test_a_split_is_described_before_training() -> None:
    found = built().describe(EXAMPLES, "train")
    assert [one.text for one in found] == [
        "golds have 2.4 pieces, 4 at most; 4 pieces can be written, 2.0 or more steps for each "
        "that a gold takes",
        "1 of 5 golds are empty",
        "example: input 'text', 9 steps → a b",
        "example: input 'text', 10 steps → a b b a",
        "example: input 'text', 11 steps → ",
    ]
    held = [replace(series(2, "abx"), fields={"name": "x.wav"}), series(9, "a")]
    assert built().describe(held, "dev")[1:] == [
        Finding("1 of 2 golds take more steps than there are: 'x.wav' (takes 3, has 2)", "warning"),
        Finding(
            "1 pieces of golds are not in train and cannot be written, the first in 'x.wav'; most "
            "often 'x' (1)",
            "warning",
        ),
    ]
    many = [series(1, "ab")] * 5
    assert (
        built().describe(many, "train")[1].text.endswith("input 'text' (takes 2, has 1) and 2 more")
    )
    levels = [one.level for one in built().describe(many, "train")]
    assert levels == ["note", "error", "note", "note", "note"]
    assert built().describe([series(3, "")], "train")[1].level == "error"
    assert built().describe([], "dev") == []


@pytest.mark.parametrize(
    ("settings", "problems"),
    [
        ({}, []),
        ({"beam": 3, "best": 3, "language": object()}, []),
        (
            {"language": object()},
            [("language", "has no effect without 'beam'. Set 'beam', such as 8")],
        ),
        ({"best": 2}, [("best", "asks for 2 texts, but 1 are kept. Set 'beam' higher")]),
        ({"beam": 2, "best": 3}, [("best", "asks for 3 texts, but 2 are kept. Set 'beam' higher")]),
    ],
)
def test_settings_without_an_effect_are_told(settings: Any, problems: Any) -> None:
    assert list(ctc_rules({"beam": None, "best": 1, "language": None} | settings)) == problems


def test_a_recipe_is_refused_before_anything_is_built() -> None:
    with pytest.raises(RecipeError, match="has no effect without 'beam'"):
        checked("decoder", {"use": "ctc", "language": {"order": 3}})
