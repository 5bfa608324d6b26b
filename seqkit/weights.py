"""Weights as safetensors: tied tensors are stored once, under one name, with aliases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from seqkit.errors import ModelError


def pack_weights(network: nn.Module) -> tuple[bytes, dict[str, str]]:
    """A network's weights as one file, and the names that are tied to another name."""
    from safetensors.torch import save

    kept: dict[str, Tensor] = {}
    first: dict[tuple[Any, ...], str] = {}
    aliases: dict[str, str] = {}
    for name, tensor in network.state_dict().items():
        place = (tensor.device, tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)
        if tensor.numel() and place in first:
            aliases[name] = first[place]
            continue
        first[place] = name
        kept[name] = tensor.detach().cpu().contiguous().clone()
    return save(kept), aliases


def unpack_weights(
    network: nn.Module, content: bytes, aliases: Mapping[str, str], where: str
) -> None:
    """Fills a network with saved weights.

    Raises ModelError where names, shapes or types differ from what the recipe builds; the network
    is then as it was.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        saved = load(content)
    except (SafetensorError, LookupError, ValueError, RuntimeError) as error:
        raise ModelError(f"{where}: is no safetensors file ({error}). Train again.") from error
    wanted = network.state_dict()
    for name, tensor in wanted.items():
        source = aliases.get(name, name)
        if source not in saved:
            raise ModelError(
                f"{where}: has no tensor '{source}', which the recipe builds. Train again."
            )
        found = saved[source]
        if found.shape != tensor.shape or found.dtype != tensor.dtype:
            raise ModelError(
                f"{where}: '{source}' is {found.dtype} {list(found.shape)}, but the recipe builds "
                f"{tensor.dtype} {list(tensor.shape)}. Train again."
            )
    extra = sorted(set(saved) - {aliases.get(name, name) for name in wanted})
    if extra:
        raise ModelError(
            f"{where}: has a tensor '{extra[0]}', which the recipe does not build. Train again."
        )
    with torch.no_grad():
        for name, tensor in wanted.items():
            tensor.copy_(saved[aliases.get(name, name)])
