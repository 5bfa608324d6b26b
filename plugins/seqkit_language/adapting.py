"""Dynamic evaluation: a model goes on learning from the text that it is scored on.

Each window is scored before anything is learnt from it (Krause, Kahembwe, Murray & Renals 2018,
with plain gradient descent):

    theta <- theta - rate x gradient + back x (theta_0 - theta)

where theta_0 are the weights as they were trained and the gradient is that of a window's mean cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from seqkit.answers import Answered
from seqkit.batching import Streams
from seqkit.optimisers import BatchSettings
from seqkit.pipeline import Pipeline
from seqkit.stages import Answer, Example
from seqkit.table import Table
from seqkit_language.language_decoder import NOTHING, LanguageDecoder

if TYPE_CHECKING:
    from seqkit.network import States


@dataclass(frozen=True)
class Adapting:
    """How a model learns while it reads.

    rate: of gradient descent. window: pieces between two updates. clip: the largest norm of a
    gradient. back: what share of the way back to the trained weights each update goes.
    """

    rate: float
    window: int
    clip: float
    back: float


def adapted(
    pipeline: Pipeline, examples: Sequence[Example], settings: Adapting
) -> Iterator[Answered]:
    """The answers to examples in their order, each read by what was learnt from those before it.

    The pipeline's weights are afterwards as they were.
    """
    decoder = pipeline.network.decoder
    with trained_again(pipeline) as (weights, first):
        for index, example in enumerate(examples):
            answer = read(pipeline, example, settings, weights, first)
            record = pipeline.record(example, answer, index)
            gold = pipeline.by_name(decoder.gold(example))
            yield Answered(index, record["text"], gold, record["answers"])


@contextmanager
def trained_again(pipeline: Pipeline) -> Iterator[tuple[list[Tensor], list[Tensor]]]:
    """The weights that may change inside, and what they were and will be again."""
    weights: list[Tensor] = [one for one in pipeline.network.parameters() if one.requires_grad]
    first = [weight.detach().clone() for weight in weights]
    pipeline.network.eval()
    try:
        # the fused kernels of cuDNN give no gradients outside of training
        with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
            yield weights, first
    finally:
        with torch.no_grad():
            for weight, before in zip(weights, first, strict=True):
                weight.copy_(before)
                weight.grad = None


def read(
    pipeline: Pipeline,
    example: Example,
    settings: Adapting,
    weights: Sequence[Tensor],
    first: Sequence[Tensor],
) -> Answer:
    """The answer to one text, window by window."""
    network, device = pipeline.network, pipeline.device
    decoder = cast("LanguageDecoder", network.decoder)
    table = Table.stack([pipeline.prepare(example, gold=False)])
    cuts = BatchSettings(streams=1, window=settings.window)
    states: States | None = None
    logs = [torch.zeros(0)]
    for window, _, _ in Streams(table, pipeline.along_time, cuts):
        batch = {name: value.to(device) for name, value in window.items()}
        vectors, after = network.encode(batch, states)
        states = {key: tuple(part.detach() for part in state) for key, state in after.items()}
        wanted = batch["decode/next"][0].long()
        real = wanted != NOTHING
        if not real.any():
            continue
        found = decoder.logs(decoder.vectors(vectors).values[0][real], wanted[real])
        logs.append(found.detach().cpu())
        gradients = torch.autograd.grad(-found.mean(), weights, allow_unused=True)
        follow(weights, first, gradients, settings)
    return decoder.answer(torch.cat(logs), example)


@torch.no_grad()
def follow(
    weights: Sequence[Tensor],
    first: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
    settings: Adapting,
) -> None:
    """One update of the weights."""
    norm = torch.nn.utils.get_total_norm([one for one in gradients if one is not None])
    rate = settings.rate * min(1.0, settings.clip / (float(norm) + 1e-6))
    for weight, before, gradient in zip(weights, first, gradients, strict=True):
        if settings.back:
            weight.lerp_(before, settings.back)
        if gradient is not None:
            weight.add_(gradient, alpha=-rate)
