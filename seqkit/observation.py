"""What encoders let one see while they read a batch, and gradients through time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from seqkit.abilities import Observable, Observed
from seqkit.errors import PluginError
from seqkit.network import Network, run_forward
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Encoder, Loss, Vectors

if TYPE_CHECKING or CHECK_SHAPES:
    from jaxtyping import Float

    from seqkit.stages import Batch, State

TOLERANCE = 1e-4
"""How far what `observe` computes step by step may be from what `forward` gives."""

Norms = Mapping[str, Mapping[str, "Float[Tensor, 'batch time']"]]
"""A number for each step, by encoder, as `step/input`, and by part of it."""


def observable(network: Network) -> bool:
    """Whether one of the encoders can be looked into."""
    steps = [step.values() for step in network.steps if isinstance(step, Mapping)]
    return any(isinstance(encoder, Observable) for step in steps for encoder in step)


@contextmanager
def looking(network: Network) -> Iterator[None]:
    """Without dropout, and with gradients, whatever the caller has switched off.

    cuDNN stays aside: its recurrent kernels have no gradient outside of training, and round.
    """
    network.eval()
    aside = torch.backends.cudnn.flags(enabled=False)
    with torch.inference_mode(False), torch.enable_grad(), aside:
        yield


def observe(
    network: Network, batch: Batch, names: Mapping[str, str] | None = None
) -> tuple[dict[str, Vectors], dict[str, Observed]]:
    """Embeds and encodes a batch: the vectors that reach the decoder, and what was seen.

    names: of the encoders, by `step/input`, where what they show is to be held against forward.
    Raises PluginError where it differs.
    """
    seen: dict[str, Observed] = {}

    def look(key: str, encoder: Encoder, vectors: Vectors, state: State | None) -> Vectors:
        if not isinstance(encoder, Observable):
            return run_forward(key, encoder, vectors, state)
        seen[key] = encoder.observe(vectors, state)
        if names is not None:
            with torch.no_grad():
                check_observed(names[key], seen[key], run_forward(key, encoder, vectors, state))
        return seen[key].vectors

    reached, _ = network.encode(batch, read=look)
    return reached, seen


def check_observed(name: str, observed: Observed, forward: Vectors) -> None:
    """Raises PluginError where an encoder shows another pass than forward's."""
    shown = observed.vectors.values
    gap = float("inf")
    if shown.shape == forward.values.shape:
        gap = float((shown - forward.values).abs().max()) if shown.numel() else 0.0
    if not gap <= TOLERANCE:
        raise PluginError(
            f"{name}: what its observe computes differs by {gap:.1g} from its forward, so what it "
            "shows is not what the model does. Hold it to check_stage."
        )


def mean(loss: Loss) -> Float[Tensor, ""]:
    """The mean loss over what was counted."""
    return loss.total / loss.count.clamp(min=1)


def gradients(loss: Float[Tensor, ""], seen: Mapping[str, Observed]) -> Norms:
    """The norm of d loss / d h_t at each step; zero where the loss does not depend on a part.

    The gradients of the weights stay as they are.
    """
    places = [(key, part) for key, one in seen.items() for part in one.probes]
    probes = [seen[key].probes[part] for key, part in places]
    found: tuple[Any, ...] = (None,) * len(probes)
    if probes and loss.requires_grad:
        found = torch.autograd.grad(loss, probes, allow_unused=True)
    norms: dict[str, dict[str, Tensor]] = {key: {} for key in seen}
    for (key, part), probe, gradient in zip(places, probes, found, strict=True):
        gradient = cast("Tensor", torch.zeros_like(probe) if gradient is None else gradient)
        norms[key][part] = gradient.norm(dim=2).detach()
    return norms
