"""The decoder of features: bundles, losses, answers, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from seqkit.errors import DataError
from seqkit.stages import Decoder, Example, Upstream, Vectors
from seqkit.table import collate
from seqkit.testing import example
from seqkit_labels.bundles import parse, write
from seqkit_labels.tagging import features

WIDTH = 5
WORDS = [
    example("I saw us", ["Case=Nom|Number=Sing|Person=1", "Tense=Past", "Case=Acc|Number=Plur"]),
    example("", []),
    example("it ,", ["Number=Sing|Person=3", "_"]),
]


def built(**settings: Any) -> Any:
    torch.manual_seed(3)
    decoder: Any = features(Upstream(WIDTH), **settings)
    decoder.ready(decoder.fit(WORDS))
    torch.nn.init.normal_(decoder.scores.linear.weight)
    return decoder.eval()


def vectors(examples: list[Example]) -> dict[str, Vectors]:
    lengths = torch.tensor([len(one.inputs["text"]) for one in examples])
    drawn = torch.Generator().manual_seed(5)
    values = torch.randn(len(examples), int(lengths.max()), WIDTH, generator=drawn)
    return {"text": Vectors(values, lengths)}


def batch(decoder: Any, examples: list[Example]) -> dict[str, torch.Tensor]:
    return dict(collate([decoder.prepare(one) for one in examples]))


def one_by_one(decoder: Any, scores: torch.Tensor) -> dict[str, torch.Tensor]:
    """The log-probabilities of each feature's values, by a softmax of its own."""
    found, start = {}, 0
    for name, values in decoder.bundles.values.items():
        found[name] = scores[..., start : start + len(values)].log_softmax(-1)
        start += len(values)
    assert start == scores.shape[-1]
    return found


def test_it_is_a_decoder_that_learns_features_and_their_values() -> None:
    decoder = built()
    assert isinstance(built(), Decoder)
    assert decoder.bundles.values == {
        "Case": ["", "Acc", "Nom"],
        "Number": ["", "Sing", "Plur"],
        "Person": ["", "1", "3"],
        "Tense": ["", "Past"],
    }
    assert decoder.along_time == {"labels", "shift"}


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_loss_is_the_sum_of_the_features_cross_entropies(smoothing: float) -> None:
    decoder = built(smoothing=smoothing)
    given, arrays = vectors(WORDS), batch(decoder, WORDS)
    loss = decoder.loss(given, arrays)
    wanted = torch.zeros(())
    logs = one_by_one(decoder, decoder.scores(given["text"], arrays))
    for row, one in enumerate(WORDS):
        for word, text in enumerate(one.gold):
            bundle = parse(text, "")
            for name, values in decoder.bundles.values.items():
                label = torch.tensor(values.index(bundle.get(name, "")))
                wanted += F.cross_entropy(logs[name][row, word], label, label_smoothing=smoothing)
    torch.testing.assert_close(loss.total, wanted)
    assert loss.count == 5
    loss.total.backward()
    assert decoder.scores.linear.weight.grad.isfinite().all()


def test_answers_are_the_likeliest_values_as_bundles() -> None:
    decoder = built()
    given, arrays = vectors(WORDS), batch(decoder, WORDS)
    logs = one_by_one(decoder, decoder.scores(given["text"], arrays))
    seen = set()
    for row, answer in enumerate(decoder.predict(given, arrays, WORDS)):
        assert set(answer) == {"value", "confidence", "feature_confidence"}
        for word, text in enumerate(answer["value"]):
            likely = {name: each[row, word].exp().detach() for name, each in logs.items()}
            bundle = {
                name: values[int(likely[name].argmax())]
                for name, values in decoder.bundles.values.items()
            }
            there = {name: value for name, value in bundle.items() if value}
            assert text == write(there)
            sure = {name: float(likely[name].max()) for name in there}
            assert answer["feature_confidence"][word] == pytest.approx(sure, abs=1e-4)
            whole = np.prod([float(each.max()) for each in likely.values()])
            assert answer["confidence"][word] == pytest.approx(whole, abs=1e-4)
            seen.add(text)
    assert len(seen) > 2
    assert [len(one["value"]) for one in decoder.predict(given, arrays, WORDS)] == [3, 0, 2]


def test_confidence_can_be_left_out() -> None:
    decoder, given = built(confidence=False), vectors(WORDS)
    answers = decoder.predict(given, batch(decoder, WORDS), WORDS)
    sure = built().predict(given, batch(decoder, WORDS), WORDS)
    assert answers == [{"value": one["value"]} for one in sure]
    assert decoder.calibrate([(given, batch(decoder, WORDS))]) == []


