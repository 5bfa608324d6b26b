"""Confidence that is right as often as it says: fitted once, after training, on the dev split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import torch

from seqkit.abilities import Calibrating
from seqkit.denormals import flushed
from seqkit.network import DECODE, scoped
from seqkit.pipeline import Pipeline
from seqkit.selection import loss_batches
from seqkit.stages import Example, Vectors

if TYPE_CHECKING:
    from seqkit.stages import Batch


@flushed()
def calibrate(pipeline: Pipeline, examples: Sequence[Example]) -> list[str]:
    """Has the decoder fit its confidence to examples with gold; a line each of what it did.

    It depends on the weights and the examples alone. Decoders that are not `Calibrating` are left
    as they are.
    """
    decoder = pipeline.network.decoder
    if not isinstance(decoder, Calibrating):
        return []
    pipeline.network.eval()
    with torch.inference_mode():
        return decoder.calibrate(encoded(pipeline, examples))


def encoded(
    pipeline: Pipeline, examples: Sequence[Example]
) -> Iterator[tuple[Mapping[str, Vectors], Batch]]:
    """Examples with gold in batches: what reaches the decoder, and its own arrays."""
    for batch in loss_batches(pipeline, examples):
        moved = {name: value.to(pipeline.device) for name, value in batch.items()}
        vectors, _ = pipeline.network.encode(moved)
        yield vectors, scoped(moved, DECODE)
