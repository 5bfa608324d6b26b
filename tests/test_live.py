"""A text that still comes: the answers of the whole, in any cut, beside any other, in no memory."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, final

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from seqkit import live
from seqkit.errors import DataError, SeqkitError
from seqkit.live import Live, windows
from seqkit.pipeline import Pipeline, build
from seqkit.plugins import Plugin, Register, Registry, registry
from seqkit.recipe import recipe_from_plain
from seqkit.stages import (
    Answer,
    Decoder,
    Embedder,
    Encoder,
    Example,
    Joint,
    Loss,
    State,
    Upstream,
    Vectors,
)

PARTS = ["lookup", {"use": "characters", "width": 4, "character_width": 4}]
RECIPE: Mapping[str, Any] = {
    "seqkit": 1,
    "name": "coming",
    "data": {"use": "jsonl", "train": "train.jsonl", "text": "words", "gold": "tags"},
    "tokenise": "words",
    "embed": {"use": "concat", "parts": PARTS},
    "encode": {"use": "lstm", "width": 8, "layers": 2, "residual": True, "dropout": 0.3},
    "decode": "tagger",
}
WORDS = ["aa", "ab", "b", "bab", "c", "cc", "unseen", "", "two words", "\ud800"]
SPANS = {"a": "B-X", "b": "I-X", "c": "O"}
FRAMES: Mapping[str, Any] = {"tokenise": None, "embed": {"use": "frames", "scale": True}}


@final
class Averages(nn.Module):
    """Means of each step and the one before it. flaw: none, or what is wrong."""

    causal: bool = True

    def __init__(self, width: int, flaw: str) -> None:
        super().__init__()
        self.width, self.flaw = width, flaw
        self.stride = 2 if flaw == "halves" else 1

    def forward(self, vectors: Vectors, state: State | None = None) -> Vectors:
        before = vectors.values.new_zeros(len(vectors.values), 1, self.width)
        every = torch.cat([before if state is None else state[0], vectors.values], 1)
        after = None if self.flaw == "keeps nothing" else (every[:, -1:],)
        values = (every[:, 1:] + every[:, :-1]) / 2
        return Vectors(values * vectors.mask.unsqueeze(2), vectors.lengths, after)


@final
class Wholes(nn.Module):
    """An embedder that gives each piece the length of its text."""

    width: int = 1
    samples: bool = False
    along_time: frozenset[str] = frozenset({"pieces"})

    def fit(self, examples: Iterable[Example]) -> Mapping[str, Any]:
        return {}

    def ready(self, learnt: Mapping[str, Any]) -> None:
        pass

    def prepare(self, example: Example, name: str, rng: Any = None) -> dict[str, np.ndarray]:
        pieces = np.zeros(len(example.inputs[name]), np.int32)
        return {"pieces": pieces, "length": np.array(len(pieces))}

    def forward(self, batch: Mapping[str, Tensor]) -> Vectors:
        raise NotImplementedError


@final
class Both(nn.Module):
    """A joint encoder that changes nothing."""

    stride: int = 1
    causal: bool = True

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, inputs: Mapping[str, Vectors]) -> Mapping[str, Vectors]:
        return inputs


@final
class Counter(nn.Module):
    """A decoder that answers wholes: how many steps there are."""

    samples: bool = False
    along_time: frozenset[str] = frozenset()

    def fit(self, examples: Iterable[Example]) -> Mapping[str, Any]:
        return {}

    def ready(self, learnt: Mapping[str, Any]) -> None:
        pass

    def prepare(self, example: Example, rng: Any = None) -> dict[str, Any]:
        return {}

    def loss(self, inputs: Mapping[str, Vectors], batch: Any) -> Loss:
        raise NotImplementedError

    def predict(
        self,
        inputs: Mapping[str, Vectors],
        batch: Mapping[str, Tensor],
        examples: Sequence[Example],
    ) -> list[Answer]:
        return [{"value": size} for size in inputs["text"].lengths.tolist()]

    def gold(self, example: Example) -> Answer:
        return {"value": 0}


def averages(upstream: Upstream, *, flaw: str = "") -> Encoder:
    """Means of two steps."""
    return Averages(upstream.width, flaw)


def wholes(upstream: Upstream) -> Embedder:
    """The length of the text."""
    return Wholes()


def both(upstream: Upstream) -> Joint:
    """All inputs as they are."""
    return Both(upstream.width)


def counter(upstream: Upstream) -> Decoder:
    """A number of steps."""
    return Counter()


def known() -> Registry:
    """All plugins, and the toys of this file."""
    plugin = Plugin("toys", __name__, "toys", "0")
    register = Register(plugin)
    register.embedder("wholes", wholes)
    register.encoder("averages", averages)
    register.encoder("both", both, joint=True)
    register.decoder("counter", counter)
    return Registry([*registry().plugins, plugin])


def tags(words: Sequence[str]) -> list[str]:
    return [SPANS.get(word[:1], "O") for word in words]


def made(**changes: Any) -> Pipeline:
    """A pipeline with weights as drawn; `gold` and `rows` are of the training examples."""
    draw, name = random.Random(0), changes.get("decode", "tagger")
    rows = changes.pop("rows", None) or [
        {"words": words, "tags": tags(words)}
        for words in (draw.choices(WORDS[:6], k=draw.randint(1, 9)) for _ in range(30))
    ]
    if (name if isinstance(name, str) else name["use"]) == "classifier":
        rows = [{**row, "tags": row["tags"][0]} for row in rows]
    said = {key: value for key, value in {**RECIPE, **changes}.items() if value is not None}
    torch.manual_seed(0)
    pipeline = build(recipe_from_plain(said, "test", registry=known()), rows)
    with torch.no_grad():
        for weight in pipeline.network.parameters():
            weight.normal_(std=0.7)
    return pipeline


def cuts(count: int, sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Pushes of the given sizes over and over, which come to a count."""
    start = 0
    while start < count:
        for size in sizes:
            yield start, min(count, start + size)
            start = min(count, start + size)


