"""Labels while a text still comes: the same as for the whole, as soon as they are settled."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import seqkit_labels
from seqkit.abilities import Incremental
from seqkit.stages import Example, Frames, Upstream, Vectors
from seqkit.testing import example
from seqkit_labels import coalescence
from seqkit_labels.coalescence import Paths, extend, finish
from seqkit_labels.rewriting import Tail, finished, rewrite
from seqkit_labels.schemes import SCHEMES, convert
from seqkit_labels.viterbi import best_paths

WIDTH = 5
TAGS = ["O", "B-X", "I-X", "E-X", "S-X", "L-X", "U-Y", "B-Y", "I-Y", "E-Y", "B", "I"]
LABELLED = [example("a b c d", ["O", "B-X", "I-X", "O"]), example("e", ["B-X"])]
POOLS = ["last", "max", "mean", "attention", ["max", "mean", "attention", "last"]]


def cut(count: int, draw: np.random.Generator) -> list[tuple[int, int]]:
    """Where random pushes of 0 to 4 steps begin and end."""
    ends = [0]
    while ends[-1] < count:
        ends.append(min(count, ends[-1] + int(draw.integers(0, 5))))
    return list(pairwise(ends))


def decoder(name: str, examples: list[Example] = LABELLED, **settings: Any) -> Any:
    torch.manual_seed(3)
    built = getattr(seqkit_labels, name)(Upstream(WIDTH), **settings)
    built.ready(built.fit(iter(examples)))
    for parameter in built.parameters():
        torch.nn.init.normal_(parameter)
    return built.eval()


def coming(built: Any, values: torch.Tensor, cuts: list[tuple[int, int]]) -> list[list[Any]]:
    """The answers of each push, and those of the end, to steps that are words."""
    memory, found = built.begin(), []
    for start, end in cuts:
        one = example([f"w{step}" for step in range(start, end)])
        part = Vectors(values[:, start:end], torch.tensor([end - start]))
        batch = {name: torch.from_numpy(array)[None] for name, array in built.prepare(one).items()}
        answers, memory = built.push(memory, {"text": part}, batch, one)
        found.append(answers)
    return [*found, built.finish(memory)]


def whole(built: Any, values: torch.Tensor) -> Any:
    count = values.shape[1]
    one = example([f"w{step}" for step in range(count)])
    batch = {name: torch.from_numpy(array)[None] for name, array in built.prepare(one).items()}
    batch |= {f"{name}.lengths": torch.tensor([count]) for name in list(batch)}
    [answer] = built.predict({"text": Vectors(values, torch.tensor([count]))}, batch, [one])
    return answer


@given(tags=st.lists(st.sampled_from(TAGS), max_size=12), data=st.data())
@pytest.mark.parametrize("scheme", SCHEMES)
def test_tags_that_come_are_written_as_those_of_the_whole_text(
    scheme: str, tags: list[str], data: st.DataObject
) -> None:
    tail, found = Tail(), []
    for start, end in cut(len(tags), np.random.default_rng(data.draw(st.integers(0, 99)))):
        settled, tail = rewrite(tail, [{"value": tag} for tag in tags[start:end]], scheme)
        found += settled
        assert end - len(found) <= (scheme in ("BIOES", "BILOU"))
    found += finished(tail, scheme)
    assert [answer["value"] for answer in found] == convert(tags, scheme)


@given(
    seed=st.integers(0, 10_000),
    words=st.integers(0, 60),
    labels=st.integers(1, 5),
    spread=st.sampled_from([0.0, 0.1, 3.0]),
)
def test_paths_that_come_are_the_best_path_of_the_whole_text(
    seed: int, words: int, labels: int, spread: float
) -> None:
    draw = np.random.default_rng(seed)
    emissions = (spread * draw.normal(size=(words, labels))).astype(np.float32)
    first, last = draw.normal(size=(2, labels)).astype(np.float32)
    pair = draw.normal(size=(labels, labels)).astype(np.float32)
    forbidden = draw.random((labels, labels)) < 0.3
    forbidden[:, 0] = forbidden[0] = False  # there is always a path
    pair[forbidden] = -np.inf
    paths, found = Paths(), []
    for start, end in cut(words, draw):
        settled, paths = extend(paths, emissions[start:end], first, pair)
        found += settled
    assert len(found) + len(paths.came) + 1 == words or not words
    found += finish(paths, last)
    [best] = best_paths(emissions[None], np.array([words]), first, pair, last)
    assert found == best.tolist()


def test_a_label_is_settled_once_all_paths_agree_on_it() -> None:
    first, pair = np.zeros(2, np.float32), np.zeros((2, 2), np.float32)
    settled, paths = extend(Paths(), np.array([[0, 1], [2, 0]], np.float32), first, pair)
    assert settled == [1]
    settled, paths = extend(paths, np.array([[0, 0]], np.float32), first, pair)
    assert settled == [0]
    assert finish(paths, np.array([0, 1], np.float32)) == [1]


def test_a_label_that_no_path_can_have_holds_up_no_answer() -> None:
    first = np.array([0, 1], np.float32)
    pair = np.array([[-np.inf, 0], [-np.inf, 0]], np.float32)
    settled, _ = extend(Paths(), np.zeros((4, 2), np.float32), first, pair)
    assert settled == [1, 1, 1]


def test_only_words_that_stay_open_count_towards_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coalescence, "ROOM", 10)
    emissions = np.zeros((13, 2), np.float32)
    emissions[4, 0] = 100.0  # here all paths meet, and
    emissions[5, 1], emissions[12, 1] = 1.0, 9.0  # here the best one parts, which shows late
    ends, pair = np.zeros(2, np.float32), np.array([[0, -5], [-5, 0]], np.float32)
    settled, paths = extend(Paths(), emissions, ends, pair)
    [best] = best_paths(emissions[None], np.array([13]), ends, pair, ends)
    assert best.tolist() == [0] * 5 + [1] * 8
    assert settled + finish(paths, ends) == best.tolist()


NEVER = np.array([[0, -np.inf], [-np.inf, 0]], np.float32)
"""Two labels of which neither follows the other: the paths never meet."""


def test_what_a_crf_remembers_is_bounded_where_paths_never_meet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(coalescence, "ROOM", 10)
    emissions = np.zeros((100, 2), np.float32)
    emissions[3, 1] = 1.0  # decides for the second label, before the first label's evidence comes
    emissions[50, 0] = 9.0
    first = np.zeros(2, np.float32)
    for cuts in ([(0, 100)], cut(100, np.random.default_rng(1)), [(n, n + 1) for n in range(100)]):
        paths, found = Paths(), []
        for start, end in cuts:
            settled, paths = extend(paths, emissions[start:end], first, NEVER)
            found += settled
            assert len(paths.came) < 10
        assert [*found, *finish(paths, first)] == [1] * 100


def test_paths_that_meet_late_are_exact_up_to_the_bound() -> None:
    words = coalescence.ROOM - 1
    emissions = np.zeros((words, 2), np.float32)
    emissions[3, 1], emissions[-1, 0] = 1.0, 9.0
    first = np.zeros(2, np.float32)
    settled, paths = extend(Paths(), emissions, first, NEVER)
    assert settled == []
    assert finish(paths, first) == [0] * words


@pytest.mark.parametrize("name", ["tagger", "crf", "classifier"])
def test_they_are_incremental(name: str) -> None:
    golds = [example("a", "x"), example("b", "y")] if name == "classifier" else LABELLED
    assert isinstance(decoder(name, golds), Incremental)


def test_a_tagger_answers_each_word_as_soon_as_it_has_come() -> None:
    built, values = decoder("tagger"), torch.randn(1, 9, WIDTH)
    answer = whole(built, values)
    words = list(zip(answer["value"], answer["confidence"], strict=True))
    *pushed, rest = coming(built, values, [(0, 2), (2, 2), (2, 9)])
    assert [len(answers) for answers in pushed] == [2, 0, 7]
    assert rest == []
    found = [one for answers in pushed for one in answers]
    assert found == [{"value": tag, "confidence": pytest.approx(p, abs=2e-4)} for tag, p in words]


def test_a_tagger_without_confidence_gives_the_tag_alone() -> None:
    [[answer], _] = coming(decoder("tagger", confidence=False), torch.randn(1, 1, WIDTH), [(0, 1)])
    assert set(answer) == {"value"}


def test_the_last_word_waits_where_its_tag_depends_on_the_next() -> None:
    golds = [example("a b c d", ["B-X", "E-X", "S-X", "O"])]
    built = decoder("tagger", golds, scheme="BIO")
    values = torch.randn(1, 40, WIDTH, generator=torch.Generator().manual_seed(2))
    *pushed, rest = coming(built, values, [(step, step + 1) for step in range(40)])
    sizes = [len(answers) for answers in pushed]
    assert {0, 1, 2} == set(sizes)
    assert sum(sizes) + len(rest) == 40


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), words=st.integers(0, 12))
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("tagger", {}),
        ("tagger", {"scheme": "BIOES"}),
        ("crf", {}),
        ("crf", {"scheme": "BILOU"}),
        ("crf", {"scheme": "IOB1", "constrain": False}),
    ],
    ids=str,
)
@pytest.mark.parametrize("file", ["BIO", "BIOES"])
def test_labels_that_come_are_those_of_the_whole_text(
    name: str, options: dict[str, Any], file: str, seed: int, words: int
) -> None:
    golds = [example("a b c", convert(["B-X", "I-X", "O"], file)), example("d", ["S-Y"])]
    golds = golds if file == "BIOES" else [example("a b c", ["B-X", "I-X", "O"])]
    built, draw = decoder(name, golds, **options), np.random.default_rng(seed)
    values = torch.from_numpy(draw.normal(size=(1, words, WIDTH))).float()
    found = [one for answers in coming(built, values, cut(words, draw)) for one in answers]
    assert [one["value"] for one in found] == whole(built, values)["value"]
    assert ("confidence" in found[0]) == (name == "tagger") if found else True


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), steps=st.integers(0, 12))
@pytest.mark.parametrize("golds", [("x", "y"), (["x"], ["x", "y"])], ids=["one", "several"])
@pytest.mark.parametrize("pool", POOLS, ids=str)
def test_steps_that_come_are_pooled_to_what_the_whole_text_is(
    pool: Any, golds: Any, seed: int, steps: int
) -> None:
    golds = [example("a", golds[0]), example("b", golds[1])]
    built, draw = decoder("classifier", golds, pool=pool), np.random.default_rng(seed)
    values = torch.from_numpy(draw.normal(size=(1, steps, WIDTH)) * 3 - 5).float()
    *pushed, [answer] = coming(built, values, cut(steps, draw))
    assert not any(pushed)
    expected = whole(built, values)
    assert answer["value"] == expected["value"]
    assert answer["confidence"] == pytest.approx(expected["confidence"], abs=2e-4)


@pytest.mark.parametrize("pool", ["mean", "attention"])
def test_a_pool_of_many_steps_is_exact(pool: str) -> None:
    built = decoder("classifier", [example("a", "x"), example("b", "y")], pool=pool)
    values = torch.randn(1, 500, WIDTH, generator=torch.Generator().manual_seed(1)) + 100
    memory, one = built.begin(), Example({}, {"text": Frames(np.zeros((1, 1), np.float32))})
    for step in range(500):
        part = Vectors(values[:, step : step + 1], torch.tensor([1]))
        _, memory = built.push(memory, {"text": part}, {}, one)
    exact = built.double().pool(Vectors(values.double(), torch.tensor([500])))
    torch.testing.assert_close(memory[0].values, exact, rtol=1e-6, atol=0)


def test_a_state_is_pooled_as_the_last_step() -> None:
    built = decoder("classifier", [example("a", "x"), example("b", "y")], pool="last")
    state, one = torch.randn(1, 2, WIDTH), example("w")
    part = Vectors(torch.randn(1, 1, WIDTH), torch.tensor([1]), (state,))
    _, memory = built.push(built.begin(), {"text": part}, {}, one)
    empty = Vectors(torch.zeros(1, 0, WIDTH), torch.tensor([0]), (torch.zeros(1, 2, WIDTH),))
    _, memory = built.push(memory, {"text": empty}, {}, one)
    assert torch.equal(memory[0].values.float(), state[:, -1])
