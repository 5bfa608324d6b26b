"""Several embedders side by side."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import nn

from seqkit.plugins import Use
from seqkit.stages import Example, Text, Upstream, Vectors
from seqkit.table import collate
from seqkit_text.concat import Concat
from seqkit_text.embedding import concat_embedder
from seqkit_text.tokenising import words_tokeniser

TEXTS = ["the cat saw the dog", "", "dog"]
PARTS = [
    Use("embedder", "lookup", {"width": 4}),
    Use("embedder", "concat", {"parts": [Use("embedder", "characters", {"width": 6})]}),
]


class Counting(nn.Module):
    """A toy part that samples and has a penalty."""

    width, samples, along_time = 2, True, frozenset({"numbers"})

    def fit(self, examples: Iterable[Example]) -> dict[str, Any]:
        return {"examples": len(list(examples))}

    def ready(self, learnt: Any) -> None: ...

    def prepare(self, example: Example, name: str, rng: Any = None) -> dict[str, Any]:
        drawn = np.float32(rng.random() if rng else 0)
        return {"numbers": np.full(len(example.inputs[name]), drawn)}

    def forward(self, batch: Any) -> Vectors:
        values = batch["numbers"][:, :, None].expand(-1, -1, 2)
        return Vectors(values, batch["numbers.lengths"], penalty=torch.tensor(1.5))


@dataclass(frozen=True)
class Given:
    """A toy part as a recipe's check hands it over."""

    def build(self, upstream: Upstream) -> Counting:
        return Counting()


def example(text: str) -> Example:
    return Example({}, {"text": words_tokeniser(Upstream(width=0)).prepare(Text(text))})


EXAMPLES = [example(text) for text in TEXTS]


def concat(parts: list[Any], **settings: Any) -> Concat:
    stage = concat_embedder(Upstream(width=0), parts=parts, **settings)
    stage.ready(stage.fit(iter(EXAMPLES)))
    return cast("Concat", stage).eval()


def embed(stage: Concat, examples: list[Example]) -> Vectors:
    found: Vectors = stage(collate([stage.prepare(each, "text") for each in examples]))
    return found


def test_vectors_stand_end_to_end() -> None:
    torch.manual_seed(1)
    stage = concat(PARTS)
    found = embed(stage, EXAMPLES)
    assert stage.width == 10
    assert found.values.shape == (3, 5, 10)
    assert found.lengths.tolist() == [5, 0, 1]
    assert found.penalty is None
    for part, columns in zip(stage.parts, (slice(0, 4), slice(4, 10)), strict=True):
        embedder = cast("Any", part)
        alone = embedder(collate([embedder.prepare(each, "text") for each in EXAMPLES])).values
        torch.testing.assert_close(found.values[:, :, columns], alone)


def test_arrays_bear_the_number_of_their_part() -> None:
    stage = concat(PARTS)
    assert sorted(stage.prepare(EXAMPLES[0], "text")) == [
        "0/pieces",
        "1/0/characters",
        "1/0/characters.offsets",
        "1/0/forms",
    ]
    assert stage.along_time == {"0/pieces", "1/0/characters", "1/0/forms"}


def test_every_part_fits_all_examples() -> None:
    stage = concat_embedder(Upstream(width=0), parts=[Given(), Given()])
    assert stage.fit(iter(EXAMPLES)) == {"parts": [{"examples": 3}, {"examples": 3}]}


def test_findings_bear_the_number_of_their_part() -> None:
    stage = concat([Given(), PARTS[0], PARTS[1]])
    found = stage.describe(iter([example("the bird bird dog")]), "dev")
    assert [each.text for each in found] == [
        "parts.1: 50.0% of the pieces (2 of 4) are unknown, 33.3% of the distinct ones; "
        "most often 'bird' (2)",
        "parts.2: parts.0: 42.9% of the characters (6 of 14) are unknown, 33.3% of the distinct "
        "ones; most often 'b' (2), 'i' (2), 'r' (2)",
    ]


def test_parts_keep_their_penalties_and_their_draws() -> None:
    stage = concat([Given(), PARTS[0], Given()])
    assert stage.samples
    assert not concat(PARTS).samples
    arrays = stage.prepare(EXAMPLES[0], "text", np.random.default_rng(1))
    assert arrays["0/numbers"][0] != arrays["2/numbers"][0]
    penalty = embed(stage, EXAMPLES).penalty
    assert penalty is not None
    assert float(penalty) == 3


def test_gradients_reach_every_parameter() -> None:
    stage = concat(PARTS)
    names, parameters = zip(*stage.named_parameters(), strict=True)
    gradients = torch.autograd.grad((embed(stage, EXAMPLES).values ** 2).sum(), parameters)
    for name, gradient in zip(names, gradients, strict=True):
        assert gradient.abs().sum() > 0, name


@pytest.mark.parametrize("locked", [False, True])
def test_dropout_leaves_padding_zero(locked: bool) -> None:
    torch.manual_seed(1)
    found = embed(concat(PARTS, dropout=0.5, locked=locked).train(), EXAMPLES)
    assert not found.values[~found.mask].any()
    dropped = found.values[0] == 0
    assert dropped.any()
    assert bool((dropped == dropped[:1]).all()) == locked


def test_neighbours_change_nothing() -> None:
    stage = concat(PARTS)
    alone = embed(stage, [EXAMPLES[2]]).values[0, 0]
    torch.testing.assert_close(embed(stage, EXAMPLES).values[2, 0], alone, atol=1e-5, rtol=1e-5)
