"""Under bf16 autocast the embedders that are learnt give what they give in fp32, nearly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest
import torch
from torch import nn

from seqkit import recipe
from seqkit.plugins import registry
from seqkit.stages import Embedder, Upstream, Vectors
from seqkit.table import collate
from seqkit.testing import example

TEXTS = [["to", "be", "or", "not", "to", "be"], ["Yes"], ["no", "No", "no"]]
CASES: list[tuple[str, Mapping[str, Any]]] = [
    ("affixes", {"minimum": 1}),
    ("shape", {"minimum": 1}),
    ("characters", {"width": 8}),
    ("character_cnn", {"width": 8, "kernels": [2, 3], "highway": 1}),
    ("hashed", {"width": 8}),
    ("hashed", {"width": 8, "mix": "linear"}),
    ("concat", {"parts": ["lookup", {"use": "character_cnn", "width": 9}]}),
]


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_training_in_bf16_is_near_fp32(name: str, settings: Mapping[str, Any]) -> None:
    torch.manual_seed(1)
    chosen = recipe.check_stage("embedder", {"use": name, **settings}, registry())
    stage = cast("Embedder", chosen.build(Upstream(0)))
    examples = [example(words) for words in TEXTS]
    stage.ready(stage.fit(examples))
    module = cast("nn.Module", stage).train()
    batch = collate([stage.prepare(one, "text") for one in examples])
    weights = torch.randn(3, 6, 200)
    found: list[Vectors] = []
    gradients = []
    for half in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            found.append(module(batch))
        total = (found[-1].values.float() * weights[..., : found[-1].values.shape[2]]).sum()
        gradients.append(torch.autograd.grad(total, list(module.parameters())))
    torch.testing.assert_close(
        found[1].values.float(), found[0].values, atol=0.03, rtol=0.03, check_dtype=False
    )
    for exact, rounded in zip(*gradients, strict=True):
        assert rounded.dtype == torch.float32
        assert float((exact - rounded).norm()) <= 0.05 * float(exact.norm()) + 1e-3
