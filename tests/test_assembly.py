"""The staged build: factory, fit, ready, then the next factory; loading is the same walk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, final

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from seqkit.assembly import Assembly, Fitting, assemble, tokenised
from seqkit.errors import DataError, ModelError
from seqkit.plugins import Plugin, Register, Registry
from seqkit.recipe import Recipe, recipe_from_plain
from seqkit.stages import (
    Answer,
    Example,
    Frames,
    Loss,
    Pieces,
    Text,
    Tokeniser,
    Upstream,
    Vectors,
)

WALK: list[Any] = []


class Learning:
    """Notes when it is fitted and made ready, and on what."""

    samples = False
    along_time: frozenset[str] = frozenset()
    kind = ""

    def fit(self, seen: Iterable[Any]) -> Mapping[str, Any]:
        items = list(seen)
        WALK.append(f"fit {self.kind}")
        return {"seen": len(items), "first": describe(items[0])}

    def ready(self, learnt: Mapping[str, Any]) -> None:
        WALK.append(f"ready {self.kind}")
        self.learnt = learnt


def describe(item: Any) -> Any:
    """What a stage was fitted on."""
    if isinstance(item, Text):
        return item.text
    return {name: len(value) for name, value in item.inputs.items()} | {"gold": item.gold}


@final
class Letters(Learning):
    """A piece a letter."""

    kind = "letters"

    def prepare(self, text: Text, rng: Any = None) -> Pieces:
        size = len(text.text)
        spans = np.stack([np.arange(size), np.arange(size) + 1], 1).astype(np.int32)
        words = np.zeros(size, np.int32)
        return Pieces(text, list(text.text), spans, words, np.array([[0, size]], np.int32))

    def text(self, strings: Sequence[str]) -> str:
        return "".join(strings)


@final
class Lookup(nn.Module, Learning):
    """Its width is known only when it is ready."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.kind, self.asked = f"lookup {width}", width

    def ready(self, learnt: Mapping[str, Any]) -> None:
        super().ready(learnt)
        self.width = self.asked + learnt["seen"]

    def prepare(self, *_: Any) -> dict[str, np.ndarray]:
        return {}

    def forward(self, batch: Mapping[str, Tensor]) -> Vectors:
        return Vectors(torch.zeros(1, 1, self.width), torch.tensor([1]))


@final
class Wider(nn.Module):
    def __init__(self, width: int, stride: int, causal: bool) -> None:
        super().__init__()
        self.width, self.stride, self.causal = width, stride, causal

    def forward(self, vectors: Any, state: Any = None) -> Any:
        return vectors


@final
class Label(nn.Module, Learning):
    kind = "label"

    def prepare(self, *_: Any) -> dict[str, np.ndarray]:
        return {}

    def loss(self, *_: Any) -> Loss:
        return Loss(torch.tensor(0.0), torch.tensor(1))

    def predict(self, *_: Any) -> list[Answer]:
        return []

    def gold(self, example: Example) -> Answer:
        return {"value": example.gold}


def letters(upstream: Upstream) -> Tokeniser:
    WALK.append(("letters", upstream))
    return Letters()


def lookup(upstream: Upstream, *, width: int = 4) -> Any:
    WALK.append((f"lookup {width}", upstream))
    return Lookup(width)


def wider(upstream: Upstream, *, by: int = 1, stride: int = 1, causal: bool = True) -> Any:
    WALK.append(("wider", upstream))
    return Wider(upstream.width + by, stride, causal)


def both(upstream: Upstream, *, width: int = 50) -> Any:
    WALK.append(("both", upstream))
    return Wider(width, 1, False)


def label(upstream: Upstream) -> Any:
    WALK.append(("label", upstream))
    return Label()


@pytest.fixture(autouse=True)
def walk() -> Iterator[list[Any]]:
    WALK.clear()
    yield WALK
    WALK.clear()


def toys() -> Registry:
    one = Plugin("toys", "toys", "toys", "1")
    register = Register(one)
    register.tokeniser("letters", letters)
    register.embedder("lookup", lookup)
    register.encoder("wider", wider)
    register.encoder("both", both, joint=True)
    register.decoder("label", label)
    return Registry([one])


def recipe(*inputs: str, **parts: Any) -> Recipe:
    """A recipe of toys, without data."""
    plain = {"seqkit": 1, "name": "toy", "tokenise": "letters", "embed": "lookup"} | parts
    return recipe_from_plain({**plain, "decode": "label"}, "toy.yaml", inputs or ("text",), toys())


def fitting(**texts: Sequence[Any]) -> Fitting:
    """Rows with a text or frames for each input, and their number as gold."""
    count = len(next(iter(texts.values())))
    rows = [{name: texts[name][n] for name in texts} | {"n": n} for n in range(count)]
    return Fitting(
        rows,
        lambda row, where: {name: row[name] for name in texts},
        lambda row, where: f"{where}={row['n']}",
    )


