"""The same answer alone and in company, in order, lazily, bit for bit after a save and a load."""

from __future__ import annotations

import itertools
import json
import random
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import seqkit
from seqkit import storage
from seqkit.errors import DataError, ModelError, SeqkitError
from seqkit.loading import load
from seqkit.pipeline import FORMAT, WINDOW, Pipeline, build
from seqkit.recipe import read_recipe
from seqkit.stages import Frames, Text
from seqkit.table import collate

ALPHABET = "abcdefgh"
GOLDS: Mapping[str, Callable[[list[str]], Any]] = {
    "crf": lambda words: [word[0].upper() for word in words],
    "tagger": lambda words: [word[0].upper() for word in words],
    "classifier": lambda words: words[0][0],
}


def texts(count: int, draw: random.Random, longest: int = 40) -> list[list[str]]:
    """Lists of words, of any length from 1 on."""
    return [
        [
            "".join(draw.choices(ALPHABET, k=draw.randint(1, 9)))
            for _ in range(draw.randint(1, longest))
        ]
        for _ in range(count)
    ]


def made(toy: Path, decode: Any, **changes: Any) -> Pipeline:
    """A pipeline of first-party stages with weights as drawn, fitted on random words."""
    values = {
        "decode": decode,
        "encode": {"use": "bilstm", "width": 12, "layers": 2, "residual": True, "dropout": 0.3},
        **{name.replace("__", "."): value for name, value in changes.items()},
    }
    recipe = read_recipe(toy, values=values)
    name = decode if isinstance(decode, str) else decode["use"]
    rows = [{"form": words, "tag": GOLDS[name](words)} for words in texts(60, random.Random(1))]
    torch.manual_seed(0)
    return build(recipe, rows)


@pytest.fixture(scope="module")
def model(trained: Path) -> Pipeline:
    return load(trained)


def encoded(pipeline: Pipeline, prepared: list[dict[str, np.ndarray]]) -> list[torch.Tensor]:
    """What the encoder gives for each text of a batch, padding cut off."""
    pipeline.network.eval()
    with torch.inference_mode():
        vectors, _ = pipeline.network.encode(collate(prepared))
    values, lengths = vectors["text"].values, vectors["text"].lengths.tolist()
    return [row[:length] for row, length in zip(values, lengths, strict=True)]


@pytest.mark.parametrize(
    "decode",
    [
        "crf",
        *(
            pytest.param(decode, marks=pytest.mark.slow)
            for decode in (
                "tagger",
                {"use": "classifier", "pool": "attention"},
                {"use": "tagger", "word": "mean"},
                *({"use": "classifier", "pool": pool} for pool in ("last", "max", "mean")),
            )
        ),
    ],
    ids=str,
)
def test_a_text_has_the_same_vectors_loss_and_answer_alone_and_in_64_random_batches(
    toy: Path, decode: Any
) -> None:
    pipeline, draw = made(toy, decode), random.Random(2)
    name = decode if isinstance(decode, str) else decode["use"]
    rows = [{"form": words, "tag": GOLDS[name](words)} for words in texts(20, draw, longest=15)]
    examples = [pipeline.example(row, "test") for row in rows]
    prepared = [pipeline.prepare(example) for example in examples]
    alone = [encoded(pipeline, [arrays])[0] for arrays in prepared]
    with torch.inference_mode():
        losses = [float(pipeline.network(collate([arrays]))[0].total) for arrays in prepared]
    answers = [next(iter(pipeline.answer([example]))) for example in examples]
    for _ in range(64):
        chosen = draw.sample(range(len(rows)), draw.randint(2, 6))
        found = encoded(pipeline, [prepared[n] for n in chosen])
        for n, vectors in zip(chosen, found, strict=True):
            assert float((vectors - alone[n]).abs().max()) < 1e-5
        batch = collate([prepared[n] for n in chosen])
        with torch.inference_mode():
            loss = float(pipeline.network(batch)[0].total)
            together = pipeline.network.answer(batch, [examples[n] for n in chosen])
        assert loss == pytest.approx(sum(losses[n] for n in chosen), rel=1e-5)
        for n, answer in zip(chosen, together, strict=True):
            assert answer["value"] == answers[n]["value"]
            assert answer["confidence"] == pytest.approx(answers[n]["confidence"], abs=2e-4)


