"""Weights: tied ones are stored once and come back tied; whatever does not fit is named."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from seqkit.errors import ModelError
from seqkit.weights import pack_weights, unpack_weights

WHERE = "model/weights.safetensors"


class Tied(nn.Module):
    """An output layer that is the lookup, another lookup like it, and odds and ends."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.lookup = nn.Embedding(5, 3)
        self.output = nn.Linear(3, 5)
        self.output.weight = self.lookup.weight
        self.other = nn.Embedding(5, 3)
        self.turned = nn.Parameter(torch.randn(4, 2).T)
        self.square = nn.Parameter(torch.randn(3, 3))
        self.flipped = nn.Parameter(self.square.data.T)
        self.corner = nn.Parameter(self.square.data[:2])
        self.empty = nn.Parameter(torch.zeros(0, 3))
        self.hollow = nn.Parameter(torch.zeros(0, 3))
        self.register_buffer("seen", torch.tensor(seed))
        self.register_buffer("short", torch.randn(3).bfloat16())


def states(network: nn.Module) -> dict[str, Tensor]:
    """A copy of a network's weights."""
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def test_tied_weights_are_stored_once_and_come_back_tied() -> None:
    network, again = Tied(1), Tied(2)
    content, aliases = pack_weights(network)
    assert aliases == {"output.weight": "lookup.weight"}
    assert set(load(content)) == set(network.state_dict()) - {"output.weight"}
    unpack_weights(again, content, aliases, WHERE)
    for name, tensor in network.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor)
    assert again.output.weight is again.lookup.weight
    assert pack_weights(again) == (content, aliases)


def test_equal_weights_that_are_not_tied_are_stored_twice() -> None:
    network = Tied(1)
    with torch.no_grad():
        network.other.weight.copy_(network.lookup.weight)
    content, aliases = pack_weights(network)
    assert "other.weight" not in aliases
    assert "other.weight" in load(content)


def test_packing_leaves_the_weights_alone_and_takes_a_copy() -> None:
    network = Tied(1)
    before = states(network)
    content, aliases = pack_weights(network)
    with torch.no_grad():
        network.lookup.weight.zero_()
    unpack_weights(network, content, aliases, WHERE)
    assert all(torch.equal(tensor, before[name]) for name, tensor in states(network).items())


def test_the_weights_stay_those_that_an_optimiser_has() -> None:
    network = Tied(1)
    before = list(network.parameters())
    unpack_weights(network, *pack_weights(Tied(2)), WHERE)
    assert all(one is other for one, other in zip(network.parameters(), before, strict=True))
    assert network.lookup.weight.requires_grad


def refused(content: bytes, aliases: dict[str, str]) -> str:
    """The one line with which weights are refused; the network stays as it was."""
    network = Tied(2)
    before = states(network)
    with pytest.raises(ModelError) as caught:
        unpack_weights(network, content, aliases, WHERE)
    assert all(torch.equal(tensor, before[name]) for name, tensor in states(network).items())
    assert "\n" not in str(caught.value)
    return str(caught.value)


def changed(**tensors: Any) -> bytes:
    """Saved weights with some others; None leaves one out."""
    content, _ = pack_weights(Tied(1))
    found = {**load(content), **{name.replace("_", "."): each for name, each in tensors.items()}}
    return save({name: tensor for name, tensor in found.items() if tensor is not None})


ALIASES = {"output.weight": "lookup.weight"}


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        (
            {"other_weight": None},
            "has no tensor 'other.weight', which the recipe builds. Train again.",
        ),
        (
            {"lookup_weight": None},
            "has no tensor 'lookup.weight', which the recipe builds. Train again.",
        ),
        (
            {"more": torch.zeros(1)},
            "has a tensor 'more', which the recipe does not build. Train again.",
        ),
        (
            {"output_weight": torch.zeros(5, 3)},
            "has a tensor 'output.weight', which the recipe does not build. Train again.",
        ),
        (
            {"other_weight": torch.zeros(5, 4)},
            "'other.weight' is torch.float32 [5, 4], but the recipe builds torch.float32 [5, 3]. "
            "Train again.",
        ),
        (
            {"other_weight": torch.zeros(5, 3, dtype=torch.float64)},
            "'other.weight' is torch.float64 [5, 3], but the recipe builds torch.float32 [5, 3]. "
            "Train again.",
        ),
        (
            {"seen": torch.zeros(1, dtype=torch.int64)},
            "'seen' is torch.int64 [1], but the recipe builds torch.int64 []. Train again.",
        ),
    ],
)
def test_what_the_recipe_does_not_build_is_named(tensors: dict[str, Any], said: str) -> None:
    assert refused(changed(**tensors), ALIASES) == f"{WHERE}: {said}"


def test_a_wrong_alias_is_named() -> None:
    assert "has no tensor 'nowhere'" in refused(changed(), {"output.weight": "nowhere"})
    assert "has no tensor 'output.weight'" in refused(changed(), {})
    assert "'turned' is torch.float32 [2, 4], but" in refused(
        changed(), {"output.weight": "turned"}
    )


def crafted(header: Any, data: bytes = b"") -> bytes:
    """A safetensors file with any header."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x04\x95 a pickle",
        b"\xff" * 64,
        struct.pack("<Q", 2**40) + b"{}",
        crafted(b"{"),
        crafted(b"[]"),
        crafted({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}, b"1234"),
        crafted({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 9]}}, b"1234"),
        crafted({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}}, b"1234"),
        crafted({"a": {"dtype": "X9", "shape": [1], "data_offsets": [0, 4]}}, b"1234"),
        crafted({"a": {"dtype": "F32", "shape": [2**62, 8], "data_offsets": [0, 4]}}, b"1234"),
        crafted({"a": {"dtype": "F6_E2M3", "shape": [4], "data_offsets": [0, 3]}}, b"123"),
        crafted({"a": {"dtype": "F4", "shape": [2], "data_offsets": [0, 1]}}, b"1"),
    ],
)
def test_what_is_no_safetensors_file_is_told(content: bytes) -> None:
    said = refused(content, {})
    assert said.startswith((f"{WHERE}: is no safetensors file (", f"{WHERE}: has no tensor '"))


def test_every_cut_and_many_flips_are_one_line_or_plain_numbers() -> None:
    content, aliases = pack_weights(Tied(1))
    said = []
    for size in range(0, len(content), 7):
        said.append(refused(content[:size], aliases))
    for place in range(0, len(content), 3):
        flipped = bytearray(content)
        flipped[place] ^= 4
        try:
            unpack_weights(Tied(2), bytes(flipped), aliases, WHERE)
        except ModelError as error:
            said.append(str(error))
    assert len(said) > len(content) // 7
    assert all(line.startswith(WHERE) for line in said)
