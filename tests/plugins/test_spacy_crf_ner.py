"""A trainable component with a conditional random field: it learns, is saved, and shares."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
import torch
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.training import Example
from thinc.api import fix_random_seed

from seqkit_spacy.crf_head import Head, learn, of_tokens
from seqkit_spacy.crf_ner import CrfNer, tags_of

ENTITIES: list[tuple[list[str], list[tuple[int, int, str]]]] = [
    (["Ann", "sees", "New", "York", "City"], [(0, 1, "PER"), (2, 5, "LOC")]),
    (["Bo", "Lee", "runs"], [(0, 2, "PER")]),
    (["in", "New", "York"], [(1, 3, "LOC")]),
    (["a", "dog", "runs"], []),
]
SMALL = {
    "@architectures": "spacy.Tok2Vec.v2",
    "embed": {
        "@architectures": "spacy.MultiHashEmbed.v2",
        "width": 16,
        "attrs": ["NORM"],
        "rows": [200],
        "include_static_vectors": False,
    },
    "encode": {"@architectures": "seqkit.BiLSTMEncoder.v1", "width": 16, "depth": 1},
}
CONFIG = {"model": {"@architectures": "seqkit.CRFHead.v1", "tok2vec": SMALL}}


def examples(nlp: Language) -> list[Example]:
    every = []
    for words, entities in ENTITIES:
        gold = Doc(nlp.vocab, words=words)
        gold.set_ents([Span(gold, *entity) for entity in entities])
        every.append(Example(Doc(nlp.vocab, words=words), gold))
    return every


def made(steps: int = 0) -> Language:
    fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("seqkit_crf_ner", config=CONFIG)
    optimiser = nlp.initialize(lambda: examples(nlp))
    for _ in range(steps):
        nlp.update(examples(nlp), sgd=optimiser, drop=0.1)
    return nlp


def pipe_of(nlp: Language) -> Any:
    pipe = nlp.get_pipe("seqkit_crf_ner")
    assert isinstance(pipe, CrfNer)
    return pipe


def found(nlp: Language, words: list[str]) -> list[tuple[int, int, str]]:
    doc = nlp(Doc(nlp.vocab, words=words))
    return [(entity.start, entity.end, entity.label_) for entity in doc.ents]


@pytest.fixture(scope="module")
def trained() -> Language:
    return made(steps=40)


def test_it_learns_entities_and_knows_how_sure_it_is(trained: Language) -> None:
    assert trained.evaluate(examples(trained))["ents_f"] == 1.0
    doc = trained(Doc(trained.vocab, words=["Ann", "sees", "New", "York", "City"]))
    assert [(e.text, e.label_) for e in doc.ents] == [("Ann", "PER"), ("New York City", "LOC")]
    assert all(0.5 < entity._.confidence <= 1.0 for entity in doc.ents)
    assert trained.pipe_labels["seqkit_crf_ner"] == ["LOC", "PER"]


def test_what_it_has_learnt_is_saved(trained: Language, tmp_path: Path) -> None:
    trained.to_disk(tmp_path / "ner")
    loaded = spacy.load(tmp_path / "ner")
    again = type(trained).from_config(trained.config).from_bytes(trained.to_bytes())
    for other in (loaded, again):
        for words, entities in ENTITIES:
            assert found(other, words) == entities
        assert other.pipe_labels["seqkit_crf_ner"] == ["LOC", "PER"]
    optimiser = loaded.resume_training()
    loaded.update(examples(loaded), sgd=optimiser)


def test_a_doc_has_the_same_entities_alone_and_in_company(trained: Language) -> None:
    docs = [Doc(trained.vocab, words=words) for words, _ in ENTITIES] + [Doc(trained.vocab)]
    pipe = pipe_of(trained)
    for doc, answer in zip(docs, pipe.predict(docs), strict=True):
        [alone] = pipe.predict([doc])
        assert alone["spans"] == answer["spans"]
        np.testing.assert_allclose(alone["span_confidence"], answer["span_confidence"], atol=1e-4)


def test_the_loss_is_minus_the_logarithm_of_the_gold_paths_share() -> None:
    nlp = made()
    pipe = pipe_of(nlp)
    [_, one, *_] = examples(nlp)
    vectors, _ = pipe.model.begin_update([one.predicted])
    loss, gradients = learn(pipe.model, vectors, [of_tokens(one.predicted, tags_of(one))])
    decoder = pipe.head.decoder
    linear = decoder.scores.linear
    scores = (torch.as_tensor(vectors[0]) @ linear.weight.T + linear.bias).detach()
    first, pair, last = (weight.detach() for weight in decoder.chain())
    labels = decoder.words.labels

    def total(path: tuple[int, ...]) -> float:
        steps = sum(float(scores[place, label]) for place, label in enumerate(path))
        pairs = sum(float(pair[a, b]) for a, b in itertools.pairwise(path))
        return float(first[path[0]]) + steps + pairs + float(last[path[-1]])

    gold = tuple(labels.index(tag) for tag in ("B-PER", "E-PER", "O"))
    every = [total(path) for path in itertools.product(range(len(labels)), repeat=3)]
    assert loss == pytest.approx(math.log(sum(map(math.exp, every))) - total(gold), abs=1e-4)
    assert gradients[0].shape == (3, 16)


def test_tags_that_nobody_has_looked_at_teach_nothing() -> None:
    nlp = made()
    pipe = pipe_of(nlp)
    full, other = examples(nlp)[:2]
    blank = Example(Doc(nlp.vocab, words=["x", "y"]), Doc(nlp.vocab, words=["x", "y"]))
    assert tags_of(blank) == ["B-?", "B-?"]
    assert tags_of(full) == ["B-PER", "O", "B-LOC", "I-LOC", "I-LOC"]
    vectors, _ = pipe.model.begin_update([full.predicted, blank.predicted])
    both = [of_tokens(one.predicted, tags_of(one)) for one in (full, blank)]
    _, gradients = learn(pipe.model, vectors, both)
    assert (gradients[0] != 0).any()
    assert (gradients[1] == 0).all()
    assert nlp.update([blank])["seqkit_crf_ner"] == 0.0
    assert nlp.update([other])["seqkit_crf_ner"] > 0.0


def test_entities_of_earlier_components_stay(trained: Language) -> None:
    doc = Doc(trained.vocab, words=["Ann", "sees", "New", "York", "City"])
    doc.set_ents([Span(doc, 3, 4, "RULE")])
    pipe = pipe_of(trained)
    pipe.set_annotations([doc], pipe.predict([doc]))
    assert [(e.text, e.label_) for e in doc.ents] == [("Ann", "PER"), ("York", "RULE")]


def test_it_shares_a_tok2vec_with_other_components() -> None:
    fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec", config={"model": SMALL})
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 16}
    config = {"model": {"@architectures": "seqkit.CRFHead.v1", "tok2vec": listener}}
    nlp.add_pipe("seqkit_crf_ner", config=config)
    nlp.add_pipe("ner", config={"model": {"tok2vec": listener}})
    optimiser = nlp.initialize(lambda: examples(nlp))
    for _ in range(40):
        nlp.update(examples(nlp), sgd=optimiser)
    nlp.remove_pipe("ner")
    assert found(nlp, ENTITIES[0][0]) == ENTITIES[0][1]
    nlp.replace_listeners("tok2vec", "seqkit_crf_ner", ["model.tok2vec"])
    assert found(nlp, ENTITIES[0][0]) == ENTITIES[0][1]


def test_labels_come_from_examples_or_by_name() -> None:
    nlp = spacy.blank("en")
    pipe: Any = nlp.add_pipe("seqkit_crf_ner", config=CONFIG)
    assert (pipe.add_label("ORG"), pipe.add_label("ORG")) == (1, 0)
    nlp.initialize(lambda: examples(nlp))
    assert pipe.labels == ("LOC", "ORG", "PER")
    assert pipe.label_data == pipe.labels
    with pytest.raises(ValueError, match=r"has learnt LOC, ORG, PER, and 'X' cannot be added\."):
        pipe.add_label("X")
    pipe.initialize(lambda: examples(nlp), labels=["A"])
    assert pipe.labels == ("A",)
    assert set(Head(4, ["A"]).decoder.words.labels) == {"O", "B-A", "I-A", "E-A", "S-A"}


def test_what_cannot_be_is_told() -> None:
    nlp = spacy.blank("en")
    pipe: Any = nlp.add_pipe("seqkit_crf_ner", config=CONFIG)
    with pytest.raises(ValueError, match=r"^seqkit_crf_ner: is not initialised\. Train it by"):
        nlp("a")
    plain = [Example.from_dict(nlp.make_doc("a b"), {"entities": []})]
    with pytest.raises(ValueError, match=r"^seqkit_crf_ner: no example has an entity, so there"):
        pipe.initialize(lambda: plain)
    again = type(nlp).from_config(nlp.config).from_bytes(nlp.to_bytes())
    untrained: Any = again.get_pipe("seqkit_crf_ner")
    untrained.model.to_cpu()
    with untrained.model.use_params({}):
        assert untrained.head is None
