"""Labels of texts as `doc.cats`, each with its probability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast, final

from spacy.tokens import Doc

from seqkit.stages import Answer
from seqkit_spacy.placing import Answered, chosen, forms_of

if TYPE_CHECKING:
    from seqkit.pipeline import Pipeline
    from seqkit_spacy.models import Model


@final
class Categories:
    """Puts the probability of every label into `doc.cats`.

    answer: the gold of the model, where it has several.
    """

    def __init__(self, answer: str | None) -> None:
        self.answer = answer
        self.name = ""
        self.labels: tuple[str, ...] = ()
        self.cfg: Mapping[str, Any] = {}

    def accept(self, model: Model, who: str) -> Mapping[str, Any]:
        """Takes the model's labels, and has it tell of all of them. Raises SeqkitError."""
        forms = forms_of(model, who)
        self.name = chosen(forms, ["label", "labels"], self.answer, who, "labels of a text")
        form = forms[self.name]
        self.labels = form.labels
        self.cfg = {"multi_label": form.value == "labels"}
        decode = cast("Pipeline", model).recipe.decode.plain()
        path, settings = "decode", decode
        if self.name in decode.get("parts", {}):
            path, settings = f"decode.parts.{self.name}", decode["parts"][self.name]
        told = settings.get("best", None) if isinstance(settings, dict) else None
        enough = told is not None and told >= len(self.labels)
        known = isinstance(settings, dict) and settings.get("use") == "classifier"
        return {f"{path}.best": len(self.labels)} if known and not enough else {}

    def place(self, doc: Doc, found: Sequence[Answered]) -> None:
        """Writes the probabilities; of several units, each label's greatest."""
        cats = dict.fromkeys(self.labels, 0.0)
        for one in found:
            for label, sure in probabilities(one.answers[self.name]).items():
                cats[label] = max(cats[label], sure)
        doc.cats = {**doc.cats, **cats}


def probabilities(answer: Answer) -> dict[str, float]:
    """The probability of each label that an answer tells of."""
    if "alternatives" in answer:
        return {one["value"]: one["probability"] for one in answer["alternatives"]}
    value, sure = answer["value"], answer.get("confidence", 1.0)
    if isinstance(value, str):
        return {value: float(sure)}
    given = sure if isinstance(sure, list) else [1.0] * len(value)
    return dict(zip(value, map(float, given), strict=True))
