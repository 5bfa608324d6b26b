"""The decoder span: its equation, its loss, its answers and its messages."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from seqkit.errors import DataError, PluginError, RecipeError
from seqkit.recipe import check_stage
from seqkit.stages import Example, Front, Upstream, Vectors
from seqkit.table import collate
from seqkit.testing import example
from seqkit.testing.specimens import Hashed, embedded
from seqkit_answers.extraction import SpanReader

WIDTH = 6
FRONTS = {name: Front(Hashed(WIDTH), None, WIDTH) for name in ("passage", "question")}
BEFORE = Upstream(WIDTH, inputs=FRONTS)
BORN = "Mr Bo was born in Ulm"


def asked(passage: str, question: str, *golds: str) -> Example:
    """A question; golds: texts of the passage."""
    spans = [[passage.index(text), passage.index(text) + len(text), text] for text in golds]
    return example({"passage": passage, "question": question}, spans)


WHERE = asked(BORN, "where was Bo born", "in Ulm", "Ulm")
WHEN = asked("Bo was born", "when was he", "Bo was")
WHY = asked("so it is", "why")


def built(*examples: Example, **settings: Any) -> SpanReader:
    torch.manual_seed(2)
    reader = SpanReader(BEFORE, **settings)
    reader.ready(reader.fit(examples or (WHERE, WHEN)))
    return reader.eval()


def run(reader: SpanReader, *examples: Example) -> list[Any]:
    arrays = [dict(reader.prepare(one)) for one in examples]
    return reader.predict(embedded(BEFORE, examples), collate(arrays), examples)


@torch.no_grad()
def ends(reader: SpanReader, one: Example) -> tuple[Any, Any]:
    """The log-probabilities of both ends by the paper's equations, in double precision."""
    inputs = embedded(BEFORE, [one])
    p, q = (inputs[name].values[0].double() for name in ("passage", "question"))
    reader = reader.double()
    weights = (q @ reader.attend.weight[0] + reader.attend.bias).softmax(0)
    query = weights @ q
    found = []
    for layer in (reader.start, reader.end):
        steps = p if reader.nothing is None else torch.cat([p, reader.nothing.unsqueeze(0)])
        found.append((steps @ (layer.weight @ query + layer.bias)).log_softmax(0))
    reader.float()
    return found[0], found[1]


@pytest.mark.parametrize("examples", [(WHERE, WHEN), (WHERE, WHEN, WHY)])
def test_the_loss_is_of_the_probabilities_of_both_ends_summed_over_golds(examples: Any) -> None:
    reader = built(*examples)
    total = 0.0
    for one in examples:
        golds = reader.prepare(one)["golds"].tolist()
        start, end = ends(reader, one)
        total -= float(torch.stack([start[i] + end[j] for i, j in golds]).logsumexp(0))
    batch = collate([reader.prepare(one) for one in examples])
    loss = reader.loss(embedded(BEFORE, examples), batch)
    assert loss.total.item() == pytest.approx(total, rel=1e-5)
    assert int(loss.count) == len(examples)


def test_golds_are_the_pieces_that_cover_them_each_once() -> None:
    reader = built(WHERE, WHY)
    assert reader.prepare(WHERE)["golds"].tolist() == [[4, 5], [5, 5]]
    assert reader.prepare(asked(BORN, "?", "Ul", "Ulm", "lm"))["golds"].tolist() == [[5, 5]]
    assert reader.prepare(WHY)["golds"].tolist() == [[-1, -1]]
    assert built().prepare(WHY)["golds"].tolist() == []
    assert reader.prepare(example({"passage": "a", "question": "b"})) == {}


def test_a_question_whose_answer_no_piece_covers_counts_for_nothing() -> None:
    reader = built()
    gap = example({"passage": "Bo  was", "question": "?"}, [[2, 4, "  "]])
    for examples, count in (((WHERE, gap), 1), ((gap, gap), 0)):
        batch = collate([reader.prepare(one) for one in examples])
        loss = reader.loss(embedded(BEFORE, examples), batch)
        assert int(loss.count) == count
        gradients = torch.autograd.grad(loss.total, list(reader.parameters()))
        assert all(bool(one.isfinite().all()) for one in gradients)
    assert loss.total.item() == 0.0


def test_an_answer_is_copied_from_the_passage_with_its_place_and_probability() -> None:
    reader = built(longest=2, best=3)
    one = asked("Bo  was\nborn", "when")
    (found,) = run(reader, one)
    start, end = ends(reader, one)
    places = {(0, 0): "Bo", (0, 1): "Bo  was", (1, 1): "was", (1, 2): "was\nborn", (2, 2): "born"}
    likely = {text: float((start[i] + end[j]).exp()) for (i, j), text in places.items()}
    ranked = sorted(likely, key=lambda text: -likely[text])
    assert [one["value"] for one in found["alternatives"]] == ranked[:3]
    assert found["value"] == ranked[0]
    assert "Bo  was\nborn"[slice(*found["span"])] == ranked[0]
    sure = likely[ranked[0]] / sum(likely.values())
    assert found["confidence"] == pytest.approx(sure, abs=1e-4)
    assert [*found] == ["value", "span", "confidence", "alternatives"]
    assert [*run(built(), one)[0]] == ["value", "span", "confidence"]


