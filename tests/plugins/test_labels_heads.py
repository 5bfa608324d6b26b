"""Several decoders behind one encoder: their losses, arrays, answers, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from seqkit.abilities import Finding, Form
from seqkit.errors import DataError
from seqkit.plugins import Use
from seqkit.stages import Decoder, Example, Loss, Upstream, Vectors
from seqkit.testing import example
from seqkit_labels.multi_head import MultiHead, scoped
from seqkit_labels.multitask import heads, heads_rules

EXAMPLES = [
    example(["fly", "to", "rome"], {"slots": ["O", "O", "B-CITY"], "intent": "fly"}),
    example(["stay"], {"slots": ["O"], "intent": "stay"}),
]
PARTS: dict[str, Any] = {"slots": Use("decoder", "crf"), "intent": Use("decoder", "classifier")}


def built(weights: Mapping[str, float] | None = None) -> MultiHead:
    torch.manual_seed(1)
    decoder = heads(Upstream(width=6), parts=PARTS, weights=weights)
    assert isinstance(decoder, MultiHead)
    decoder.ready(decoder.fit(EXAMPLES))
    return decoder


def batch(decoder: Decoder) -> tuple[dict[str, Vectors], dict[str, torch.Tensor]]:
    from seqkit.table import Table

    torch.manual_seed(2)
    lengths = torch.tensor([3, 1])
    values = torch.randn(2, 3, 6) * (torch.arange(3) < lengths[:, None]).unsqueeze(2)
    table = Table.stack([dict(decoder.prepare(one)) for one in EXAMPLES])
    return {"text": Vectors(values, lengths)}, dict(table.collate(np.array([0, 1])))


def test_the_loss_is_the_weighted_sum_of_sums_over_the_greatest_count() -> None:
    decoder = built({"intent": 0.5})
    inputs, arrays = batch(decoder)
    parts: dict[str, Loss] = {
        name: head.loss(inputs, scoped(arrays, name)) for name, head in decoder.heads.items()
    }
    found = decoder.loss(inputs, arrays)
    expected = parts["slots"].total + 0.5 * parts["intent"].total
    torch.testing.assert_close(found.total, expected)
    assert int(found.count) == 4


def test_each_answer_stands_under_the_name_of_its_gold() -> None:
    decoder = built()
    answers = decoder.predict(*batch(decoder), EXAMPLES)
    assert [set(answer) for answer in answers] == [{"slots", "intent"}] * 2
    assert len(answers[0]["slots"]["value"]) == 3
    assert decoder.gold(EXAMPLES[1]) == {
        "slots": {"value": ["O"], "spans": [], "scheme": "BIO"},
        "intent": {"value": "stay"},
    }


def test_each_head_says_what_its_answers_are() -> None:
    assert built().form() == {
        "slots": Form("spans", ("CITY",)),
        "intent": Form("label", ("fly", "stay")),
    }


def test_without_gold_nothing_but_positions_is_prepared() -> None:
    decoder = built()
    arrays = decoder.prepare(Example({}, EXAMPLES[0].inputs))
    assert set(arrays) == {"slots/shift"}


def test_windows_may_cut_what_they_may_cut_of_each_head() -> None:
    assert built().along_time == {"slots/labels", "slots/shift"}


def test_each_head_describes_its_own_gold() -> None:
    found = built().describe(EXAMPLES, "train")
    assert all(isinstance(one, Finding) for one in found)
    assert {one.text.partition(":")[0] for one in found} == {"slots", "intent"}


@pytest.mark.parametrize(
    ("gold", "message"),
    [
        (
            ["O"],
            "heads: needs a gold for each part. "
            "Write `data.gold` as {slots: FIELD, intent: FIELD}.",
        ),
        (
            {"slots": ["O"], "intend": "x"},
            "heads: data.gold names no 'intent'. Did you mean 'intend'?",
        ),
    ],
)
def test_a_gold_that_is_missing_is_told(gold: Any, message: str) -> None:
    with pytest.raises(DataError) as caught:
        built().own(example(["a"], gold), "intent")
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        (
            {"intend": 1.0},
            [("weights", "there is no part 'intend'. Did you mean 'intent'?")],
        ),
        (
            {"slots": 0.0, "intent": 0.0},
            [("weights", "are all 0, so that nothing is learnt. Give one part more")],
        ),
        ({"intent": 0.3}, []),
        (None, []),
    ],
)
def test_weights_name_parts(weights: Any, expected: list[tuple[str, str]]) -> None:
    assert list(heads_rules({"parts": PARTS, "weights": weights})) == expected
