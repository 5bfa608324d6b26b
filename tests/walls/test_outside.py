"""Stages outside any pipeline: their factories and plain tensors are enough."""

from __future__ import annotations

import torch

from seqkit import Upstream
from seqkit.plugins import registry
from seqkit.stages import Vectors


def test_an_encoder_is_built_and_trained_outside_any_pipeline() -> None:
    torch.manual_seed(1)
    memory = registry().find("encoder", "memory").factory(Upstream(width=96), width=32)
    bilstm = registry().find("encoder", "bilstm").factory(Upstream(width=memory.width), width=8)
    vectors = Vectors(torch.randn(3, 7, 96), torch.tensor([7, 7, 7]))
    out = bilstm(memory(vectors))
    assert out.values.shape == (3, 7, 8)
    assert torch.equal(out.lengths, vectors.lengths)
    out.values.sum().backward()
    assert all(weight.grad is not None for weight in [*memory.parameters(), *bilstm.parameters()])


def test_a_model_made_by_hand_takes_stages_as_its_modules() -> None:
    model = torch.nn.ModuleList(
        [
            registry().find("encoder", name).factory(Upstream(width=4), width=4)
            for name in ("memory", "bilstm")
        ]
    )
    vectors = Vectors(torch.zeros(1, 2, 4), torch.tensor([2]))
    for stage in model:
        vectors = stage(vectors)
    assert vectors.values.shape == (1, 2, 4)
    assert len(model.state_dict()) > 4
