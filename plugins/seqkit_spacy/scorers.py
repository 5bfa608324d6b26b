"""How spaCy scores the components: by its own measures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from spacy.scorer import Scorer as Scores
from spacy.scorer import get_ner_prf

from seqkit_spacy.component import Scorer

if TYPE_CHECKING:
    from spacy.training import Example


def token_scorer() -> Scorer:
    """Scores `tag`, `pos` and `morph`."""
    return score_tokens


def score_tokens(examples: Iterable[Example], **_: Any) -> dict[str, Any]:
    """Accuracies of tags, parts of speech and morphology."""
    every = list(examples)
    return {
        **Scores.score_token_attr(every, "tag"),
        **Scores.score_token_attr(every, "pos"),
        **Scores.score_token_attr(every, "morph", getter=morph_of),
    }


def morph_of(token: Any, attribute: str) -> str:
    """A token's morphology as a text."""
    return str(getattr(token, attribute))


def span_scorer() -> Scorer:
    """Scores entities, or the spans of `spans_key`."""
    return score_spans


def score_spans(
    examples: Iterable[Example], spans_key: str | None = None, **settings: Any
) -> dict[str, Any]:
    """Precision, recall and F1 of entities, or of a group of spans."""
    if spans_key is None:
        return dict(get_ner_prf(examples, **settings))
    settings.pop("labels", None)
    key = spans_key
    return dict(
        Scores.score_spans(
            examples,
            f"spans_{key}",
            getter=lambda doc, _: doc.spans.get(key, []),
            has_annotation=lambda doc: key in doc.spans,
            allow_overlap=True,
            **settings,
        )
    )


def textcat_scorer() -> Scorer:
    """Scores `doc.cats`, of one label or of several as the model gives them."""
    return score_cats


def score_cats(examples: Iterable[Example], **settings: Any) -> dict[str, Any]:
    """The scores that spaCy has for categories."""
    return dict(Scores.score_cats(examples, "cats", **settings))
