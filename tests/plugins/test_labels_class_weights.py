"""How much labels count, in the loss of words and of texts."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional as F

import seqkit_labels
from seqkit.errors import DataError
from seqkit.stages import Example, Upstream, Vectors
from seqkit.table import collate
from seqkit.testing import example
from seqkit_labels.class_weights import class_weights

WIDTH = 3
WORDS = [example("a b c", ["N", "V", "N"]), example("d e", ["N", "N"])]
TEXTS = [example("a b", "ham"), example("c", "spam"), example("d", "ham"), example("e", "ham")]


def built(name: str, examples: list[Example], **settings: Any) -> Any:
    torch.manual_seed(3)
    decoder = getattr(seqkit_labels, name)(Upstream(WIDTH), **settings)
    decoder.ready(decoder.fit(iter(examples)))
    return decoder.eval()


def test_balanced_weights_make_up_for_how_often_labels_occur() -> None:
    found = class_weights("balanced", ["N", "V", "X"], [6, 2, 0])
    assert found is not None
    assert found.tolist() == pytest.approx([8 / (2 * 6), 8 / (2 * 2), 1.0])
    assert class_weights(None, ["N"], [1]) is None


def test_labels_that_are_not_named_have_the_weight_one() -> None:
    found = class_weights({"V": 2.5}, ["N", "V"], [6, 2])
    assert found is not None
    assert found.tolist() == [1.0, 2.5]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", ["balanced", {"V": 3.0, "spam": 3.0}])
def test_the_loss_is_weighted_as_torch_weighs_it(weights: Any, smoothing: float) -> None:
    for name, examples in (("tagger", WORDS), ("classifier", TEXTS)):
        mine = {"V", "N"} if name == "tagger" else {"ham", "spam"}
        chosen = weights
        if weights != "balanced":
            chosen = {label: weight for label, weight in weights.items() if label in mine}
        decoder = built(name, examples, weights=chosen, smoothing=smoothing)
        batch = collate([decoder.prepare(one) for one in examples])
        sizes = torch.tensor([len(one.inputs["text"]) for one in examples])
        real = (torch.arange(int(sizes.max())) < sizes[:, None]).unsqueeze(2)
        inputs = {
            "text": Vectors(torch.randn(len(examples), *real.shape[1:2], WIDTH) * real, sizes)
        }
        loss = decoder.loss(inputs, batch)
        if name == "tagger":
            scores = decoder.scores(inputs["text"], batch)[real.squeeze(2)]
            labels = batch["labels"][real.squeeze(2)].long()
        else:
            scores, labels = decoder.scores(inputs), batch["label"].long()
        wanted = F.cross_entropy(
            scores,
            labels,
            decoder.label_weights if name == "tagger" else decoder.choice.label_weights,
            label_smoothing=smoothing,
            reduction="sum",
        )
        torch.testing.assert_close(loss.total, wanted)
        assert loss.count == len(labels)
        assert "label_weights" not in decoder.state_dict()


@pytest.mark.parametrize(("name", "examples"), [("tagger", WORDS), ("classifier", TEXTS)])
def test_a_weight_of_a_label_that_is_not_there_is_refused(
    name: str, examples: list[Example]
) -> None:
    with pytest.raises(DataError) as caught:
        built(name, examples, weights={"Ham": 2.0, "n": 1.0})
    hints = {"tagger": "Known: N, V.", "classifier": "Did you mean 'ham'?"}
    assert str(caught.value) == f"{name}: weights: training has no label 'Ham'. {hints[name]}"
