"""Saved models as components: one contract for all, whatever they write."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import ignore_error

from seqkit.errors import SeqkitError

Saved = Callable[[str], Path]
FACTORIES = {
    "seqkit_tagger": "heads",
    "seqkit_ner": "spans",
    "seqkit_textcat": "label",
    "seqkit_translator": "text",
    "seqkit_pipeline": "words",
}
TEXTS = [
    "Ann sees a big dog in New York. The dog sees Ann.",
    "Bo runs.",
    "",
    "   ",
    "\n\n a \t b",
    "👩‍👩‍👧 naïve e\u0301 👍🏽 ok",
    "New York",
]


def pipeline(saved: Saved, factory: str, **config: Any) -> Language:
    """A blank pipeline with one component, its model loaded."""
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    pipe: Any = nlp.add_pipe(factory, config=config)
    pipe.initialize(model_path=saved(FACTORIES[factory]))
    return nlp


def written(doc: Doc) -> dict[str, Any]:
    """All that a component may have written."""
    found: dict[str, Any] = {
        "tokens": [(token.tag_, token.pos_, str(token.morph)) for token in doc],
        "ents": [(entity.start, entity.end, entity.label_) for entity in doc.ents],
        "cats": doc.cats,
    }
    for name in ("translation", "translation_alignment", "seqkit"):
        found[name] = getattr(doc._, name) if Doc.has_extension(name) else None
    return {key: rounded(value) for key, value in found.items()}


def rounded(value: Any) -> Any:
    """Numbers with four digits."""
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(one) for one in value]
    return round(value, 4) if isinstance(value, float) else value


@pytest.mark.parametrize("factory", FACTORIES)
def test_texts_are_never_altered_and_those_without_words_are_borne(
    saved: Saved, factory: str
) -> None:
    nlp = pipeline(saved, factory)
    docs = list(nlp.pipe(TEXTS))
    assert [doc.text for doc in docs] == TEXTS
    assert list(nlp.pipe([])) == []
    assert [doc.text for doc in nlp.pipe(["", "", ""])] == ["", "", ""]


@pytest.mark.parametrize("factory", FACTORIES)
def test_a_doc_has_the_same_answers_alone_and_in_company(saved: Saved, factory: str) -> None:
    nlp = pipeline(saved, factory)
    together = [written(doc) for doc in nlp.pipe(TEXTS * 3)]
    assert [written(nlp(text)) for text in TEXTS] * 3 == together


@pytest.mark.parametrize("factory", FACTORIES)
def test_what_is_saved_is_loaded_without_the_run(
    saved: Saved, factory: str, tmp_path: Path
) -> None:
    nlp = pipeline(saved, factory)
    before = [written(nlp(text)) for text in TEXTS]
    nlp.to_disk(tmp_path / "first")
    shutil.move(tmp_path / "first", tmp_path / "other")
    assert [written(doc) for doc in spacy.load(tmp_path / "other").pipe(TEXTS)] == before
    again = type(nlp).from_config(nlp.config).from_bytes(nlp.to_bytes())
    assert [written(doc) for doc in again.pipe(TEXTS)] == before
    assert str(saved(FACTORIES[factory])) not in json.dumps(nlp.config)


def test_to_disk_and_to_bytes_leave_out_what_they_are_told_to(saved: Saved, tmp_path: Path) -> None:
    pipe: Any = pipeline(saved, "seqkit_ner").get_pipe("seqkit_ner")
    assert len(pipe.to_bytes(exclude=["model"])) < 10
    pipe.to_disk(tmp_path / "without", exclude=["model"])
    assert list((tmp_path / "without").iterdir()) == []
    pipe.to_disk(tmp_path / "with")
    fresh: Any = spacy.blank("en").add_pipe("seqkit_ner")
    assert fresh.from_disk(tmp_path / "with", exclude=["model"]).model is None
    assert fresh.from_disk(tmp_path / "with").labels == ("LOC", "PER")


def test_one_that_has_no_model_is_saved_and_loaded_without(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("seqkit_ner")
    nlp.to_disk(tmp_path / "empty")
    loaded: Any = spacy.load(tmp_path / "empty").get_pipe("seqkit_ner")
    assert loaded.model is None
    type(nlp).from_config(nlp.config).from_bytes(nlp.to_bytes())


def test_labels_are_known_and_stand_in_the_strings(saved: Saved, tmp_path: Path) -> None:
    nlp = pipeline(saved, "seqkit_ner")
    assert nlp.pipe_labels["seqkit_ner"] == ["LOC", "PER"]
    nlp.to_disk(tmp_path / "ner", exclude=["vocab"])
    assert "LOC" in spacy.load(tmp_path / "ner").vocab.strings


def test_a_model_comes_by_the_configuration_of_initialize_too(saved: Saved) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("seqkit_ner")
    nlp.config["initialize"]["components"]["seqkit_ner"] = {"model_path": str(saved("spans"))}
    nlp.initialize()
    assert nlp.pipe_labels["seqkit_ner"] == ["LOC", "PER"]
    nlp.config["initialize"]["components"] = {}
    nlp.initialize()  # a model that is there stays
    assert nlp.pipe_labels["seqkit_ner"] == ["LOC", "PER"]


def test_settings_of_the_model_can_be_changed_and_stay_changed(
    saved: Saved, tmp_path: Path
) -> None:
    nlp = spacy.blank("en")
    pipe: Any = nlp.add_pipe("seqkit_translator")
    pipe.initialize(model_path=saved("text"), settings={"decode.search": "greedy"})
    nlp.to_disk(tmp_path / "greedy")
    loaded: Any = spacy.load(tmp_path / "greedy").get_pipe("seqkit_translator")
    assert loaded.model.recipe.decode.settings["search"].name == "greedy"


@pytest.mark.parametrize(
    ("factory", "form", "message"),
    [
        ("seqkit_ner", "words", "seqkit_ner: needs a model that gives spans, but this one gives "),
        ("seqkit_tagger", "label", "seqkit_tagger: needs a model that gives a label for each word"),
        ("seqkit_textcat", "text", "seqkit_textcat: needs a model that gives labels of a text, "),
        ("seqkit_translator", "heads", "seqkit_translator: needs a model that gives texts, but "),
    ],
)
def test_a_model_of_another_task_is_told(
    saved: Saved, factory: str, form: str, message: str
) -> None:
    pipe: Any = spacy.blank("en").add_pipe(factory)
    with pytest.raises(SeqkitError) as refused:
        pipe.initialize(model_path=saved(form))
    assert str(refused.value).startswith(message)
    assert pipe.model is None


def test_a_model_that_is_missing_is_told(saved: Saved, tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    pipe: Any = nlp.add_pipe("seqkit_ner")
    for call, message in (
        (lambda: nlp("a"), "seqkit_ner: has no model yet. Load one by nlp.get_pipe("),
        (pipe.initialize, "seqkit_ner: model_path: is missing. Name the folder of a run, in ["),
        (
            lambda: pipe.initialize(model_path=tmp_path / "no"),
            f"seqkit_ner: model_path: {tmp_path / 'no'}: no such folder. Name a run or a pipeline",
        ),
        (
            lambda: pipe.initialize(model_path=saved("spans"), settings={"train.seed": 2}),
            "seqkit_ner: model_path: set train.seed: does nothing to what is trained.",
        ),
    ):
        with pytest.raises(SeqkitError) as refused:
            call()
        assert str(refused.value).startswith(message)


def test_a_model_of_a_later_version_is_told(saved: Saved, tmp_path: Path) -> None:
    from seqkit import storage

    files = storage.read_folder(saved("spans"))
    content = json.loads(files["pipeline.json"])
    files["pipeline.json"] = storage.as_json({**content, "format": 99, "seqkit": "9.0"})
    storage.write_folder(tmp_path / "later", files)
    pipe: Any = spacy.blank("en").add_pipe("seqkit_ner")
    with pytest.raises(SeqkitError, match=r"^seqkit_ner: model_path: .*is of format 99.*9\.0"):
        pipe.initialize(model_path=tmp_path / "later")


def test_a_changed_byte_is_told_when_a_pipeline_is_loaded(saved: Saved, tmp_path: Path) -> None:
    pipeline(saved, "seqkit_ner").to_disk(tmp_path / "ner")
    path = tmp_path / "ner" / "seqkit_ner" / "model" / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(SeqkitError, match=r"seqkit_ner: model: .*its sha256 differs"):
        spacy.load(tmp_path / "ner")


def test_one_bad_doc_loses_only_itself(saved: Saved, monkeypatch: pytest.MonkeyPatch) -> None:
    nlp = pipeline(saved, "seqkit_ner")
    pipe: Any = nlp.get_pipe("seqkit_ner")
    place = pipe.placing.place
    told: list[list[str]] = []

    def failing(doc: Doc, found: Any) -> None:
        if "bad" in doc.text:
            raise RuntimeError("bad")
        place(doc, found)

    monkeypatch.setattr(pipe.placing, "place", failing)
    texts = ["Ann", "a bad one", "New York", "bad", "Bo"]
    with pytest.raises(RuntimeError, match="bad"):
        list(nlp.pipe(texts))
    with pytest.raises(RuntimeError, match="bad"):
        nlp("bad")
    pipe.set_error_handler(lambda name, proc, docs, _: told.append([doc.text for doc in docs]))
    assert [doc.text for doc in nlp.pipe(texts)] == ["Ann", "New York", "Bo"]
    assert told == [["a bad one"], ["bad"]]
    nlp.set_error_handler(ignore_error)
    pairs = nlp.pipe([(text, number) for number, text in enumerate(texts)], as_tuples=True)
    assert [(doc.text, number) for doc, number in pairs] == [("Ann", 0), ("New York", 2), ("Bo", 4)]


def test_a_stream_is_read_a_batch_ahead_at_most(saved: Saved) -> None:
    nlp = pipeline(saved, "seqkit_ner")
    taken = 0

    def texts() -> Iterator[str]:
        nonlocal taken
        for _ in range(500):
            taken += 1
            yield "Ann sees New York."

    next(iter(nlp.pipe(texts(), batch_size=50)))
    assert taken <= 50


def test_predicting_leaves_docs_as_they_are(saved: Saved) -> None:
    nlp = pipeline(saved, "seqkit_ner")
    doc = nlp.make_doc("Ann sees New York.")
    before = doc.to_bytes()
    pipe: Any = nlp.get_pipe("seqkit_ner")
    assert len(pipe.predict([doc])) == 1
    assert doc.to_bytes() == before


def test_threads_may_ask_at_once(saved: Saved) -> None:
    nlp = pipeline(saved, "seqkit_tagger")
    texts = [f"{text} {number}" for number in range(4) for text in TEXTS if text.strip()]
    assert len(texts) == 20
    expected = [written(nlp(text)) for text in texts]

    def ask(_: int) -> list[dict[str, Any]]:
        return [written(nlp(text)) for text in texts]

    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(ask, range(8)):
            assert found == expected


def test_two_components_of_different_models_are_apart(saved: Saved) -> None:
    nlp = spacy.blank("en")
    for name, form in (("one", "words"), ("two", "heads")):
        pipe: Any = nlp.add_pipe("seqkit_pipeline", name=name)
        pipe.initialize(model_path=saved(form))
    pipes: list[Any] = [nlp.get_pipe(name) for name in ("one", "two")]
    one, two = pipes
    assert list(one.predict([nlp.make_doc("a")])[0][0].answers) == ["upos"]
    assert list(two.predict([nlp.make_doc("a")])[0][0].answers) == ["upos", "xpos", "feats"]
    with nlp.select_pipes(disable="two"):
        assert list(nlp("a")._.seqkit[0]["answers"]) == ["upos"]
    other = spacy.blank("en")
    other.add_pipe("one", source=nlp, name="copied")
    assert list(other("a")._.seqkit[0]["answers"]) == ["upos"]


def test_it_can_be_pickled_for_a_process_that_is_started_anew(saved: Saved) -> None:
    pipe: Any = pipeline(saved, "seqkit_ner").get_pipe("seqkit_ner")
    pipe.set_error_handler(ignore_error)
    copied = pickle.loads(pickle.dumps(pipe))
    doc = spacy.blank("en").make_doc("Ann sees New York.")
    assert copied.get_error_handler() is ignore_error
    [[one]], [[two]] = pipe.predict([doc]), copied.predict([doc])
    assert one.answers == two.answers


@pytest.mark.parametrize(
    ("config", "key"),
    [({"devcie": "cpu"}, "devcie"), ({"unit": "paragraph"}, "unit"), ({"answer": 3}, "answer")],
)
def test_a_wrong_configuration_is_told_with_its_key(config: dict[str, Any], key: str) -> None:
    from confection import ConfigValidationError

    with pytest.raises(ConfigValidationError) as refused:
        spacy.blank("en").add_pipe("seqkit_ner", config=config)
    assert f"seqkit_ner -> {key}" in str(refused.value)


def test_a_device_that_is_not_there_is_told(saved: Saved) -> None:
    pipe: Any = spacy.blank("en").add_pipe("seqkit_ner", config={"device": "cuda:99"})
    with pytest.raises(SeqkitError, match="cuda"):
        pipe.initialize(model_path=saved("spans"))


def test_a_chain_of_models_answers_too(saved: Saved, tmp_path: Path) -> None:
    from seqkit.chain import Chain, Member
    from seqkit.loading import load

    steps = [
        Member("label", load(saved("label")), {"text": "text"}, {"topic": "topic"}),
        Member("text", load(saved("text")), {"text": "text"}, {"de": "de"}),
    ]
    Chain("both", steps).save(tmp_path / "chain")
    nlp = spacy.blank("en")
    pipe: Any = nlp.add_pipe("seqkit_pipeline")
    pipe.initialize(model_path=tmp_path / "chain")
    [found] = nlp("Ann sees a dog.")._.seqkit
    assert set(found["answers"]) == {"topic", "de"}
    nlp.to_disk(tmp_path / "nlp")
    again = type(nlp).from_config(nlp.config).from_bytes(nlp.to_bytes())
    for other in (spacy.load(tmp_path / "nlp"), again):
        assert other("Ann sees a dog.")._.seqkit == [found]
    one: Any = nlp.add_pipe("seqkit_translator")
    with pytest.raises(
        SeqkitError, match=r"the model is a chain of several\. Take seqkit_pipeline"
    ):
        one.initialize(model_path=tmp_path / "chain")
    with pytest.raises(SeqkitError, match=r"set a\.b: a chain has no settings\. Leave it out\."):
        pipe.initialize(model_path=tmp_path / "chain", settings={"a.b": 1})


def test_a_doc_of_many_tokens_is_answered(saved: Saved) -> None:
    nlp = pipeline(saved, "seqkit_ner")
    doc = Doc(nlp.vocab, words=["Ann", "sees", "New", "York"] * 5000)
    found = nlp(doc)
    assert len(found) == 20_000
    assert found.has_annotation("ENT_IOB")