def come(pipeline: Pipeline, pieces: Sequence[Any], sizes: Sequence[int]) -> list[Any]:
    """The values of all answers to pieces in pushes of some sizes."""
    coming = pipeline.live()
    found = [one for a, b in cuts(len(pieces), sizes) for one in coming.push(*pieces[a:b])]
    return [answer["tags"] for answer in [*found, *coming.finish()]]


DECODERS = [
    {"decode": "tagger"},
    {"decode": {"use": "tagger", "scheme": "BIOES"}, "encode": {"use": "rnn", "width": 6}},
    {"decode": "crf", "encode": {"use": "gru", "width": 6, "layers": 2}},
    {"decode": {"use": "tagger", "word": "mean"}, "tokenise": "characters"},
    {"decode": {"use": "crf", "word": "last"}, "tokenise": "bytes", "embed": "lookup"},
    {"decode": "crf", "encode": [{"use": "averages"}, {"use": "lstm", "width": 5}]},
    {"decode": "tagger", "encode": None},
    *({"decode": {"use": "classifier", "pool": pool}} for pool in ("last", "attention")),
    {"decode": {"use": "classifier", "pool": "max"}, "tokenise": "characters"},
]


@settings(max_examples=4, deadline=None)
@given(
    words=st.lists(st.sampled_from(WORDS), max_size=20),
    sizes=st.lists(st.integers(0, 6), min_size=1, max_size=4).filter(any),
)
@pytest.mark.parametrize("changes", DECODERS, ids=str)
def test_the_answers_to_a_text_that_comes_are_those_to_the_whole(
    changes: dict[str, Any], words: list[str], sizes: list[int], pipelines: dict[str, Pipeline]
) -> None:
    pipeline = pipelines.get(str(changes)) or made(**changes)
    pipelines[str(changes)] = pipeline
    [whole] = pipeline([words])
    found, answer = come(pipeline, words, sizes), whole["tags"]
    if isinstance(answer["value"], str):
        assert found == [{**answer, "confidence": pytest.approx(answer["confidence"], abs=2e-4)}]
        return
    assert [one["value"] for one in found] == answer["value"]
    if "tagger" in str(changes):
        sure = [one["confidence"] for one in found]
        assert sure == pytest.approx(answer["confidence"], abs=2e-4)


@pytest.fixture(scope="module")
def pipelines() -> dict[str, Pipeline]:
    """Pipelines that were made before."""
    return {}


@pytest.fixture(scope="module")
def tagging() -> Pipeline:
    return made()


def series(channels: int) -> list[dict[str, Any]]:
    draw = np.random.default_rng(0)
    sizes = draw.integers(1, 9, 20)
    every = [draw.normal(size=(size, channels)) for size in sizes]
    return [{"words": one, "tags": ["O" if x > 0 else "P" for x in one[:, 0]]} for one in every]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("decode", ["tagger", "crf", {"use": "classifier", "pool": "mean"}])
