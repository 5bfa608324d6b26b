"""spaCy in recipes: its tokenisers, what it has saved, and what its pipelines know of words.

The other way round, seqkit in spaCy, goes by spaCy's own entry points: `factories` and
`architectures`.
"""

from __future__ import annotations

from seqkit.plugins import Register, hookimpl
from seqkit_spacy.stages import (
    docbin,
    features_rules,
    floret,
    spacy_features,
    spacy_rules,
    spacy_tokeniser,
)


@hookimpl
def seqkit_stages(register: Register) -> None:
    """Registers the tokeniser spacy, the embedders floret and spacy_features, the source docbin."""
    register.tokeniser("spacy", spacy_tokeniser, rules=spacy_rules)
    register.embedder("floret", floret)
    register.embedder("spacy_features", spacy_features, rules=features_rules)
    register.source("docbin", docbin, files=True)