def test_what_training_has_not_seen_counts_as_wrong() -> None:
    decoder = built()
    strange = [example("a b c", ["Case=Dat", "Foo=Bar|Case=Acc", "Case=Acc"])]
    assert (decoder.prepare(strange[0])["labels"] == -1).all(1).tolist() == [True, True, False]
    loss = decoder.loss(vectors(strange), batch(decoder, strange))
    assert loss.count == 1
    assert decoder.gold(strange[0])["value"][1] == "Case=Acc|Foo=Bar"
    [found] = decoder.describe(strange, "test")
    assert found.text == (
        "2 words have values that training has not seen: Case=Dat (1), Foo=Bar (1). They count as "
        "wrong"
    )
    assert found.level == "warning"
    assert decoder.describe(WORDS, "dev") == []


def test_training_is_described() -> None:
    assert [finding.text for finding in built().describe(WORDS, "train")] == [
        "4 features (Case, Number, Person, Tense) with 7 values in 5 bundles on 5 words",
        "Case=Nom|Number=Sing|Person=1 alone is right for 20.0% of the words",
    ]


def test_one_temperature_is_fitted_on_whole_bundles() -> None:
    decoder, random = built(), np.random.default_rng(1)
    torch.nn.init.normal_(decoder.scores.linear.weight, 0, 4)
    texts = [example(" ".join("abcdef"[: 1 + n % 6])) for n in range(120)]
    given, golds = vectors(texts), []
    before = decoder.predict(given, batch(decoder, texts), texts)
    for text, answer in zip(texts, before, strict=True):
        wrong = random.random(len(answer["value"])) < 0.4
        gold = ["_" if one else value for one, value in zip(wrong, answer["value"], strict=True)]
        golds.append(Example(text.fields, text.inputs, gold))
    [line] = decoder.calibrate([(given, batch(decoder, golds))])
    assert decoder.temperature > 1.1
    assert line.startswith(f"temperature {decoder.temperature:.2f} fitted on 120 texts: ")
    assert "of bundles" in line
    after = decoder.predict(given, batch(decoder, texts), texts)
    assert [one["value"] for one in before] == [one["value"] for one in after]
    assert decoder.calibrate([]) == [
        "temperature stays 1: there is no text whose labels training has seen"
    ]


NAMES = st.sampled_from(["Case", "Number", "Number[psor]", "person", "Tense"])


@given(st.dictionaries(NAMES, st.sampled_from(["Nom", "1", "Acc,Dat"])))
def test_bundles_come_back_as_they_were(bundle: dict[str, str]) -> None:
    text = write(bundle)
    assert parse(text, "") == bundle
    names = [part.partition("=")[0].lower() for part in text.split("|")]
    assert names == sorted(names)
    assert (text == "_") == (not bundle)


@pytest.mark.parametrize(
    ("gold", "message"),
    [
        (
            ["Case=Nom", "CaseNom|Number=Sing"],
            "features: train: example 1, word 2 'b': the bundle 'CaseNom|Number=Sing' has "
            "'CaseNom' where a Name=Value should stand. Write Name=Value|Name=Value, or _ for "
            "none.",
        ),
        (
            ["Case=", "_"],
            "features: train: example 1, word 1 'a': the bundle 'Case=' has 'Case=' where a "
            "Name=Value should stand. Write Name=Value|Name=Value, or _ for none.",
        ),
        (
            ["_", "Case=Nom|Case=Acc"],
            "features: train: example 1, word 2 'b': the bundle 'Case=Nom|Case=Acc' has 'Case' "
            "twice. Give it one value.",
        ),
        (
            [[0, 1, "X"]],
            "features: train: example 1: the gold has spans, but each word takes a bundle such as "
            "Case=Nom|Number=Sing. Name another field under data.gold.",
        ),
        (
            ["_", "_"],
            "features: the only label is '_' in 1 training example, so there is nothing to learn. "
            "Check which field data.gold names.",
        ),
        (
            ["_"],
            "features: train: example 1: 1 label for 2 words ('a', 'b'). Give one label a word, "
            "with a tokeniser that keeps the words as they are given.",
        ),
    ],
)
def test_golds_that_are_no_bundles_are_explained(gold: Any, message: str) -> None:
    decoder = features(Upstream(WIDTH))
    with pytest.raises(DataError) as caught:
        decoder.fit([example("a b", gold)])
    assert str(caught.value) == message


def test_a_gold_that_is_no_bundle_is_explained_after_training_too() -> None:
    with pytest.raises(DataError, match=r"features, word 1 'a': the bundle 'Nom' has 'Nom'"):
        built().gold(example("a", ["Nom"]))
    with pytest.raises(DataError, match="features: the gold has spans"):
        built().gold(example("a", [[0, 1, "X"]]))