def test_the_answers_to_many_texts_are_those_to_each(toy: Path) -> None:
    pipeline = made(toy, "crf")
    many = texts(100, random.Random(3), longest=60)
    together = pipeline(many)
    assert [len(answer["tag"]["value"]) for answer in together] == [len(words) for words in many]
    for words, answer in zip(many[::10], together[::10], strict=True):
        [alone] = pipeline([words])
        assert alone["tag"]["value"] == answer["tag"]["value"]
        assert alone["tag"]["confidence"] == pytest.approx(answer["tag"]["confidence"], abs=2e-4)


def test_prediction_is_as_it_was_whatever_was_predicted_or_trained_before(
    model: Pipeline,
) -> None:
    before = model(["the cat sees a dog"])
    model.network.train()
    model([["a"] * 300, [], ["big"]])
    assert model(["the cat sees a dog"]) == before


def test_a_stream_reads_no_further_than_it_must(model: Pipeline) -> None:
    read = 0

    def endless() -> Iterator[str]:
        nonlocal read
        for read in itertools.count(1):  # noqa: B007  counts what was read
            yield "the cat"

    answers = model.stream(endless())
    assert read == 0
    furthest = []
    for _ in range(16):
        next(answers)
        furthest.append(read)
    assert furthest == [1, 3, 3, 7, 7, 7, 7, *[15] * 8, 31]


def test_a_stream_holds_no_more_than_a_window(
    model: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def answered(_: Pipeline, examples: list[Any]) -> list[Any]:
        sizes.append(len(examples))
        return [{"value": len(example.inputs["text"])} for example in examples]

    monkeypatch.setattr(Pipeline, "answer_window", answered)
    assert list(model.answer(model.input_example("a", "") for _ in range(2000)))
    assert sizes == [WINDOW, 2000 - WINDOW]
    sizes.clear()
    given = (["a"] * (n % 7) for n in range(5000))
    assert [answer["tag"]["value"] for answer in model.stream(given)] == [
        n % 7 for n in range(5000)
    ]
    assert sizes[:11] == [2**power for power in range(11)]
    assert max(sizes) == WINDOW
    assert sum(sizes) == 5000


@pytest.mark.parametrize("text", ["the cat", "", {"text": "the cat"}])
def test_a_single_text_is_asked_for_in_a_list(model: Pipeline, text: Any) -> None:
    with pytest.raises(SeqkitError) as refused:
        model(text)
    assert str(refused.value) == (
        "pipeline(texts): takes several texts. Put a single one in a list."
    )


def test_no_text_has_no_answer(model: Pipeline) -> None:
    assert model([]) == []
    assert list(model.stream(iter(()))) == []


FORMS = [
    "the cat",
    ["the", "cat"],
    ("the", "cat"),
    Text("the cat"),
    Text("the cat", [(0, 3), (4, 7)]),
    {"text": "the cat"},
    {"text": ["the", "cat"], "more": 1},
]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_text_may_be_given_in_several_forms(model: Pipeline, form: Any) -> None:
    assert model([form]) == model(["the cat"])


def test_given_words_are_the_words(model: Pipeline) -> None:
    [answer] = model([["the cat", "", "sees!"]])
    assert len(answer["tag"]["value"]) == 3


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (5, "text 0: an input is a text, a list of words or a list of numbers, not int."),
        (None, "text 0: an input is a text, a list of words or a list of numbers, not NoneType."),
        (b"x", "text 0: an input is a text, a list of words or a list of numbers, not bytes."),
        (["a", 1], "text 0: an input is a text, a list of words or a list of numbers, not list of"),
        ({"texte": "a"}, "text 0: lacks the input 'text'. Give text."),
        ({}, "text 0: lacks the input 'text'. Give text."),
    ],
)
def test_what_is_no_text_is_an_error_that_names_its_place(
    model: Pipeline, given: Any, message: str
) -> None:
    with pytest.raises(DataError) as refused:
        model(iter([given]))
    assert str(refused.value).startswith(message)
    answers = model.stream(iter(["the cat", given]))
    next(answers)
    with pytest.raises(DataError, match=r"^text 1: "):
        next(answers)


