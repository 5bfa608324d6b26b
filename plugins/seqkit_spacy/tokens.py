"""Labels of words as tags, parts of speech and morphology of tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, final

from spacy.parts_of_speech import IDS
from spacy.tokens import Doc, Token

from seqkit.abilities import Form
from seqkit.errors import SeqkitError, nearest
from seqkit_spacy.placing import Answered, extend, forms_of
from seqkit_spacy.units import by_token, words_of

if TYPE_CHECKING:
    from seqkit_spacy.models import Model

USUAL = {
    "pos": ("upos", "pos"),
    "tag": ("xpos", "tag"),
    "morph": ("feats", "morph", "features"),
}
"""By attribute, how recipes call its gold."""
SPACE = {"pos": "SPACE", "tag": "_SP", "morph": ""}
NOTHING = "_"
"""How treebanks write a bundle without features."""


@final
class TokenLabels:
    """Puts a label for each word into `tag_`, `pos_` and `morph` of tokens.

    attributes: by attribute, the gold of the model that it takes; where there are none, those with
    the usual names, or the only one. overwrite: whether what earlier components wrote goes.
    """

    def __init__(self, attributes: Mapping[str, str], overwrite: bool) -> None:
        self.given, self.overwrite = dict(attributes), overwrite
        self.attributes: dict[str, str] = {}
        self.labels: tuple[str, ...] = ()
        self.cfg: Mapping[str, Any] = {}
        extend(Token, "confidence")
        extend(Token, "seqkit_words")

    def accept(self, model: Model, who: str) -> Mapping[str, Any]:
        """Chooses which answers become which attributes. Raises SeqkitError."""
        every = forms_of(model, who)
        forms = {name: form for name, form in every.items() if form.value == "words"}
        self.attributes = self.told(forms, who) if self.given else usual(forms)
        if not self.attributes:
            given = ", ".join(f"'{name}' ({form.value})" for name, form in every.items())
            raise SeqkitError(
                f"{who}: needs a model that gives a label for each word, but this one gives "
                f"{given or 'nothing known'}. Name another model_path, or take another component."
            )
        if "pos" in self.attributes:
            strange = sorted(set(forms[self.attributes["pos"]].labels) - set(IDS))
            if strange:
                raise SeqkitError(
                    f"{who}: attributes: pos: '{strange[0]}' is no part of speech that spaCy "
                    f"knows. Set 'attributes' to {{'tag': '{self.attributes['pos']}'}}."
                )
        shown = next(name for name in ("tag", "pos", "morph") if name in self.attributes)
        self.labels = forms[self.attributes[shown]].labels
        return {}

    def told(self, forms: Mapping[str, Form], who: str) -> dict[str, str]:
        """The setting itself, checked. Raises SeqkitError."""
        for attribute, name in self.given.items():
            if attribute not in USUAL:
                raise SeqkitError(f"{who}: attributes: {nearest(attribute, USUAL)}")
            if name not in forms:
                raise SeqkitError(
                    f"{who}: attributes: {attribute}: the model gives no labels of words called "
                    f"'{name}'. {nearest(name, forms)}"
                )
        return self.given

    def place(self, doc: Doc, found: Sequence[Answered]) -> None:
        """Writes labels, and the least of their probabilities as `token._.confidence`."""
        for token in doc:
            if token.text.isspace():
                for attribute in self.attributes:
                    self.write(token, attribute, SPACE[attribute])
        for one in found:
            words = words_of(one.unit, one.pieces)
            for index, touching in by_token(one.unit, words):
                if touching:
                    self.label(doc[index], one, touching)

    def label(self, token: Token, one: Answered, touching: Sequence[int]) -> None:
        """Gives a token what the first of its words has, and keeps the others where there are."""
        sure = []
        for attribute, name in self.attributes.items():
            answer = one.answers[name]
            self.write(token, attribute, answer["value"][touching[0]])
            if "confidence" in answer:
                sure.append(answer["confidence"][touching[0]])
        if sure:
            token._.confidence = min(sure)
        if len(touching) > 1:
            token._.seqkit_words = [self.word(one, place) for place in sorted(touching)]

    def word(self, one: Answered, place: int) -> dict[str, str]:
        """One of several words that are one token of spaCy's."""
        start, end = one.pieces.word_spans[place].tolist()
        labels = {key: one.answers[name]["value"][place] for key, name in self.attributes.items()}
        return {"text": one.unit.text.text[start:end], **labels}

    def write(self, token: Any, attribute: str, label: str) -> None:
        """Sets one attribute, unless it is set and is to stay."""
        if attribute == "morph":
            if self.overwrite or not token.has_morph():
                token.set_morph("" if label == NOTHING else label)
        elif self.overwrite or not getattr(token, f"{attribute}_"):
            setattr(token, f"{attribute}_", label)


def usual(forms: Mapping[str, Form]) -> dict[str, str]:
    """By attribute, the gold that is called so; where none is, the only one is the tag."""
    lower = {name.lower(): name for name in forms}
    found = {
        attribute: lower[name]
        for attribute, names in USUAL.items()
        for name in reversed(names)
        if name in lower
    }
    if found or len(forms) != 1:
        return found
    [(name, form)] = forms.items()
    return {"pos" if form.labels and set(form.labels) <= set(IDS) else "tag": name}
