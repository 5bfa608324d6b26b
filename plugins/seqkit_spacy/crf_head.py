"""A conditional random field over the vectors of a Tok2Vec, as a model of thinc's.

It is the stage `crf` of a recipe: its loss, its search and its probabilities are those.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, final

import numpy as np
import torch
from safetensors.torch import load, save
from spacy.tokens import Doc
from thinc.api import Model, torch2xp, xp2torch
from torch import nn

from seqkit.denormals import flushed
from seqkit.recipe import check_stage
from seqkit.stages import Answer, Decoder, Example, Pieces, Text, Upstream, Vectors
from seqkit.table import Table
from seqkit_spacy.network import Group, grouped, padded
from seqkit_spacy.shim import TwinShim, weights_of

if TYPE_CHECKING:
    from thinc.types import Floats2d

Vector = Any
NAME = "seqkit.CRFHead.v1"
STAGE = {"use": "crf", "scheme": "BIOES", "calibrate": False}
MISSING = "B-?"
"""The gold tag of a token that nobody has looked at. No label is called so, and a text with
one that training has not seen counts for nothing."""


@final
class Head(nn.Module):
    """The stage itself, ready for entities of some labels. width: of the vectors that it reads."""

    def __init__(self, width: int, labels: Sequence[str]) -> None:
        super().__init__()
        self.width, self.labels = width, tuple(labels)
        self.decoder: Any = check_stage("decoder", STAGE).build(Upstream(width=width))
        stage: Decoder = self.decoder
        stage.ready(stage.fit(patterns(labels)))


def patterns(labels: Sequence[str]) -> Iterator[Example]:
    """Texts in which entities of each label stand with every tag that they can have."""
    for label in labels:
        tags = ["O", f"B-{label}", "O", f"B-{label}", f"I-{label}", f"I-{label}", "O"]
        yield Example({}, {"text": pieces_of(Text("x " * len(tags)), len(tags))}, tags)


def pieces_of(text: Text, words: int) -> Pieces:
    """Words of which nothing counts but their number: the first is from 0 to 1, and so on."""
    spans = np.stack([np.arange(words), np.arange(words) + 1], 1).astype(np.int32)
    return Pieces(text, [""] * words, spans, np.arange(words, dtype=np.int32), spans)


def of_tokens(doc: Doc, tags: Sequence[str] | None = None) -> Example:
    """A Doc as an example, whose spans count tokens."""
    return Example({}, {"text": pieces_of(Text(doc.text), len(doc))}, tags and list(tags))


def head_model(tok2vec: Any) -> Any:
    """A model that gives the vectors of tokens, and holds the field's weights beside them."""
    shim = TwinShim(None, packed, unpacked)
    refs = {"tok2vec": tok2vec}
    return Model(NAME, forward, init=initialise, layers=[tok2vec], refs=refs, shims=[shim])


def initialise(model: Any, X: Any = None, Y: Any = None) -> None:  # noqa: N803  thinc's names
    """Finds the widths of the Tok2Vec."""
    del Y
    model.layers[0].initialize(X=X)


def forward(
    model: Any, docs: Sequence[Doc], is_train: bool
) -> tuple[list[Floats2d], Callable[[list[Floats2d]], Any]]:
    """The vectors of the tokens of each Doc."""
    found, backprop = model.layers[0](docs, is_train)
    return found, backprop


def batches(
    decoder: Decoder, flat: Vector, examples: Sequence[Example]
) -> Iterator[tuple[Group, Vectors, dict[str, Any]]]:
    """The Docs in groups of like lengths: their vectors, and what the decoder prepares of them."""
    lengths = [len(example.inputs["text"]) for example in examples]
    for group in grouped(lengths, flat.device):
        prepared = [dict(decoder.prepare(examples[row])) for row in group.rows]
        arrays = Table.stack(prepared).collate(np.arange(len(group.rows)))
        batch = {name: value.to(flat.device) for name, value in arrays.items()}
        yield group, Vectors(padded(flat, group), group.lengths), batch


@flushed()
def learn(
    model: Any, vectors: Sequence[Floats2d], examples: Sequence[Example]
) -> tuple[float, list[Floats2d]]:
    """The negative log-likelihood of the gold tags, and its gradient with respect to vectors.

    The field's own gradients are left in its weights.
    """
    decoder = model.shims[0]._model.decoder
    flat = xp2torch(model.ops.flatten(vectors), requires_grad=True)
    total = flat.new_zeros(())
    for _, inputs, batch in batches(decoder, flat, examples):
        total = total + decoder.loss({"text": inputs}, batch).total
    total.backward()  # type: ignore[no-untyped-call]  # torch does not type it
    gradient = torch.zeros_like(flat) if flat.grad is None else flat.grad
    lengths = model.ops.asarray1i([len(one) for one in vectors])
    return total.item(), list(model.ops.unflatten(torch2xp(gradient), lengths))


@flushed()
def answer(model: Any, vectors: Sequence[Floats2d], examples: Sequence[Example]) -> list[Answer]:
    """The best tags of each Doc, with their spans over tokens and the probability of each."""
    decoder = model.shims[0].twin.decoder
    found: list[Answer] = [{"spans": [], "span_confidence": []} for _ in examples]
    if not any(map(len, vectors)):
        return found
    with torch.inference_mode():
        flat = xp2torch(model.ops.flatten(vectors))
        for group, inputs, batch in batches(decoder, flat, examples):
            chosen = [examples[row] for row in group.rows]
            answers = decoder.predict({"text": inputs}, batch, chosen)
            for row, one in zip(group.rows, answers, strict=True):
                found[row] = one
    return found


def packed(head: Head | None) -> bytes:
    """A head as safetensors, with its width and labels; nothing before it has labels."""
    if head is None:
        return b""
    told = {"head": json.dumps({"width": head.width, "labels": head.labels})}
    return save(weights_of(head), told)


def unpacked(head: Head | None, content: bytes, device: torch.device) -> Head | None:
    """A head from bytes, whatever there was before."""
    del head
    if not content:
        return None
    size = int.from_bytes(content[:8], "little")
    told = json.loads(content[8 : 8 + size])["__metadata__"]["head"]
    found = Head(**json.loads(told))
    found.load_state_dict(load(content))
    return found.to(device).train()