def test_a_series_comes_frame_by_frame(channels: int, decode: Any) -> None:
    pipeline = made(**FRAMES, decode=decode, rows=series(channels))
    values = np.random.default_rng(1).normal(size=(17, channels))
    [whole] = pipeline([values])
    pieces: list[Any] = values[:, 0].tolist() if channels == 1 else list(values)
    found = [one["value"] for one in come(pipeline, pieces, [1, 4, 0, 2])]
    assert whole["tags"]["value"] in (found, *found)
    if channels == 1:
        mixed = [values[0], np.float32(values[1, 0]), *pieces[2:]]
        assert [one["value"] for one in come(pipeline, mixed, [3])] == found


def test_texts_that_come_at_the_same_time_do_not_disturb_each_other(tagging: Pipeline) -> None:
    draw = random.Random(1)
    texts = [draw.choices(WORDS, k=size) for size in (9, 14, 5)]
    coming = [tagging.live() for _ in texts]
    found: list[list[Any]] = [[] for _ in texts]
    for step in range(14):
        for words, one, answers in zip(texts, coming, found, strict=True):
            answers += one.push(*words[step : step + 1])
        tagging([["aa", "b"]])
    for one, answers, whole in zip(coming, found, tagging(texts), strict=True):
        answers += one.finish()
        assert [answer["tags"]["value"] for answer in answers] == whole["tags"]["value"]


def test_a_text_after_the_end_of_another_begins_anew(tagging: Pipeline) -> None:
    coming = tagging.live()
    first = coming.push("aa", "b")
    assert coming.finish() == []
    assert coming.push("aa", "b") == first
    assert coming.push("aa", "b") != first
    coming.begin()
    assert coming.push("aa", "b") == first


def test_a_text_without_a_word_has_the_answers_of_one(tagging: Pipeline) -> None:
    coming = tagging.live()
    assert coming.push() == coming.finish() == coming.finish() == []
    classifying = made(decode={"use": "classifier", "pool": "max"}, tokenise="characters")
    for words in ([], ["", ""]):
        coming = classifying.live()
        assert coming.push(*words) == []
        assert coming.finish() == classifying([[]]) == classifying([words])


def test_an_answer_stands_under_the_name_of_its_gold(tagging: Pipeline) -> None:
    [answer] = tagging.live().push("aa")
    assert set(answer) == {"tags"}
    assert set(answer["tags"]) == {"value", "confidence"}


def test_a_text_that_comes_is_answered_as_after_training(tagging: Pipeline) -> None:
    coming = tagging.live()
    expected = tagging.live().push("aa", "b", "c")
    tagging.network.train()
    assert coming.push("aa", "b", "c") == expected


def test_no_gradient_is_kept(tagging: Pipeline) -> None:
    coming = tagging.live()
    coming.push("aa", "b")
    assert not any(part.requires_grad for state in coming.states.values() for part in state)


@given(count=st.integers(0, 5000))
def test_windows_are_powers_of_two_that_add_up(count: int) -> None:
    found = list(windows(count))
    sizes = [end - start for start, end in found]
    assert [start for start, _ in found] + [count] == [0, *(end for _, end in found)]
    assert all(size & (size - 1) == 0 and 0 < size <= live.WINDOW for size in sizes)
    assert len(sizes) <= count // live.WINDOW + 10


def test_a_long_push_is_read_in_windows(tagging: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "WINDOW", 8)
    seen = []
    prepare = tagging.prepare

    def watch(example: Example, **more: Any) -> Any:
        seen.append(len(example.inputs["text"]))
        return prepare(example, **more)

    monkeypatch.setattr(tagging, "prepare", watch)
    words = random.Random(2).choices(WORDS, k=23)
    tagging.live().push(*words)
    assert seen == [8, 8, 4, 2, 1]


def test_rounding_that_an_encoder_multiplies_is_no_reason_to_refuse_it() -> None:
    assert made(encode={"use": "rnn", "width": 256}).live().push("aa")


def refused(**changes: Any) -> str:
    with pytest.raises(SeqkitError) as caught:
        made(**changes).live()
    return str(caught.value)


def test_an_embedder_that_reads_texts_as_wholes_is_refused() -> None:
    reads = "reads each text as a whole. Use embedders of single pieces, such as lookup."
    assert refused(embed="wholes") == f"embed: wholes {reads}"
    both = {"use": "concat", "parts": ["lookup", "wholes"]}
    assert refused(embed=both) == f"embed: concat {reads}"


def test_an_embedder_that_makes_a_step_of_those_before_it_is_refused() -> None:
    embed = {"use": "frames", "differences": [1, 2]}
    assert refused(tokenise=None, embed=embed, rows=series(1)) == (
        "embed: frames makes each step of 3 before it too. Call the pipeline with the whole."
    )


