"""Whatever a model answers, as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

from spacy.tokens import Doc

from seqkit.storage import finite
from seqkit_spacy.placing import Answered, extend, forms_of

if TYPE_CHECKING:
    from seqkit_spacy.models import Model


@final
class Whole:
    """Puts a list with the answers to each unit into `doc._.seqkit`.

    Each is a mapping from the names of golds to answers, with `start` and `end`, the unit's
    characters; spans in answers count from that start.
    """

    def __init__(self) -> None:
        self.labels: tuple[str, ...] = ()
        self.cfg: Mapping[str, Any] = {}
        extend(Doc, "seqkit")

    def accept(self, model: Model, who: str) -> Mapping[str, Any]:
        """Takes any model, also a chain of several."""
        from seqkit.chain import Chain

        forms = {} if isinstance(model, Chain) else forms_of(model, who)
        every = (form.labels for form in forms.values())
        self.labels = tuple(dict.fromkeys(label for labels in every for label in labels))
        return {}

    def place(self, doc: Doc, found: Sequence[Answered]) -> None:
        """Writes the answers."""
        doc._.seqkit = [
            {
                "start": one.unit.offset,
                "end": one.unit.offset + len(one.unit.text.text),
                "answers": finite(dict(one.answers)),
            }
            for one in found
        ]