def test_numbers_for_a_stage_that_looks_up_pieces_are_an_error(model: Pipeline) -> None:
    with pytest.raises(DataError, match="lookup"):
        model([Frames(np.zeros((2, 3), np.float32))])


def test_several_inputs_are_given_by_name(toy: Path) -> None:
    decode = {"use": "crf", "over": "left"}
    values = {"data.text": {"left": "form", "right": "form"}, "decode": decode}
    rows = [{"form": ["a", "b"], "tag": ["A", "B"]}] * 2
    pipeline = build(read_recipe(toy, values=values), rows)
    with pytest.raises(DataError) as refused:
        pipeline(["the cat"])
    assert str(refused.value) == "text 0: needs a mapping with left, right."
    with pytest.raises(DataError) as refused:
        pipeline([{"left": "the cat"}])
    assert str(refused.value) == "text 0: lacks the input 'right'. Give left, right."
    [answer] = pipeline([{"left": "a b b", "right": "a"}])
    assert len(answer["tag"]["value"]) == 3
    example = pipeline.input_example({"left": "a b", "right": "a"}, "text 0")
    assert pipeline.record(example, {"value": 1}, 7) == {
        "index": 7,
        "text": {"left": "a b", "right": "a"},
        "answers": {"tag": {"value": 1}},
    }


@pytest.mark.parametrize(
    "given", ["a \ud800 b", ["a", "\udfff", "b"], Text("a \ud9ab b"), {"text": "a \udc00 b"}]
)
def test_a_lone_surrogate_becomes_the_replacement_character(model: Pipeline, given: Any) -> None:
    example = model.input_example(given, "text 0")
    assert model.record(example, {}, 0)["text"] == "a \ufffd b"
    [answer] = model([given])
    assert len(answer["tag"]["value"]) == 3
    json.dumps(answer, ensure_ascii=False).encode()


@pytest.mark.parametrize("text", ["", " ", "\n\t \u3000", []])
def test_an_empty_text_has_an_empty_answer(model: Pipeline, text: Any) -> None:
    [before, answer, after] = model(["the cat", text, "a dog"])
    assert answer["tag"]["value"] == []
    assert [before, after] == model(["the cat", "a dog"])


def test_a_text_with_nul_has_an_answer(model: Pipeline) -> None:
    [answer] = model(["the\0cat \0"])
    assert answer["tag"]["value"]


@given(st.lists(st.text(st.characters(), max_size=30), max_size=5))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_text_has_an_answer_of_one_label_a_word(model: Pipeline, given: list[str]) -> None:
    answers = model(given)
    for text, answer in zip(given, answers, strict=True):
        pieces = model.input_example(text, "text").inputs["text"]
        assert len(answer["tag"]["value"]) == len(pieces)
        spans = pieces.word_spans.tolist()  # type: ignore[union-attr]
        assert all(0 <= start < end <= len(text) for start, end in spans)


REPEATED = ["!", "(", "e\u0301", "\u0301", "a:", "\U0001f600", "-", "'"]


def seconds(run: Callable[[], object]) -> float:
    """The least processor time of two calls."""
    found = []
    for _ in range(2):
        started = time.process_time()
        run()
        found.append(time.process_time() - started)
    return min(found)


@pytest.mark.parametrize("part", REPEATED)
def test_a_long_text_is_split_in_linear_time(model: Pipeline, part: str) -> None:
    one, two = part * 25_000, part * 50_000
    ratio = seconds(lambda: model.input_example(two, "")) / seconds(
        lambda: model.input_example(one, "")
    )
    assert ratio < 4


