"""How a model's answers come to stand in a Doc: what the components differ in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from spacy.tokens import Doc, Span, Token

from seqkit.abilities import Form
from seqkit.errors import SeqkitError
from seqkit.stages import Answer, Pieces
from seqkit_spacy.units import Unit

if TYPE_CHECKING:
    from seqkit_spacy.models import Model

Extendable = type[Doc] | type[Span] | type[Token]


@dataclass(frozen=True)
class Answered:
    """A unit with its pieces and its answers, by the names of the golds.

    pieces: those of the model; none of a chain, whose steps have each their own.
    """

    unit: Unit
    pieces: Pieces
    answers: Mapping[str, Answer]


class Placing(Protocol):
    """Puts answers into Docs.

    labels: what it may write, once it knows the model. cfg: what a scorer is told.
    """

    labels: tuple[str, ...]
    cfg: Mapping[str, Any]

    def accept(self, model: Model, who: str) -> Mapping[str, Any]:
        """Looks at a model that is to answer: gives settings of its stages to change.

        Raises SeqkitError, which begins with `who`, where the model is for another task.
        """
        ...

    def place(self, doc: Doc, found: Sequence[Answered]) -> None:
        """Writes the answers to a Doc's units into it."""
        ...


def extend(owner: Extendable, name: str) -> None:
    """Gives a Doc, Span or Token an attribute `._.name`, if it has none yet."""
    if not owner.has_extension(name):
        owner.set_extension(name, default=None)


def only(forms: Mapping[str, Form], wanted: Sequence[str], who: str, what: str) -> str:
    """The name of the one gold whose answers are of a wanted form. Raises SeqkitError."""
    found = [name for name, form in forms.items() if form.value in wanted]
    if len(found) == 1:
        return found[0]
    given = ", ".join(f"'{name}' ({form.value})" for name, form in forms.items()) or "nothing known"
    if found:
        names = ", ".join(f"'{name}'" for name in found)
        raise SeqkitError(f"{who}: the model gives {what} as {names}. Set 'answer' to one of them.")
    raise SeqkitError(
        f"{who}: needs a model that gives {what}, but this one gives {given}. "
        "Name another model_path, or take another component."
    )


def chosen(
    forms: Mapping[str, Form], wanted: Sequence[str], answer: str | None, who: str, what: str
) -> str:
    """The gold that a component was told to take, or the only one. Raises SeqkitError."""
    if answer is None:
        return only(forms, wanted, who, what)
    known = ", ".join(f"'{name}'" for name in forms) or "none"
    if answer not in forms:
        raise SeqkitError(f"{who}: answer: the model gives no '{answer}'. Known: {known}.")
    return only({answer: forms[answer]}, wanted, f"{who}: answer", what)


def forms_of(model: Model, who: str) -> dict[str, Form]:
    """What a pipeline's answers are. Raises SeqkitError for a chain of several."""
    from seqkit.chain import Chain

    if isinstance(model, Chain):
        raise SeqkitError(f"{who}: the model is a chain of several. Take seqkit_pipeline.")
    return model.forms()
