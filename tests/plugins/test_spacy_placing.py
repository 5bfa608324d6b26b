"""Where answers come to stand in Docs: tags, entities, categories, translations."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, Span

from seqkit.abilities import Form
from seqkit.errors import SeqkitError
from seqkit.stages import Pieces, Text
from seqkit_spacy.categories import Categories
from seqkit_spacy.entities import Entities
from seqkit_spacy.placing import Answered
from seqkit_spacy.tokens import TokenLabels
from seqkit_spacy.translations import Translations
from seqkit_spacy.units import by_token, units_of, words_of
from seqkit_spacy.whole import Whole

Saved = Callable[[str], Path]
NLP = spacy.blank("en")


def made(words: Sequence[str], spaces: Sequence[bool] | None = None) -> Doc:
    return Doc(NLP.vocab, words=list(words), spaces=None if spaces is None else list(spaces))


def model(forms: Mapping[str, Form], decode: Any = None) -> Any:
    """What a placing sees of a pipeline."""
    recipe = SimpleNamespace(decode=SimpleNamespace(plain=lambda: decode or {"use": "own"}))
    return SimpleNamespace(forms=lambda: dict(forms), recipe=recipe)


def answered(doc: Doc, answers: Mapping[str, Any], words: Sequence[str] | None = None) -> Answered:
    """Answers to a whole Doc; the model's words are the Doc's, or those of its text given."""
    [unit] = units_of(doc, "document", "doc")
    spans = unit.text.words or ()
    if words is not None:
        spans, place = [], 0
        for word in words:
            place = doc.text.index(word, place)
            spans.append((place, place + len(word)))
            place += len(word)
    array = np.array(spans, np.int32).reshape(-1, 2)
    strings = [doc.text[start:end] for start, end in spans]
    pieces = Pieces(unit.text, strings, array, np.arange(len(strings), dtype=np.int32), array)
    return Answered(unit, pieces, answers)


def test_units_are_sentences_where_they_are_marked_and_words_are_tokens() -> None:
    doc = made(["Hi", ".", " ", "You", "go"], [False, True, False, True, False])
    assert doc.text == "Hi.  You go"
    assert [unit.text for unit in units_of(doc, "sentence", "doc")] == [
        Text("Hi.  You go", [(0, 2), (2, 3), (5, 8), (9, 11)])
    ]
    for token in doc:
        token.is_sent_start = token.i in (0, 3)
    units = units_of(doc, "sentence", "doc")
    assert [(unit.offset, unit.text.text) for unit in units] == [(0, "Hi.  "), (5, "You go")]
    assert [unit.text.words for unit in units] == [[(0, 2), (2, 3)], [(0, 3), (4, 6)]]
    assert [unit.text.words for unit in units_of(doc, "document", "model")] == [None]
    assert units_of(made([]), "sentence", "doc") == []
    assert units_of(made([" ", "\n"]), "sentence", "model") == []


@pytest.mark.parametrize(
    ("tokens", "words", "expected"),
    [
        (["can", "not"], ["cannot"], [(0, [0]), (1, [0])]),
        (["cannot"], ["can", "not"], [(0, [0, 1])]),
        (["abcd"], ["a", "bcd"], [(0, [1, 0])]),
        (["ab", "cd"], ["abc", "d"], [(0, [0]), (1, [0, 1])]),
        (["ab", "x", "cd"], ["ab", "cd"], [(0, [0]), (1, []), (2, [1])]),
    ],
)
def test_tokens_find_the_words_that_they_share_most_with(
    tokens: list[str], words: list[str], expected: list[tuple[int, list[int]]]
) -> None:
    doc = made(tokens, [False] * len(tokens))
    one = answered(doc, {}, words)
    assert list(by_token(one.unit, words_of(one.unit, one.pieces))) == expected


def test_labels_of_words_become_tags_and_those_of_white_space_are_spacys() -> None:
    placing = TokenLabels({}, overwrite=True)
    forms = {"upos": Form("words", ("NOUN", "X")), "feats": Form("words"), "xpos": Form("words")}
    placing.accept(model(forms), "tagger")
    doc = made(["dog", " ", "runs"])
    answers = {
        "upos": {"value": ["NOUN", "X"], "confidence": [0.9, 0.5]},
        "feats": {"value": ["Number=Sing", "_"]},
        "xpos": {"value": ["NN", "VBZ"], "confidence": [0.8, 0.7]},
    }
    placing.place(doc, [answered(doc, answers)])
    assert [token.pos_ for token in doc] == ["NOUN", "SPACE", "X"]
    assert [token.tag_ for token in doc] == ["NN", "_SP", "VBZ"]
    assert [str(token.morph) for token in doc] == ["Number=Sing", "", ""]
    assert [token._.confidence for token in doc] == [0.8, None, 0.5]


def test_words_that_are_one_token_are_kept_beside_it() -> None:
    placing = TokenLabels({"tag": "upos"}, overwrite=True)
    placing.accept(model({"upos": Form("words", ("ADP", "DET"))}), "tagger")
    doc = made(["du", "pain"])
    placing.place(doc, [answered(doc, {"upos": {"value": ["A", "D", "N"]}}, ["d", "u", "pain"])])
    assert [token.tag_ for token in doc] == ["A", "N"]
    assert doc[0]._.seqkit_words == [{"text": "d", "tag": "A"}, {"text": "u", "tag": "D"}]
    assert doc[1]._.seqkit_words is None


def test_tags_that_are_set_may_stay() -> None:
    placing = TokenLabels({"tag": "a", "morph": "b"}, overwrite=False)
    placing.accept(model({"a": Form("words"), "b": Form("words")}), "tagger")
    doc = made(["dog", "runs"])
    doc[0].tag_ = "OWN"
    first: Any = doc[0]
    first.set_morph("Own=Yes")
    answers = {"a": {"value": ["NN", "VB"]}, "b": {"value": ["A=B", "C=D"]}}
    placing.place(doc, [answered(doc, answers)])
    assert [(token.tag_, str(token.morph)) for token in doc] == [
        ("OWN", "Own=Yes"),
        ("VB", "C=D"),
    ]


@pytest.mark.parametrize(
    ("attributes", "forms", "message"),
    [
        ({"tga": "a"}, {"a": Form("words")}, "who: attributes: Did you mean 'tag'?"),
        (
            {"tag": "b"},
            {"a": Form("words")},
            "who: attributes: tag: the model gives no labels of words called 'b'. ",
        ),
        (
            {"pos": "a"},
            {"a": Form("words", ("NOUN", "NN"))},
            "who: attributes: pos: 'NN' is no part of speech that spaCy knows. Set 'attributes' to "
            "{'tag': 'a'}.",
        ),
        ({}, {"a": Form("words"), "b": Form("words")}, "who: needs a model that gives a label for"),
    ],
)
def test_attributes_that_cannot_be_are_told(
    attributes: dict[str, str], forms: dict[str, Form], message: str
) -> None:
    with pytest.raises(SeqkitError) as refused:
        TokenLabels(attributes, overwrite=True).accept(model(forms), "who")
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(
    ("labels", "attribute"), [(("NOUN", "X"), "pos"), (("NN", "X"), "tag"), ((), "tag")]
)
def test_the_only_labels_are_parts_of_speech_or_tags(labels: Any, attribute: str) -> None:
    placing = TokenLabels({}, overwrite=True)
    placing.accept(model({"label": Form("words", labels)}), "who")
    assert placing.attributes == {attribute: "label"}


def entities(doc: Doc, spans: list[Any], alignment: Any = "strict", **settings: Any) -> Entities:
    placing = Entities(None, settings.get("spans_key"), alignment)
    placing.accept(model({"tags": Form("spans", ("LOC", "PER"))}), "ner")
    answer: dict[str, Any] = {"value": [], "spans": spans}
    if "sure" in settings:
        answer["span_confidence"] = settings["sure"]
    placing.place(doc, [answered(doc, {"tags": answer})])
    return placing


def test_spans_become_entities_with_their_probability() -> None:
    doc = made(["Ann", "sees", "New", " ", "York"])
    entities(doc, [[0, 3, "PER"], [9, 19, "LOC"]], sure=[0.9, 0.8])
    assert [(e.text, e.label_, e._.confidence) for e in doc.ents] == [
        ("Ann", "PER", 0.9),
        ("New   York", "LOC", 0.8),
    ]
    assert doc[1].ent_iob_ == "O"


def test_entities_of_earlier_components_stay_and_are_not_overlapped() -> None:
    doc = made(["Ann", "Lee", "sees", "York"])
    doc.set_ents([Span(doc, 1, 2, "RULE")])
    entities(doc, [[0, 7, "PER"], [13, 17, "LOC"]])
    assert [(e.text, e.label_) for e in doc.ents] == [("Lee", "RULE"), ("York", "LOC")]


def test_of_spans_that_overlap_the_longest_becomes_an_entity_and_all_are_a_group() -> None:
    doc = made(["New", "York", "City"])
    entities(doc, [[0, 8, "LOC"], [0, 13, "LOC"]])
    assert [str(e) for e in doc.ents] == ["New York City"]
    doc = made(["New", "York", "City"])
    placing = entities(doc, [[0, 8, "LOC"], [0, 13, "LOC"]], spans_key="sc")
    assert [span.text for span in doc.spans["sc"]] == ["New York", "New York City"]
    assert not doc.ents
    assert placing.cfg == {"spans_key": "sc"}


def test_a_span_that_does_not_fit_the_tokens_is_left_out_and_told_once() -> None:
    doc = made(["New", "Yorkers", "go"])
    with pytest.warns(UserWarning, match=r"^ner: the LOC in characters 0 to 8, 'New York', begins"):
        placing = entities(doc, [[0, 8, "LOC"]])
    assert not doc.ents
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        placing.warn(doc, 0, 8, "LOC")
    entities(doc, [[0, 8, "LOC"]], "expand")
    assert [str(e) for e in doc.ents] == ["New Yorkers"]
    doc = made(["New", "Yorkers", "go"])
    entities(doc, [[0, 8, "LOC"]], "contract")
    assert [str(e) for e in doc.ents] == ["New"]


def test_a_model_of_several_spans_needs_to_be_told_which() -> None:
    forms = {"a": Form("spans"), "b": Form("spans"), "c": Form("text")}
    for answer, message in (
        (None, "ner: the model gives spans as 'a', 'b'. Set 'answer' to one of them."),
        ("d", "ner: answer: the model gives no 'd'. Known: 'a', 'b', 'c'."),
        ("c", "ner: answer: needs a model that gives spans, but this one gives 'c' (text). "),
    ):
        with pytest.raises(SeqkitError) as refused:
            Entities(answer, None, "strict").accept(model(forms), "ner")
        assert str(refused.value).startswith(message)
    placing = Entities("b", None, "strict")
    placing.accept(model(forms), "ner")
    assert placing.name == "b"


def test_every_label_of_a_text_has_its_probability() -> None:
    placing = Categories(None)
    changes = placing.accept(
        model({"topic": Form("label", ("a", "b"))}, {"use": "classifier", "best": None}), "cat"
    )
    assert changes == {"decode.best": 2}
    doc = made(["x"])
    doc.cats = {"other": 1.0}
    every = [{"value": "a", "probability": 0.7}, {"value": "b", "probability": 0.3}]
    placing.place(doc, [answered(doc, {"topic": {"value": "a", "alternatives": every}})])
    assert doc.cats == {"other": 1.0, "a": 0.7, "b": 0.3}
    placing.place(doc, [answered(doc, {"topic": {"value": "b", "confidence": 0.9}})])
    assert doc.cats == {"other": 1.0, "a": 0.0, "b": 0.9}
    assert placing.cfg["multi_label"] is False


def test_of_several_labels_each_has_its_own_probability() -> None:
    placing = Categories("topics")
    decode = {"use": "heads", "parts": {"topics": {"use": "classifier", "best": 5}, "x": {}}}
    forms = {"topics": Form("labels", ("a", "b")), "x": Form("label", ("a",))}
    assert placing.accept(model(forms, decode), "cat") == {}
    decode["parts"]["topics"]["best"] = 1  # type: ignore[index]  # a mapping of mappings
    assert placing.accept(model(forms, decode), "cat") == {"decode.parts.topics.best": 2}
    doc = made(["x"])
    found = {"topics": {"value": ["a"], "confidence": [0.8]}}
    placing.place(doc, [answered(doc, found)])
    assert doc.cats == {"a": 0.8, "b": 0.0}
    assert placing.cfg["multi_label"] is True


def test_a_text_that_a_model_writes_is_the_translation_with_its_alignment() -> None:
    placing = Translations(None, " / ")
    placing.accept(model({"de": Form("text")}), "translator")
    doc = made(["two", "dogs"])
    answer = {"value": "zwei Hunde", "pieces": ["zwei", "Hun", "de"], "alignment": [0, 1, 9]}
    one = answered(doc, {"de": answer})
    placing.place(doc, [one, one])
    assert doc._.translation == "zwei Hunde / zwei Hunde"
    assert doc._.translation_alignment == [["zwei", 0], ["Hun", 1], ["de", None]] * 2
    placing.place(doc, [answered(doc, {"de": {"value": "so"}})])
    assert (doc._.translation, doc._.translation_alignment) == ("so", [])


def test_answers_as_they_are_stand_with_their_characters() -> None:
    placing = Whole()
    placing.accept(model({"a": Form("words", ("X", "Y")), "b": Form("label", ("X",))}), "who")
    assert placing.labels == ("X", "Y")
    doc = made(["two", "dogs"])
    placing.place(doc, [answered(doc, {"a": {"value": float("nan")}})])
    assert doc._.seqkit == [{"start": 0, "end": 8, "answers": {"a": {"value": None}}}]


def test_components_are_scored_as_spacys_own(saved: Saved, rows: list[dict[str, Any]]) -> None:
    from spacy.training import Example

    nlp = spacy.blank("en")
    for factory, form in (
        ("seqkit_tagger", "heads"),
        ("seqkit_ner", "spans"),
        ("seqkit_textcat", "label"),
    ):
        pipe: Any = nlp.add_pipe(factory)
        pipe.initialize(model_path=saved(form))
    spans: Any = nlp.add_pipe("seqkit_ner", name="group", config={"spans_key": "sc"})
    spans.initialize(model_path=saved("spans"))
    golds = []
    for row in rows[:3]:
        doc = nlp(Doc(nlp.vocab, words=row["words"]))
        gold = Doc(nlp.vocab, words=row["words"], tags=row["xpos"], pos=row["upos"])
        gold.set_ents([Span(gold, e.start, e.end, e.label_) for e in doc.ents])
        gold.spans["sc"] = [Span(gold, s.start, s.end, s.label_) for s in doc.spans["sc"]]
        gold.cats = {max(doc.cats, key=doc.cats.__getitem__): 1.0}
        golds.append(Example(Doc(nlp.vocab, words=row["words"]), gold))
    scores = nlp.evaluate(golds)
    assert 0.0 <= scores["tag_acc"] <= 1.0
    assert scores["pos_acc"] is not None
    assert scores["ents_f"] in (1.0, None)
    assert scores["spans_sc_f"] in (1.0, None)
    assert scores["cats_macro_f"] > 0