def test_a_long_word_takes_little_time(model: Pipeline) -> None:
    assert seconds(lambda: model(["a" * 100_000])) < 1
    [answer] = model(["the " + "a" * 100_000 + " cat"])
    assert len(answer["tag"]["value"]) == 3


def test_a_text_of_many_pieces_has_an_answer(model: Pipeline) -> None:
    [answer] = model(["!" * 20_000])
    assert len(answer["tag"]["value"]) == 20_000


@pytest.mark.slow
@pytest.mark.parametrize("part", REPEATED)
def test_a_million_characters_are_split_in_linear_time(model: Pipeline, part: str) -> None:
    half, whole = (part * (count // len(part)) for count in (500_000, 1_000_000))
    first = seconds(lambda: model.input_example(half, ""))
    assert seconds(lambda: model.input_example(whole, "")) < 3 * first + 0.1


@pytest.mark.slow
@pytest.mark.parametrize("part", ["!", "(", "\u0301"])
def test_a_million_characters_have_an_answer_in_linear_time(model: Pipeline, part: str) -> None:
    started = time.process_time()
    model([part * 500_000])
    first = time.process_time() - started
    [answer] = model([part * 1_000_000])
    assert time.process_time() - started - first < 3 * first + 1
    assert answer["tag"]["value"]


def weights(pipeline: Pipeline) -> dict[str, torch.Tensor]:
    return dict(pipeline.network.state_dict())


def test_a_saved_pipeline_answers_bit_for_bit_as_before(toy: Path, tmp_path: Path) -> None:
    pipeline = made(toy, "crf")
    some = texts(30, random.Random(5))
    before = pipeline(some)
    pipeline.save(tmp_path / "model")
    other = load(tmp_path / "model")
    assert other(some) == before
    assert all(
        torch.equal(weights(other)[name], value) for name, value in weights(pipeline).items()
    )
    other.save(tmp_path / "again")
    assert (tmp_path / "again/manifest.json").read_bytes() == (
        tmp_path / "model/manifest.json"
    ).read_bytes()
    assert other.recipe == pipeline.recipe


def test_a_run_and_its_pipeline_load_alike(trained: Path, model: Pipeline) -> None:
    some = ["the cat sees a dog", "big"]
    assert seqkit.load(str(trained))(some) == seqkit.load(trained / "pipeline")(some) == model(some)


def test_a_pipeline_may_be_saved_over_another_one(model: Pipeline, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    model.save(str(tmp_path / "model"))
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    (tmp_path / "empty").mkdir()
    model.save(tmp_path / "empty")
    assert load(tmp_path / "empty")(["a cat"]) == model(["a cat"])


@pytest.mark.parametrize("foreign", ["notes.txt", "models/other/weights.safetensors"])
def test_a_folder_that_holds_anything_else_is_never_replaced(
    model: Pipeline, tmp_path: Path, foreign: str
) -> None:
    for folder in (tmp_path / "plain", tmp_path / "model"):
        if folder.name == "model":
            model.save(folder)
        path = folder / foreign
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
        with pytest.raises(ModelError) as refused:
            model.save(folder)
        assert str(refused.value) == (
            f"{folder}: holds more than a saved pipeline. Name a new folder."
        )
        assert path.read_text() == "mine"


def test_a_file_is_never_replaced_by_a_folder(model: Pipeline, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("mine")
    with pytest.raises(ModelError, match="holds more than a saved pipeline"):
        model.save(path)
    assert path.read_text() == "mine"


@pytest.fixture
def saved(trained: Path, tmp_path: Path) -> Path:
    """A copy of a saved pipeline, to be damaged."""
    return Path(shutil.copytree(trained / "pipeline", tmp_path / "pipeline"))


FILES = ["learnt.json", "learnt.safetensors", "pipeline.json", "weights.safetensors"]
AGAIN = "Copy the folder again, or train again."


def refusal(folder: Path) -> str:
    """Why a folder cannot be loaded."""
    with pytest.raises(ModelError) as refused:
        load(folder)
    return str(refused.value)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("share", [0, 0.3, 0.99])
def test_one_flipped_bit_anywhere_is_named(saved: Path, name: str, share: float) -> None:
    path = saved / name
    content = bytearray(path.read_bytes())
    content[int(share * len(content))] ^= 4
    path.write_bytes(content)
    assert (
        refusal(saved) == f"{path}: its sha256 differs from manifest.json: it is damaged. {AGAIN}"
    )


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_is_named(saved: Path, name: str) -> None:
    path = saved / name
    size = path.stat().st_size
    for kept in (0, 1, size // 2, size - 1):
        with open(path, "r+b") as stream:
            stream.truncate(kept)
        assert refusal(saved) == f"{path}: has {kept} bytes, but manifest.json says {size}. {AGAIN}"
        path.write_bytes(b" " * size)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(saved: Path, name: str) -> None:
    (saved / name).unlink()
    assert refusal(saved) == f"{saved / name}: is missing. {AGAIN}"


@pytest.mark.parametrize("name", FILES)
def test_a_manifest_without_a_file_is_no_pipeline(saved: Path, name: str) -> None:
    files = storage.read_folder(saved)
    del files[name]
    storage.write_folder(saved, files)
    assert refusal(saved) == f"{saved}: has no {name}. Name a run or a pipeline folder."


def test_a_folder_that_was_never_saved_is_named(tmp_path: Path) -> None:
    assert refusal(tmp_path / "no") == (
        f"{tmp_path}/no: no such folder. Name a run or a pipeline folder."
    )
    assert refusal(tmp_path) == (
        f"{tmp_path}: manifest.json is missing. Name a folder that seqkit has saved."
    )


def changed(folder: Path, **changes: Any) -> None:
    """Saves a pipeline with another content of pipeline.json."""
    files = storage.read_folder(folder)
    content = json.loads(files["pipeline.json"]) | changes
    storage.write_folder(folder, {**files, "pipeline.json": storage.as_json(content)})


def test_a_pipeline_of_another_format_is_named(saved: Path) -> None:
    changed(saved, format=9, seqkit="7.1")
    assert refusal(saved) == (
        f"{saved}/pipeline.json: is of format 9, but this version reads {FORMAT}. "
        "Install seqkit 7.1."
    )


def test_a_plugin_that_is_not_installed_is_named_with_the_line_that_installs_it(
    saved: Path,
) -> None:
    plugins = json.loads((saved / "pipeline.json").read_bytes())["plugins"]
    assert [plugin["name"] for plugin in plugins] == ["data", "labels", "recurrent", "text"]
    one = {"name": "ghost", "distribution": "seqkit-ghost", "version": "1.2"}
    two = {"name": "spectre", "distribution": "spectres", "version": "3"}
    changed(saved, plugins=[*plugins, one])
    assert refusal(saved) == (
        f"{saved}/pipeline.json: needs the plugin 'ghost'. Run: pip install \"seqkit-ghost==1.2\""
    )
    changed(saved, plugins=[*plugins, two, one])
    assert refusal(saved) == (
        f"{saved}/pipeline.json: needs the plugin 'spectre', 'ghost'. "
        'Run: pip install "seqkit-ghost==1.2" "spectres==3"'
    )


def test_a_stage_that_its_plugin_no_longer_has_is_named(saved: Path) -> None:
    recipe = json.loads((saved / "pipeline.json").read_bytes())["recipe"]
    changed(saved, recipe={**recipe, "decode": {"use": "crfs"}})
    with pytest.raises(SeqkitError, match=r"no decoder called 'crfs'\. Did you mean 'crf'\?"):
        load(saved)


def test_weights_of_another_shape_are_named(saved: Path) -> None:
    recipe = json.loads((saved / "pipeline.json").read_bytes())["recipe"]
    changed(saved, recipe={**recipe, "encode": {"use": "bilstm", "width": 4}})
    assert refusal(saved).startswith(f"{saved}/weights.safetensors: '")
    assert "torch.float32 [" in refusal(saved)


def test_the_repository_is_not_needed_to_load(
    saved: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    shutil.move(saved, tmp_path / "moved")
    assert load(tmp_path / "moved")(["a cat"])
