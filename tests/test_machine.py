"""The machine: a device is taken where it is there, and named where it is not."""

from __future__ import annotations

import pytest
import torch

from seqkit.errors import RunError
from seqkit.machine import peak_memory, pick_device


@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("gpu", "--device gpu: is none of auto, cpu, cuda, cuda:N, mps."),
        ("cuda:x", "--device cuda:x: is none of auto, cpu, cuda, cuda:N, mps."),
        ("cuda:-1", "--device cuda:-1: is none of auto, cpu, cuda, cuda:N, mps."),
        ("", "--device : is none of auto, cpu, cuda, cuda:N, mps."),
        ("cpu:1", "--device cpu:1: this machine has 1 of them. Use --device auto."),
        ("cuda:99", "--device cuda:99: this machine has {cuda} of them. Use --device auto."),
    ],
)
def test_a_device_that_is_not_there_is_named(device: str, message: str) -> None:
    with pytest.raises(RunError) as refused:
        pick_device(device)
    assert str(refused.value) == message.format(cuda=torch.cuda.device_count())


@pytest.mark.parametrize("device", ["auto", "cpu", "cpu:0"])
def test_a_device_that_is_there_is_taken(device: str) -> None:
    assert pick_device(device).type in ("cpu", "cuda")


def test_the_memory_of_this_process_is_some_megabytes() -> None:
    assert 50 < peak_memory() < 1e6
