"""Tables of vectors before training."""

from __future__ import annotations

import torch

from seqkit_text.tables import drawn_table


def test_drawn_vectors_have_unit_length_on_average_and_the_first_are_zero() -> None:
    torch.manual_seed(1)
    weights = drawn_table(5_000, 48, zeros=3).weight.detach()
    assert not weights[:3].any()
    assert float(weights.abs().max()) <= (3 / 48) ** 0.5
    assert abs(float(weights[3:].square().sum(dim=1).mean()) - 1) < 0.01
