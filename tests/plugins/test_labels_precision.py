"""Under bf16 autocast the decoders of labels lose and add up in fp32, from scores in bf16."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

import seqkit_labels
from seqkit.stages import Example, Pieces, Text, Upstream, Vectors

WIDTH = 64
WORDS = 300
LABELS = list("ABCDEFGH")
CASES: list[tuple[str, Mapping[str, Any]]] = [
    ("tagger", {}),
    ("tagger", {"smoothing": 0.1}),
    ("tagger", {"word": "mean"}),
    ("crf", {}),
    ("crf", {"word": "mean"}),
    ("features", {"smoothing": 0.1}),
    *(("classifier", {"pool": pool}) for pool in ("last", "max", "mean", "attention")),
    ("several", {"pool": ["mean", "attention"], "smoothing": 0.1}),
]


class Recorded(nn.Module):
    """A linear layer that keeps what it gave, or gives what another one kept."""

    def __init__(self, linear: nn.Linear, replay: Recorded | None = None) -> None:
        super().__init__()
        self.linear, self.bias, self.replay = linear, linear.bias, replay
        self.read, self.gave = torch.empty(0), torch.empty(0)

    def forward(self, values: Tensor) -> Tensor:
        self.read = values
        self.gave = self.linear(values) if self.replay is None else self.replay.gave.float()
        return self.gave


def example(name: str, number: int) -> Example:
    """A text of a word and many pieces where a mean is taken, else of a piece a word."""
    letters = [chr(97 + n % 26) for n in range(WORDS)]
    spans = np.array([(2 * n, 2 * n + 1) for n in range(WORDS)], np.int32)
    text = Text(" ".join(letters), [(int(a), int(b)) for a, b in spans])
    labels = [LABELS[(number + n) % 8] for n in range(WORDS)]
    if name == "mean":
        piece = np.zeros(WORDS, np.int32)
        one = Pieces(Text("x", [(0, 1)]), ["x"] * WORDS, spans[piece], piece, spans[:1])
        return Example({}, {"text": one}, labels[:1])
    one = Pieces(text, letters, spans, np.arange(WORDS, dtype=np.int32), spans)
    golds = {
        "classifier": labels[0],
        "several": sorted({*labels[: number % 3]}),
        "features": [f"Kind={label}" for label in labels],
    }
    return Example({}, {"text": one}, golds.get(name, labels))


def decoder_and_batch(name: str, settings: Mapping[str, Any]) -> tuple[Any, dict[str, Tensor]]:
    """A decoder of random weights, and a batch of eight texts for it."""
    torch.manual_seed(1)
    factory = "classifier" if name == "several" else name
    decoder: Any = getattr(seqkit_labels, factory)(Upstream(WIDTH), **settings)
    kind = "mean" if settings.get("word") == "mean" else name
    examples = [example(kind, number) for number in range(8)]
    decoder.ready(decoder.fit(iter(examples)))
    prepared = [decoder.prepare(one) for one in examples]
    batch = {}
    for array in prepared[0]:
        rows = [torch.from_numpy(np.asarray(arrays[array])) for arrays in prepared]
        batch[array] = pad_sequence(rows, batch_first=True) if rows[0].ndim else torch.stack(rows)
        if rows[0].ndim:
            batch[f"{array}.lengths"] = torch.tensor([len(row) for row in rows])
    return decoder, batch


def record(decoder: Any, before: list[Recorded] | None = None) -> list[Recorded]:
    """Puts recorders in the place of a decoder's linear layers, the one of scores last."""
    scores = decoder.scores if isinstance(decoder.scores, nn.Module) else decoder
    owners = [(getattr(decoder, "pool", None), "weigh"), (scores, "linear")]
    found: list[Recorded] = []
    for owner, name in owners:
        layer = getattr(owner, name, None)
        if layer is not None:
            layer = layer.linear if isinstance(layer, Recorded) else layer
            found.append(Recorded(layer, before[len(found)] if before else None))
            setattr(owner, name, found[-1])
    return found


@pytest.mark.parametrize(("name", "settings"), CASES, ids=str)
def test_the_loss_under_autocast_is_the_fp32_loss_of_the_same_scores(
    name: str, settings: Mapping[str, Any]
) -> None:
    decoder, batch = decoder_and_batch(name, settings)
    half = (torch.randn(8, WORDS, WIDTH) + 1).bfloat16()
    lengths = torch.full((8,), WORDS)
    layers = record(decoder)
    with torch.autocast("cpu", torch.bfloat16):
        loss = decoder.loss({"text": Vectors(half, lengths)}, batch)
    assert all(layer.gave.dtype == torch.bfloat16 for layer in layers)
    replays = record(decoder, layers)
    expected = decoder.loss({"text": Vectors(half.float(), lengths)}, batch)
    assert loss.total.dtype == torch.float32
    torch.testing.assert_close(loss.total, expected.total, rtol=1e-6, atol=0)
    assert torch.equal(loss.count, expected.count)
    torch.testing.assert_close(layers[-1].read.float(), replays[-1].read, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("name", "settings"), CASES, ids=str)
def test_vectors_in_fp32_are_decoded_under_autocast_too(
    name: str, settings: Mapping[str, Any]
) -> None:
    decoder, batch = decoder_and_batch(name, settings)
    inputs = {"text": Vectors(torch.randn(8, WORDS, WIDTH), torch.full((8,), WORDS))}
    with torch.autocast("cpu", torch.bfloat16):
        loss = decoder.loss(inputs, batch)
    loss.total.backward()
    torch.testing.assert_close(loss.total, decoder.loss(inputs, batch).total, rtol=0.05, atol=0)
    assert all(weight.grad.dtype == torch.float32 for weight in decoder.parameters())
