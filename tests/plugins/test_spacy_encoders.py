"""seqkit's encoders in spaCy's own models: padding, dropout, averages, threads, saving, typos."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.language import Language
from spacy.training import Example
from thinc.api import Adam, Config, fix_random_seed

from seqkit.stages import Vectors
from seqkit_spacy.architectures import (
    bigru_encoder,
    bilstm_encoder,
    lstm_encoder,
    stage_encoder,
)
from seqkit_spacy.network import GROUP, grouped

WIDTH = 6
MADE: dict[str, Any] = {
    "bilstm": lambda: bilstm_encoder(WIDTH, depth=2, dropout=0.3),
    "bigru": lambda: bigru_encoder(WIDTH, depth=1, hidden=4),
    "lstm": lambda: lstm_encoder(WIDTH, depth=1, hidden=WIDTH, residual=False),
    "minlstm": lambda: stage_encoder("minlstm", WIDTH, norm=False),
}
CONFIG = """
[nlp]
lang = "en"
pipeline = ["tok2vec", "tagger"]

[components]

[components.tok2vec]
factory = "tok2vec"

[components.tok2vec.model]
@architectures = "spacy.Tok2Vec.v2"

[components.tok2vec.model.embed]
@architectures = "spacy.MultiHashEmbed.v2"
width = ${components.tok2vec.model.encode.width}
attrs = ["NORM", "SHAPE"]
rows = [50, 50]
include_static_vectors = false

[components.tok2vec.model.encode]
@architectures = "seqkit.BiLSTMEncoder.v1"
width = 13
depth = 1

[components.tagger]
factory = "tagger"

[components.tagger.model]
@architectures = "spacy.Tagger.v2"

