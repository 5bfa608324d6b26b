"""The factories that spaCy finds: components around saved seqkit models.

spaCy imports this module when its first pipeline is made. It imports no torch. Annotations here are
read by spaCy to check configurations, so they are not postponed.
"""

from typing import Any

from spacy.language import Language
from thinc.api import Model

from seqkit_spacy.categories import Categories
from seqkit_spacy.component import ModelPipe, Scorer
from seqkit_spacy.crf_ner import CrfNer
from seqkit_spacy.entities import Alignment, Entities
from seqkit_spacy.tokens import TokenLabels
from seqkit_spacy.translations import Translations
from seqkit_spacy.units import By, Words
from seqkit_spacy.whole import Whole


@Language.factory(
    "seqkit_tagger",
    assigns=["token.tag", "token.pos", "token.morph", "token._.confidence"],
    default_config={
        "attributes": {},
        "overwrite": True,
        "unit": "sentence",
        "words": "doc",
        "device": "auto",
        "scorer": {"@scorers": "seqkit.token_scorer.v1"},
    },
    default_score_weights={"tag_acc": 0.5, "pos_acc": 0.5, "morph_acc": None},
)
def seqkit_tagger(
    nlp: Language,
    name: str,
    attributes: dict[str, str],
    overwrite: bool,
    unit: By,
    words: Words,
    device: str,
    scorer: Scorer | None,
) -> ModelPipe:
    """Tags, parts of speech and morphology from a model that labels words."""
    placing = TokenLabels(attributes, overwrite)
    return ModelPipe(nlp.vocab, name, placing, unit=unit, words=words, device=device, scorer=scorer)


@Language.factory(
    "seqkit_ner",
    assigns=["doc.ents", "token.ent_iob", "token.ent_type", "span._.confidence"],
    default_config={
        "answer": None,
        "spans_key": None,
        "alignment": "strict",
        "unit": "sentence",
        "words": "doc",
        "device": "auto",
        "scorer": {"@scorers": "seqkit.span_scorer.v1"},
    },
    default_score_weights={"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None},
)
def seqkit_ner(
    nlp: Language,
    name: str,
    answer: str | None,
    spans_key: str | None,
    alignment: Alignment,
    unit: By,
    words: Words,
    device: str,
    scorer: Scorer | None,
) -> ModelPipe:
    """Entities, or a group of spans, from a model whose labels follow a tag scheme."""
    placing = Entities(answer, spans_key, alignment)
    return ModelPipe(nlp.vocab, name, placing, unit=unit, words=words, device=device, scorer=scorer)


@Language.factory(
    "seqkit_crf_ner",
    assigns=["doc.ents", "token.ent_iob", "token.ent_type", "span._.confidence"],
    default_config={
        "model": {
            "@architectures": "seqkit.CRFHead.v1",
            "tok2vec": {
                "@architectures": "spacy.Tok2Vec.v2",
                "embed": {
                    "@architectures": "spacy.MultiHashEmbed.v2",
                    "width": 96,
                    "attrs": ["NORM", "PREFIX", "SUFFIX", "SHAPE"],
                    "rows": [5000, 1000, 2500, 2500],
                    "include_static_vectors": False,
                },
                "encode": {"@architectures": "seqkit.BiLSTMEncoder.v1", "width": 96},
            },
        },
        "scorer": {"@scorers": "spacy.ner_scorer.v1"},
    },
    default_score_weights={"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None},
)
def seqkit_crf_ner(
    nlp: Language, name: str, model: Model[Any, Any], scorer: Scorer | None
) -> CrfNer:
    """Entities by a conditional random field, which learns by `spacy train`."""
    return CrfNer(nlp.vocab, model, name, scorer)


@Language.factory(
    "seqkit_textcat",
    assigns=["doc.cats"],
    default_config={
        "answer": None,
        "unit": "document",
        "words": "model",
        "device": "auto",
        "scorer": {"@scorers": "seqkit.textcat_scorer.v1"},
    },
    default_score_weights={"cats_score": 1.0, "cats_macro_f": None, "cats_micro_f": None},
)
def seqkit_textcat(
    nlp: Language,
    name: str,
    answer: str | None,
    unit: By,
    words: Words,
    device: str,
    scorer: Scorer | None,
) -> ModelPipe:
    """The probability of each label from a model that labels whole texts."""
    placing = Categories(answer)
    return ModelPipe(nlp.vocab, name, placing, unit=unit, words=words, device=device, scorer=scorer)


@Language.factory(
    "seqkit_translator",
    assigns=["doc._.translation", "doc._.translation_alignment"],
    default_config={
        "answer": None,
        "between": " ",
        "unit": "sentence",
        "words": "model",
        "device": "auto",
    },
)
def seqkit_translator(
    nlp: Language,
    name: str,
    answer: str | None,
    between: str,
    unit: By,
    words: Words,
    device: str,
) -> ModelPipe:
    """What a model writes to each sentence, and where it looked."""
    return ModelPipe(
        nlp.vocab, name, Translations(answer, between), unit=unit, words=words, device=device
    )


@Language.factory(
    "seqkit_pipeline",
    assigns=["doc._.seqkit"],
    default_config={"unit": "document", "words": "model", "device": "auto"},
)
def seqkit_pipeline(nlp: Language, name: str, unit: By, words: Words, device: str) -> ModelPipe:
    """Whatever a model answers, as it is."""
    return ModelPipe(nlp.vocab, name, Whole(), unit=unit, words=words, device=device)
