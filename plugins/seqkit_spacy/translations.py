"""Texts that a model writes, and where it looked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

from spacy.tokens import Doc

from seqkit_spacy.placing import Answered, chosen, extend, forms_of

if TYPE_CHECKING:
    from seqkit_spacy.models import Model


@final
class Translations:
    """Puts what a model writes into `doc._.translation`, that of several units side by side.

    `doc._.translation_alignment` is a list of [piece of the translation, index of the token that
    weighed most], where the model tells it. answer: the gold, where the model has several texts.
    """

    def __init__(self, answer: str | None, between: str) -> None:
        self.answer, self.between = answer, between
        self.name = ""
        self.labels: tuple[str, ...] = ()
        self.cfg: Mapping[str, Any] = {}
        extend(Doc, "translation")
        extend(Doc, "translation_alignment")

    def accept(self, model: Model, who: str) -> Mapping[str, Any]:
        """Takes the model's texts. Raises SeqkitError where it writes none."""
        self.name = chosen(forms_of(model, who), ["text"], self.answer, who, "texts")
        return {}

    def place(self, doc: Doc, found: Sequence[Answered]) -> None:
        """Writes the translation and its alignment."""
        doc._.translation = self.between.join(one.answers[self.name]["value"] for one in found)
        pairs = [pair for one in found for pair in self.aligned(one)]
        doc._.translation_alignment = pairs if found else []

    def aligned(self, one: Answered) -> list[list[Any]]:
        """Each piece that was written with the token that weighed most."""
        answer = one.answers[self.name]
        places = answer.get("alignment", [])
        return [
            [piece, token_at(one, place)]
            for piece, place in zip(answer.get("pieces", []), places, strict=False)
        ]


def token_at(one: Answered, piece: int) -> int | None:
    """The index in the Doc of the token in which a piece of the input begins."""
    if not 0 <= piece < len(one.pieces):
        return None
    start, end = one.pieces.spans[piece].tolist()
    text = one.unit.text.text
    while start < end - 1 and text[start].isspace():
        start += 1
    place = start + one.unit.offset
    for token in one.unit.tokens:
        if token.idx <= place < token.idx + len(token.text):
            return int(token.i)
    return None
