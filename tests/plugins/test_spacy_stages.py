"""spaCy inside recipes: its tokenisers, its files, its vectors, its components' output."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.attrs import ORTH
from spacy.strings import StringStore
from spacy.tokens import Doc, DocBin, Span
from spacy.vectors import Vectors

import seqkit
from seqkit.errors import DataError, SeqkitError
from seqkit.stages import Example, Frames, Pieces, Text, Upstream
from seqkit.testing import check_stage, example
from seqkit_spacy import stages
from seqkit_spacy.languages import packed, unpacked
from seqkit_spacy.saved_docs import DocBins
from seqkit_spacy.tokeniser import RUN, SpacyTokeniser

NONE = Upstream(width=0)


def tokeniser(lang: str = "en", **given: Any) -> SpacyTokeniser:
    made = SpacyTokeniser(lang, None, given.get("lower", False))
    made.ready(made.fit([]))
    return made


ENGLISH = tokeniser()


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60))
def test_pieces_are_spacys_tokens_without_white_space(text: str) -> None:
    pieces = ENGLISH.prepare(Text(text))
    doc = spacy.blank("en").tokenizer(text) if text else []
    expected = [(token.idx, token.idx + len(token)) for token in doc if not token.is_space]
    assert [tuple(span) for span in pieces.spans.tolist()] == expected
    assert [text[start:end] for start, end in expected] == list(pieces.strings)


def test_given_words_are_taken_as_they_are() -> None:
    pieces = tokeniser(lower=True).prepare(Text("Don't GO", [(0, 5), (6, 8)]))
    assert list(pieces.strings) == ["don't", "go"]


def test_the_rules_are_those_of_the_language_and_are_learnt() -> None:
    assert list(tokeniser("de").prepare(Text("Das ist z.B. gut.")).strings)[2] == "z.B."
    learnt = SpacyTokeniser("en", None, lower=False).fit([])
    other = SpacyTokeniser("de", None, lower=False)
    other.ready(learnt)  # what was learnt counts, not what the recipe says
    assert list(other.prepare(Text("don't")).strings) == ["do", "n't"]


def test_a_pipelines_own_rules_are_taken(tmp_path: Path) -> None:
    nlp: Any = spacy.blank("en")
    nlp.tokenizer.add_special_case("gimme", [{ORTH: "gim"}, {ORTH: "me"}])
    nlp.to_disk(tmp_path / "own")
    made = SpacyTokeniser(None, str(tmp_path / "own"), lower=False)
    made.ready(made.fit([]))
    assert list(made.prepare(Text("gimme it")).strings) == ["gim", "me", "it"]
    with pytest.raises(DataError, match=r"spacy: .*no: has no config\.cfg\. Name the folder of"):
        SpacyTokeniser(None, str(tmp_path / "no"), lower=False).fit([])


def test_a_long_run_without_white_space_takes_no_square_of_time() -> None:
    text = "!" * (4 * RUN) + " " + "a" * RUN
    spans = ENGLISH.prepare(Text(text)).spans
    assert spans[0].tolist() == [0, 1]
    assert spans[-1].tolist() == [4 * RUN + 1, len(text)]
    assert list(ENGLISH.cuts(text)) == [RUN, 2 * RUN, 3 * RUN]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({}, "spacy: 'lang' is one of two. Set it, such as en, or 'pipeline', a folder"),
        ({"lang": "en", "pipeline": "x"}, "spacy: 'lang' is one of two."),
        ({"lang": "dee"}, "'lang' is 'dee', which is no language of spaCy's. Did you mean 'de'?"),
    ],
)
def test_a_language_or_a_folder_is_named(said: dict[str, str], message: str) -> None:
    from seqkit.recipe import check_stage as check

    with pytest.raises(SeqkitError) as refused:
        check("tokeniser", {"use": "spacy", **said})
    assert message in str(refused.value)


def saved_docs(path: Path, *, sentences: bool = True) -> list[Doc]:
    nlp = spacy.blank("en")
    first = Doc(
        nlp.vocab,
        words=["Ann", "sees", " ", "York", ".", "Go"],
        tags=["NNP", "VBZ", "_SP", "NNP", ".", "VB"],
        pos=["PROPN", "VERB", "SPACE", "PROPN", "PUNCT", "VERB"],
        morphs=["Number=Sing", "", "", "", "", ""],
        sent_starts=[True, False, False, False, False, True] if sentences else None,
    )
    first.set_ents([Span(first, 0, 1, "PER"), Span(first, 3, 4, "LOC")])
    first.spans["sc"] = [Span(first, 0, 2, "X")]
    first.cats = {"news": 0.9, "sport": 0.6, "art": 0.1}
    docs = [first, Doc(nlp.vocab)]
    DocBin(attrs=["TAG", "POS", "MORPH", "ENT_TYPE", "ENT_IOB", "SENT_START"], docs=docs).to_disk(
        path
    )
    return docs


def test_a_doc_is_a_row_with_its_words_labels_and_spans(tmp_path: Path) -> None:
    path = tmp_path / "a.spacy"
    nlp = spacy.blank("en")
    first = saved_docs(path)[0]
    DocBin(
        attrs=["TAG", "POS", "MORPH", "ENT_TYPE", "ENT_IOB", "SENT_START"],
        docs=[first, Doc(nlp.vocab)],
        store_user_data=True,
    ).to_disk(path)
    rows = list(DocBins("document").read("train", path))
    words = [(0, 3), (4, 8), (11, 15), (16, 17), (18, 20)]
    assert rows[0]["text"] == Text("Ann sees   York . Go ", words)
    assert rows[0]["words"] == ["Ann", "sees", "York", ".", "Go"]
    assert rows[0]["tag"] == ["NNP", "VBZ", "NNP", ".", "VB"]
    assert rows[0]["morph"] == ["Number=Sing", "_", "_", "_", "_"]
    assert rows[0]["ents"] == [[0, 3, "PER"], [11, 15, "LOC"]]
    assert rows[0]["sc"] == [[0, 8, "X"]]
    assert (rows[0]["label"], rows[0]["labels"]) == ("news", ["news", "sport"])
    assert rows[1]["words"] == []
    assert "label" not in rows[1]


def test_a_sentence_may_be_a_row(tmp_path: Path) -> None:
    saved_docs(tmp_path / "a.spacy")
    rows = list(DocBins("sentence").read("train", tmp_path / "a.spacy"))
    assert [row["words"] for row in rows] == [["Ann", "sees", "York", "."], ["Go"]]
    assert [row["ents"] for row in rows] == [[[0, 3, "PER"], [11, 15, "LOC"]], []]
    assert rows[1]["text"] == Text("Go", [(0, 2)])


def test_what_is_no_docbin_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.spacy").write_bytes(b"no")
    with pytest.raises(DataError, match=r"a\.spacy: is no DocBin that spaCy can read \("):
        list(DocBins("document").read("train", tmp_path / "a.spacy"))
    DocBin().to_disk(tmp_path / "b.spacy")
    with pytest.raises(DataError, match=r"b\.spacy: holds no text\. Name another file\."):
        list(DocBins("document").read("train", tmp_path / "b.spacy"))
    saved_docs(tmp_path / "c.spacy", sentences=False)
    with pytest.raises(DataError, match=r"c\.spacy: its Docs have no sentences\. Set 'unit'"):
        list(DocBins("sentence").read("train", tmp_path / "c.spacy"))
    with pytest.raises(DataError, match=r"docbin: dev: names no file\."):
        list(DocBins("document").read("dev", None))


@pytest.fixture(scope="module")
def floret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    nlp = spacy.blank("en")
    data = np.random.default_rng(0).normal(size=(50, 6)).astype("f")
    nlp.vocab.vectors = Vectors(
        data=data,
        strings=StringStore(),
        mode="floret",
        minn=2,
        maxn=3,
        hash_count=2,
        hash_seed=3,
        bow="<",
        eow=">",
    )
    path = tmp_path_factory.mktemp("floret") / "pipeline"
    nlp.to_disk(path)
    return path


def test_every_piece_has_the_vector_that_spacy_gives_it(floret: Path) -> None:
    made: Any = stages.floret(NONE, pipeline=str(floret))
    made.ready(made.fit([]))
    made.eval()
    words = ["dog", "Zwölftonmusik", "dog"]
    found = made.prepare(example(words), "text")["vectors"]
    nlp: Any = spacy.load(floret)
    assert np.allclose(found, np.stack([nlp.vocab[word].vector for word in words]))
    assert made.width == 6
    assert made.prepare(example([]), "text")["vectors"].shape == (0, 6)


def test_floret_keeps_the_promises_of_an_embedder(floret: Path) -> None:
    check_stage(stages.floret, settings={"pipeline": str(floret)}, kind="embedder")


def test_vectors_of_words_are_another_embedders(tmp_path: Path) -> None:
    nlp: Any = spacy.blank("en")
    nlp.vocab.set_vector("dog", np.ones(3, "f"))
    nlp.to_disk(tmp_path / "words")
    with pytest.raises(DataError, match=r"not made of parts of words\. Embed by \{use: vectors"):
        stages.floret(NONE, pipeline=str(tmp_path / "words")).fit([])


@pytest.fixture(scope="module")
def ruler(tmp_path_factory: pytest.TempPathFactory) -> Path:
    nlp = spacy.blank("en")
    rules: Any = nlp.add_pipe("entity_ruler")
    tok2vec = {"@architectures": "spacy.HashEmbedCNN.v2", "width": 8, "depth": 1}
    more = {"embed_size": 50, "window_size": 1, "maxout_pieces": 2, "subword_features": False}
    nlp.add_pipe("tok2vec", config={"model": {**tok2vec, **more, "pretrained_vectors": None}})
    nlp.initialize()
    rules.add_patterns([{"label": "LOC", "pattern": "York"}])
    path = tmp_path_factory.mktemp("ruler") / "pipeline"
    nlp.to_disk(path)
    return path


def test_attributes_and_tensors_of_a_pipeline_become_vectors(ruler: Path) -> None:
    made: Any = stages.spacy_features(
        NONE, pipeline=str(ruler), attributes=["ent_type", "shape"], tensor=True, width=4
    )
    learnt = made.fit([example(["Ann", "in", "York"])])
    assert learnt["values"] == [["", "LOC"], ["Xxx", "Xxxx", "xx"]]
    made.ready(learnt)
    arrays = made.prepare(example(["York", "dddd"]), "text")
    assert arrays["values"].tolist() == [[2, 2], [1, 0]]
    expected = spacy.load(ruler)(Doc(made.nlp.vocab, words=["York", "dddd"])).tensor
    assert np.allclose(arrays["tensor"], expected, atol=1e-6)
    assert made.width == 8 + 2 * 4


@pytest.mark.parametrize(
    "said",
    [{"attributes": ["ent_type"]}, {"tensor": True}, {"attributes": ["pos"], "tensor": True}],
)
def test_features_keep_the_promises_of_an_embedder(ruler: Path, said: dict[str, Any]) -> None:
    check_stage(stages.spacy_features, settings={"pipeline": str(ruler), **said}, kind="embedder")


def test_features_that_are_not_there_are_told(ruler: Path, tmp_path: Path) -> None:
    from seqkit.recipe import check_stage as check

    with pytest.raises(SeqkitError, match=r"'attributes' is missing, and so is 'tensor'\. Set it"):
        check("embedder", {"use": "spacy_features", "pipeline": str(ruler)})
    spacy.blank("en").to_disk(tmp_path / "blank")
    with pytest.raises(DataError, match=r"leaves no doc\.tensor\. Name a pipeline with a tok2vec"):
        stages.spacy_features(NONE, pipeline=str(tmp_path / "blank"), tensor=True).fit([])


def test_a_recipe_learns_from_docs_with_spacys_words_and_features(
    tmp_path: Path, ruler: Path, command: Callable[..., tuple[int, str, str]]
) -> None:
    saved_docs(tmp_path / "docs.spacy")
    (tmp_path / "recipe.yaml").write_text(
        f"""\