def both_sides(**shared: str) -> Fitting:
    """One row of two inputs and a gold that is a text, with what the decoder shares."""
    row = {"one": Text("a"), "two": Text("b")}
    found = Fitting([row], lambda row, _: row, lambda *_: "gold", shared)
    found.tokenise({name: Letters() for name in row})
    return found


def names() -> list[str]:
    """The walk, without what the factories were told."""
    return [step if isinstance(step, str) else f"build {step[0]}" for step in WALK]


def told(name: str) -> list[Upstream]:
    """What a factory was told of the stages before it."""
    return [step[1] for step in WALK if not isinstance(step, str) and step[0] == name]


ONE = {"text": [Text("ab"), Text("c")]}
STEPS = ["build letters", "fit letters", "ready letters"]
STEPS += ["build lookup 4", "fit lookup 4", "ready lookup 4"]
STEPS += ["build wider", "build label", "fit label", "ready label"]


def test_each_stage_is_fitted_and_ready_before_the_next_is_built() -> None:
    made = assemble(recipe(encode={"use": "wider", "by": 10}), fitting(**ONE))
    assert names() == STEPS
    assert told("letters") == told("lookup 4") == [Upstream(width=0)]
    assert [upstream.width for upstream in told("wider")] == [6]
    assert [upstream.width for upstream in told("label")] == [16]
    assert made.learnt == {
        "tokenise": {"text": {"seen": 2, "first": "ab"}},
        "embed": {"text": {"seen": 2, "first": {"text": 2, "gold": "train: example 1=0"}}},
        "decode": {"decode": {"seen": 2, "first": {"text": 2, "gold": "train: example 1=0"}}},
    }


def test_loading_is_the_same_walk_without_fit() -> None:
    wanted = recipe(encode={"use": "wider", "by": 10})
    made = assemble(wanted, fitting(**ONE))
    before = [step for step in names() if not step.startswith("fit")]
    WALK.clear()
    again = assemble(wanted, None, made.learnt)
    assert names() == before
    assert again.learnt == made.learnt
    assert told("label") == [
        Upstream(16, 1, True, {"text": told("label")[0].inputs["text"]}),
    ]


def test_what_was_saved_wins_over_what_could_be_fitted() -> None:
    made = assemble(recipe(), fitting(**ONE))
    again = assemble(recipe(), fitting(text=[Text("x")] * 9), made.learnt)
    assert again.learnt == made.learnt


def test_a_decoder_knows_the_fronts_and_what_is_behind_them() -> None:
    encode = [{"use": "wider", "stride": 2}, {"use": "wider", "stride": 3, "causal": False}]
    made = assemble(recipe(encode=encode), fitting(**ONE))
    (upstream,) = told("label")
    assert (upstream.width, upstream.stride, upstream.causal) == (8, 6, False)
    front = upstream.inputs["text"]
    assert front.embedder is made.network.embedders["text"]
    assert front.tokeniser is made.tokenisers["text"]
    assert front.width == 8
    assert [(each.width, each.stride, each.causal) for each in told("wider")] == [
        (6, 1, True),
        (7, 2, True),
    ]
    assert told("wider")[0].inputs["text"].width == 6


TWO = {"a": [Text("ab"), Text("c")], "b": [Text("def"), Text("gh")]}


def test_one_stage_for_all_inputs_is_built_once_and_fitted_on_all_of_them() -> None:
    made = assemble(recipe("a", "b", encode="wider"), fitting(**TWO))
    assert names() == STEPS
    assert made.learnt["tokenise"] == {"a": {"seen": 4, "first": "ab"}}
    assert made.learnt["embed"]["a"]["first"] == {"a": 2, "b": 3, "gold": "train: example 1=0"}
    assert made.tokenisers["a"] is made.tokenisers["b"]
    assert made.network.embedders["a"] is made.network.embedders["b"]
    (step,) = made.network.steps
    assert isinstance(step, Mapping)
    assert step["a"] is step["b"]


def test_a_stage_for_each_input_is_fitted_on_its_own() -> None:
    embed = {"a": {"use": "lookup", "width": 1}, "b": {"use": "lookup", "width": 2}}
    tokenise = {"a": "letters", "b": "letters"}
    made = assemble(
        recipe("a", "b", tokenise=tokenise, embed=embed, encode={"a": "wider", "b": "wider"}),
        fitting(**TWO),
    )
    assert made.learnt["tokenise"] == {
        "a": {"seen": 2, "first": "ab"},
        "b": {"seen": 2, "first": "def"},
    }
    assert made.learnt["embed"]["b"]["first"] == {"b": 3, "gold": "train: example 1=0"}
    assert made.tokenisers["a"] is not made.tokenisers["b"]
    assert [upstream.width for upstream in told("wider")] == [3, 4]
    (upstream,) = told("label")
    assert {name: front.width for name, front in upstream.inputs.items()} == {"a": 4, "b": 5}
    assert upstream.width == 4


