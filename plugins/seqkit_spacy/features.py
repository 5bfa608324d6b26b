"""What the components of a spaCy pipeline say of words, as vectors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast, final

import numpy as np
import torch
from spacy.tokens import Doc
from torch import nn

from seqkit.errors import DataError
from seqkit.settings import CHECK_SHAPES
from seqkit.stages import Arrays, Example, Learnt, Pieces, Vectors, time_mask
from seqkit_spacy.languages import packed, saved, unpacked

if TYPE_CHECKING or CHECK_SHAPES:
    from numpy.random import Generator

    from seqkit.stages import Batch

WHO = "spacy_features"
UNKNOWN = 0


@final
class SpacyFeatures(nn.Module):
    """Learnt vectors of attributes of words, and the vectors of a pipeline itself.

    attributes: of tokens, such as `pos`. tensor: whether `doc.tensor` stands beside them. A piece
    has what its word has.
    """

    samples = False

    def __init__(
        self, pipeline: str, attributes: Sequence[str], tensor: bool, width: int, dropout: float
    ) -> None:
        super().__init__()
        self.pipeline, self.attributes, self.tensor = pipeline, tuple(attributes), tensor
        self.each, self.dropout = width, nn.Dropout(dropout)
        self.width = 0
        self.along_time = frozenset(["tensor"] * tensor + ["values"] * bool(attributes))
        self.nlp: Any = None
        self.numbers: list[dict[str, int]] = []

    def fit(self, examples: Iterable[Example]) -> Learnt:
        """The pipeline itself, and the values that training has. Raises DataError."""
        nlp = saved(self.pipeline, WHO)
        seen: list[dict[str, None]] = [{} for _ in self.attributes]
        wide = 0
        for example in examples:
            for pieces in example.inputs.values():
                doc = read(nlp, words_of(pieces))
                wide = max(wide, doc.tensor.shape[1] if doc.tensor.ndim == 2 else 0)
                for values, name in zip(seen, self.attributes, strict=True):
                    values.update(dict.fromkeys(values_of(doc, name)))
        if self.tensor and not wide:
            raise DataError(
                f"{WHO}: {self.pipeline}: leaves no doc.tensor. Name a pipeline with a tok2vec, or "
                "take 'tensor' out."
            )
        return {
            "pipeline": packed(self.pipeline),
            "values": [sorted(values) for values in seen],
            "wide": wide,
        }

    def ready(self, learnt: Learnt) -> None:
        """Takes the pipeline over and allocates the vectors."""
        self.nlp = unpacked(learnt["pipeline"], WHO)
        self.numbers = [
            {value: number for number, value in enumerate(values, UNKNOWN + 1)}
            for values in learnt["values"]
        ]
        self.wide = int(learnt["wide"]) if self.tensor else 0
        self.tables = nn.ModuleList(
            nn.Embedding(len(values) + 1, self.each) for values in self.numbers
        )
        self.width = self.wide + self.each * len(self.tables)

    def prepare(self, example: Example, name: str, rng: Generator | None = None) -> Arrays:
        """Values [piece attribute] and tensor [piece wide]. Raises DataError for frames."""
        del rng
        pieces = words_of(example.inputs[name])
        doc = read(self.nlp, pieces)
        arrays: dict[str, np.ndarray] = {}
        if self.attributes:
            columns = [
                [known.get(value, UNKNOWN) for value in values_of(doc, attribute)]
                for known, attribute in zip(self.numbers, self.attributes, strict=True)
            ]
            values = np.array(columns, np.int32).reshape(len(columns), -1).T
            arrays["values"] = values[pieces.words]
        if self.tensor:
            tensor = np.zeros((len(doc), self.wide), np.float32)
            if doc.tensor.ndim == 2 and len(doc.tensor) == len(doc):
                tensor[:] = doc.tensor
            arrays["tensor"] = tensor[pieces.words]
        return arrays

    def forward(self, batch: Batch) -> Vectors:
        """The vectors end to end [batch time width]."""
        parts = [batch["tensor"]] if self.tensor else []
        lengths = batch["tensor.lengths" if self.tensor else "values.lengths"]
        if self.attributes:
            columns = batch["values"].long().unbind(2)
            parts += [
                cast("torch.Tensor", table(column))
                for table, column in zip(self.tables, columns, strict=True)
            ]
        found = self.dropout(torch.cat(parts, 2))
        return Vectors(found * time_mask(lengths, found.shape[1]).unsqueeze(2), lengths)


def words_of(pieces: Any) -> Pieces:
    """An input that is a text. Raises DataError where it is frames."""
    if not isinstance(pieces, Pieces):
        raise DataError(f"{WHO}: the input is frames. Embed them by {{use: frames}}.")
    return pieces


def read(nlp: Any, pieces: Pieces) -> Doc:
    """The words of a text as a Doc that the pipeline has read."""
    text, spans = pieces.source.text, pieces.word_spans.tolist()
    words = [text[start:end] for start, end in spans]
    spaces = [text[end : end + 1].isspace() for _, end in spans]
    return cast("Doc", nlp(Doc(nlp.vocab, words=words, spaces=spaces)))


def values_of(doc: Doc, attribute: str) -> list[str]:
    """An attribute of each word."""
    if attribute == "morph":
        return [str(token.morph) for token in doc]
    return [getattr(token, f"{attribute}_") for token in doc]