seqkit: 1
name: toy
data: {{use: docbin, train: docs.spacy, dev: docs.spacy, unit: sentence, text: text, gold: ents}}
tokenise: {{use: spacy, lang: en}}
embed:
  use: concat
  parts:
    - {{use: lookup, width: 8}}
    - {{use: spacy_features, pipeline: {ruler}, attributes: [ent_type]}}
encode: {{use: bilstm, width: 8}}
decode: crf
train: {{epochs: 1}}
evaluate: {{metrics: [span_f1], bootstrap: 20}}
"""
    )
    run = seqkit.run(tmp_path / "recipe.yaml", out=tmp_path / "run")
    assert "span_f1" in run.metrics["dev"]
    pipeline = seqkit.load(tmp_path / "run")
    [answers] = pipeline(["He's in York."])
    assert len(answers["ents"]["value"]) == 5
    code, out, _ = command("predict", tmp_path / "run", tmp_path / "docs.spacy", "--as", "docbin")
    assert (code, len(out.splitlines())) == (0, 2)


def test_pieces_of_a_text_without_words_are_borne(ruler: Path) -> None:
    made: Any = stages.spacy_features(NONE, pipeline=str(ruler), attributes=["pos"])
    made.ready(made.fit([example(["a"])]))
    pieces = ENGLISH.prepare(Text("  "))
    assert isinstance(pieces, Pieces)
    assert made.prepare(Example({}, {"text": pieces}), "text")["values"].shape == (0, 1)


def test_a_packed_pipeline_stays_in_its_folder(ruler: Path) -> None:
    files = packed(str(ruler))
    assert "config.cfg" in files
    assert unpacked(files, "who").pipe_names == ["entity_ruler", "tok2vec"]
    with pytest.raises(DataError, match=r"who: '\.\./x' leads out of the pipeline's folder"):
        unpacked({**files, "../x": b""}, "who")


def test_frames_are_another_embedders(floret: Path, ruler: Path) -> None:
    series = Example({}, {"text": Frames(np.zeros((3, 1), np.float32))})
    vectors: Any = stages.floret(NONE, pipeline=str(floret))
    vectors.ready(vectors.fit([]))
    said: Any = stages.spacy_features(NONE, pipeline=str(ruler), attributes=["pos"])
    said.ready(said.fit([]))
    for stage in (vectors, said):
        with pytest.raises(DataError, match=r"the input is frames\. Embed them by \{use: frames\}"):
            stage.prepare(series, "text")