def test_one_encoder_cannot_take_inputs_of_two_widths() -> None:
    embed = {"a": {"use": "lookup", "width": 1}, "b": {"use": "lookup", "width": 2}}
    with pytest.raises(DataError) as caught:
        assemble(recipe("a", "b", embed=embed, encode="wider"), fitting(**TWO))
    assert str(caught.value).endswith(
        "encode: one encoder for 'a' of width 3 and 'b' of width 4. Give one encoder for each."
    )


def test_a_joint_encoder_is_told_of_all_inputs_and_gives_all_its_width() -> None:
    embed = {"a": {"use": "lookup", "width": 1}, "b": {"use": "lookup", "width": 2}}
    first = {"a": {"use": "wider", "stride": 2}, "b": {"use": "wider", "causal": False}}
    encode = [first, "both", "wider"]
    made = assemble(recipe("a", "b", embed=embed, encode=encode), fitting(**TWO))
    (joint,) = told("both")
    assert (joint.width, joint.stride, joint.causal) == (4, 2, False)
    assert {name: front.width for name, front in joint.inputs.items()} == {"a": 4, "b": 5}
    (upstream,) = told("label")
    assert (upstream.width, upstream.stride, upstream.causal) == (51, 2, False)
    assert isinstance(made.network.steps[1], Wider)


def test_frames_need_no_tokeniser() -> None:
    frames = Frames(np.zeros((7, 2), np.float32))
    plain = {"seqkit": 1, "name": "toy", "embed": "lookup", "decode": "label"}
    made = assemble(recipe_from_plain(plain, "x", ("text",), toys()), fitting(text=[frames] * 2))
    assert made.tokenisers == {}
    assert told("label")[0].inputs["text"].tokeniser is None
    assert made.learnt["embed"]["text"]["first"] == {"text": 7, "gold": "train: example 1=0"}


def test_frames_beside_texts_are_left_to_the_embedder() -> None:
    frames = Frames(np.zeros((7, 2), np.float32))
    rows = fitting(a=[Text("ab"), Text("c")], b=[frames, frames])
    made = assemble(recipe("a", "b"), rows)
    assert made.learnt["tokenise"] == {"a": {"seen": 2, "first": "ab"}}
    assert rows.examples[0].inputs["b"] is frames


def test_a_text_without_a_tokeniser_is_told_with_its_place() -> None:
    plain = {"seqkit": 1, "name": "toy", "embed": "lookup", "decode": "label"}
    with pytest.raises(DataError) as caught:
        assemble(recipe_from_plain(plain, "x", ("text",), toys()), fitting(**ONE))
    assert str(caught.value) == (
        "train: example 1: input 'text' is a text, but the recipe has no tokeniser. "
        "Add `tokenise: {use: words}`."
    )


def test_the_tokeniser_draws_where_it_is_given_a_generator() -> None:
    drawn = []

    class Drawing:
        samples = True

        def fit(self, texts: Iterable[Text]) -> Mapping[str, Any]:
            return {}

        def ready(self, learnt: Mapping[str, Any]) -> None:
            return None

        def prepare(self, text: Text, rng: Any = None) -> Pieces:
            drawn.append(rng)
            return Letters().prepare(text)

        def text(self, strings: Sequence[str]) -> str:
            return ""

    rng = np.random.default_rng(1)
    tokenised({"text": Drawing()}, {"text": Text("a")}, "x", rng)
    tokenised({"text": Drawing()}, {"text": Text("a")}, "x")
    assert drawn == [rng, None]


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ("tokenise", "learnt.json: has nothing for tokenise 'text'. Train again."),
        ("embed", "learnt.json: has nothing for embed 'text'. Train again."),
        ("decode", "learnt.json: has nothing for decode 'decode'. Train again."),
    ],
)
def test_a_saved_state_that_lacks_a_stage_is_told(lost: str, said: str) -> None:
    made: Assembly = assemble(recipe(), fitting(**ONE))
    for saved in (
        {kind: found for kind, found in made.learnt.items() if kind != lost},
        {**made.learnt, lost: {}},
    ):
        with pytest.raises(ModelError) as caught:
            assemble(recipe(), None, saved)
        assert str(caught.value) == said


def test_golds_are_texts_of_the_input_whose_tokeniser_is_shared() -> None:
    found = both_sides(tokenise="two")
    assert [text.text for text in found.texts(["one"])] == ["a"]
    assert [text.text for text in found.texts(["two"])] == ["b", "gold"]
    assert [list(each.inputs) for each in found.narrowed(["two"])] == [["two"]]


def test_golds_are_examples_of_the_input_whose_embedder_is_shared() -> None:
    found = both_sides(tokenise="two", embed="two")
    assert len(list(found.narrowed(["one"]))) == 1
    _, gold = found.narrowed(["one", "two"])
    ((name, pieces),) = gold.inputs.items()
    assert isinstance(pieces, Pieces)
    assert (name, pieces.source.text) == ("two", "gold")


def test_golds_of_a_decoder_that_shares_nothing_are_not_read() -> None:
    found = both_sides()
    assert [text.text for text in found.texts(["one", "two"])] == ["a", "b"]
    assert len(list(found.narrowed(["one", "two"]))) == 1