def test_no_answer_is_given_where_it_is_likelier_by_the_threshold() -> None:
    reader = built(WHERE, WHY, best=2)
    reader.threshold.fill_(1e6)
    (spoken,) = run(reader, WHERE)
    assert spoken["value"] in BORN
    assert spoken["span"] is not None
    reader.threshold.fill_(-1e6)
    (refused,) = run(reader, WHERE)
    assert (refused["value"], refused["span"]) == ("", None)
    told = {one["value"]: one["probability"] for one in refused["alternatives"]}
    assert refused["confidence"] == told.get("", refused["confidence"])
    always = built(WHERE)
    always.threshold.fill_(-1e6)
    assert run(always, WHERE)[0]["value"]


def test_the_threshold_is_fitted_on_dev_unless_the_recipe_sets_it() -> None:
    held = [WHERE, WHY, WHEN]
    for reader, lines in (
        (built(WHERE, WHY), 1),
        (built(WHERE, WHY, threshold=0.25), 0),
        (built(WHERE), 0),
    ):
        before = float(reader.threshold)
        with torch.no_grad():
            if reader.nothing is not None:
                reader.nothing.mul_(0.0)
        batch = collate([reader.prepare(one) for one in held])
        said = reader.calibrate([(embedded(BEFORE, held), batch)])
        assert len(said) == lines
        assert not lines or said[0].startswith("threshold")
        assert lines or float(reader.threshold) == before


def test_a_threshold_that_is_set_counts() -> None:
    assert float(built(WHERE, WHY, threshold=0.25).threshold) == 0.25


@pytest.mark.parametrize(
    ("passage", "question", "remark"),
    [
        ("", "who", "the passage is empty"),
        (" ", "who", "the passage is empty"),
        ("Bo", "", "the question is empty"),
        ("", "", "the question is empty"),
    ],
)
@pytest.mark.parametrize("examples", [(WHERE,), (WHERE, WHY)])
def test_an_empty_text_is_answered_by_a_remark(
    examples: Any, passage: str, question: str, remark: str
) -> None:
    empty = asked(passage, question)
    for every in ([empty], [WHERE, empty]):
        bare = [Example(one.fields, one.inputs) for one in every]
        expected = {"value": "", "span": None, "confidence": 0.0, "remark": remark}
        assert run(built(*examples), *bare)[-1] == expected


def test_a_question_may_be_longer_than_its_passage() -> None:
    (found,) = run(built(), asked("Bo", "who is it that was born in Ulm"))
    assert (found["value"], found["span"], found["confidence"]) == ("Bo", [0, 2], 1.0)


def test_dropout_is_for_training_alone() -> None:
    reader = built(dropout=0.5)
    assert run(reader, WHERE) == run(reader, WHERE)
    batch, inputs = collate([reader.prepare(WHERE)]), embedded(BEFORE, [WHERE])
    losses = {float(reader.train().loss(inputs, batch).total.detach()) for _ in range(3)}
    assert len(losses) == 3


@pytest.mark.parametrize("examples", [(WHERE,), (WHERE, WHY)])
def test_it_shows_where_an_answer_may_begin_and_end(examples: Any) -> None:
    reader = built(*examples)
    (answer,) = run(reader, WHERE)
    batch = collate([reader.prepare(WHERE)])
    found = reader.attended(embedded(BEFORE, [WHERE]), batch, WHERE, answer)
    assert (found.written, found.read) == (("begins", "ends"), tuple(BORN.split()))
    for weights, expected in zip(found.weights, ends(reader, WHERE), strict=True):
        assert weights == pytest.approx(expected.exp()[:6].tolist(), rel=1e-5)


def test_gold_is_the_first_answer_with_all_as_references() -> None:
    reader = built()
    assert reader.gold(WHERE) == {"value": "in Ulm", "references": ["in Ulm", "Ulm"]}
    assert reader.gold(WHY) == {"value": "", "references": [""]}


def test_training_without_answers_is_refused() -> None:
    with pytest.raises(DataError, match=r"no training example has an answer\. Give a split"):
        built(WHY)


def test_a_threshold_without_anything_to_refuse_is_refused() -> None:
    with pytest.raises(DataError, match="threshold: every training example has an answer, so"):
        built(WHERE, threshold=1.0)


def test_a_wrong_gold_names_its_example() -> None:
    wrong = example({"passage": BORN, "question": "?"}, [[0, 2, "Bo"]])
    with pytest.raises(DataError, match=r"span: train: example 2: the answer 'Bo' is not at \[0"):
        built(WHERE, wrong)


def test_inputs_that_are_not_there_are_told() -> None:
    with pytest.raises(PluginError, match=r"there is no input .passage.\. Known: text, query"):
        SpanReader(Upstream(WIDTH, inputs=dict.fromkeys(("text", "query"), FRONTS["passage"])))
    named = Upstream(WIDTH, inputs={"text": FRONTS["passage"], "query": FRONTS["question"]})
    SpanReader(named, passage="text", question="query")


def test_steps_that_are_no_pieces_are_refused() -> None:
    with pytest.raises(PluginError, match=r"an encoder gives one step for 2 pieces\. Use encoders"):
        SpanReader(Upstream(WIDTH, stride=2, inputs=FRONTS))


def test_one_input_cannot_be_both() -> None:
    wanted = {"use": "span", "passage": "question"}
    with pytest.raises(RecipeError, match=r"as .passage. is\. Name two inputs"):
        check_stage("decoder", wanted)


def test_scores_are_fp32_under_autocast() -> None:
    reader, inputs = built(), embedded(BEFORE, [WHERE])
    with torch.autocast("cpu", torch.bfloat16):
        halves = {name: Vectors(one.values.bfloat16(), one.lengths) for name, one in inputs.items()}
        assert reader.scores(halves).starts.dtype == torch.float32