def test_an_encoder_that_reads_texts_from_their_end_is_refused() -> None:
    assert refused(encode={"use": "bilstm", "width": 4}) == (
        "encode: bilstm reads each text from its end too. Use lstm or gru."
    )
    two = [{"use": "lstm", "width": 4}, {"use": "bilstm", "width": 4}]
    assert refused(encode=two).startswith("encode.1: bilstm reads each text from its end too.")


def test_an_encoder_that_gives_fewer_steps_is_refused() -> None:
    classify = {"use": "classifier"}
    assert refused(encode={"use": "averages", "flaw": "halves"}, decode=classify) == (
        "encode: averages gives one step for 2, which may come in two pushes. "
        "Use an encoder that keeps every step."
    )


def test_an_encoder_without_the_state_that_it_needs_is_refused() -> None:
    assert refused(encode={"use": "averages", "flaw": "keeps nothing"}) == (
        "encode: averages gives other vectors when steps come one by one: its state lacks what "
        "they depend on. Use lstm or gru."
    )


def test_a_joint_encoder_is_refused() -> None:
    assert refused(encode="both") == "encode: both reads all inputs as wholes. Leave it out."


def test_several_inputs_are_refused() -> None:
    data = {**RECIPE["data"], "text": {"left": "words", "right": "words"}}
    assert refused(data=data, decode={"use": "tagger", "over": "left"}) == (
        "live: the pipeline reads left and right, but one text comes at a time. "
        "Call the pipeline with both as wholes: pipeline([{...}])."
    )


def test_a_decoder_that_answers_wholes_alone_is_refused() -> None:
    assert refused(decode="counter") == (
        "decode: counter answers whole texts alone. "
        "Use a decoder that has begin, push and finish, such as tagger, crf or classifier."
    )


@pytest.mark.parametrize(
    ("changes", "pieces", "message"),
    [
        ({}, ["aa", 3], "takes words, each a str, not int. Give them one by one: push('two', "),
        ({}, [["aa", "b"]], "takes words, each a str, not list."),
        (FRAMES, [1.0, "aa"], "takes frames, each a number or an array of a number a channel, no"),
        (FRAMES, [[1.0, 2.0]], "not list. Give them one by one: push(1.5, 2.5)."),
        (FRAMES, [np.zeros((2, 1))], "not ndarray."),
        (FRAMES, [np.array(["1"])], "not ndarray."),
        (FRAMES, [1.0, np.zeros(2)], "a frame has 2 channels, the one before it 1. Give all chan"),
        (FRAMES, [1.0, float("nan"), 1.0, 1.0], "is no finite number."),
        (FRAMES, [np.zeros(2)], "2 channels"),
    ],
)
def test_a_push_that_is_refused_changes_nothing(
    changes: dict[str, Any], pieces: list[Any], message: str
) -> None:
    pipeline = made(**changes, rows=series(1) if changes else None)
    coming, other = pipeline.live(), pipeline.live()
    good = [0.5, 1.0] if changes else ["aa", "b"]
    assert coming.push(*good) == other.push(*good)
    with pytest.raises(DataError) as caught:
        coming.push(*pieces)
    assert message in str(caught.value)
    assert coming.push(*good) == other.push(*good)


def resident() -> float:
    """Megabytes that this process holds."""
    with open("/proc/self/statm") as stream:
        return int(stream.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


def growth(decode: Any, many: int, alone: int) -> float:
    """Megabytes more after so many new words in pushes of all sizes, and then so many alone."""
    coming, draw = made(decode=decode, embed="lookup").live(), random.Random(3)

    def push(count: int, most: int) -> None:
        while count > 0:
            size = draw.randint(1, most)
            coming.push(*(f"{draw.getrandbits(64):x}" for _ in range(size)))
            count -= size

    push(100_000, 2000)
    push(2_000, 1)
    before = resident()
    push(many, 2000)
    push(alone, 1)
    return resident() - before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("decode", "many", "alone"),
    [
        ("tagger", 900_000, 100_000),
        ("crf", 100_000, 5_000),
        ({"use": "classifier", "pool": "attention"}, 100_000, 5_000),
    ],
)
def test_a_million_new_words_leave_no_more_memory_in_use_than_the_first(
    decode: Any, many: int, alone: int
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    del environment["SEQKIT_CHECK_SHAPES"]  # a process of its own, without what slows tests down
    code = f"import test_live; print(test_live.growth({decode!r}, {many}, {alone}))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 8


def test_live_is_what_a_pipeline_gives(tagging: Pipeline) -> None:
    assert isinstance(tagging.live(), Live)
