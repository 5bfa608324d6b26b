"""Averages of the weights over updates, which often answer better than the last weights.

An exponential moving average (Polyak & Juditsky 1992, as in Tarvainen & Valpola 2017): after update
n each average becomes d x average + (1 - d) x weight, with d = min(decay, n / (n + 9)), so that the
random weights of the start are soon forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

WARMUP = 9
"""Updates at which half of the average is what came last."""


class Averages:
    """A moving average of every trained weight, beside the weights."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.trained = {
            name: weight for name, weight in network.named_parameters() if weight.requires_grad
        }
        self.values = {name: weight.detach().clone() for name, weight in self.trained.items()}

    @torch.no_grad()
    def follow(self, number: int) -> None:
        """Takes in the weights after update `number`, counted from 1."""
        decay = min(self.decay, number / (number + WARMUP))
        weights = [weight.detach() for weight in self.trained.values()]
        torch._foreach_lerp_(list(self.values.values()), weights, 1 - decay)

    def restore(self, values: Mapping[str, Tensor]) -> None:
        """Takes back averages that a checkpoint kept."""
        for name, value in values.items():
            self.values[name].copy_(value)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchanges weights and averages."""
        for name, weight in self.trained.items():
            now = weight.detach().clone()
            weight.copy_(self.values[name])
            self.values[name].copy_(now)

    @contextmanager
    def used(self) -> Iterator[None]:
        """The averages stand in the weights' place inside."""
        self.swap()
        try:
            yield
        finally:
            self.swap()
