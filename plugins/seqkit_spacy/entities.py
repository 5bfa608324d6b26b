"""Spans in characters as entities, or as a group of spans."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, final

from spacy.tokens import Doc, Span
from spacy.util import filter_spans

from seqkit_spacy.placing import Answered, chosen, extend, forms_of

if TYPE_CHECKING:
    from seqkit_spacy.models import Model

Alignment = Literal["strict", "contract", "expand"]


@final
class Entities:
    """Puts spans into `doc.ents`, or with spans_key into `doc.spans`.

    Entities that earlier components have set stay, and no span overlaps them. answer: the gold of
    the model, where it has several with spans. alignment: what becomes of a span that begins or
    ends inside a token: it is left out with a warning, made shorter or longer.
    """

    def __init__(self, answer: str | None, spans_key: str | None, alignment: Alignment) -> None:
        self.answer, self.key, self.alignment = answer, spans_key, alignment
        self.name, self.who = "", ""
        self.labels: tuple[str, ...] = ()
        self.cfg: Mapping[str, Any] = {"spans_key": spans_key} if spans_key else {}
        self.warned = False
        extend(Span, "confidence")

    def accept(self, model: Model, who: str) -> Mapping[str, Any]:
        """Takes the model's spans. Raises SeqkitError where it has none, or several kinds."""
        forms = forms_of(model, who)
        self.name = chosen(forms, ["spans"], self.answer, who, "spans")
        self.labels, self.who = forms[self.name].labels, who
        return {}

    def place(self, doc: Doc, found: Sequence[Answered]) -> None:
        """Writes the spans, each with its probability as `span._.confidence`."""
        spans = list(self.spans(doc, found))
        if self.key:
            doc.spans[self.key] = spans
            return
        add_entities(doc, spans)

    def spans(self, doc: Doc, found: Sequence[Answered]) -> Iterator[Span]:
        """The spans of all units, over tokens."""
        for one in found:
            answer = one.answers[self.name]
            sure = answer.get("span_confidence", [None] * len(answer["spans"]))
            for (start, end, label), confidence in zip(answer["spans"], sure, strict=True):
                place = (start + one.unit.offset, end + one.unit.offset)
                span = doc.char_span(*place, label=label, alignment_mode=self.alignment)
                if span is None:
                    self.warn(doc, *place, label)
                    continue
                if confidence is not None:
                    span._.confidence = confidence
                yield span

    def warn(self, doc: Doc, start: int, end: int, label: str) -> None:
        """Says once that a span does not fit the tokens."""
        if not self.warned:
            self.warned = True
            warnings.warn(
                f"{self.who}: the {label} in characters {start} to {end}, "
                f"{doc.text[start:end]!r}, begins or ends inside a token and is left out. Set "
                "'alignment' to contract or expand, or 'words' to doc.",
                stacklevel=2,
            )


def add_entities(doc: Doc, spans: Sequence[Span]) -> None:
    """Adds entities to those that a Doc has; of spans that overlap the longest, the first."""
    taken = {token for entity in doc.ents for token in range(entity.start, entity.end)}
    free = [span for span in spans if taken.isdisjoint(range(span.start, span.end))]
    doc.set_ents(filter_spans(free), default="unmodified" if doc.ents else "outside")
