"""tagger and crf: alternatives, and confidence that is fitted on a split with gold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import seqkit_labels
from seqkit.abilities import Calibrating
from seqkit.stages import Example, Upstream, Vectors
from seqkit.table import collate
from seqkit.testing import check_stage, example
from seqkit_labels.schemes import illegal
from seqkit_labels.tagging import crf
from seqkit_labels.word_calibration import answered
from seqkit_labels.words import UNSEEN

WIDTH = 4
NAMES = [
    example("John lives in New York", ["B-PER", "O", "O", "B-LOC", "I-LOC"]),
    example("", []),
    example("Mary", ["B-PER"]),
    example("She likes New York", ["O", "O", "B-LOC", "I-LOC"]),
]
PLAIN = [example("a b c", ["DET", "NOUN", "VERB"]), example("d", ["NOUN"])]


def built(name: str, examples: list[Example] = NAMES, spread: float = 1.0, **settings: Any) -> Any:
    torch.manual_seed(3)
    decoder = getattr(seqkit_labels, name)(Upstream(WIDTH), **settings)
    decoder.ready(decoder.fit(iter(examples)))
    for parameter in decoder.parameters():
        torch.nn.init.normal_(parameter, 0, spread)
    return decoder.eval()


def vectors(examples: list[Example]) -> dict[str, Vectors]:
    lengths = [len(one.inputs["text"]) for one in examples]
    drawn = torch.Generator().manual_seed(5)
    values = torch.randn(len(examples), max(lengths, default=0), WIDTH, generator=drawn)
    for row, length in enumerate(lengths):
        values[row, length:] = 0
    return {"text": Vectors(values, torch.tensor(lengths))}


def batch(decoder: Any, examples: list[Example]) -> dict[str, Tensor]:
    return dict(collate([decoder.prepare(one) for one in examples]))


def answers(decoder: Any, examples: list[Example]) -> list[Any]:
    found: list[Any] = decoder.predict(vectors(examples), batch(decoder, examples), examples)
    return found


def labelled(name: str, count: int = 150, **settings: Any) -> tuple[Any, Any]:
    """A decoder that is far too sure, and texts: gold is what it answers, but often nothing."""
    decoder, random = built(name, spread=6.0, **settings), np.random.default_rng(2)
    texts = [example(" ".join("abcdef"[: 1 + n % 6])) for n in range(count)]
    given, golds = answers(decoder, texts), []
    for text, answer in zip(texts, given, strict=True):
        tags = ["O"] * len(answer["value"]) if random.random() < 0.4 else answer["value"]
        golds.append(Example(text.fields, text.inputs, tags))
    return decoder, golds


def calibrated(decoder: Any, examples: list[Example]) -> list[str]:
    found: list[str] = decoder.calibrate([(vectors(examples), batch(decoder, examples))])
    return found


@pytest.mark.parametrize("settings", [{}, {"scheme": "BILOU"}, {"constrain": False}])
def test_alternatives_are_paths_in_order_with_their_probability(settings: dict[str, Any]) -> None:
    decoder, texts = built("crf", best=400, **settings), [example("a b c"), example(""), NAMES[2]]
    for text, answer in zip(texts, answers(decoder, texts), strict=True):
        every = answer["alternatives"]
        likely = [one["probability"] for one in every]
        assert sum(likely) == pytest.approx(1.0, abs=1e-3)  # these are all paths that there are
        assert likely == sorted(likely, reverse=True)
        assert {key: every[0][key] for key in ("value", "spans")} == {
            key: answer[key] for key in ("value", "spans")
        }
        assert set(every[0]) == {"value", "spans", "probability"}
        for place, sure in enumerate(answer["confidence"]):
            same = (one for one in every if one["value"][place] == answer["value"][place])
            if settings.get("constrain", True):
                assert sum(one["probability"] for one in same) == pytest.approx(sure, abs=1e-3)
        for span, sure in zip(answer["spans"], answer["span_confidence"], strict=True):
            having = sum(one["probability"] for one in every if span in one["spans"])
            assert having == pytest.approx(sure, abs=1e-3)
        if settings.get("constrain", True):
            assert not any(illegal(one["value"], "BIO") for one in every)
            values = [tuple(one["value"]) for one in every]
            assert len(values) == len(set(values))
        assert len(every) == {"": 1}.get(text.fields["text"], len(every))


def test_there_are_no_more_alternatives_than_were_asked_for() -> None:
    plain = built("crf", PLAIN, best=3, confidence=False)
    [answer] = answers(plain, PLAIN[:1])
    assert set(answer) == {"value", "alternatives"}
    assert [set(one) for one in answer["alternatives"]] == [{"value", "probability"}] * 3
    assert "alternatives" not in answers(built("crf"), NAMES)[0]


@pytest.mark.parametrize(
    "settings", [{"best": 3, "scheme": "BIOES"}, {"best": 2, "constrain": False, "word": "mean"}]
)
def test_tags_with_alternatives_keep_the_contract(settings: dict[str, Any]) -> None:
    check_stage(crf, settings=settings, examples=NAMES)


@pytest.mark.parametrize("name", ["tagger", "crf"])
def test_they_can_be_calibrated(name: str) -> None:
    assert isinstance(built(name), Calibrating)


@pytest.mark.parametrize(
    ("name", "scheme"), [("tagger", "keep"), ("crf", "keep"), ("crf", "BIOES")]
)
def test_a_decoder_that_is_too_sure_becomes_less_so_and_answers_the_same(
    name: str, scheme: str
) -> None:
    decoder, golds = labelled(name, scheme=scheme)
    before = answers(decoder, golds)
    [line] = calibrated(decoder, golds)
    assert decoder.temperature > 1.2
    assert line.startswith(f"temperature {decoder.temperature:.2f} fitted on 150 texts: ")
    assert "calibration error of spans" in line
    after = answers(decoder, golds)
    assert [one["value"] for one in before] == [one["value"] for one in after]
    assert [one["spans"] for one in before] == [one["spans"] for one in after]
    sure = [np.mean([p for one in every for p in one["confidence"]]) for every in (before, after)]
    assert sure[1] < sure[0]


def test_the_alternatives_of_a_crf_are_as_sure_as_its_words() -> None:
    decoder, golds = labelled("crf", best=100)
    values = [one["alternatives"][0]["value"] for one in answers(decoder, golds)]
    calibrated(decoder, golds)
    for value, one in zip(values, answers(decoder, golds), strict=True):
        assert one["alternatives"][0]["value"] == value
        if len(value) == 1:
            assert one["alternatives"][0]["probability"] == pytest.approx(
                one["confidence"][0], abs=1e-4
            )


def test_labels_without_a_scheme_are_calibrated_by_words() -> None:
    for name in ("tagger", "crf"):
        decoder = built(name, PLAIN, spread=3.0)
        [line] = calibrated(decoder, PLAIN * 20)
        assert "of words" in line
        assert line.startswith("temperature stays 1") == (decoder.temperature == 1)


@pytest.mark.parametrize("name", ["tagger", "crf"])
def test_a_split_without_labels_that_are_known_changes_nothing(name: str) -> None:
    decoder = built(name)
    strange = [example("in Rome", ["B-CITY", "I-CITY"]), NAMES[1]]
    assert calibrated(decoder, strange) == [
        "temperature stays 1: there is no text whose labels training has seen"
    ]
    assert decoder.calibrate([]) == calibrated(decoder, strange)
    assert decoder.temperature == 1


def test_a_label_that_training_has_not_seen_is_an_answer_that_is_wrong() -> None:
    words = built("crf").words
    paths, labels = np.array([[1, 2, 0]]), np.array([[1, 2, UNSEEN]])
    one = answered(words, torch.zeros(1, 3, 4), torch.tensor([3]), paths, labels)
    assert one.right_words.tolist() == [True, True, False]
    assert len(one.right_spans) == len(one.spans[0])
    assert not len(
        answered(words, torch.zeros(1, 3, 4), torch.tensor([3]), paths, labels * 0 - 1).paths
    )


@pytest.mark.parametrize("name", ["tagger", "crf"])
@pytest.mark.parametrize("settings", [{"calibrate": False}, {"confidence": False}])
def test_it_can_be_left_out(name: str, settings: dict[str, Any]) -> None:
    _, golds = labelled(name, 20)
    bare = built(name, spread=6.0, **settings)
    assert calibrated(bare, golds) == []
    assert bare.temperature == 1


@pytest.mark.parametrize("name", ["tagger", "crf"])
def test_the_temperature_is_saved_and_fitted_anew_from_one(name: str) -> None:
    decoder, golds = labelled(name)
    [line] = calibrated(decoder, golds)
    again = built(name)
    again.load_state_dict(decoder.state_dict())
    assert answers(again, golds) == answers(decoder, golds)
    assert calibrated(again, golds) == [line]


def test_a_tagger_is_as_sure_while_a_text_still_comes() -> None:
    decoder, golds = labelled("tagger")
    calibrated(decoder, golds)
    [whole] = answers(decoder, golds[5:6])
    one = vectors(golds[5:6])
    found, _ = decoder.push(decoder.begin(), one, batch(decoder, golds[5:6]), golds[5])
    assert [each["confidence"] for each in found] == whole["confidence"]