[components.tagger.model.tok2vec]
@architectures = "spacy.Tok2VecListener.v1"
width = ${components.tok2vec.model.encode.width}
"""
TAGGED = [
    (["the", "cat", "sees", "a", "dog"], ["D", "N", "V", "D", "N"]),
    (["a", "dog", "runs"], ["D", "N", "V"]),
    (["cats", "run"], ["N", "V"]),
]


def texts(lengths: Sequence[int], seed: int = 0) -> list[Any]:
    draw = np.random.default_rng(seed)
    return [draw.normal(size=(length, WIDTH)).astype("f") for length in lengths]


def examples(nlp: Language) -> list[Example]:
    every = []
    for words, tags in TAGGED:
        doc = spacy.tokens.Doc(nlp.vocab, words=words)
        every.append(Example.from_dict(doc, {"words": words, "tags": tags}))
    return every


def tagger(**changes: Any) -> Language:
    config = Config().from_str(CONFIG)
    config["components"]["tok2vec"]["model"]["encode"].update(changes)
    fix_random_seed(0)
    nlp = spacy.util.load_model_from_config(config, auto_fill=True)
    nlp.initialize(lambda: examples(nlp))
    return nlp


@pytest.mark.parametrize("name", MADE)
@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 9), max_size=6))
def test_neither_padding_nor_neighbours_change_a_text(name: str, lengths: list[int]) -> None:
    fix_random_seed(1)
    model = MADE[name]()
    given = texts(lengths)
    together = model.predict(given)
    assert [found.shape for found in together] == [text.shape for text in given]
    for text, found in zip(given, together, strict=True):
        np.testing.assert_allclose(model.predict([text])[0], found, atol=1e-6)


def test_a_block_is_the_norm_of_input_and_encoder() -> None:
    fix_random_seed(1)
    model: Any = bilstm_encoder(WIDTH, depth=1)
    block: Any = model.shims[0]._model.blocks[0]
    given = torch.from_numpy(texts([4])[0])
    with torch.no_grad():
        inside = block.encoder.forward(Vectors(given[None], torch.tensor([4]))).values[0]
        assert inside.shape == (4, 4 * WIDTH)
        total = given + inside @ block.project.weight.T + block.project.bias
        expected = (total - total.mean(1, keepdim=True)) / total.std(1, correction=0, keepdim=True)
    np.testing.assert_allclose(model.predict([given.numpy()])[0], expected.numpy(), atol=1e-4)


def test_gradients_are_those_of_numbers_that_move() -> None:
    fix_random_seed(2)
    model = bilstm_encoder(WIDTH, depth=1, hidden=4)
    given = texts([3, 0, 2])
    weights = texts([3, 0, 2], seed=5)

    def total(changed: list[Any]) -> float:
        found = model.predict(changed)
        return float(sum((a * b).sum() for a, b in zip(found, weights, strict=True)))

    _, backprop = model.begin_update(given)
    gradients = backprop(weights)
    assert [one.shape for one in gradients] == [one.shape for one in given]
    for text, step, number in ((0, 1, 2), (2, 0, 5)):
        up, down = copy.deepcopy(given), copy.deepcopy(given)
        up[text][step, number] += 1e-2
        down[text][step, number] -= 1e-2
        slope = (total(up) - total(down)) / 2e-2
        assert gradients[text][step, number] == pytest.approx(slope, abs=2e-2)


def test_groups_hold_each_step_once_and_are_of_bounded_size() -> None:
    lengths = [3, 0, 900, 2, 3000, 1, 5000]
    seen, sizes = list[int](), list[int]()
    for group in grouped(lengths, torch.device("cpu")):
        seen += group.steps.tolist()
        sizes.append(len(group.lengths) * group.time)
        assert group.lengths.max() == group.time
    assert sorted(seen) == list(range(sum(lengths)))
    assert max(sizes[:-1]) <= GROUP
    assert sizes[-1] == 5000


def test_dropout_is_what_training_says_and_has_one_mask_a_text() -> None:
    model: Any = bilstm_encoder(WIDTH, depth=1, residual=False, norm=False)
    given = texts([5, 5])
    plain, _ = model.begin_update(given)
    again, _ = model.begin_update(given)
    np.testing.assert_array_equal(plain[0], again[0])
    model.attrs["dropout_rate"] = 0.5
    dropped, _ = model.begin_update(given)
    none = dropped[0] == 0
    assert none.any()
    assert (none == none[0]).all()
    np.testing.assert_allclose(dropped[0][~none], 2 * plain[0][~none], rtol=1e-5)
    np.testing.assert_allclose(model.predict(given)[0], plain[0], atol=1e-6)


def test_spacys_training_sets_the_dropout() -> None:
    nlp = tagger()
    encode = node(nlp)
    nlp.update(examples(nlp), drop=0.4)
    assert encode.attrs["dropout_rate"] == 0.4


def node(nlp: Language) -> Any:
    """The encoder of a pipeline."""
    pipe: Any = nlp.get_pipe("tok2vec")
    return pipe.model.get_ref("encode")


def weights(model: Any) -> list[np.ndarray]:
    return [weight.detach().numpy().copy() for weight in model.shims[0]._model.parameters()]


def test_averages_of_the_optimiser_are_used_and_put_back() -> None:
    model = bilstm_encoder(WIDTH, depth=1)
    optimiser = Adam(0.1, use_averages=True)
    given = texts([4, 2])
    for _ in range(3):
        found, backprop = model.begin_update(given)
        backprop(found)
        model.finish_update(optimiser)
    now, answers = weights(model), model.predict(given)
    with model.use_params(optimiser.averages):
        assert any((a != b).any() for a, b in zip(weights(model), now, strict=True))
        assert (model.predict(given)[0] != answers[0]).any()
    for before, after in zip(now, weights(model), strict=True):
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(model.predict(given)[0], answers[0])


def test_threads_may_predict_while_dropout_is_set() -> None:
    model: Any = bilstm_encoder(WIDTH, depth=2, dropout=0.5)
    given = texts([5, 3, 9])
    expected = model.predict(given)

    def ask(_: int) -> bool:
        return all(
            np.allclose(found, wanted, atol=1e-6)
            for _ in range(30)
            for found, wanted in zip(model.predict(given), expected, strict=True)
        )

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(ask, range(4)))


def test_weights_are_saved_without_pickle_and_copies_are_apart() -> None:
    fix_random_seed(3)
    model: Any = bilstm_encoder(WIDTH)
    fresh: Any = bilstm_encoder(WIDTH)
    given = texts([4, 1])
    saved = model.to_bytes()
    assert b"pickle" not in saved
    assert b"__main__" not in saved
    np.testing.assert_array_equal(
        fresh.from_bytes(saved).predict(given)[0], model.predict(given)[0]
    )
    copied = model.copy()
    again = pickle.loads(pickle.dumps(model))
    before = model.predict(given)[0]
    found, backprop = model.begin_update(given)
    backprop(found)
    model.finish_update(Adam(0.1))
    assert (model.predict(given)[0] != before).any()
    np.testing.assert_array_equal(copied.predict(given)[0], before)
    np.testing.assert_array_equal(again.predict(given)[0], before)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: bilstm_encoder(0), "seqkit.BiLSTMEncoder.v1: width: is 0. Set it to 1 or more."),
        (lambda: bilstm_encoder(8, depth=0), "seqkit.BiLSTMEncoder.v1: depth: is 0. Set it to 1"),
        (lambda: bilstm_encoder(8, dropout=1.0), "seqkit.BiLSTMEncoder.v1: dropout: is 1.0. Set"),
        (
            lambda: bilstm_encoder(8, hidden=5),
            "seqkit.BiLSTMEncoder.v1: encoder: bilstm: 'width' is 5",
        ),
        (lambda: stage_encoder("bilstmm", 8), "seqkit.StageEncoder.v1: encoder: no encoder called"),
        (
            lambda: stage_encoder("lstm", 8, settings={"layerss": 2}),
            "seqkit.StageEncoder.v1: encoder: lstm has no setting 'layerss'. Did you mean",
        ),
    ],
)
def test_a_setting_that_cannot_be_is_told(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match="seqkit") as refused:
        make()
    assert str(refused.value).startswith(message)


def test_a_pipeline_learns_is_saved_and_answers_alike(tmp_path: Path) -> None:
    nlp = tagger()
    optimiser = nlp.initialize(lambda: examples(nlp))
    for _ in range(60):
        nlp.update(examples(nlp), sgd=optimiser, drop=0.1)
    assert nlp.evaluate(examples(nlp))["tag_acc"] == 1.0
    doc = nlp("the dog sees a cat")
    nlp.to_disk(tmp_path / "tagger")
    loaded = spacy.load(tmp_path / "tagger")
    again = type(nlp).from_config(nlp.config).from_bytes(nlp.to_bytes())
    for other in (loaded, again):
        np.testing.assert_array_equal(other("the dog sees a cat").tensor, doc.tensor)
        assert [token.tag_ for token in other("the dog sees a cat")] == ["D", "N", "V", "D", "N"]


def test_a_doc_has_the_same_tensor_alone_and_among_64() -> None:
    nlp = tagger()
    draw = np.random.default_rng(0)
    texts = [
        " ".join(draw.choice(["the", "cat", "sees"], size=draw.integers(1, 60))) for _ in range(64)
    ]
    together = [doc.tensor for doc in nlp.pipe(texts, batch_size=64)]
    for text, tensor in zip(texts, together, strict=True):
        np.testing.assert_allclose(nlp(text).tensor, tensor, atol=1e-5)


def test_listeners_can_be_replaced_and_the_encoder_frozen() -> None:
    nlp = tagger()
    optimiser = nlp.initialize(lambda: examples(nlp))
    before = weights(node(nlp))
    pipe: Any = nlp.get_pipe("tagger")
    nlp.config["training"]["annotating_components"] = ["tok2vec"]
    nlp.update(examples(nlp), sgd=optimiser, exclude=["tok2vec"], annotates=["tok2vec"])
    for old, new in zip(before, weights(node(nlp)), strict=True):
        np.testing.assert_array_equal(old, new)
    fresh = tagger()
    tags = [token.tag_ for token in fresh("the dog runs")]
    fresh.replace_listeners("tok2vec", "tagger", ["model.tok2vec"])
    assert [token.tag_ for token in fresh("the dog runs")] == tags
    again = type(fresh).from_config(fresh.config).from_bytes(fresh.to_bytes())
    assert [token.tag_ for token in again("the dog runs")] == tags
    assert pipe.model is not None
